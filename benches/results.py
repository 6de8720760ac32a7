"""What a comparison collects: figures by contender, and figures beside targets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benches.targets import TARGETS
from benches.timing import Rounds, Spread, ratio

#: Where the last comparison is.
RESULTS = Path(__file__).parent.parent / "build" / "bench" / "results.json"


@dataclass(frozen=True, slots=True)
class Row:
    """A figure beside its target.

    Attributes:
        target: its key in `TARGETS`.
        case: with what input.
        figure: the ratio, or the amount in the target's unit.
        decides: whether the target speaks of this very case.
    """

    target: str
    case: str
    figure: Spread
    decides: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """Contenders that took turns at one piece of work.

    Attributes:
        section: which part of the comparison it belongs to.
        case: what they did.
        unit: of their figures.
        figures: median and quartiles by contender.
        rounds: how many turns each had.
    """

    section: str
    case: str
    unit: str
    figures: dict[str, Spread]
    rounds: int


class Results:
    """Collects groups and rows, and prints what is done."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self.rows: list[Row] = []
        self.notes: list[str] = []

    def add(self, section: str, case: str, unit: str, rounds: Rounds) -> None:
        figures = {name: Spread.of(taken) for name, taken in rounds.items()}
        count = min(len(taken) for taken in rounds.values())
        self.groups.append(Group(section, case, unit, figures, count))

    def add_once(self, section: str, case: str, unit: str, figures: dict[str, float]) -> None:
        """Add figures that were taken elsewhere."""
        self.groups.append(
            Group(
                section, case, unit, {name: Spread(*[one] * 3) for name, one in figures.items()}, 1
            )
        )

    def amount(self, target: str, case: str, values: list[float]) -> None:
        """Add an amount that is no ratio."""
        self.rows.append(Row(target, case, Spread.of(values)))

    def compare(
        self, target: str, case: str, rounds: Rounds, pair: tuple[str, str], *, decides: bool = True
    ) -> None:
        """Add the ratio of the first of `pair` to the second; the other way up if it is a gain."""
        ours, theirs = pair
        if ours not in rounds or theirs not in rounds:
            self.note(f"{TARGETS[target].what}: not measured, {theirs} or {ours} is missing")
        elif TARGETS[target].sense == "at least":
            self.rows.append(Row(target, case, ratio(rounds, theirs, ours), decides))
        else:
            self.rows.append(Row(target, case, ratio(rounds, ours, theirs), decides))

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def to_dict(self) -> dict[str, Any]:
        return {
            "groups": [asdict(group) for group in self.groups],
            "rows": [asdict(row) for row in self.rows],
            "notes": self.notes,
        }
