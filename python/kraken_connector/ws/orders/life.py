"""The state machine of one order.

It has no clock, identifiers or numbers. Each event that can happen to an order is a method, and
nothing else changes the state. docs/order-certainty.md has a diagram; a test explores all states.
"""

from __future__ import annotations

__all__ = ["DONE", "FINAL", "OPEN", "RANKS", "UNSETTLED", "Life"]

#: Rank of the exchange's statuses: a report never moves an order to a lower one.
RANKS = {
    "pending_new": 0,
    "new": 1,
    "partially_filled": 2,
    "filled": 3,
    "canceled": 3,
    "expired": 3,
}
OPEN = frozenset({"pending_new", "new", "partially_filled"})
#: The exchange's statuses of an ended order.
FINAL = frozenset({"filled", "canceled", "expired"})
#: Statuses in which the outcome of the request is not known.
UNSETTLED = frozenset({"sending", "unknown"})
DONE = frozenset({"filled", "canceled", "expired", "rejected", "absent", "gone"})


class Life:
    """The state of one order.

    Attributes:
        status: see `Order.status`; empty before anything is known.
        is_acked: whether a reply said that the exchange accepted the order.
        is_shown: whether the `executions` channel has reported the order.
        is_refused: whether a reply said that the exchange refused it.
        is_unbroken: whether the channel had no gap since before the order was sent.
        is_past_deadline: whether it had none until after the deadline of the order.
        misses: snapshots in a row that were requested late enough and do not have the order.
        searches: searches of REST in a row that were made late enough and did not find it.
    """

    __slots__ = (
        "is_acked",
        "is_past_deadline",
        "is_refused",
        "is_shown",
        "is_unbroken",
        "misses",
        "searches",
        "status",
    )

    def __init__(self, status: str = "") -> None:
        self.status = status
        self.is_acked = self.is_shown = self.is_refused = False
        self.is_unbroken = self.is_past_deadline = False
        self.misses = self.searches = 0

    # Events of the request.

    def acknowledged(self) -> None:
        """The exchange accepted the order; this reply may come late."""
        self.is_acked, self.misses = True, 0
        if self.status in ("", "sending", "unknown", "absent", "rejected"):
            self.status = "pending_new"

    def refused(self) -> None:
        """The exchange refused the order, or it was never sent.

        After an acknowledgement the two replies contradict each other, and a snapshot decides.
        """
        self.is_refused = True
        if not self.is_acked:
            self.status = "rejected"

    def left_unanswered(self) -> None:
        """The request was sent, and the client no longer waits for its reply."""
        if self.status == "sending":
            self.status = "unknown"

    # Events of the channel.

    def reported(self, status: str | None) -> None:
        """A report arrived. An unknown status shows only that the order exists."""
        self.is_shown, self.misses = True, 0
        before = RANKS.get(self.status, -1)
        if status in RANKS and RANKS[status] > before:
            self.status = status
        elif before < 0:
            self.status = "new"

    def filled_in_part(self) -> None:
        """A fill of the order arrived, in a report or a snapshot."""
        self.is_shown, self.misses = True, 0
        if RANKS.get(self.status, -1) < RANKS["partially_filled"]:
            self.status = "partially_filled"

    def gap(self) -> None:
        """Reports may be missing from here on."""
        self.is_unbroken = False

    def deadline_passed(self) -> None:
        """The exchange can no longer accept the request, and would have reported it by now."""
        if self.is_unbroken:
            self.is_past_deadline = True

    # Records of REST.

    def recorded(self, status: str) -> None:
        """REST has the order with a status, which may be older than what is known.

        A final one is true for ever. Another one shows only how far the order had come: it may have
        ended since, so it changes nothing about an order that has ended.
        """
        self.misses = self.searches = 0
        if status in FINAL and self.status not in FINAL and self.status != "rejected":
            self.status = status
        elif self.status == "unknown" or self.status in OPEN:
            shown = status if status in OPEN else "new"
            if RANKS[shown] > RANKS.get(self.status, -1):
                self.status = shown

    def not_recorded(self, *, obstacle: bool) -> None:
        """A search of REST after the deadline, apart from the one before, did not find the order.

        Only two of them prove that it is absent, the second one after a snapshot without it.

        Args:
            obstacle: whether a known report or record may be about the order.
        """
        self.searches += 1
        if self.status == "unknown" and not obstacle and self.misses and self.searches > 1:
            self.status = "absent"

    # Proofs that the order is not in the market.

    def silent_past_deadline(self) -> None:
        """A report of another order, from after the deadline, arrived without a gap before it."""
        if self.status == "unknown" and self.is_past_deadline:
            self.status = "absent"

    def missing(self, *, is_past_deadline: bool, obstacle: bool, is_filled: bool) -> None:
        """A snapshot that was requested after the last report of the order does not have it.

        Args:
            is_past_deadline: whether it was requested after the deadline of the order.
            obstacle: whether a fill may belong to the order, or fills may be missing.
            is_filled: whether the known fills add up to the order's quantity.
        """
        if self.status in OPEN and self.is_shown:
            self._end(is_filled)
        elif self.status in OPEN and is_past_deadline:
            # Only a reply had the order, and a snapshot may lag behind replies.
            self.misses += 1
            if self.misses > 1:
                self._end(is_filled)
        elif self.status == "unknown" and is_past_deadline:
            self.misses += 1
            if not obstacle and (self.is_past_deadline or self.misses > 1):
                self.status = "absent"

    def _end(self, is_filled: bool) -> None:
        if is_filled:
            self.status = "filled"
        else:
            self.status = "rejected" if self.is_refused else "gone"
