"""The states of an order, explored exhaustively: every sequence of events in a small model.

The properties, which `model.py` checks in each state:

- An order that is open, or that the exchange may still accept, never has a final status.
- An order that the exchange never accepted is never called open, whatever was answered.
- What is `rejected` was never accepted, what is `absent` has no fill, and `filled` and `canceled`
  are what the exchange has.
- A status that the exchange reported is never set back, a final one never changes, and what is
  `gone` does not become open again.
- Fills are known only of what was filled.
- While it is unknown whether an order exists, the client waits for a reply or a snapshot.
- Once the last trouble is over, everything comes to an end within `LONGEST` events: orders are what
  the exchange has, and nobody waits for anything.
- With REST no order stays unknown or `gone`, whatever fills snapshots lack.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from tests.unit.ws.orders.model import Limits, explore

from kraken_connector.ws.orders.life import FINAL, RANKS, Life

#: Events after the last trouble until everything has come to an end.
LONGEST = 35
ALONE: dict[str, Any] = {"has_cancels": False, "has_amends": False, "capacity": 2}
SMALL = {**ALONE, "capacity": 1}
AMENDED = {**SMALL, "has_amends": True}
RECORDED = {**SMALL, "has_rest": True}
#: By troubles and what can happen, and at least how many states that are.
SHORT = [(1, ALONE, 100_000), (0, RECORDED, 50_000)]
#: Together 4 million, in two minutes of one core and 700 MB.
LONG = [
    (2, {**ALONE, "capacity": 3}, 600_000),
    (0, {"has_amends": False}, 400_000),
    (0, {"has_cancels": False, "capacity": 2}, 200_000),
    (2, RECORDED, 2_000_000),
]
#: Together 9.3 million, in three minutes of one core and 1.6 GB.
LONGER = [
    (1, {"has_amends": False, "capacity": 1}, 2_000_000),
    (1, {"has_cancels": False, "capacity": 2}, 1_000_000),
    (3, ALONE, 1_000_000),
    (0, {"capacity": 2}, 1_000_000),
]
IS_LONGER = bool(os.environ.get("KRAKEN_CONNECTOR_EXPLORE"))
CASES = [
    *SHORT,
    *(pytest.param(*case, marks=pytest.mark.long) for case in (LONGER if IS_LONGER else LONG)),
]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("troubles", "options", "states"), CASES)
def test_every_state_keeps_the_properties(
    troubles: int, options: dict[str, Any], states: int
) -> None:
    found = explore(troubles, Limits(**options))
    assert found.wrong == {}
    assert found.longest <= LONGEST
    assert found.states >= states


# The search finds faults.


class OneSnapshot(Life):
    """Regards one snapshot as proof that an order known only by a reply is gone."""

    def missing(self, **options: bool) -> None:
        self.misses = max(self.misses, 1)
        super().missing(**options)


class NoDeadline(Life):
    """Regards snapshots from before the deadline as proof."""

    def missing(self, *, is_past_deadline: bool, obstacle: bool, is_filled: bool) -> None:
        super().missing(is_past_deadline=True, obstacle=obstacle, is_filled=is_filled)


class NoObstacle(Life):
    """Ignores that fills may be missing."""

    def missing(self, *, is_past_deadline: bool, obstacle: bool, is_filled: bool) -> None:
        super().missing(is_past_deadline=is_past_deadline, obstacle=False, is_filled=is_filled)


class NoGap(Life):
    """Ignores gaps."""

    def gap(self) -> None:
        """Do nothing."""


class AlwaysFollowed(Life):
    """Regards the passing of the deadline as proof."""

    def deadline_passed(self) -> None:
        self.is_past_deadline = True


class NoRank(Life):
    """Applies the status of each report, however late it comes."""

    def reported(self, status: str | None) -> None:
        super().reported(status)
        self.status = status if status in RANKS else self.status


class SilenceIsRefusal(Life):
    """Regards silence as a refusal."""

    def left_unanswered(self) -> None:
        if self.status == "sending":
            self.status = "rejected"


class DeafToAnswers(Life):
    """Ignores replies."""

    def acknowledged(self) -> None:
        """Do nothing."""


class NeverGone(Life):
    """Draws no conclusion about open orders from snapshots."""

    def missing(self, **options: bool) -> None:
        if self.status == "unknown":
            super().missing(**options)


class AllFilled(Life):
    """Regards every order that is gone as filled."""

    def missing(self, *, is_past_deadline: bool, obstacle: bool, is_filled: bool) -> None:
        super().missing(is_past_deadline=is_past_deadline, obstacle=obstacle, is_filled=True)


class OneSearch(Life):
    """Regards one search of REST as proof."""

    def not_recorded(self, *, obstacle: bool) -> None:
        self.searches = 1
        super().not_recorded(obstacle=obstacle)


class OnlySearches(Life):
    """Regards searches of REST as proof, without a snapshot."""

    def not_recorded(self, *, obstacle: bool) -> None:
        misses, self.misses = self.misses, 1
        super().not_recorded(obstacle=obstacle)
        self.misses = misses


class Revived(Life):
    """Regards an order as open that REST shows so, whenever that was."""

    def recorded(self, status: str) -> None:
        super().recorded(status)
        self.status = status if self.status == "gone" else self.status


class DeafToRecords(Life):
    """Ignores the end of orders in records of REST."""

    def recorded(self, status: str) -> None:
        super().recorded(status if status not in FINAL else "new")


@pytest.mark.long
@pytest.mark.parametrize(
    ("life", "troubles", "text"),
    [
        (OneSnapshot, 0, "is called gone"),
        (NoDeadline, 1, "is called"),
        (NoObstacle, 2, "is called absent"),
        (NoGap, 2, "is called absent"),
        (AlwaysFollowed, 2, "is called absent"),
        (NoRank, 0, "is set back"),
        (SilenceIsRefusal, 0, "is called rejected"),
        (DeafToAnswers, 1, "is called absent"),
        (NeverGone, 1, "in the end"),
        (AllFilled, 0, "is called filled"),
        (OneSearch, 2, "is called absent"),
        (OnlySearches, 1, "is called absent"),
        (Revived, 1, "became new"),
        (DeafToRecords, 1, "in the end"),
    ],
)
def test_search_finds_wrong_states(life: type[Life], troubles: int, text: str) -> None:
    options = AMENDED if life is NoRank else SMALL
    if life in (OneSearch, OnlySearches, Revived, DeafToRecords):
        options = RECORDED
    found = explore(troubles, Limits(**options), life, is_first_enough=True)
    assert any(text in wrong for wrong in found.wrong), found.wrong
