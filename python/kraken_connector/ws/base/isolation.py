"""Calls whose exceptions are logged, so that they do not end a connection."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .limited_log import LimitedLog

__all__ = ["Isolated", "isolated"]

logger = logging.getLogger(__name__)


@contextmanager
def isolated(what: str) -> Iterator[None]:
    """Log an exception of the body, as a failure of `what`, and go on after it."""
    try:
        yield
    except Exception:
        logger.exception("%s failed; the client goes on", what)


class Isolated:
    """A wrapper around an object that logs the exceptions of its methods.

    It stands between a session and the followers of its streams: a bug in a follower spoils only
    the state that it keeps, and neither the socket nor other channels.

    Args:
        target: the object whose methods are called.
        fallbacks: by method, the result of a call that failed; `None` for other methods.
    """

    def __init__(self, target: object, **fallbacks: object) -> None:
        self._target = target
        self._fallbacks = fallbacks
        self._log = LimitedLog(logger)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._target, name)

        @functools.wraps(method)
        def call(*args: Any) -> Any:
            try:
                return method(*args)
            except Exception as error:  # noqa: BLE001 (any failure is logged)
                text = "%s of %s failed; the connection goes on"
                self._log.error(text, name, self._target, exc_info=error)
                return self._fallbacks.get(name)

        setattr(self, name, call)
        return call
