"""Turn the results of a comparison into tables: on the terminal, and in docs/benchmarks.md.

A whole comparison rewrites the document and its pictures; a quick one, or a part, is only printed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from string import Template
from typing import Any

from benches.results import RESULTS
from benches.targets import (
    OLD,
    ORJSON,
    PICOWS,
    PICOWS_ASYNCIO,
    PICOWS_DICT,
    TARGETS,
    WEBSOCKETS,
)

Document = dict[str, Any]
Cells = tuple[str, ...]

DOCS = Path(__file__).parent.parent / "docs"
TEMPLATE = Path(__file__).parent / "benchmarks.md.in"
#: The first lines of the page: label, case, sections, contender, contenders to compare with.
HEADLINES: tuple[tuple[str, str, Cells, str, Cells], ...] = (
    ("frame to verified book, depth 25", "BTC/USD-25", ("feed",), "native", (ORJSON,)),
    (
        "frame to verified book, depth 10",
        "replay-10",
        ("rivals",),
        "native",
        ("ccxt", "python-kraken-sdk", OLD),
    ),
    (
        "socket to callback, full load",
        "asyncio, plain",
        ("full load",),
        "callback",
        (PICOWS, "websockets + orjson.loads"),
    ),
    (
        "latency at 10,000/s, p50 / p99",
        "10,000/s, asyncio, plain",
        ("latency p50", "latency p99"),
        "callback",
        (PICOWS,),
    ),
    (
        "one message, one turn of the loop, TLS",
        "one message",
        ("turn of the loop, processor time",),
        "callback (asyncio, TLS)",
        (f"{PICOWS_ASYNCIO} (asyncio, TLS)",),
    ),
    (
        "tick to trade with TLS, p50 / p99",
        "asyncio, TLS",
        ("tick to trade p50", "tick to trade p99"),
        "callback",
        (PICOWS_DICT, "recv and send alone"),
    ),
    (
        "amend, from call to socket",
        "amend",
        ("orders",),
        "prepared",
        (WEBSOCKETS,),
    ),
)
HEADS = ("what", "against", "case", "target", "median (quartiles)", "verdict")


def verdict(key: str, median: float) -> str:
    """Return whether a target is met, and if not, by how much it is missed."""
    share = TARGETS[key].share(median)
    return "met" if share <= 1 else f"missed by {number(100 * (share - 1))} %"


def targets(document: Document) -> Iterator[Cells]:
    """Yield the table of targets, one row for each."""
    for key, target in TARGETS.items():
        rows = [row for row in document["rows"] if row["target"] == key and row["decides"]]
        if not rows:
            bound = f"{target.sense} {target.bound:g}"
            yield target.what, target.against, "", bound, "", "not measured"
        for row in rows:
            yield _row(row)


def others(document: Document) -> Iterator[Cells]:
    """Yield the same figures for other inputs, loops and transports."""
    for key in TARGETS:
        for row in document["rows"]:
            if row["target"] == key and not row["decides"]:
                yield _row(row)


def _row(row: dict[str, Any]) -> Cells:
    target = TARGETS[row["target"]]
    median, low, high = row["figure"]
    figure = (
        number(median) if low == high else f"{number(median)} ({number(low)} to {number(high)})"
    )
    bound = f"{target.sense} {target.bound:g}"
    return target.what, target.against, row["case"], bound, figure, verdict(row["target"], median)


def figures(document: Document) -> Iterator[Cells]:
    """Yield the medians of all contenders: section, case, unit, figures."""
    for group in document["groups"]:
        medians = (f"{name} {number(value[0])}" for name, value in group["figures"].items())
        yield group["section"], group["case"], group["unit"], ", ".join(medians)


def headlines(document: Document) -> Iterator[Cells]:
    """Yield the first lines of the page, without those that were not measured."""
    groups = {(group["section"], group["case"]): group for group in document["groups"]}
    for what, case, sections, ours, others in HEADLINES:
        found = [groups[section, case] for section in sections if (section, case) in groups]
        if len(found) < len(sections):
            continue
        figures = {
            name: " / ".join(number(group["figures"][name][0]) for group in found)
            for name in (ours, *others)
            if all(name in group["figures"] for group in found)
        }
        beside = ", ".join(f"{name} {text}" for name, text in figures.items() if name != ours)
        yield what, f"{figures[ours]} {found[0]['unit']}", beside


def summary(document: Document) -> str:
    """Return a sentence with the number of targets met, and the number met in other cases."""

    def count(decides: bool) -> str:
        rows = [row for row in document["rows"] if row["decides"] is decides]
        met = [row for row in rows if TARGETS[row["target"]].met(row["figure"][0])]
        return f"{len(met)} of {len(rows)}"

    return (
        f"{count(True)} targets were met in this run; with other inputs, event loops and "
        f"transports, {count(False)}."
    )


def _way(name: str, options: dict[str, Any]) -> str:
    """Return what a name of this client's figures means."""
    settings = ", ".join(f'{option}="{value}"' for option, value in options.items())
    return f"`{name}` is this client with {f'`{settings}`' if settings else 'its defaults'}"


def number(value: float) -> str:
    """Return a number with three digits, or all digits before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown(heads: Cells, rows: Iterable[Cells]) -> str:
    """Return a Markdown table."""
    lines = (heads, ("---",) * len(heads), *rows)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def page(document: Document) -> str:
    """Return the text of docs/benchmarks.md."""
    versions = {
        name: version or "could not be installed" for name, version in document["versions"].items()
    }
    return Template(TEMPLATE.read_text("utf-8")).substitute(
        headlines=markdown(("measured", "this client", "for comparison"), headlines(document)),
        summary=summary(document),
        targets=markdown(HEADS, targets(document)),
        others=markdown(HEADS, others(document)),
        figures=markdown(("section", "case", "unit", "medians"), figures(document)),
        machine=markdown(("", ""), document["machine"].items()),
        ways=", ".join(_way(name, options) for name, options in document["ways"].items()),
        versions=markdown(("library", "version"), versions.items()),
        notes="\n".join(f"- {note}" for note in document["notes"]) or "- none",
        date=document["date"],
        command=document["command"],
        minutes=document["minutes"],
    )


def print_aligned(rows: Iterable[Cells]) -> None:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())


def main() -> None:
    document = json.loads(RESULTS.read_text())
    print_aligned([("section", "case", "unit", "medians"), *figures(document)])
    print()
    print_aligned([HEADS, *targets(document)])
    print(summary(document))
    for note in document["notes"]:
        print(f"note: {note}")
    if document["whole"]:
        from benches import plots  # noqa: PLC0415 (matplotlib is in the benches' environment only)

        plots.draw(document, DOCS / "images")
        (DOCS / "benchmarks.md").write_text(page(document), "utf-8")
        print("written: docs/benchmarks.md")


if __name__ == "__main__":
    main()
