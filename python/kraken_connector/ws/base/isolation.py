"""Calls into bookkeeping whose failures must not end a connection."""

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
    """Log what the body raises, so that what follows it happens all the same.

    Args:
        what: what the body does, for the log.
    """
    try:
        yield
    except Exception:
        logger.exception("%s failed; what follows it goes on", what)


class Isolated:
    """An object whose methods log what they raise.

    It stands between a session and those who keep the state of its streams: a fault of theirs costs
    that state, and neither the socket nor the messages of others.

    Args:
        target: whose methods are called.
        fallbacks: by method, what it returns when it failed; `None` of others.
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
            except Exception as error:  # noqa: BLE001 (whatever it was, it is logged)
                text = "%s of %s failed; the connection goes on"
                self._log.error(text, name, self._target, exc_info=error)
                return self._fallbacks.get(name)

        setattr(self, name, call)
        return call
