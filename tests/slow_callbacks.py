"""Finds callbacks of an event loop that hold it for long because of this package.

Time is processor time of the main thread, without garbage collection, so that other processes and
threads make no difference. A signal samples the stack each time that the process has used some more
of it; a sample counts against us if the last caller is a module of the client, not of the
simulator, a core or a test. The handling of a read is left out: its work is bounded by the size of
a read, and benchmarks bound the cost of a message. So is the turn of a consumer of queued messages,
which is as long as `TURN` in `ws/delivery/queues.py`, and longer in a flood. Other loops than
asyncio's own are not watched.
"""

from __future__ import annotations

import gc
import signal
import threading
import time
from asyncio import events
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import kraken_connector
from kraken_connector.ws import KrakenWSClient
from kraken_connector.ws.delivery.queues import Inbox
from kraken_connector.ws.network.connection import Connection
from kraken_connector.ws.network.websocket import DirectConnection
from kraken_connector.ws.protocol.session import Session

#: Seconds of processor time between two samples; systems take one in 1 to 4 ms.
INTERVAL = 0.001

_PACKAGE = Path(kraken_connector.__file__).parent
_OTHERS = (*(str(_PACKAGE / part) for part in ("sim", "cli", "_pure")), str(Path(__file__).parent))
#: Samples that must show the same line: a single one may show a line that took no time. A long call
#: of C code is sampled once, at its end, and so is time that a hypervisor takes: both are not seen.
SAMPLES = 2
#: What handles the messages of a read, and what delivers them to a consumer.
_MOVING = tuple(
    method.__code__
    for method in (
        DirectConnection.buffer_updated,
        Connection._read,
        Session.receive,
        KrakenWSClient.__anext__,
        KrakenWSClient.receive,
        Inbox.pop,
    )
)


class SlowCallbacks:
    """Watches the callbacks of the event loops of the main thread.

    Args:
        limit: seconds of processor time that a callback may take.

    Attributes:
        found: what took longer, in words.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.found: list[str] = []
        #: Seconds of garbage collection so far, and since when there is one.
        self._collected = 0.0
        self._collecting_since: float | None = None
        #: Where the present callback was seen.
        self._seen: Counter[str] = Counter()
        self._run = events.Handle._run
        gc.callbacks.append(self._record_collection)
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
        main = threading.main_thread()

        def run(handle: events.Handle) -> None:
            if threading.current_thread() is main:
                self._watch(handle)
            else:
                self._run(handle)

        events.Handle._run = run  # type: ignore[method-assign]

    def close(self) -> None:
        """Stop sampling: a signal at the end of the process, without a handler, would kill it."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)

    def _watch(self, handle: events.Handle) -> None:
        self._seen.clear()
        before = self._time()
        self._run(handle)
        used = self._time() - before
        if used > self.limit and self._seen:
            line, samples = self._seen.most_common(1)[0]
            if line and samples >= SAMPLES:
                self.found.append(f"{used * 1000:.1f} ms in {line}")

    def _record_collection(self, phase: str, _: dict[str, Any]) -> None:
        if threading.current_thread() is threading.main_thread():
            if phase == "start":
                self._collecting_since = time.thread_time()
            elif self._collecting_since is not None:
                self._collected += time.thread_time() - self._collecting_since
                self._collecting_since = None

    def _sample(self, _: int, frame: FrameType | None) -> None:
        if self._collecting_since is None:
            self._seen[_position(frame)] += 1

    def _time(self) -> float:
        """Return the processor time of this thread in seconds, without garbage collection."""
        return time.thread_time() - self._collected


def _position(frame: FrameType | None) -> str:
    """Return where a frame is in this package, empty if it is elsewhere or moves messages."""
    line = ""
    if frame and frame.f_code is SlowCallbacks._record_collection.__code__:
        frame = frame.f_back  # What made the objects that begin a collection.
    while frame is not None:
        file = frame.f_code.co_filename
        is_ours = file.startswith(str(_PACKAGE)) and not file.startswith(_OTHERS)
        if not line:
            if file.startswith(_OTHERS):
                return ""
            if is_ours:
                line = f"{Path(file).relative_to(_PACKAGE)}:{frame.f_lineno}"
        if is_ours and frame.f_code in _MOVING:
            return ""
        frame = frame.f_back
    return line
