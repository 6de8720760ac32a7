"""A process that shares a book: `python -m tests.shared_books.writer PATH HOW`.

It prints a line when the first book is there. `flat_out` applies updates without a pause, `still`
only shows that it runs, and `once` does neither.
"""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import cycle
from pathlib import Path

from benches import corpus

STREAM = "replay-10"


def main(path: str, how: str) -> None:
    from kraken_connector._native import BookWriter, Engine  # noqa: PLC0415 (may be absent)

    stream = corpus.endless(STREAM)
    snapshot, *updates = stream.frames
    engine, writer = Engine(), BookWriter(path, 10, 8)
    writer.add(engine)
    engine.feed(snapshot, time.time_ns())
    sys.stdout.write(f"{stream.symbol}\n")
    sys.stdout.flush()
    if how == "flat_out":
        for number, frame in enumerate(cycle(updates)):
            engine.feed(frame, 1)
            if number % 1000 == 0:
                writer.beat()
    while how == "still":
        writer.beat()
        time.sleep(0.05)
    time.sleep(600)


def start(path: Path, how: str) -> subprocess.Popen[str]:
    """Start the process, and wait until its book is there."""
    command = [sys.executable, "-m", "tests.shared_books.writer", str(path), how]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "BTC/USD\n"
    return process


if __name__ == "__main__":
    main(*sys.argv[1:])
