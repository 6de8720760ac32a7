"""Count the instructions that one `Engine.feed` of the recorded session takes.

`python benches/instructions.py` compares the count of the native core with the committed one and
fails when it grew by more than the tolerance. Instructions do not depend on how busy a machine is,
so CI can hold them; they do depend a little on compiler and interpreter, so the tolerance is wide.
`--update` writes the new count. Without valgrind it says so and passes.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMMITTED = Path(__file__).parent / "instructions.json"
TOLERANCE = 1.25
FEW, MANY = 2, 22
COLLECTED = re.compile(r"Collected : (\d+)")


def main() -> int:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        print("instructions: skipped, valgrind is not installed")
        return 0
    few, frames = count(valgrind, FEW)
    many, _ = count(valgrind, MANY)
    measured = round((many - few) / (frames * (MANY - FEW)))
    if "--update" in sys.argv[1:]:
        COMMITTED.write_text(json.dumps({"feed": measured}) + "\n")
    committed = json.loads(COMMITTED.read_text())["feed"]
    share = measured / committed
    print(f"instructions: {measured:,} per Engine.feed, {share:.2f} of the committed {committed:,}")
    return 0 if share <= TOLERANCE else 1


def count(valgrind: str, rounds: int) -> tuple[int, int]:
    """Return the instructions of a process that replays the session, and its updates."""
    ran = subprocess.run(
        [
            valgrind,
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            *(sys.executable, __file__, "replay", str(rounds)),
        ],
        env={
            **os.environ,
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": os.pathsep.join(_paths()),
            # Else only the first of two processes would compile what they import.
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return collected(ran.stderr), int(ran.stdout)


def collected(report: str) -> int:
    """Return the total that callgrind prints when it ends."""
    found = COLLECTED.search(report)
    if found is None:
        raise ValueError(f"callgrind reported no total: {report!r}")
    return int(found[1])


def replay(rounds: int) -> int:
    """Feed the recorded session `rounds` times; return its updates.

    Only the core is imported: under valgrind the whole client would take a minute.
    """
    package = types.ModuleType("kraken_connector")
    package.__path__ = [str(ROOT / "python" / "kraken_connector")]
    sys.modules[package.__name__] = package
    from benches import corpus, workloads  # noqa: PLC0415 (only the counted process needs them)

    workload = workloads.feed(workloads.cores()["native"], corpus.stream("replay-10"))
    for _ in range(rounds):
        state = workload.prepare()
        workload.check(state, workload.run(state))
    return workload.operations


def _paths() -> list[str]:
    return [str(ROOT), str(ROOT / "python")]


if __name__ == "__main__":
    if sys.argv[1:2] == ["replay"]:
        print(replay(int(sys.argv[2])))
    else:
        sys.exit(main())
