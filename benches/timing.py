"""Interleaved timing: A, B, A, B, ... with the garbage collector off.

Two figures are only compared when they were taken in turns in one run, and then round by round:
the ratio is the median of the ratios of neighbours, so that a machine which slows down for a while
slows down both.

Workloads are timed in processor time of the thread, which leaves out what the rest of the machine
does meanwhile; sockets in wall time.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType
from typing import Any, NamedTuple

#: Takes one measurement and returns it.
Contender = Callable[[], float]
#: Takes several measurements at once and returns them by name.
Turn = Callable[[], Mapping[str, float]]
#: Measurements by contender, in the order they were taken.
Rounds = dict[str, list[float]]
LEAST_ROUNDS = 5
PERCENTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


class Spread(NamedTuple):
    """Median and quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


def _nothing() -> None:
    return None


@dataclass(slots=True, kw_only=True)
class Workload:
    """A piece of work to be timed.

    Every workload has its own copy of the code of `run`: the interpreter adapts code to the types
    that it meets, and two contenders that shared it would slow each other down.

    Attributes:
        operations: how many operations `run` does.
        run: the timed part; gets what `prepare` returned.
        prepare: makes the state that `run` needs.
        check: raises `AssertionError` if the state after `run`, or what it returned, is wrong.
    """

    operations: int
    run: Callable[[Any], Any]
    prepare: Callable[[], Any] = _nothing
    check: Callable[[Any, Any], None]

    def __post_init__(self) -> None:
        run = self.run
        self.run = FunctionType(
            run.__code__.replace(), run.__globals__, run.__name__, None, run.__closure__
        )


def nanoseconds(workload: Workload) -> Contender:
    """Return a contender: one checked run of a workload, in ns per operation."""

    def measure() -> float:
        state = workload.prepare()
        start = time.thread_time_ns()
        result = workload.run(state)
        elapsed = time.thread_time_ns() - start
        workload.check(state, result)
        return elapsed / workload.operations

    return measure


def interleave(contenders: Mapping[str, Contender], *, seconds: float) -> Rounds:
    """Measure contenders in turns for about `seconds`.

    The first round warms up and does not count. Every other round goes in reverse order.
    """
    order = list(contenders)
    rounds: Rounds = {name: [] for name in order}
    with collector_off():
        for name in order:
            contenders[name]()
        end = time.monotonic() + seconds
        while time.monotonic() < end or len(rounds[order[0]]) < LEAST_ROUNDS:
            order.reverse()
            for name in order:
                rounds[name].append(contenders[name]())
    return rounds


def alternate(turns: Mapping[str, Turn], rounds: int) -> dict[str, Rounds]:
    """Take so many turns of each contender, every other round in reverse order.

    Returns:
        The measurements by figure, then by contender.
    """
    taken: dict[str, Rounds] = {}
    order = list(turns)
    for _ in range(rounds):
        order.reverse()
        for name in order:
            for figure, value in turns[name]().items():
                taken.setdefault(figure, {each: [] for each in turns})[name].append(value)
    return taken


def percentiles(values: Iterable[float]) -> dict[str, float]:
    """Return `p50`, `p99` and `p99.9`."""
    ordered = sorted(values)
    return {name: ordered[int(share * len(ordered))] for name, share in PERCENTILES.items()}


def middle_and_tail(turn: Callable[[], Iterable[float]]) -> Turn:
    """Return a turn with the percentiles `p50` and `p99`, in us, of the times in ns of a turn."""

    def measure() -> dict[str, float]:
        figures = percentiles(turn())
        return {name: figures[name] / 1000 for name in ("p50", "p99")}

    return measure


def ratio(rounds: Rounds, ours: str, theirs: str) -> Spread:
    """Return how many times longer `ours` takes than `theirs`, round by round."""
    pairs = zip(rounds[ours], rounds[theirs], strict=True)
    return Spread.of([one / other for one, other in pairs])


@contextmanager
def collector_off() -> Iterator[None]:
    """Run the garbage collector, then keep it off."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
