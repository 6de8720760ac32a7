"""The pictures of docs/benchmarks.md."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import matplotlib as mpl
from benches.targets import ORJSON, PICOWS, TARGETS
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

mpl.use("Agg")  # no window

OURS, OURS_LIGHT, THEIRS, BAD, INK = "#4c2a85", "#a58bd0", "#9aa0a6", "#c0392b", "#333333"
COLOURS = {
    "native": OURS,
    "pure": OURS_LIGHT,
    "callback": OURS,
    "callback, OpenSSL": OURS_LIGHT,
    "callback, thread": OURS_LIGHT,
    "async for": OURS_LIGHT,
}
STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": THEIRS,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.dpi": 130,
    "savefig.bbox": "tight",
}
LABELS = {
    "native": "ours, native",
    "pure": "ours, pure",
    "callback": "ours, callback",
    "callback, OpenSSL": "ours, callback, OpenSSL",
    "callback, thread": "ours, callback, thread",
    "async for": "ours, async for",
}
WIDTH = 9.0
#: The smallest share of a bound that is drawn: a log scale has no zero.
LEAST_SHARE = 0.01
RIVAL_CASES = {
    "replay-10": "depth 10, recorded",
    "synthetic-100": "depth 100, synthetic",
    "synthetic-1000": "depth 1000, synthetic",
}

Groups = dict[str, dict[str, tuple[float, float, float]]]


def draw(document: dict[str, Any], folder: Path) -> None:
    """Write all pictures into `folder`."""
    mpl.rcParams.update(STYLE)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {
        "targets": _targets(document),
        "books": _books(document),
        "feed": _feed(document),
        "throughput": _throughput(document),
        "latency": _latency(document),
    }
    for name, figure in pictures.items():
        figure.savefig(folder / f"{name}.png", metadata={"Software": None})
        plt.close(figure)


def _groups(document: dict[str, Any], section: str) -> Groups:
    """Return the figures of a section by case."""
    groups = (group for group in document["groups"] if group["section"] == section)
    return {group["case"]: group["figures"] for group in groups}


def _figure(height: float, columns: int = 1, rows: int = 1, **options: Any) -> tuple[Figure, Any]:
    return plt.subplots(rows, columns, figsize=(WIDTH, height), layout="constrained", **options)


def _plain(value: float, _: object = None) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def _targets(document: dict[str, Any]) -> Figure:
    """Draw what share of its bound each figure uses."""
    rows = [row for row in document["rows"] if row["decides"]]
    figure, axes = _figure(0.28 * len(rows) + 1.1)
    for y, row in enumerate(rows):
        target = TARGETS[row["target"]]
        shares = sorted(max(LEAST_SHARE, target.share(value)) for value in row["figure"])
        colour = OURS if target.met(row["figure"][0]) else BAD
        axes.plot(shares[::2], [y, y], color=colour, linewidth=2, alpha=0.4)
        axes.plot(shares[1], y, "o", color=colour, markersize=6)
    axes.axvline(1, color=INK, linewidth=1)
    used = [TARGETS[row["target"]].share(row["figure"][0]) for row in rows]
    _log_x(axes, 0.8 * max(LEAST_SHARE, min(0.1, *used)), max(5.0, 1.2 * max(used)))
    ticks = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4, 10, 100, 1000)
    low, high = axes.get_xlim()
    axes.set_xticks([tick for tick in ticks if low <= tick <= high])
    axes.set_yticks(range(len(rows)), _target_names(rows))
    axes.invert_yaxis()
    axes.set_xlabel("share of the bound used; left of 1 the target is met (log scale)")
    axes.set_title("met", loc="left", color=OURS)
    axes.set_title("missed", loc="right", color=BAD)
    return figure


def _target_names(rows: list[dict[str, Any]]) -> list[str]:
    """Return the names of targets, with the case where several decide."""
    several = Counter(row["target"] for row in rows)
    names = []
    for row in rows:
        target, case = TARGETS[row["target"]], row["case"].rpartition("/s, ")[2]
        where = f", {case}" if several[row["target"]] > 1 else ""
        names.append(f"{target.what}{where}  ({target.sense} {target.bound:g})")
    return names


def _books(document: dict[str, Any]) -> Figure:
    """Draw the time for a frame by library, one panel for each depth."""
    groups = _groups(document, "rivals")
    cases = [case for case in RIVAL_CASES if case in groups]
    figure, panels = _figure(2.7, len(cases), sharey=True, squeeze=False)
    for axes, case in zip(panels[0], cases, strict=True):
        values = {name: value[0] / 1000 for name, value in groups[case].items()}
        _dots(axes, values, 0.1, 10_000)
        axes.set_title(RIVAL_CASES[case])
        axes.set_xlabel("µs per update (log scale)")
    return figure


def _dots(axes: Axes, values: dict[str, float], least: float, most: float) -> None:
    """Draw a dot for each value on a log scale, which has no zero for bars to start from."""
    for y, (name, value) in enumerate(values.items()):
        colour = COLOURS.get(name, THEIRS)
        axes.plot(value, y, "o", color=colour, markersize=9)
        axes.annotate(_value(value), (value, y), (9, 0), textcoords="offset points", va="center")
    _log_x(axes, least, most)
    axes.set_yticks(range(len(values)), [LABELS.get(name, name) for name in values])
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)


def _log_x(axes: Axes, least: float, most: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(least, most)
    axes.xaxis.set_major_formatter(FuncFormatter(_plain))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _value(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _feed(document: dict[str, Any]) -> Figure:
    """Draw `Engine.feed` and `orjson.loads` for every stream."""
    groups = _groups(document, "feed")
    figure, axes = _figure(0.34 * len(groups) + 1.3)
    bound = TARGETS["feed"].bound
    for y, group in enumerate(groups.values()):
        base = group[ORJSON][0]
        axes.plot(base, y, "o", color=THEIRS, markersize=8, label=ORJSON)
        axes.plot(bound * base, y, "|", color=INK, markersize=13, label=f"{bound:g} of it")
        if "native" in group:
            axes.plot(group["native"][0], y, "o", color=OURS, markersize=8, label="Engine.feed")
    axes.set_yticks(range(len(groups)), list(groups))
    axes.set_xlim(left=0)
    axes.invert_yaxis()
    axes.set_xlabel("ns per book update")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles[:3], labels[:3], loc="outside upper center", ncols=3, frameon=False)
    return figure


def _throughput(document: dict[str, Any]) -> Figure:
    """Draw messages per second by client, one panel for each loop and transport."""
    groups = _groups(document, "full load")
    figure, panels = _figure(1.2 + 1.05 * len(groups), 2, (len(groups) + 1) // 2, squeeze=False)
    for axes, (case, group) in zip(panels.T.flat, groups.items(), strict=False):
        rates = {name: 1e6 / value[0] for name, value in group.items()}
        _dots(axes, rates, 5, 60_000)
        axes.set_xticks([10, 100, 1_000, 10_000])
        axes.set_title(case)
        axes.set_xlabel("1,000 messages/s (log scale)")
    return figure


def _latency(document: dict[str, Any]) -> Figure:
    """Draw latency percentiles against the rate, one panel for each loop and transport."""
    sections = {name: _groups(document, f"latency {name}") for name in ("p50", "p99", "p99.9")}
    settings = list(dict.fromkeys(case.partition("/s, ")[2] for case in sections["p50"]))
    rows = max(1, (len(settings) + 1) // 2)
    figure, panels = _figure(1.0 + 2.7 * rows, 2, rows, sharey=True, squeeze=False)
    for axes, setting in zip(panels.T.flat, settings, strict=False):
        for name, colour in (("callback", OURS), (PICOWS, THEIRS)):
            for percentile, line in (("p50", "-"), ("p99", "--"), ("p99.9", ":")):
                _latency_line(axes, sections[percentile], setting, name, percentile, colour, line)
        axes.set_title(setting)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks([1_000, 10_000, 50_000], ["1,000", "10,000", "50,000"])
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(FuncFormatter(_plain))
        axes.set_xlabel("messages per second (log scale)")
    for axes in panels.T.flat[len(settings) :]:  # without rounds that count
        axes.set_visible(False)
    if not settings:
        figure.suptitle("no round had a punctual sender")
    for axes in panels[:, 0]:
        axes.set_ylabel("µs from due to callback")
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    return figure


def _latency_line(
    axes: Axes, groups: Groups, setting: str, name: str, percentile: str, colour: str, line: str
) -> None:
    points = [
        (int(case.partition("/s")[0].replace(",", "")), group[name][0])
        for case, group in groups.items()
        if case.endswith(f"/s, {setting}") and name in group
    ]
    axes.plot(
        [rate for rate, _ in points], [latency for _, latency in points], line, color=colour,
        marker="o", markersize=4, label=f"{LABELS.get(name, name)}, {percentile}",
    )  # fmt: skip
