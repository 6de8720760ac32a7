"""Finds callbacks of an event loop that hold it for long because of this package.

Time is that of the processor in the main thread, without garbage collection, so that other
processes and threads make no difference. Whose fault it is, is seen by looking where the thread is
each time that the process has used some more of it: ours is what was called last by a module of the
client, not by the simulator, a core or a test. What a read brought is left out: its work is bounded
by the size of a read, and benchmarks hold what a message costs. So is the turn of a consumer that
takes queued messages, which is as long as `inbox.TURN` and more in a flood. Loops that are not
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
from kraken_connector.ws.network.transport import DirectConnection
from kraken_connector.ws.protocol.session import Session

#: Seconds of processor time between two looks; systems look once in 1 to 4 ms.
INTERVAL = 0.001

_PACKAGE = Path(kraken_connector.__file__).parent
_OTHERS = (*(str(_PACKAGE / part) for part in ("sim", "cli", "_pure")), str(Path(__file__).parent))
#: Looks that must have met the same place: one alone may have met what took no time.
LOOKS = 2
#: What takes the messages of a read, and what hands them to a consumer.
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
        #: Seconds of garbage collection so far, and where the present callback was seen.
        self._collecting = 0.0
        self._seen: Counter[str] = Counter()
        self._run = events.Handle._run
        gc.callbacks.append(self._note_collection)
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
        main = threading.main_thread()

        def run(handle: events.Handle) -> None:
            if threading.current_thread() is main:
                self._watch(handle)
            else:
                self._run(handle)

        events.Handle._run = run  # type: ignore[method-assign]

    def close(self) -> None:
        """Stop looking: a signal at the end of the process, when nobody takes it, would kill it."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)

    def _watch(self, handle: events.Handle) -> None:
        self._seen.clear()
        before = time.thread_time() - self._collecting
        self._run(handle)
        taken = time.thread_time() - self._collecting - before
        if taken > self.limit and self._seen:
            place, looks = self._seen.most_common(1)[0]
            if place and looks >= LOOKS:
                self.found.append(f"{taken * 1000:.1f} ms in {place}")

    def _note_collection(self, phase: str, _: dict[str, Any]) -> None:
        if threading.current_thread() is threading.main_thread():
            self._collecting += time.thread_time() * (-1 if phase == "start" else 1)

    def _look(self, _: int, frame: FrameType | None) -> None:
        self._seen[_place(frame)] += 1


def _place(frame: FrameType | None) -> str:
    """Return where a frame is in this package, empty if it is elsewhere or moves messages."""
    place = ""
    while frame is not None:
        file = frame.f_code.co_filename
        is_ours = file.startswith(str(_PACKAGE)) and not file.startswith(_OTHERS)
        if not place:
            if file.startswith(_OTHERS):
                return ""
            if is_ours:
                place = f"{Path(file).relative_to(_PACKAGE)}:{frame.f_lineno}"
        if is_ours and frame.f_code in _MOVING:
            return ""
        frame = frame.f_back
    return place
