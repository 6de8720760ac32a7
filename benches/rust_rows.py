"""Rust alone: the figures of criterion, which `make bench` runs first."""

from __future__ import annotations

import json
from pathlib import Path

from benches.results import Results, Row
from benches.targets import TARGETS
from benches.timing import Spread

ROOT = Path(__file__).parent.parent
CRITERION = ROOT / "benches" / "rust" / "target" / "criterion"
OURS = "engine"
#: Parsers that decode into types, as the engine does.
TYPED = ("sonic_rs", "simd_json")


def measure(results: Results, _: float) -> None:
    """Compare the engine with the faster typed parser in every group that has both."""
    found = False
    for folder in sorted(CRITERION.glob("*/")):
        times = {path.parent.parent.name: _median(path) for path in _estimates(folder)}
        rivals = [time for name, time in times.items() if name.startswith(TYPED)]
        if times:
            results.add_once("Rust alone", folder.name, "ns/round", times)
        if OURS in times and rivals:
            found = True
            figure = times[OURS] / min(rivals)
            results.rows.append(Row("rust", folder.name, Spread(figure, figure, figure)))
    if not found:
        results.add_note(
            f"{TARGETS['rust'].what}: criterion has no figures of a typed parser beside the "
            "engine, or none since the sources changed"
        )


def _estimates(folder: Path) -> list[Path]:
    """Return the estimates that are not older than the sources."""
    changed = max(path.stat().st_mtime for path in (ROOT / "rust" / "src").rglob("*.rs"))
    found = sorted(folder.glob("*/new/estimates.json"))
    return [path for path in found if path.stat().st_mtime > changed]


def _median(estimates: Path) -> float:
    value: float = json.loads(estimates.read_text())["median"]["point_estimate"]
    return value
