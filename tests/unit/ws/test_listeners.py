"""Which functions are accepted as callbacks, and what happens when one fails."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from kraken_connector.ws import KrakenWSClient
from kraken_connector.ws.base.listeners import (
    Callback,
    Listeners,
    NotPlainError,
    check_plain_function,
    check_result,
)
from kraken_connector.ws.delivery.sinks import CallbackSink
from kraken_connector.ws.network.connection import ConnectionOptions


async def coroutine_function(*_: Any) -> None:
    """Never awaited."""


async def generator_function(*_: Any) -> AsyncIterator[int]:
    yield 1


def plain_generator_function(*_: Any) -> Iterator[int]:
    yield 1


class Asynchronous:
    async def __call__(self, *_: Any) -> None:
        """Never awaited."""

    async def method(self, *_: Any) -> None:
        """Never awaited."""


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
def test_plain_functions_are_accepted(function: object) -> None:
    check_plain_function("on_late", function)


def test_each_is_called_whatever_the_others_do(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []
    listeners = Listeners()
    for listener in (lambda _: 1 / 0, seen.append, seen.append):
        listeners.add("on_change", listener)
    listeners.call(7)
    assert seen == [7, 7]
    assert "a callback failed" in caplog.text


def test_ending_one_of_two_equal_listeners_leaves_the_other() -> None:
    seen: list[int] = []
    listeners = Listeners()
    end = listeners.add("on_change", seen.append)
    end_other = listeners.add("on_change", seen.append)
    end()
    end()
    listeners.call(7)
    assert seen == [7]
    assert listeners
    end_other()
    assert not listeners


def test_listener_may_end_itself() -> None:
    seen: list[int] = []
    listeners = Listeners()

    def once(value: int) -> None:
        seen.append(value)
        end()

    end = listeners.add("on_change", once)
    listeners.add("on_change", seen.append)
    listeners.call(1)
    listeners.call(2)
    assert seen == [1, 1, 2]


def test_coroutine_that_a_plain_function_returns_is_closed_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Warnings are errors here: one of a coroutine that was never awaited would fail the test."""
    listeners = Listeners()
    listeners.add("on_change", lambda value: coroutine_function(value, value))
    for _ in range(3):
        listeners.call(7)
    (record,) = caplog.records
    assert record.exc_info is None
    assert "on_change: " in record.message
    assert "returned a coroutine" in record.message
    assert "create_task" in record.message


@pytest.mark.parametrize(
    ("function", "errors"),
    [(Plain(), 0), (lambda _: coroutine_function(), 2), (lambda _: 1 / 0, 2)],
)
def test_each_failed_call_is_reported(function: Any, errors: int) -> None:
    seen: list[int] = []
    callback = Callback("on_late", function, lambda: seen.append(1))
    callback.call(1)
    callback.call(1)
    assert len(seen) == errors
    callback.call_each([1, 1, 1])
    assert len(seen) == errors * 5 // 2


def entry_points() -> dict[str, Callable[[Any], object]]:
    """Return all parameters of a client that accept a plain function."""
    client = KrakenWSClient()
    return {
        "on_message": lambda function: KrakenWSClient(on_message=function),
        "retryable": lambda function: KrakenWSClient(retryable=function),
        "orders.on_change": client.orders.on_change,
        "orders.on_progress": client.orders.on_progress,
        "orders.on_fill": client.orders.on_fill,
        "positions.on_change": client.positions.on_change,
        "positions.mine.on_change": client.positions.mine.on_change,
        "balances.on_change": client.balances.on_change,
        "rate_counter.on_level": lambda function: client.rate_counter.on_level(0.5, function),
        "on_late": lambda function: client.dead_mans_switch(60, on_late=function),
        "callback": lambda function: CallbackSink(function, lambda: None),
    }


@pytest.mark.parametrize("entry", entry_points())
@pytest.mark.parametrize("function", [7, coroutine_function, Asynchronous(), generator_function])
def test_every_parameter_refuses_what_is_no_plain_function(entry: str, function: object) -> None:
    with pytest.raises(TypeError, match=r"must be (callable|a plain function)"):
        entry_points()[entry](function)


def test_retryable_that_returns_a_coroutine_says_neither_yes_nor_no() -> None:
    options = ConnectionOptions(retryable=lambda error: coroutine_function(error, 1))  # type: ignore[arg-type,return-value]
    with pytest.raises(NotPlainError, match=r"retryable: .* returned a coroutine"):
        options.may_retry(OSError())


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
def test_result_that_needs_an_await_is_an_error(function: Any) -> None:
    with pytest.raises(NotPlainError, match="create_task"):
        check_result("on_late", function, function())


async def test_task_that_a_plain_function_starts_does_its_work() -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    Callback("on_late", lambda: asyncio.ensure_future(work())).call()
    await asyncio.sleep(0)
    assert done == [1]
