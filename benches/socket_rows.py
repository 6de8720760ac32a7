"""Over a loopback socket: time per message at full load, and latency at fixed rates."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benches import corpus, peers
from benches.remote import Worker, WorkerError, two_processors
from benches.results import Results
from benches.targets import OLD, PICOWS
from benches.timing import Rounds, collector_off

STREAM = "replay-10"
CALLBACK, ITERATOR, RECV = "callback", "async for", "recv alone"
SLOW = (OLD, "python-kraken-sdk")
FULL_LOAD = (CALLBACK, ITERATOR, PICOWS, "websockets + orjson.loads", *SLOW, RECV)
#: The clients that also run on other event loops and with TLS.
EVERYWHERE = FULL_LOAD[:4]
LOOPS = ("asyncio", "uvloop", "aiofastnet")
#: Length of a round at full load, as a share of the seconds given to a comparison.
ROUND_SHARE = 0.25
ROUNDS = 5
#: Turns at fixed rates in the setting that decides: tails come from the machine as well as from a
#: client, and only many turns separate them.
DECISIVE_ROUNDS = 15
#: Length of a turn at a fixed rate, likewise.
TIMETABLE_SHARE, DECISIVE_SHARE = 0.5, 1.0
RATES = (1_000, 10_000, 50_000)
LATENCY = (CALLBACK, PICOWS)
PERCENTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
#: The share of messages at a fixed rate that is not counted, at the beginning.
WARM_UP = 0.1


class Setting(NamedTuple):
    """An event loop, and whether the connection has TLS."""

    loop: str
    tls: bool

    @property
    def decides(self) -> bool:
        """Whether it decides if a target is met."""
        return self == SETTINGS[0]

    def __str__(self) -> str:
        return f"{self.loop}, {'TLS' if self.tls else 'plain'}"


SETTINGS = [Setting(loop, tls) for tls in (False, True) for loop in LOOPS]


class Link:
    """A sender and receivers, each in a process of its own, on two processors if there are two."""

    def __init__(self) -> None:
        receiving, sending = two_processors()
        self.sender = Worker(cpu=sending)
        self.receivers = {
            name: Worker((peers.PREDECESSOR,) if name == OLD else (), cpu=receiving)
            for name in FULL_LOAD
        }
        self.address = self.sender.call("benches.sender:address")
        self.updates = len(corpus.endless(STREAM).frames) - 1

    def close(self) -> None:
        for worker in (self.sender, *self.receivers.values()):
            worker.close()

    def flat_out(self, name: str, setting: Setting, loops: int) -> dict[str, float]:
        """Return ns per message, `wall` and `cpu`."""
        self.sender.start("benches.sender:flat_out", stream=STREAM, loops=loops, tls=setting.tls)
        measured: dict[str, float] = self._receive(name, setting, loops * self.updates + 1)
        return measured

    def timetable(self, name: str, setting: Setting, rate: int, count: int) -> Any:
        """Return the sender's report, and the latencies of the counted messages in ns."""
        with tempfile.TemporaryDirectory() as folder:
            stamps = Path(folder) / "arrivals"
            self.sender.start(
                "benches.sender:timetable", stream=STREAM, rate=rate, count=count, tls=setting.tls
            )
            self._receive(name, setting, count + 1, str(stamps))
            report = self.sender_report
            arrivals = array("q", stamps.read_bytes())[1:]
        due = (report["first_ns"] + number * 1_000_000_000 // rate for number in range(count))
        latencies = [at - when for at, when in zip(arrivals, due, strict=True)]
        return report, latencies[int(WARM_UP * count) :]

    def _receive(self, name: str, setting: Setting, count: int, stamps: str = "") -> Any:
        """Let a receiver get `count` messages; wait for the sender's report in any case."""
        try:
            return self.receivers[name].call(
                "benches.receivers:receive",
                client=name,
                loop=setting.loop,
                port=self.address["port"],
                authority=self.address["authority"] if setting.tls else "",
                stream=STREAM,
                skip=self.updates,
                count=count,
                stamps=stamps,
            )
        finally:
            self.sender_report = self.sender.wait()


@contextmanager
def link() -> Iterator[Link]:
    made = Link()
    try:
        with collector_off():
            yield made
    finally:
        made.close()


def measure_throughput(results: Results, seconds: float) -> None:
    """Measure ns per message at full load for every loop, plain and with TLS."""
    with link() as pair:
        for setting in SETTINGS:
            case, decides = str(setting), setting.decides
            turns = {}
            for name in FULL_LOAD if decides else EVERYWHERE:
                turn = _calibrated(results, pair, name, setting, seconds * ROUND_SHARE)
                if turn is not None:
                    turns[name] = turn
            if not turns:
                continue
            wall, cpu = _take_turns(turns)
            results.add("full load", case, "ns/message", wall)
            results.add("full load, processor time", case, "ns/message", cpu)
            results.compare("callback", case, wall, (CALLBACK, PICOWS), decides=decides)
            results.compare("iterate", case, wall, (ITERATOR, PICOWS), decides=decides)
            if decides:
                results.compare("iterate-old", case, wall, (ITERATOR, OLD))


def _calibrated(
    results: Results, pair: Link, name: str, setting: Setting, seconds: float
) -> Callable[[], dict[str, float]] | None:
    """Return a turn of about `seconds`, `None` for a client that fails."""
    try:
        pair.flat_out(name, setting, 4)
        measured = pair.flat_out(name, setting, 4)
    except WorkerError as error:
        results.add_note(f"{name} on {setting}: {error}")
        return None
    loops = max(4, int(seconds * 1e9 / measured["wall"] / pair.updates))
    return lambda: pair.flat_out(name, setting, loops)


def _take_turns(turns: dict[str, Callable[[], dict[str, float]]]) -> tuple[Rounds, Rounds]:
    wall: Rounds = {name: [] for name in turns}
    cpu: Rounds = {name: [] for name in turns}
    order = list(turns)
    for _ in range(ROUNDS):
        order.reverse()
        for name in order:
            measured = turns[name]()
            wall[name].append(measured["wall"])
            cpu[name].append(measured["cpu"])
    return wall, cpu


def measure_latency(results: Results, seconds: float) -> None:
    """Measure the time from when a message is due until the callback gets it."""
    with link() as pair:
        for setting in SETTINGS:
            names = [name for name in LATENCY if _calibrated(results, pair, name, setting, seconds)]
            for rate in RATES if names else ():
                _latencies(results, pair, names, setting, rate, seconds)


def _latencies(
    results: Results, pair: Link, names: list[str], setting: Setting, rate: int, seconds: float
) -> None:
    """Take turns at one rate; every percentile of every turn is a figure."""
    rounds_of: dict[str, Rounds] = {
        percentile: {name: [] for name in names} for percentile in PERCENTILES
    }
    late: list[float] = []
    decides = setting.decides
    count = int(rate * seconds * (DECISIVE_SHARE if decides else TIMETABLE_SHARE))
    for turn in range(DECISIVE_ROUNDS if decides else ROUNDS):
        for name in names if turn % 2 else reversed(names):
            report, latencies = pair.timetable(name, setting, rate, count)
            latencies.sort()
            for percentile, share in PERCENTILES.items():
                value = latencies[int(share * len(latencies))] / 1000
                rounds_of[percentile][name].append(value)
            late.append(report["late_p99_ns"] / 1000)
    case = f"{rate:,}/s, {setting}"
    for percentile, rounds in rounds_of.items():
        results.add(f"latency {percentile}", case, "us", rounds)
        target = f"latency-{rate}-{percentile}"
        results.compare(target, case, rounds, (CALLBACK, PICOWS), decides=decides)
    results.add("sender late p99", case, "us", {"sender": late})
