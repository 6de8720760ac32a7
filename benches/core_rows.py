"""The core alone, in one process: frames to verified books, fields and quotes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import orjson
from benches import corpus, peers, workloads
from benches.link import working
from benches.remote import Worker
from benches.results import Results
from benches.targets import MSGSPEC, OLD, ORJSON, SLOTS
from benches.timing import Contender, Rounds, Workload, interleave, nanoseconds

try:
    from benches import typed
except ModuleNotFoundError:  # msgspec could not be installed; the rows say so
    typed = None  # type: ignore[assignment]

CORES = workloads.cores()
CROWD = 1000
CROWD_UPDATES = 10
UNIT = "ns/message"
PLAIN = "native, plain build"
RIVALS: dict[str, tuple[Path, ...]] = {
    OLD: (peers.PREDECESSOR,),
    "python-kraken-sdk": (),
    "ccxt": (),
}
RIVAL_STREAMS = ("replay-10", "synthetic-100", "synthetic-1000")


def measure(results: Results, seconds: float) -> None:
    """Measure everything, about `seconds` for each comparison."""
    for part in (_feed, _levels, _fields, _depth, _symbols, _snapshot, _quotes, _rivals):
        part(results, seconds)


def take_turns(workloads: Mapping[str, Workload], seconds: float) -> Rounds:
    """Time workloads in turns; the pure core comes last, so that the fast ones are neighbours."""
    order = sorted(workloads, key=lambda name: name == "pure")
    return interleave({name: nanoseconds(workloads[name]) for name in order}, seconds=seconds)


def deep_stream() -> tuple[str, corpus.Stream]:
    """Return the depth-25 stream that decides the target: a captured one if there is one."""
    captured = corpus.captured()
    name = "BTC/USD-25" if "BTC/USD-25" in captured else "synthetic-25"
    return name, captured.get(name) or corpus.stream(name)


def _feed(results: Results, seconds: float) -> None:
    """Compare on streams that the profile of the released build was made with, and on others.

    The others decide: captured ones if there are any.
    """
    plain = workloads.plain_core()
    cores = {**CORES, **({} if plain is None else {PLAIN: plain})}
    held_out = corpus.captured() or corpus.held_out()
    for name, stream in {**corpus.streams(), **corpus.held_out(), **corpus.captured()}.items():
        contenders = {core: workloads.feed(module, stream) for core, module in cores.items()}
        contenders[ORJSON] = workloads.loads(orjson.loads, stream.frames[1:])
        rounds = take_turns(contenders, seconds)
        results.add("feed", name, UNIT, rounds)
        for target, core in (("feed", "native"), ("feed-plain", PLAIN)):
            results.compare(target, name, rounds, (core, ORJSON), decides=name in held_out)


def _levels(results: Results, seconds: float) -> None:
    name, stream = deep_stream()
    contenders = {core: workloads.feed_levels(module, stream) for core, module in CORES.items()}
    if typed is not None:
        contenders[MSGSPEC] = workloads.decode_levels(typed.decode_book, stream)
    rounds = take_turns(contenders, seconds)
    results.add("levels", name, UNIT, rounds)
    results.compare("levels", name, rounds, ("native", MSGSPEC))


def _fields(results: Results, seconds: float) -> None:
    for channel, item in workloads.ITEMS.items():
        frames = corpus.plain(channel)
        contenders = {
            core: workloads.feed_fields(module, frames, item) for core, module in CORES.items()
        }
        if typed is not None:
            contenders[MSGSPEC] = workloads.decode_fields(typed.decoder(item), frames, item)
        contenders[ORJSON] = workloads.loads(orjson.loads, frames)
        rounds = take_turns(contenders, seconds)
        results.add("fields", channel, UNIT, rounds)
        results.compare(f"fields-{channel}", "observed", rounds, ("native", MSGSPEC))


def _depth(results: Results, seconds: float) -> None:
    for core, module in CORES.items():
        contenders = {
            f"depth {depth}": workloads.feed(module, corpus.stream(f"synthetic-{depth}"))
            for depth in corpus.DEPTHS
        }
        rounds = take_turns(contenders, seconds)
        results.add("depth", core, UNIT, rounds)
        results.compare("depth", core, rounds, ("depth 1000", "depth 10"), decides=core == "native")


def _symbols(results: Results, seconds: float) -> None:
    crowds = {1: corpus.crowd(1, CROWD * CROWD_UPDATES), CROWD: corpus.crowd(CROWD, CROWD_UPDATES)}
    for core, module in CORES.items():
        contenders = {
            f"symbols {count}": workloads.feed_crowd(module, frames, count)
            for count, frames in crowds.items()
        }
        rounds = take_turns(contenders, seconds)
        results.add("symbols", core, UNIT, rounds)
        results.compare(
            "symbols", core, rounds, (f"symbols {CROWD}", "symbols 1"), decides=core == "native"
        )


def _snapshot(results: Results, seconds: float) -> None:
    for depth in corpus.DEPTHS:
        stream = corpus.stream(f"synthetic-{depth}")
        contenders = {core: workloads.snapshot(module, stream) for core, module in CORES.items()}
        contenders[ORJSON] = workloads.loads(orjson.loads, stream.frames[:1] * 10)
        rounds = take_turns(contenders, seconds)
        name = f"synthetic-{depth}"
        results.add("snapshot", name, UNIT, rounds)
        results.compare("snapshot", name, rounds, ("native", ORJSON), decides=depth == 1000)


def _quotes(results: Results, seconds: float) -> None:
    contenders: dict[str, Workload] = {}
    for core, module in CORES.items():
        book = workloads.live_book(module, corpus.stream("replay-10"))
        expected = book.bid, book.ask
        contenders[core] = workloads.read_quotes(book, expected)
        contenders[SLOTS] = workloads.read_quotes(workloads.Quote(*expected), expected)
    rounds = take_turns(contenders, seconds)
    results.add("quotes", "bid and ask", "ns/pair", rounds)
    results.compare("quotes", "bid and ask", rounds, ("native", SLOTS))


def _rivals(results: Results, seconds: float) -> None:
    """Compare other libraries, each in a process of its own, with both cores."""
    workers = {library: Worker(path) for library, path in RIVALS.items()}
    try:
        for name in RIVAL_STREAMS:
            contenders = {
                core: nanoseconds(workloads.feed(module, corpus.stream(name)))
                for core, module in CORES.items()
            }
            remote: dict[str, Contender] = {
                library: partial(
                    worker.call, "benches.rivals:measure", library=library, stream=name
                )
                for library, worker in workers.items()
            }
            contenders |= working(results, f"feed, {name}", remote)
            rounds = interleave(contenders, seconds=seconds)
            results.add("rivals", name, UNIT, rounds)
            _compare_pure(results, name, rounds)
    finally:
        for worker in workers.values():
            worker.close()


def _compare_pure(results: Results, name: str, rounds: Rounds) -> None:
    for target, stream in (("pure-10", "replay-10"), ("pure-1000", "synthetic-1000")):
        if name == stream:
            results.compare(target, name, rounds, ("pure", OLD))
