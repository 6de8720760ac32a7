"""When and where to draw: a full screen on a terminal, a line a second elsewhere."""

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
#: How long drawing may hold up a message; Python's own is ten times that.
_SWITCH_SECONDS = 0.0005
_SHIFTS = {"up": -1, "left": -1, "down": 1, "right": 1}


class Picture(Protocol[T]):
    """Something to look at.

    `take` is called between two messages, the others possibly in another thread with what it
    returned.
    """

    def take(self) -> T:
        """Return all that is to be shown of this moment."""

    def screen(self, moment: T, width: int, lines: int, shift: int = 0) -> list[Text]:
        """Return the lines of a full screen, at most `lines`.

        Where not everything fits, the first `shift` things stand last, counted round and round.
        """

    def line(self, moment: T) -> str:
        """Return the same in one line of ASCII text."""

    def rest(self, moment: T) -> str:
        """Return what must not be missing at the end, though no line has said it yet."""


class _Screen(Generic[T]):
    """The alternate screen of a terminal, and its keys: `q` leaves, `?` explains, arrows move.

    Drawing happens in a thread of its own: a message that arrives meanwhile is not kept waiting
    for a picture.
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
        # Entered last, so left first: no drawing is under way when the terminal is given back.
        self._thread = self._exit.enter_context(ThreadPoolExecutor(1, "kraken-ws-screen"))
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    async def show(self) -> None:
        moment = self._picture.take()
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
    """Text for pipes, logs and terminals that cannot do more."""

    is_left = False

    def __init__(self, picture: Picture[T], console: Console) -> None:
        self._picture = picture
        self._console = console
        self._due = time.monotonic() + _LINE_SECONDS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if not isinstance(error, OSError):
            self._print(self._picture.rest(self._picture.take()))

    async def show(self) -> None:
        if time.monotonic() < self._due:
            return
        self._due += _LINE_SECONDS
        self._print(self._picture.line(self._picture.take()))

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
        picture: what to show.
        source: the task that feeds it; cancelled when time is up.
        console: a terminal gets a full screen, everything else a line a second.
        seconds: when to end, `None` for not by itself.
        is_over: asked after each drawing; another reason to end.

    Raises:
        Exception: whatever ended the source.
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
    """End a task and raise what ended it, unless it was this."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


def fullscreen(console: Console) -> bool:
    """Tell whether the console can be drawn on."""
    return console.is_terminal and not console.is_dumb_terminal
