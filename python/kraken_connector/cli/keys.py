"""Keys pressed while a screen is shown."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Self

_ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left"}
#: An arrow in either of the two modes of a terminal, another control sequence, or a character.
_KEY = re.compile(r"\x1b[\[O]([ABCD])|\x1b[\[O][\d;]*.?|(.)", re.DOTALL)


def can_read() -> bool:
    """Return whether there is a keyboard: a POSIX terminal that this process may read."""
    if sys.platform == "win32" or sys.stdin is None:
        return False
    try:
        # A process in the background would be stopped for reading the terminal.
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False


def keys_of(text: str) -> Iterator[str]:
    """Yield characters as they are and arrows as `up`, `down`, `left` and `right`."""
    for arrow, character in _KEY.findall(text):
        if arrow or character:
            yield _ARROWS[arrow] if arrow else character


class Keyboard:
    """Calls a function with each key, as `keys_of` names it, if there is a keyboard.

    Enter it on a running event loop. Ctrl-C stays a signal.

    Args:
        pressed: the function.
    """

    def __init__(self, pressed: Callable[[str], object]) -> None:
        self._pressed = pressed
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        if sys.platform != "win32" and can_read():
            import termios  # noqa: PLC0415 (not on Windows)
            import tty  # noqa: PLC0415

            self._file = sys.stdin.fileno()
            before = termios.tcgetattr(self._file)
            self._exit.callback(termios.tcsetattr, self._file, termios.TCSADRAIN, before)
            tty.setcbreak(self._file)
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._file, self._read)
            self._exit.callback(self._loop.remove_reader, self._file)
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def _read(self) -> None:
        try:
            data = os.read(self._file, 1024)
        except OSError:
            data = b""
        if not data:  # the terminal is gone
            self._loop.remove_reader(self._file)
        for key in keys_of(data.decode(errors="ignore")):
            self._pressed(key)
