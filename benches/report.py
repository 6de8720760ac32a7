"""Turn the results of a comparison into a table on the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from benches.compare import RESULTS
from benches.targets import TARGETS

Document = dict[str, Any]


def verdict(key: str, median: float) -> str:
    """Say whether a target is met, and if not, by how much it is missed."""
    target = TARGETS[key]
    if target.met(median):
        return "met"
    apart = median / target.bound if target.sense == "at most" else target.bound / median
    return f"missed by {100 * (apart - 1):.0f} %"


def table(document: Document) -> Iterator[tuple[str, ...]]:
    """Yield the table of targets: what, against, case, target, figure, verdict."""
    for key, target in TARGETS.items():
        rows = [row for row in document["rows"] if row["target"] == key and row["decides"]]
        bound = f"{target.sense} {target.bound:g}"
        if not rows:
            yield target.what, target.against, "", bound, "", "not measured"
        for row in rows:
            median, low, high = row["figure"]
            figure = f"{number(median)} ({number(low)} to {number(high)})"
            yield target.what, target.against, row["case"], bound, figure, verdict(key, median)


def figures(document: Document) -> Iterator[tuple[str, ...]]:
    """Yield the medians of all contenders: section, case, unit, figures."""
    for group in document["groups"]:
        medians = (f"{name} {number(value[0])}" for name, value in group["figures"].items())
        yield group["section"], group["case"], group["unit"], ", ".join(medians)


def number(value: float) -> str:
    """Print three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def print_aligned(rows: Iterable[tuple[str, ...]]) -> None:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def main() -> None:
    document = json.loads(RESULTS.read_text())
    print_aligned([("section", "case", "unit", "medians"), *figures(document)])
    print()
    heads = ("what", "against", "case", "target", "median (quartiles)", "verdict")
    print_aligned([heads, *table(document)])
    for note in document["notes"]:
        print(f"note: {note}")


if __name__ == "__main__":
    main()
