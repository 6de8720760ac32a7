"""What receivers give their messages to: a counter with a clock, or a list of arrival times."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benches.timing import percentiles


class Tap:
    """Counts messages: starts the clock after the first `skip`, stops it at the last.

    Attributes:
        on_message: to be called with every message, the snapshot first.
        done: is done after the last message.
        last: the last message.
        measured: the figures, once it is done.
    """

    def __init__(self, count: int, skip: int = 0) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.measured: dict[str, float] = {}
        self.last: Any = None
        self._count = count
        self._skip = skip
        self.on_message = self._receiver()

    def _receiver(self) -> Callable[[Any], None]:
        skip, count = self._skip, self._count
        seen = 0

        def on_message(message: Any) -> None:
            nonlocal seen
            seen += 1
            if seen == skip:
                self._start()
            elif seen == count:
                self._stop(message)

        return on_message

    def _start(self) -> None:
        self._wall, self._cpu = time.perf_counter_ns(), time.process_time_ns()

    def _stop(self, message: Any) -> None:
        received = self._count - self._skip
        self.finish(
            message,
            wall=(time.perf_counter_ns() - self._wall) / received,
            cpu=(time.process_time_ns() - self._cpu) / received,
        )

    def finish(self, message: Any, **measured: float) -> None:
        """Keep the figures and the last message, and let the receiver end."""
        self.last = message
        self.measured = measured
        self.done.set_result(None)


class Stamps(Tap):
    """Writes the arrival time of every message to a file.

    Args:
        count: messages in all.
        file: where they go, 8 bytes each: ns of the monotonic clock.
    """

    def __init__(self, count: int, file: str) -> None:
        self._file = Path(file)
        super().__init__(count)

    def _receiver(self) -> Callable[[Any], None]:
        last, now = self._count - 1, time.perf_counter_ns
        arrivals = array("q", bytes(8 * self._count))
        seen = 0

        def on_message(message: Any) -> None:
            nonlocal seen
            arrivals[seen] = now()
            if seen == last:
                self._file.write_bytes(arrivals.tobytes())
                self.finish(message)
            seen += 1

        return on_message


class Waits(Tap):
    """Measures how long messages of this client wait between their read and the callback."""

    def _receiver(self) -> Callable[[Any], None]:
        last, now = self._count - 1, time.time_ns
        waits = array("q", bytes(8 * self._count))
        seen = 0

        def on_message(message: Any) -> None:
            nonlocal seen
            waits[seen] = now() - message.received_ns
            if seen == last:
                self.finish(message, **percentiles(waits))
            seen += 1

        return on_message
