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


_NOT_PLAIN = (
    inspect.iscoroutinefunction,
    inspect.isasyncgenfunction,
    inspect.isgeneratorfunction,
)


class NotPlainError(TypeError):
    """A callback returned something that nobody awaits, so it did not do its work."""


def check_plain_function(name: str, function: object) -> None:
    """Check that something can be called and does its work without being awaited.

    Coroutine and generator functions are refused, also inside `functools.partial` and as the
    `__call__` of an object: nobody would await or iterate what they return. A plain function that
    returns a coroutine shows that only when it is called, see `call_plain`.

    Args:
        name: the parameter, for the text of the error.
        function: what a user passed.

    Raises:
        TypeError: it cannot be called, or is a coroutine or generator function.
    """
    if not callable(function):
        raise TypeError(f"{name} must be callable, not {function!r}")
    called: object = function
    while isinstance(called, functools.partial):
        called = called.func
    for candidate in (called, getattr(called, "__call__", None)):  # noqa: B004 - the method itself
        if any(is_kind(candidate) for is_kind in _NOT_PLAIN):
            raise TypeError(f"{name} must be a plain function, it is called without await")


def call_plain(function: Callable[..., object], *arguments: Any) -> None:
    """Call a plain function.

    A task or another future may be returned, as it does its work without being awaited.

    Raises:
        NotPlainError: it returned a coroutine, another awaitable or a generator, which is closed.
        Exception: what the function raises.
    """
    result = function(*arguments)
    if result is None or not _needs_await(result):
        return
    if inspect.iscoroutine(result) or inspect.isgenerator(result):
        result.close()
    raise NotPlainError(
        f"{function!r} returned a {type(result).__name__} that nobody awaits, so it did nothing. A "
        "callback must be a plain function; it can start a task with asyncio.create_task(...)"
    )


def _needs_await(result: object) -> bool:
    if inspect.isawaitable(result):
        return not asyncio.isfuture(result)
    return inspect.isasyncgen(result) or inspect.isgenerator(result)


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
