"""Memory of books: resident memory of a fresh process before and after they are filled."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from benches import corpus, workloads
from benches.remote import Worker, WorkerError
from benches.results import Results
from benches.timing import Rounds

STATM = Path("/proc/self/statm")
PAGE = 4096
DEEP_BOOKS = 64
MANY_BOOKS = 1000
UPDATES = 20
ROUNDS = 5
KIB, MIB = 1024, 1024 * 1024


def measure(results: Results, _: float) -> None:
    """Measure in fresh processes; what an engine keeps for a book is part of its memory."""
    if not STATM.exists():
        results.add_note("memory is measured on Linux only")
        return
    rounds: dict[str, Rounds] = {"deep": {}, "many": {}}
    for core in workloads.cores():
        for _turn in range(ROUNDS):
            for kind, unit in (("deep", KIB * DEEP_BOOKS), ("many", MIB)):
                with Worker() as worker:
                    grown = worker.call("benches.memory_rows:grow", core=core, kind=kind)
                rounds[kind].setdefault(core, []).append(grown / unit)
    results.add("memory", "a depth-1000 book", "KiB", rounds["deep"])
    results.add("memory", "1,000 depth-10 books", "MiB", rounds["many"])
    for kind, target in (("deep", "memory-deep"), ("many", "memory-many")):
        if "native" in rounds[kind]:
            results.amount(target, "native", rounds[kind]["native"])


def grow(core: str, kind: str) -> int:
    """Return by how many bytes the process grows while books are filled. Runs in a worker."""
    frames = _deep_frames() if kind == "deep" else corpus.crowd(MANY_BOOKS, UPDATES)
    engine: Any = workloads.cores()[core].Engine()
    engine.feed(corpus.frames()["ticker"])
    gc.collect()
    before = _resident()
    for frame in frames:
        engine.feed(frame)
    gc.collect()
    grown = _resident() - before
    if engine.counters()["verified"] != len(frames):
        raise WorkerError("not every book verified")
    return grown


def _deep_frames() -> list[bytes]:
    stream = corpus.synthetic(1000, UPDATES)
    names = [corpus.crowd_symbol(number).encode() for number in range(DEEP_BOOKS)]
    return [
        frame.replace(stream.symbol.encode(), name, 1) for frame in stream.frames for name in names
    ]


def _resident() -> int:
    return int(STATM.read_text().split()[1]) * PAGE
