"""Measure everything against its target and its peers, in one run: `python -m benches.compare`.

Runs in the environment that `benches/peers.py` makes. The results go to a JSON file, which
`benches/report.py` turns into a table and into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benches import (
    age_rows,
    core_rows,
    corpus,
    machine,
    memory_rows,
    opening_rows,
    order_rows,
    ours,
    package_rows,
    rust_rows,
    shared_rows,
    socket_rows,
    trade_rows,
    turn_rows,
    wake_rows,
)
from benches.results import RESULTS, Results

SECTIONS: dict[str, Callable[[Results, float], None]] = {
    "core": core_rows.measure,
    "rust": rust_rows.measure,
    "memory": memory_rows.measure,
    "package": package_rows.measure,
    "turns": turn_rows.measure,
    "sockets": socket_rows.measure_throughput,
    "orders": order_rows.measure,
    "trades": trade_rows.measure,
    "ages": age_rows.measure,
    "wake-ups": wake_rows.measure,
    "shared": shared_rows.measure,
    "opening": opening_rows.measure,
    "latency": socket_rows.measure_latency,
}
#: Seconds for one comparison.
PATIENT, QUICK = 2.0, 0.4


def main() -> None:
    arguments = _arguments()
    machine_before = machine.describe()
    results = Results()
    for name, version in machine.versions().items():
        if version is None:
            results.add_note(f"{name} could not be installed")
    start = time.monotonic()
    for name in arguments.only or SECTIONS:
        print(f"measuring: {name} ...", file=sys.stderr, flush=True)
        SECTIONS[name](results, QUICK if arguments.quick else PATIENT)
    document = {
        "machine": machine_before,
        "versions": machine.versions(),
        "ways": {way: ours.OPTIONS[way] for way in ours.ways()},
        "whole": not (arguments.quick or arguments.only),
        "command": _command(arguments),
        "date": time.strftime("%Y-%m-%d"),
        "minutes": round((time.monotonic() - start) / 60, 1),
        **results.to_dict(),
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(document, indent=1) + "\n")


def _command(arguments: argparse.Namespace) -> str:
    captures = "KRAKEN_CONNECTOR_CAPTURES=captures " if corpus.captured() else ""
    return f"{captures}make bench" + (' ARGS="--quick"' if arguments.quick else "")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the time")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="some sections")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where the results go")
    return parser.parse_args()


if __name__ == "__main__":
    main()
