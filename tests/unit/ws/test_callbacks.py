"""What may be given to be called, and what happens when it is called."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from kraken_connector.ws.callbacks import (
    NotPlainError,
    call_all,
    call_plain,
    check_plain_function,
)


async def coroutine_function(*_: Any) -> None:
    """Nobody awaits this."""


async def generator_function(*_: Any) -> AsyncIterator[int]:
    yield 1


def plain_generator_function(*_: Any) -> Iterator[int]:
    yield 1


class Asynchronous:
    async def __call__(self, *_: Any) -> None:
        """Nobody awaits this."""

    async def method(self, *_: Any) -> None:
        """Nobody awaits this."""


class Plain:
    def __call__(self, *_: Any) -> None:
        """Return at once."""


@pytest.mark.parametrize(
    "function",
    [
        coroutine_function,
        generator_function,
        plain_generator_function,
        functools.partial(coroutine_function, 1),
        functools.partial(functools.partial(coroutine_function, 1), 2),
        Asynchronous(),
        functools.partial(Asynchronous(), 1),
        Asynchronous().method,
    ],
)
def test_what_must_be_awaited_is_refused(function: object) -> None:
    with pytest.raises(TypeError, match="on_late must be a plain function"):
        check_plain_function("on_late", function)


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match="on_late must be callable, not 7"):
        check_plain_function("on_late", 7)


@pytest.mark.parametrize("function", [print, Plain(), Plain, [].append, functools.partial(print)])
def test_plain_functions_are_taken(function: object) -> None:
    check_plain_function("on_late", function)


def test_each_is_called_whatever_the_others_do(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []
    call_all([lambda _: 1 / 0, seen.append, seen.append], 7)
    assert seen == [7, 7]
    assert "a callback failed" in caplog.text


def test_coroutine_that_a_plain_function_returns_is_closed_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Warnings are errors here: one of a coroutine that was never awaited would fail the test."""
    call_all([lambda value: coroutine_function(value, value)], 7)
    assert "returned a coroutine" in caplog.text


class Awaitable:
    def __await__(self) -> Iterator[None]:
        yield


@pytest.mark.parametrize(
    "function",
    [
        lambda: coroutine_function(1),
        functools.partial(lambda _: coroutine_function(), 1),
        lambda: generator_function(1),
        lambda: plain_generator_function(1),
        Awaitable,
    ],
)
def test_what_somebody_had_to_await_did_nothing(function: Any) -> None:
    with pytest.raises(NotPlainError, match="create_task"):
        call_plain(function)


async def test_task_that_a_plain_function_starts_does_its_work() -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    call_plain(lambda: asyncio.ensure_future(work()))
    await asyncio.sleep(0)
    assert done == [1]
