"""A logger that does not fill a disk when the same happens again and again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["LimitedLog"]

#: Lines of one text that are logged at once, and seconds after which each is allowed again.
BURST = 10
PAUSE = 60.0


@dataclass(slots=True)
class _Text:
    """What is known about one text.

    Attributes:
        began: when its first line within the present window was logged.
        lines: how many were logged since.
        left_out: how many were not.
    """

    began: float
    lines: int = 0
    left_out: int = 0


class LimitedLog:
    """Logs each text at most ten times a minute, and then how many lines were left out.

    What arrives decides how often a line is logged; a peer that sends nonsense could fill a disk.
    Lines with one format are counted together, whatever their arguments.

    Args:
        logger: where the lines go.
        clock: gives monotonic seconds.
    """

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._texts: dict[str, _Text] = {}

    def warning(self, text: str, *args: object) -> None:
        """Log a warning, unless there were too many of the kind."""
        self._log(logging.WARNING, text, args)

    def error(self, text: str, *args: object, exc_info: BaseException | None = None) -> None:
        """Log an error, unless there were too many of the kind."""
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
        known = self._texts.get(text)
        if known is None or now >= known.began + PAUSE:
            if known is not None and known.left_out:
                self._logger.log(
                    level, "left out %d lines like: %s", known.left_out, text, stacklevel=3
                )
            known = self._texts[text] = _Text(now)
        if known.lines >= BURST:
            known.left_out += 1
            return
        known.lines += 1
        if known.lines == BURST:
            text += "; further ones are left out for a minute"
        self._logger.log(level, text, *args, exc_info=exc_info, stacklevel=3)
