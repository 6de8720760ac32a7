"""Calls to functions of the user: checks, error handling, and lists of listeners."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import Callable, Iterable
from typing import Any

from .limited_log import LimitedLog

__all__ = ["Callback", "Listeners", "NotPlainError", "check_plain_function", "check_result"]

logger = logging.getLogger(__name__)


_NOT_PLAIN = (
    inspect.iscoroutinefunction,
    inspect.isasyncgenfunction,
    inspect.isgeneratorfunction,
)


class NotPlainError(TypeError):
    """A callback returned a coroutine or generator, which nothing runs."""


def check_plain_function(name: str, function: object) -> None:
    """Check that an object is callable and is not a coroutine or generator function.

    Coroutine and generator functions are refused because their result is not awaited or iterated,
    also inside `functools.partial` and as the `__call__` of an object. A plain function that
    returns a coroutine is found only when it is called, see `check_result`. `name` is that of the
    parameter, for the text of the error.

    Raises:
        TypeError: it is not callable, or is a coroutine or generator function.
    """
    if not callable(function):
        raise TypeError(f"{name} must be callable, not {function!r}")
    called: object = function
    while isinstance(called, functools.partial):
        called = called.func
    for candidate in (called, getattr(called, "__call__", None)):  # noqa: B004 - the method itself
        if any(is_kind(candidate) for is_kind in _NOT_PLAIN):
            raise TypeError(f"{name} must be a plain function, it is called without await")


def check_result(name: str, function: object, result: object) -> None:
    """Check that the result of a plain function need not be awaited.

    A task or another future is accepted, because it runs without being awaited. `name` is that of
    the parameter that the function was passed as.

    Raises:
        NotPlainError: it is a coroutine, another awaitable or a generator, which is closed.
    """
    if not _needs_await(result):
        return
    if inspect.iscoroutine(result) or inspect.isgenerator(result):
        result.close()
    raise NotPlainError(
        f"{name}: {function!r} returned a {type(result).__name__}, which is not awaited, so it "
        "did nothing. Pass a plain function; it can start a task with asyncio.create_task(...)"
    )


def _needs_await(result: object) -> bool:
    if inspect.isawaitable(result):
        return not asyncio.isfuture(result)
    return inspect.isasyncgen(result) or inspect.isgenerator(result)


class Callback:
    """A user's function that is called without await, and whose errors are logged.

    An exception is logged, at most ten times a minute, and does not reach the caller. That includes
    `CancelledError`: it comes from a cancelled future that the function read, and would end the
    receiving task. A result that needs an await is logged once.

    Args:
        name: the parameter that it was passed as.
        function: the user's function.
        on_error: called after each call that failed.

    Raises:
        TypeError: it is not callable, or is a coroutine or generator function.
    """

    __slots__ = ("_function", "_is_logged", "_log", "_name", "_on_error")

    def __init__(
        self,
        name: str,
        function: Callable[..., object],
        on_error: Callable[[], None] = lambda: None,
    ) -> None:
        check_plain_function(name, function)
        self._name = name
        self._function = function
        self._on_error = on_error
        self._log = LimitedLog(logger)
        self._is_logged = False

    def call(self, *arguments: Any) -> None:
        """Call the function."""
        try:
            result = self._function(*arguments)
            if result is not None:
                check_result(self._name, self._function, result)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 (it is logged)
            self._report(error)

    def call_each(self, arguments: Iterable[Any]) -> None:
        """Call the function with one argument after the other, which is faster than `call`."""
        function = self._function
        for argument in arguments:
            try:
                result = function(argument)
                if result is not None:
                    check_result(self._name, function, result)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 (it is logged)
                self._report(error)

    def _report(self, error: BaseException) -> None:
        """Log the failure of a call."""
        if not isinstance(error, NotPlainError):
            self._log.error("a callback failed; the feed goes on", exc_info=error)
        elif not self._is_logged:
            self._is_logged = True
            logger.error("%s", error)
        self._on_error()


class Listeners:
    """Functions of users that are called one after the other; true while there are any."""

    def __init__(self) -> None:
        self._calls: list[Callable[..., object]] = []

    def __bool__(self) -> bool:
        return bool(self._calls)

    def add(
        self,
        name: str,
        function: Callable[..., object],
        is_wanted: Callable[..., bool] = lambda *_: True,
    ) -> Callable[[], None]:
        """Add a plain function; one that is added twice is called twice.

        Args:
            name: the parameter or method that it was passed to.
            function: the user's function.
            is_wanted: returns whether to call it with the given arguments.

        Returns:
            A function that removes it; calling it again does nothing.

        Raises:
            TypeError: it is not callable, or is a coroutine or generator function.
        """
        callback = Callback(name, function).call

        def call(*arguments: Any) -> None:
            if is_wanted(*arguments):
                callback(*arguments)

        self._calls.append(call)

        def end() -> None:
            if call in self._calls:
                self._calls.remove(call)

        return end

    def call(self, *arguments: Any) -> None:
        """Call all functions."""
        for call in list(self._calls):
            call(*arguments)
