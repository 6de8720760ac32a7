"""Books for other processes: what a read costs, and what sharing costs the feed.

A writer in another process applies 100,000 updates a second. The reader in C is timed by itself, in
processor time; Python's reads take turns with those of a live book, and with the blackboard of
iceoryx2 if that is installed.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from benches import corpus, ours, receivers
from benches.link import PLAIN, Link, link
from benches.remote import Worker, WorkerError, two_processors
from benches.results import Results
from benches.taps import Tap
from benches.targets import ICEORYX, TARGETS
from benches.timing import Contender, Rounds, interleave
from tests.ws.helpers import text_frame

import kraken_connector
from kraken_connector._backend import BookFile, BookWriter, Engine, Receiver

STREAM = "replay-10"
RATE = 100_000
CALLS = 100_000
#: Messages in a read of the socket, as at 1,000 a second and at full load.
READS = (1, 16, 256)
LEVELS = 25
#: Turns through the stream in one measurement.
LOOPS = 40
SHARED, ALONE = "shared", "not shared"
COST, SECTION = "cost of sharing books", "shared books"
SHARED_BOOK, C_LEVELS = "shared book", "C, 2 x 10 levels"
ROOT = Path(__file__).parent.parent
READER = ROOT / "tests" / "shared_books" / "reader.c"
MEMORY = Path("/dev/shm")


def measure(results: Results, seconds: float) -> None:
    """Measure everything, about `seconds` for each comparison."""
    if kraken_connector.backend() != "native" or not MEMORY.is_dir():
        results.add_note("shared books are measured on Linux with the native core only")
        return
    _measure_cost(results, seconds)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        path = Path(folder) / "kraken-bench"
        with written(path, seconds):
            _measure_reads(results, path, seconds)


def _measure_cost(results: Results, seconds: float) -> None:
    with link() as pair:
        turns = {name: partial(full_load, pair, name) for name in (ALONE, SHARED)}
        cases = {"socket to callback, full load": interleave(turns, seconds=seconds)}
    for messages in READS:
        rounds = interleave(feeds(messages), seconds=seconds)
        cases[f"{messages} messages a read"] = rounds
    for case, rounds in cases.items():
        results.add(COST, case, "ns/message", rounds)
        decides = case.startswith("socket")
        results.compare("share-cost", case, rounds, (SHARED, ALONE), decides=decides)


def _measure_reads(results: Results, path: Path, seconds: float) -> None:
    rounds = interleave(tops(path), seconds=seconds)
    results.add(SECTION, "top, from Python", "ns/read", rounds)
    results.amount("share-top", "top, from Python", rounds[SHARED_BOOK])
    results.compare("share-rival", "top, from Python", rounds, (SHARED_BOOK, ICEORYX))
    in_c_rounds = in_c(path.parent, path)
    results.add(SECTION, "by the header for C", "ns/read", in_c_rounds)
    if in_c_rounds:
        results.amount("share-read", "by the header for C", in_c_rounds[C_LEVELS])
    else:
        results.add_note(f"{TARGETS['share-read'].what}: not measured, there is no C compiler")


# The cost for the feed.


def full_load(pair: Link, name: str) -> float:
    """Return the processor time of a message at full load over a socket, ns."""
    updates = len(corpus.endless(STREAM).frames) - 1
    measured = pair.serve(
        name,
        PLAIN,
        send=("flat_out", {"stream": STREAM, "loops": LOOPS}),
        receive=(
            "benches.shared_rows:receive",
            {"stream": STREAM, "skip": updates, "count": LOOPS * updates + 1},
        ),
    ).received
    return float(measured["cpu"])


def receive(**job: Any) -> dict[str, float]:
    """Receive with a callback, and share the book or not. Runs in a worker."""
    receivers.CLIENTS |= {ALONE: receivers.our_callback, SHARED: sharing_callback}
    return receivers.receive(**job)


async def sharing_callback(job: receivers.Job, tap: Tap) -> None:
    """Like `receivers.our_callback`, with the book shared."""
    async with ours.client(job.url, ours.CALLBACK) as client:
        with client.share(f"bench-{os.getpid()}", LEVELS):
            await client.subscribe(ours.book_params(job.book), callback=tap.on_message)
            await tap.done
            ours.check(client, job.count)


def feeds(messages: int) -> dict[str, Contender]:
    """Return contenders that take reads of so many messages, without a socket."""
    return {ALONE: feed(messages, None), SHARED: feed(messages, MEMORY / "kraken-bench-feed")}


def feed(messages: int, path: Path | None) -> Contender:
    assert Receiver is not None
    engine = Engine()
    receiver = Receiver(engine, 2**24)
    receiver.is_direct = True
    snapshot, *updates = (text_frame(frame) for frame in corpus.endless(STREAM).frames)
    starts = range(0, len(updates), messages)
    reads = [snapshot, *(b"".join(updates[at : at + messages]) for at in starts)]

    def once() -> float:
        writer = None if path is None else writer_of(path)
        if writer is not None:
            writer.add(engine)
        began = time.thread_time_ns()
        for _ in range(LOOPS):
            for read in reads:
                receiver.get_buffer()[: len(read)] = read
                receiver.buffer_updated(len(read), 1, _ignore)
        taken = time.thread_time_ns() - began
        if writer is not None:
            writer.close()
        if engine.counters()["mismatches"]:
            raise WorkerError("a book did not verify")
        return taken / (LOOPS * (1 + len(updates)))

    return once


def writer_of(path: Path) -> Any:
    assert BookWriter is not None
    return BookWriter(str(path), LEVELS, 8)


def _ignore(events: list[Any], received_ns: int) -> None:
    pass


# Reads, against a writer in another process.


@contextmanager
def written(path: Path, seconds: float) -> Iterator[None]:
    """Let a process write a book at `RATE` for as long as the comparisons take."""
    with Worker(cpu=two_processors()[1]) as worker:
        worker.start("benches.shared_rows:write", path=str(path), seconds=10 * seconds + 60)
        while not (path.exists() and _is_valid(path)):
            time.sleep(0.01)
        yield


def _is_valid(path: Path) -> bool:
    try:
        return BookFile(str(path), 60.0).book("BTC/USD").is_valid
    except KeyError:
        return False


def write(path: str, seconds: float) -> None:
    """Share a book, and update it `RATE` times a second in small bursts. Runs in a worker."""
    engine, writer = Engine(), writer_of(Path(path))
    writer.add(engine)
    snapshot, *updates = corpus.endless(STREAM).frames
    engine.feed(snapshot)
    done, began, frames = 0, time.perf_counter(), cycle(updates)
    while (elapsed := time.perf_counter() - began) < seconds:
        while done < elapsed * RATE:
            engine.feed(next(frames))
            done += 1
        writer.beat()
    writer.close()


def tops(path: Path) -> dict[str, Contender]:
    """Return contenders that read the top of the book."""
    engine = Engine()
    engine.feed(corpus.stream(STREAM).frames[0])
    shared = BookFile(str(path), 60.0).book("BTC/USD")
    contenders = {
        SHARED_BOOK: timed(shared.top),
        "live book": timed(engine.book("BTC/USD").top_of_book),
    }
    iceoryx = blackboard()
    if iceoryx is not None:
        contenders[ICEORYX] = timed(iceoryx)
    return contenders


def timed(read: Callable[[], object]) -> Contender:
    def once() -> float:
        began = time.thread_time_ns()
        for _ in range(CALLS):
            read()
        return (time.thread_time_ns() - began) / CALLS

    return once


class Level(ctypes.Structure):
    """What is read of the blackboard: price and quantity of both sides."""

    _fields_ = [(name, ctypes.c_double) for name in ("bid", "bid_qty", "ask", "ask_qty")]


def blackboard() -> Callable[[], object] | None:
    """Return the same read by iceoryx2, `None` without it."""
    try:
        import iceoryx2 as iox2  # noqa: PLC0415 (optional)
    except ImportError:
        return None
    node = iox2.NodeBuilder.new().create(iox2.ServiceType.Ipc)
    service = (
        node.service_builder(iox2.ServiceName.new(f"kraken-bench-{time.time_ns()}"))
        .blackboard_creator(ctypes.c_uint64)
        .add(ctypes.c_uint64(0), Level(1.0, 2.0, 3.0, 4.0))
        .create()
    )
    entry = service.reader_builder().create().entry(ctypes.c_uint64(0), Level)

    def read() -> tuple[float, float, float, float]:
        _alive = node, service
        value = entry.get().decode_as(Level)
        return value.bid, value.bid_qty, value.ask, value.ask_qty

    return read


def in_c(folder: Path, path: Path) -> Rounds:
    """Return ns of ten levels of both sides, and of the top, by the header for C."""
    compiler = shutil.which("cc")
    if compiler is None:
        return {}
    program = folder / "reader"
    include = Path(kraken_connector.__file__).with_name("include")
    subprocess.run([compiler, "-O2", f"-I{include}", READER, "-o", program], check=True)
    rounds: Rounds = {}
    for _ in range(5):
        for name, levels in ((C_LEVELS, 10), ("C, top", 1)):
            command = [program, path, "BTC/USD", "time", "3000000", str(levels)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            figure, _, rest = answer.partition(" ns, ")
            if int(rest.partition(" ")[0]) > 3000:
                raise WorkerError(f"reads failed: {answer}")
            rounds.setdefault(name, []).append(float(figure))
    return rounds
