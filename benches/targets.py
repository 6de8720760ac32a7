"""What the connector is held to: every target, and what is measured against it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from benches.timing import Rounds, Spread, ratio

Sense = Literal["at most", "at least"]


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on a figure.

    Attributes:
        what: what is measured.
        against: what it is a ratio to; a unit if it is none.
        sense: which way the bound holds.
        bound: the bound.
    """

    what: str
    against: str
    sense: Sense
    bound: float

    def met(self, figure: float) -> bool:
        return figure <= self.bound if self.sense == "at most" else figure >= self.bound


ORJSON = "orjson.loads"
MSGSPEC = "msgspec typed"
PICOWS = "picows + orjson.loads"
OLD = "kraken-connector 0.2.0"

TARGETS: dict[str, Target] = {
    "feed": Target("feed: book update, depth 25, verified", ORJSON, "at most", 0.35),
    "levels": Target("the same, every level read as Decimal", MSGSPEC, "at most", 1.0),
    "fields-ticker": Target("ticker, every field read", MSGSPEC, "at most", 1.0),
    "fields-trade": Target("trade, every field read", MSGSPEC, "at most", 1.0),
    "fields-ohlc": Target("ohlc, every field read", MSGSPEC, "at most", 1.0),
    "fields-executions": Target("executions, every field read", MSGSPEC, "at most", 1.0),
    "depth": Target("update at depth 1000", "depth 10", "at most", 1.2),
    "symbols": Target("update with 1,000 symbols", "one symbol", "at most", 1.5),
    "snapshot": Target("snapshot, depth 1000, verified", ORJSON, "at most", 0.5),
    "rust": Target("Rust alone: frame to verified book", "fastest typed parse", "at most", 0.6),
    "callback": Target("socket to callback, full load", PICOWS, "at most", 0.4),
    "iterate": Target("socket to async for, full load", PICOWS, "at most", 0.8),
    "iterate-old": Target("socket to async for, times faster", OLD, "at least", 30),
    "latency-1000-p50": Target("latency at 1,000/s, p50", PICOWS, "at most", 1.1),
    "latency-1000-p99": Target("latency at 1,000/s, p99", PICOWS, "at most", 1.0),
    "latency-1000-p99.9": Target("latency at 1,000/s, p99.9", PICOWS, "at most", 1.0),
    "latency-10000-p50": Target("latency at 10,000/s, p50", PICOWS, "at most", 1.1),
    "latency-10000-p99": Target("latency at 10,000/s, p99", PICOWS, "at most", 1.0),
    "latency-10000-p99.9": Target("latency at 10,000/s, p99.9", PICOWS, "at most", 1.0),
    "latency-50000-p50": Target("latency at 50,000/s, p50", PICOWS, "at most", 1.1),
    "latency-50000-p99": Target("latency at 50,000/s, p99", PICOWS, "at most", 1.0),
    "latency-50000-p99.9": Target("latency at 50,000/s, p99.9", PICOWS, "at most", 1.0),
    "quotes": Target("best bid and ask as floats", "two slotted attributes", "at most", 2.0),
    "memory-deep": Target("memory of a depth-1000 book", "KiB", "at most", 128),
    "memory-many": Target("memory of 1,000 depth-10 books", "MiB", "at most", 16),
    "pure-10": Target("pure core, depth 10, times faster", OLD, "at least", 2),
    "pure-1000": Target("pure core, depth 1000, times faster", OLD, "at least", 20),
}


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
