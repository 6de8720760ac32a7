"""What is known of one order's state, and what proves its end.

A state machine without clock, identifiers or numbers: everything that can happen to an order is a
method, and nothing else changes it. docs/order-certainty.md draws it; a test explores it.
"""

from __future__ import annotations

__all__ = ["DONE", "FINAL", "OPEN", "RANKS", "UNSETTLED", "Life"]

#: Statuses of the exchange by how far an order is: a report never sets one back.
RANKS = {
    "pending_new": 0,
    "new": 1,
    "partially_filled": 2,
    "filled": 3,
    "canceled": 3,
    "expired": 3,
}
OPEN = frozenset({"pending_new", "new", "partially_filled"})
#: The exchange's own word for an end.
FINAL = frozenset({"filled", "canceled", "expired"})
#: The outcome of the request is not known, or not yet.
UNSETTLED = frozenset({"sending", "unknown"})
DONE = frozenset({"filled", "canceled", "expired", "rejected", "absent", "gone"})


class Life:
    """The state of one order.

    Attributes:
        status: as of `Order.status`; empty before anything is known.
        is_acked: whether an answer said that the exchange took the order.
        is_shown: whether the `executions` stream has shown the order.
        is_refused: whether an answer said that the exchange did not take it.
        is_unbroken: whether the stream was followed without a gap since before it was sent.
        is_past_deadline: whether it was followed so until the deadline of the order had passed.
        looks: snapshots in a row that were asked for late enough and do not have the order.
    """

    __slots__ = (
        "is_acked",
        "is_past_deadline",
        "is_refused",
        "is_shown",
        "is_unbroken",
        "looks",
        "status",
    )

    def __init__(self, status: str = "") -> None:
        self.status = status
        self.is_acked = self.is_shown = self.is_refused = False
        self.is_unbroken = self.is_past_deadline = False
        self.looks = 0

    # What the request tells.

    def acknowledged(self) -> None:
        """The exchange took the order, however late it says so."""
        self.is_acked, self.looks = True, 0
        if self.status in ("", "sending", "unknown", "absent", "rejected"):
            self.status = "pending_new"

    def refused(self) -> None:
        """The exchange did not take it, or the request never left.

        What an earlier answer said is not undone by that: the two contradict each other, and a
        snapshot decides.
        """
        self.is_refused = True
        if not self.is_acked:
            self.status = "rejected"

    def left_unanswered(self) -> None:
        """The request left, and nobody waits for its answer any more."""
        if self.status == "sending":
            self.status = "unknown"

    # What the stream tells.

    def reported(self, status: str | None) -> None:
        """A report came. A status that is not one of the exchange's says only that it exists."""
        self.is_shown, self.looks = True, 0
        before = RANKS.get(self.status, -1)
        if status in RANKS and RANKS[status] > before:
            self.status = status
        elif before < 0:
            self.status = "new"

    def filled_in_part(self) -> None:
        """A fill of it is known, be it a past one."""
        self.is_shown, self.looks = True, 0
        if RANKS.get(self.status, -1) < RANKS["partially_filled"]:
            self.status = "partially_filled"

    def gap(self) -> None:
        """Reports may be missing from here on."""
        self.is_unbroken = False

    def deadline_passed(self) -> None:
        """The exchange cannot take the request any more, and all it did was to be reported by now.

        The stream is known to be this far, or will be asked for a snapshot.
        """
        if self.is_unbroken:
            self.is_past_deadline = True

    # What proves an end.

    def silent_past_deadline(self) -> None:
        """A report of another order, made after the deadline, came without a gap before it."""
        if self.status == "unknown" and self.is_past_deadline:
            self.status = "absent"

    def missing(self, *, is_past_deadline: bool, obstacle: bool, is_filled: bool) -> None:
        """A snapshot that was asked for after the last word of the order does not have it.

        Args:
            is_past_deadline: whether it was asked for when the request could not be taken any more.
            obstacle: whether a fill may be the order's, or fills may be missing.
            is_filled: whether the known fills are all of the order.
        """
        if self.status in OPEN and self.is_shown:
            self._end(is_filled)
        elif self.status in OPEN and is_past_deadline:
            # Only the answer spoke of it: the snapshot may lag behind answers.
            self.looks += 1
            if self.looks > 1:
                self._end(is_filled)
        elif self.status == "unknown" and is_past_deadline:
            self.looks += 1
            if not obstacle and (self.is_past_deadline or self.looks > 1):
                self.status = "absent"

    def _end(self, is_filled: bool) -> None:
        if is_filled:
            self.status = "filled"
        else:
            self.status = "rejected" if self.is_refused else "gone"
