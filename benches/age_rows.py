"""Age of a book when a task reads it while Python is busy.

A message is due at a fixed time. If the book contains all messages that are due, its age is 0;
otherwise it is as old as the first one that it lacks.
"""

from __future__ import annotations

import tempfile
from array import array
from functools import partial
from pathlib import Path

from benches import ours
from benches.link import PLAIN, TLS, Link, Setting, link, working
from benches.results import Results
from benches.targets import PICOWS_DICT
from benches.timing import alternate, middle_and_tail

STREAM = "replay-10"
RATE = 10_000
#: Length of a turn as a share of the seconds given to a comparison.
TURN_SHARE = 0.5
ROUNDS = 8
SECTION = "age of the book, Python busy"


def measure(results: Results, seconds: float) -> None:
    """Measure with TLS, which decides, and without."""
    count = int(RATE * seconds * TURN_SHARE)
    with link() as pair:
        for setting in (TLS, PLAIN):
            turns = {
                name: middle_and_tail(partial(ages, pair, name, setting, count))
                for name in (*ours.ways(tls=setting.tls), PICOWS_DICT)
            }
            turns = working(results, f"{SECTION}, {setting}", turns)
            freshest = ours.freshest(turns)
            for percentile, rounds in alternate(turns, ROUNDS).items():
                results.add(f"{SECTION} {percentile}", str(setting), "us", rounds)
                if freshest is not None:
                    case, values = f"{freshest}, {setting}", rounds[freshest]
                    results.amount(f"age-{percentile}", case, values, decides=setting == TLS)


def ages(pair: Link, name: str, setting: Setting, count: int) -> list[int]:
    """Return the age of the book at each read while messages were due, ns."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "reads"
        report = pair.serve(
            name,
            setting,
            send=("timetable", {"stream": STREAM, "rate": RATE, "count": count}),
            receive=(
                "benches.busy:read_books",
                {"stream": STREAM, "count": count + 1, "file": str(file)},
            ),
        ).sent
        reads = array("q", file.read_bytes())
    first = report["first_ns"]
    return [
        age(at - first, contained)
        for at, contained in zip(reads[::2], reads[1::2], strict=True)
        if at >= first and contained <= count
    ]


def age(at: int, contained: int) -> int:
    """Return the age of a book, ns.

    Args:
        at: the time of the read, ns since the first update was due.
        contained: messages that the book contains: the snapshot, and updates.
    """
    next_due = (contained - 1) * 1_000_000_000 // RATE
    return max(0, at - next_due)
