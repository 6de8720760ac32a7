"""Run a command that takes long: show its steps and the time, and all of its output if it fails.

python packaging/progress.py COMMAND [ARGUMENT ...]
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from queue import Empty, SimpleQueue

#: Seconds without a step after which the time is shown.
SILENCE = 3.0
#: Lines of pip and cargo that are steps.
STEP = re.compile(r"\s*((?:Collecting|Compiling|Building|Installing) .*)")


def run(command: list[str]) -> int:
    """Run a command, and return its exit status."""
    output: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for step in _steps(_queued(process.stdout), output):
            print(f"  {step:.90}", flush=True)
    if process.returncode:
        sys.stderr.writelines(output)
    return process.returncode


def _queued(stream: Iterable[str] | None) -> SimpleQueue[str | None]:
    """Return a queue of the lines of a stream, and of None at its end."""
    lines: SimpleQueue[str | None] = SimpleQueue()

    def read() -> None:
        for line in stream or ():
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _steps(lines: SimpleQueue[str | None], output: list[str]) -> Iterator[str]:
    """Yield the lines that are steps, and the seconds so far where none comes; keep all lines."""
    started = shown = time.monotonic()
    while True:
        try:
            line = lines.get(timeout=max(0.0, shown + SILENCE - time.monotonic()))
        except Empty:
            yield f"{time.monotonic() - started:.0f} s"
        else:
            if line is None:
                return
            output.append(line)
            if not (step := STEP.match(line)):
                continue
            yield step[1]
        shown = time.monotonic()


if __name__ == "__main__":
    try:
        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
