"""Counts of the entries of `level3` messages, by their effect on the book."""

from __future__ import annotations

from .amendments import AmendedOrder, Rule

#: The effects of an entry, by its event; `Level3Book.event_counts` documents each.
KINDS = (
    "snapshot",
    "snapshot_older",
    "add",
    "add_older",
    "add_known",
    "modify",
    "modify_lowered",
    "modify_raised",
    "modify_moved",
    "modify_unknown",
    "delete",
    "delete_unknown",
    "empty",
    "unknown_event",
)
#: What a checksum can prove about an amended order; see `Level3Book.placement_counts`.
PLACEMENTS = ("lowered_kept", "lowered_requeued", "raised_kept", "raised_requeued", "by_time")


class OrderCounts:
    """Entries by kind, failed messages by the kinds of entries in them, and proved placements."""

    __slots__ = ("_latest", "entries", "mismatches", "placements")

    def __init__(self) -> None:
        self.entries = dict.fromkeys(KINDS, 0)
        self.mismatches = dict.fromkeys(KINDS, 0)
        self.placements = dict.fromkeys(PLACEMENTS, 0)
        #: The kinds of entries in the last message.
        self._latest: set[str] = set()

    def start_message(self) -> None:
        self._latest.clear()

    def add(self, kind: str) -> None:
        """Count an entry of the message."""
        self.entries[kind] += 1
        self._latest.add(kind)

    def count_mismatch(self) -> None:
        """Count the kinds in the message as failed."""
        for kind in self._latest:
            self.mismatches[kind] += 1

    def rule(self) -> Rule:
        """Return the rule that was proved more often; before any proof, that of price and time."""
        proofs = self.placements
        return Rule(
            lowered=proofs["lowered_requeued"] > proofs["lowered_kept"],
            raised=proofs["raised_requeued"] >= proofs["raised_kept"],
        )

    def prove(self, turn: int, order: AmendedOrder) -> None:
        """Count what the turn of an amended order proves: nothing about an amendment before it."""
        for kind, amended in (("lowered", order.lowered), ("raised", order.raised)):
            if amended >= turn:
                self.placements[f"{kind}_kept" if amended > turn else f"{kind}_requeued"] += 1
