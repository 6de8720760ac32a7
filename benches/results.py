"""The results of a comparison: the figures of all contenders, and the figures with a target."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benches.targets import TARGETS
from benches.timing import Rounds, Spread, ratio

#: The file of the last comparison.
RESULTS = Path(__file__).parent.parent / "build" / "bench" / "results.json"


@dataclass(frozen=True, slots=True)
class Row:
    """A figure with a target.

    Attributes:
        target: the target's key in `TARGETS`.
        case: the input.
        figure: the ratio, or the amount in the target's unit.
        decides: whether this case decides if the target is met.
    """

    target: str
    case: str
    figure: Spread
    decides: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of contenders that took turns.

    Attributes:
        section: the part of the comparison.
        case: the input.
        unit: the unit of the figures.
        figures: median and quartiles by contender.
        rounds: turns of each contender.
    """

    section: str
    case: str
    unit: str
    figures: dict[str, Spread]
    rounds: int


class Results:
    """Collects groups, rows and remarks."""

    def __init__(self) -> None:
        self.groups: list[Group] = []
        self.rows: list[Row] = []
        self.notes: list[str] = []

    def add(self, section: str, case: str, unit: str, rounds: Rounds) -> None:
        figures = {name: Spread.of(times) for name, times in rounds.items()}
        count = min(len(times) for times in rounds.values())
        self.groups.append(Group(section, case, unit, figures, count))

    def add_once(self, section: str, case: str, unit: str, figures: dict[str, float]) -> None:
        """Add figures that were measured elsewhere, without quartiles."""
        spreads = {name: Spread(figure, figure, figure) for name, figure in figures.items()}
        self.groups.append(Group(section, case, unit, spreads, 1))

    def amount(self, target: str, case: str, values: list[float], *, decides: bool = True) -> None:
        """Add a figure that is not a ratio."""
        self.rows.append(Row(target, case, Spread.of(values), decides))

    def compare(
        self, target: str, case: str, rounds: Rounds, pair: tuple[str, str], *, decides: bool = True
    ) -> None:
        """Add the ratio of the first of `pair` to the second, inverted for a lower bound."""
        ours, theirs = pair
        if ours not in rounds or theirs not in rounds:
            self.add_note(f"{TARGETS[target].what}: not measured, {theirs} or {ours} is missing")
        elif TARGETS[target].sense == "at least":
            self.rows.append(Row(target, case, ratio(rounds, theirs, ours), decides))
        else:
            self.rows.append(Row(target, case, ratio(rounds, ours, theirs), decides))

    def add_note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def to_dict(self) -> dict[str, Any]:
        return {
            "groups": [asdict(group) for group in self.groups],
            "rows": [asdict(row) for row in self.rows],
            "notes": self.notes,
        }
