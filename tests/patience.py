"""An event loop whose clock leaves out the time in which the process could not run.

On a paused virtual machine, or a busy one, seconds can pass between two steps of a process, and
timeouts would expire though nothing is wrong. The clock is that of the event loop, so it applies to
the timeouts of tests and to those of the client and the simulator.
"""

from __future__ import annotations

import asyncio
import math
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: The most that counts of the time between two reads of the clock, seconds.
LONGEST_STEP = 1.0


class PatientClock:
    """Counts seconds, without those between two reads beyond `LONGEST_STEP` and announced waits.

    Args:
        source: the clock that counts them all.

    Attributes:
        lost: seconds that were not counted.
    """

    def __init__(self, source: Callable[[], float] = time.monotonic) -> None:
        self.lost = 0.0
        self._source = source
        self._last_read = source()
        self._announced = 0.0

    def wait(self, seconds: float) -> None:
        """Announce that the next read may be so much later."""
        self._announced += seconds

    def read(self) -> float:
        """Return the time."""
        now = self._source()
        self.lost += max(0.0, now - self._last_read - self._announced - LONGEST_STEP)
        self._last_read, self._announced = now, 0.0
        return now - self.lost


class _Selector(selectors.DefaultSelector):
    """Announces to the clock how long the loop waits."""

    def __init__(self, clock: PatientClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._clock.wait(math.inf if timeout is None else timeout)
        return super().select(timeout)


class PatientLoop(asyncio.SelectorEventLoop):
    """An event loop by that clock."""

    def __init__(self) -> None:
        self._clock = PatientClock(super().time)
        super().__init__(_Selector(self._clock))

    @property
    def stood_still(self) -> bool:
        """Whether the process did not run for a while."""
        return self._clock.lost > 0

    def time(self) -> float:
        return self._clock.read()


def stood_still() -> bool:
    """Return whether the machine stood still while the running loop ran, which clients report."""
    loop = asyncio.get_running_loop()
    return isinstance(loop, PatientLoop) and loop.stood_still


def run(main: Coroutine[Any, Any, T], *, debug: bool | None = None) -> T:
    """Run to the end of `main` with patience."""
    with asyncio.Runner(loop_factory=PatientLoop, debug=debug) as runner:
        return runner.run(main)
