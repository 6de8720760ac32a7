"""Drawing: a full screen on a terminal, one line per second elsewhere."""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Generic, Protocol, Self, TypeVar

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from .help import help_lines
from .keys import Keyboard
from .ladder import glyphs

T = TypeVar("T")

_SCREEN_SECONDS = 0.1
_LINE_SECONDS = 1.0
#: How long drawing may delay a message; Python's default is ten times that.
_SWITCH_SECONDS = 0.0005
_SHIFTS = {"up": -1, "left": -1, "down": 1, "right": 1}


class Picture(Protocol[T]):
    """A view of the session, as screen or text.

    `capture` is called between two messages, the other methods possibly in another thread with its
    result.
    """

    def capture(self) -> T:
        """Return the data to show."""

    def screen(self, moment: T, width: int, lines: int, shift: int = 0) -> list[Text]:
        """Return the lines of a full screen, at most `lines`.

        If not everything fits, the first `shift` items move to the end, cyclically.
        """

    def line(self, moment: T) -> str:
        """Return the same in one line of ASCII text."""

    def rest(self, moment: T) -> str:
        """Return the text that no line has shown yet, to print at the end."""


class _Screen(Generic[T]):
    """The alternate screen of a terminal, and its keys: `q` quits, `?` shows help, arrows scroll.

    Drawing has its own thread, so that it does not delay messages.
    """

    def __init__(self, picture: Picture[T], console: Console) -> None:
        self._picture = picture
        self._console = console
        self._exit = ExitStack()
        self._shift = self._lines_above = 0
        self._has_help = False
        self.is_left = False

    def __enter__(self) -> Self:
        self._exit.enter_context(Keyboard(self._press))
        live = Live(console=self._console, screen=True, auto_refresh=False)
        self._exit.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(_SWITCH_SECONDS)
        self._live = self._exit.enter_context(live)
        # Entered last, so left first: drawing has ended when the terminal is restored.
        self._thread = self._exit.enter_context(ThreadPoolExecutor(1, "kraken-ws-screen"))
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    async def show(self) -> None:
        moment = self._picture.capture()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._draw, moment)

    def _press(self, key: str) -> None:
        if key == "?" or (key == "q" and self._has_help):
            self._has_help, self._lines_above = not self._has_help, 0
        elif key == "q":
            self.is_left = True
        elif self._has_help:
            self._lines_above = max(self._lines_above + _SHIFTS.get(key, 0), 0)
        else:
            self._shift += _SHIFTS.get(key, 0)

    def _draw(self, moment: T) -> None:
        width, lines = self._console.size
        if self._has_help:
            drawn, self._lines_above = help_lines(
                width, lines, self._lines_above, glyphs(self._console)
            )
        else:
            drawn = self._picture.screen(moment, width, lines, self._shift)
        self._live.update(Group(*drawn), refresh=True)


class _Lines(Generic[T]):
    """Text for pipes, logs and simple terminals."""

    is_left = False

    def __init__(self, picture: Picture[T], console: Console) -> None:
        self._picture = picture
        self._console = console
        self._due = time.monotonic() + _LINE_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if not isinstance(error, OSError):
            self._print(self._picture.rest(self._picture.capture()))

    async def show(self) -> None:
        if time.monotonic() < self._due:
            return
        self._due += _LINE_SECONDS
        self._print(self._picture.line(self._picture.capture()))

    def _print(self, text: str) -> None:
        if text:
            self._console.out(text, highlight=False)
            self._console.file.flush()


async def present(
    picture: Picture[T],
    source: asyncio.Task[None],
    *,
    console: Console,
    seconds: float | None = None,
    is_over: Callable[[], bool] = lambda: False,
) -> None:
    """Show a picture until its source ends or time is up.

    Args:
        picture: the picture.
        source: the task that feeds it; cancelled when time is up.
        console: a terminal gets a full screen, any other output one line per second.
        seconds: duration, `None` for no limit.
        is_over: called after each drawing; ends the display when it returns true.

    Raises:
        Exception: the exception that ended the source.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + (math.inf if seconds is None else seconds)
    with _Screen(picture, console) if fullscreen(console) else _Lines(picture, console) as surface:
        try:
            while not surface.is_left and not is_over() and (left := end - loop.time()) > 0:
                await asyncio.wait({source}, timeout=min(_SCREEN_SECONDS, left))
                if source.done():
                    break
                await surface.show()
        finally:
            await stop(source)


async def stop(task: asyncio.Task[None]) -> None:
    """Cancel a task; raise its exception if it has ended with one."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


def fullscreen(console: Console) -> bool:
    """Return whether the console can show a full screen."""
    return console.is_terminal and not console.is_dumb_terminal
