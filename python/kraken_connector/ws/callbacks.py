"""Calling what users gave us to call."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["call_all", "call_plain", "check_plain_function"]

logger = logging.getLogger(__name__)


def check_plain_function(name: str, function: object) -> None:
    """Check that something can be called and does its work without being awaited.

    Coroutine functions are refused, also inside `functools.partial` and as the `__call__` of an
    object: nobody would await what they return. A plain function that returns a coroutine shows
    that only when it is called, see `call_plain`.

    Args:
        name: the parameter, for the text of the error.
        function: what a user passed.

    Raises:
        TypeError: it cannot be called, or is a coroutine function.
    """
    if not callable(function):
        raise TypeError(f"{name} must be callable, not {function!r}")
    called: object = function
    while isinstance(called, functools.partial):
        called = called.func
    for candidate in (called, getattr(called, "__call__", None)):  # noqa: B004 - the method itself
        if inspect.iscoroutinefunction(candidate) or inspect.isasyncgenfunction(candidate):
            raise TypeError(f"{name} must be a plain function, it is called without await")


def call_plain(function: Callable[..., object], *arguments: Any) -> None:
    """Call a plain function.

    Raises:
        TypeError: it returned a coroutine, which is closed: nobody would await it.
        Exception: what the function raises.
    """
    result = function(*arguments)
    if result is not None and inspect.iscoroutine(result):
        result.close()
        raise TypeError(f"{function!r} returned a coroutine; a callback must be a plain function")


def call_all(functions: Iterable[Callable[..., object]], *arguments: Any) -> None:
    """Call plain functions; what one of them raises is logged and keeps nothing from going on.

    `CancelledError` is a mistake too where nothing awaits: it comes from a future that a function
    asked, and would end the receiving task.
    """
    for function in list(functions):
        try:
            call_plain(function, *arguments)
        except (Exception, asyncio.CancelledError):
            logger.exception("a callback failed; the feed goes on")
