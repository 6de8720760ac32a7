"""A logger that limits how often it repeats a line."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["LimitedLog"]

#: Lines of one format that are logged within a window, and its length in seconds.
BURST = 10
WINDOW = 60.0


@dataclass(slots=True)
class _Window:
    """How many lines of one format were logged and left out since a time."""

    began: float
    lines: int = 0
    left_out: int = 0


class LimitedLog:
    """Logs each format at most ten times a minute, and later how many lines were left out.

    Without a limit, a peer that sends invalid data could fill the disk. Lines with the same format
    string are counted together, whatever their arguments.

    Args:
        logger: the logger to use.
        clock: returns monotonic seconds.
    """

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    def warning(self, text: str, *args: object) -> None:
        """Log a warning, unless the limit for its format is reached."""
        self._log(logging.WARNING, text, args)

    def error(self, text: str, *args: object, exc_info: BaseException | None = None) -> None:
        """Log an error, unless the limit for its format is reached."""
        self._log(logging.ERROR, text, args, exc_info)

    def _log(
        self,
        level: int,
        text: str,
        args: tuple[object, ...],
        exc_info: BaseException | None = None,
    ) -> None:
        if not self._logger.isEnabledFor(level):
            return
        now = self._clock()
        window = self._windows.get(text)
        if window is None or now >= window.began + WINDOW:
            if window is not None and window.left_out:
                self._logger.log(
                    level, "left out %d lines like: %s", window.left_out, text, stacklevel=3
                )
            window = self._windows[text] = _Window(now)
        if window.lines >= BURST:
            window.left_out += 1
            return
        window.lines += 1
        if window.lines == BURST:
            text += "; further ones are left out for a minute"
        self._logger.log(level, text, *args, exc_info=exc_info, stacklevel=3)
