"""Notices for the user: warnings of the log, and gaps."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_SHOWN_SECONDS = 6.0


class Notices(logging.Handler):
    """Keeps the last notice for a few seconds; as a log handler it turns warnings into notices.

    Args:
        echo: called with each notice at once, if there is no screen.
    """

    def __init__(self, echo: Callable[[str], object] | None = None) -> None:
        super().__init__(logging.WARNING)
        self._echo = echo
        self._text = ""
        self._since = float("-inf")

    def add(self, text: str) -> None:
        """Show a text from now on."""
        self._text, self._since = text, time.monotonic()
        if self._echo is not None:
            self._echo(f"! {text}")

    def emit(self, record: logging.LogRecord) -> None:
        """Show a log record's text."""
        # An error of the output cannot be reported there.
        with suppress(OSError):
            self.add(record.getMessage())

    def current(self) -> str | None:
        """Return the notice, if it is recent."""
        return self._text if time.monotonic() - self._since < _SHOWN_SECONDS else None


@contextmanager
def logged_to(handler: logging.Handler) -> Iterator[None]:
    """Send the log of all packages to a handler, and not to standard error."""
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
