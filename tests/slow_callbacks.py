"""Finds callbacks of an event loop that hold it for long because of this package.

Time is that of the processor in the loop's own thread, without garbage collection, so that other
processes and threads make no difference. Whose fault it is, is seen by looking now and then where
the thread is meanwhile: ours is what was called last by a module of the client, not by the
simulator or a test.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from asyncio import events
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import kraken_connector

#: Seconds between two looks.
INTERVAL = 0.0005

_PACKAGE = Path(kraken_connector.__file__).parent
_OTHERS = (str(_PACKAGE / "sim"), str(_PACKAGE / "cli"), str(Path(__file__).parent))


class SlowCallbacks:
    """Watches the callbacks of all event loops of this process.

    Args:
        limit: seconds of processor time that a callback may take.

    Attributes:
        found: what took longer, in words.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.found: list[str] = []
        self._collecting = 0.0
        #: By thread: where it was seen during its present callback.
        self._seen: dict[int, Counter[str]] = {}
        threading.Thread(target=self._look, daemon=True).start()
        gc.callbacks.append(self._note_collection)
        sys.setswitchinterval(INTERVAL)
        run = events.Handle._run

        def timed(handle: events.Handle) -> None:
            thread = threading.get_ident()
            seen = self._seen[thread] = Counter()
            before, collected = time.thread_time(), self._collecting
            try:
                run(handle)
            finally:
                taken = time.thread_time() - before - (self._collecting - collected)
                self._seen.pop(thread, None)
                if taken > self.limit:
                    self._judge(handle, taken, seen)

        events.Handle._run = timed  # type: ignore[method-assign]

    def _judge(self, handle: events.Handle, taken: float, seen: Counter[str]) -> None:
        place, _ = seen.most_common(1)[0] if seen else ("", 0)
        if place:
            self.found.append(f"{taken * 1000:.1f} ms in {place}, called by {handle!r:.200}")

    def _note_collection(self, phase: str, _: dict[str, Any]) -> None:
        sign = -1 if phase == "start" else 1
        self._collecting += sign * time.thread_time()

    def _look(self) -> None:
        while True:
            time.sleep(INTERVAL)
            if self._seen:
                frames = sys._current_frames()
                for thread, seen in list(self._seen.items()):
                    if thread in frames:
                        seen[_place(frames[thread])] += 1


def _place(innermost: FrameType) -> str:
    """Return where a thread is in this package, empty if it is elsewhere."""
    frame: FrameType | None = innermost
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_OTHERS):
            return ""
        if file.startswith(str(_PACKAGE)):
            name = Path(file).relative_to(_PACKAGE)
            return f"{name}:{frame.f_lineno} ({frame.f_code.co_qualname})"
        frame = frame.f_back
    return ""
