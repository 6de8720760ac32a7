"""Where events go."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from kraken_connector.models import BookCrossedEvent
from kraken_connector.ws.delivery import queues as inbox_module
from kraken_connector.ws.delivery.queues import Inbox, StoppingQueue
from kraken_connector.ws.delivery.sinks import CallbackSink, ClientOutlet, Places


@pytest.fixture
def inbox() -> Inbox:
    made = Inbox(bound=2, private_bound=2, on_gap=lambda _: None)
    made.open()
    return made


class Stops:
    """Remembers which lanes asked for what."""

    def __init__(self) -> None:
        self.blocked: list[StoppingQueue] = []
        self.given_up: list[StoppingQueue] = []
        self.refreshed: list[str] = []


@pytest.fixture
def stops() -> Stops:
    return Stops()


@pytest.fixture
def places(inbox: Inbox, stops: Stops) -> Places:
    return Places(inbox, stops.blocked.append, stops.given_up.append, stops.refreshed.append)


def test_every_policy_has_its_lane(inbox: Inbox, places: Places) -> None:
    lanes = {
        "drop_oldest": inbox.dropping,
        "conflate": inbox.conflating,
        "block": inbox.blocking,
        "disconnect": inbox.disconnecting,
    }
    for overflow, lane in lanes.items():
        places.of("ticker", overflow).put("event")
        assert len(lane) == 1
        assert places.of("ticker", overflow) is places.of("book", overflow)


def test_full_lane_stops_its_connection(inbox: Inbox, places: Places, stops: Stops) -> None:
    for number in range(2):
        assert stops.blocked == []
        places.of("ticker", "block").put(number)
    places.settle()
    assert stops.blocked == [inbox.blocking]


def test_lane_whose_consumer_is_too_slow_ends_its_connection(
    inbox: Inbox, places: Places, stops: Stops, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = places.of("ticker", "disconnect")
    for number in range(3):
        sink.put(BookCrossedEvent("BTC/USD", 1, 1, received_ns=number))  # type: ignore[arg-type]
    places.settle()
    assert stops.given_up == []
    monkeypatch.setattr(inbox_module, "PATIENCE", 0.0)
    places.settle()
    assert stops.given_up == [inbox.disconnecting]


def test_lane_that_another_connection_fills_stops_only_those_who_use_it(
    inbox: Inbox, places: Places, stops: Stops
) -> None:
    inbox.blocking.put(1)
    inbox.blocking.put(2)
    places.settle()
    assert stops.blocked == []
    places.of("ticker", "block")
    places.settle()
    assert stops.blocked == [inbox.blocking]


def test_private_messages_and_notes_about_them_stay_in_order(
    inbox: Inbox, places: Places, stops: Stops
) -> None:
    sink = places.of("executions", "drop_oldest")
    assert places.of("executions", "disconnect") is sink
    sink.note("gap")
    sink.put("message")
    assert list(inbox.private.items) == ["gap", "message"]
    sink.put("lost")
    sink.note("told elsewhere")
    assert list(inbox.private.items) == ["gap", "message"]
    assert list(inbox.notes.items) == ["told elsewhere"]
    assert stops.given_up == stops.blocked == stops.refreshed == []
    assert inbox.pop() == "gap"
    assert stops.refreshed == ["executions"]


@pytest.mark.parametrize("overflow", ["conflate", "block"])
def test_private_messages_are_neither_conflated_nor_blocked(places: Places, overflow: str) -> None:
    with pytest.raises(ValueError, match="private"):
        places.of("executions", overflow)


def test_unknown_policy_is_refused(places: Places) -> None:
    with pytest.raises(ValueError, match="drop_oldest, conflate, block, disconnect"):
        places.of("ticker", "spill")


def test_callback_is_called_and_its_exceptions_are_kept_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[Any] = []
    errors: list[int] = []

    def take(event: object) -> None:
        seen.append(event)
        raise LookupError("oops")

    sink = CallbackSink(take, lambda: errors.append(1))
    with caplog.at_level(logging.ERROR):
        sink.put("event")
        sink.note("note")
    assert seen == ["event", "note"]
    assert errors == [1, 1]
    assert "oops" in caplog.text


def test_callback_must_be_a_plain_function() -> None:
    async def coroutine(_: object) -> None:
        """Nobody would await it."""

    with pytest.raises(TypeError, match="plain function"):
        CallbackSink(coroutine, lambda: None)
    with pytest.raises(TypeError, match="callable"):
        CallbackSink("print", lambda: None)  # type: ignore[arg-type]


def test_outlet_with_a_callback_leaves_the_inbox_alone(inbox: Inbox) -> None:
    seen: list[Any] = []
    outlet = ClientOutlet(
        inbox,
        on_gap=lambda _: None,
        settle=lambda: None,
        callback=CallbackSink(seen.append, lambda: None),
    )
    for take in (outlet.put, outlet.note, outlet.reply):
        take("event")
    assert seen == ["event"] * 3
    assert len(inbox) == 0


def test_cancelled_future_asked_by_a_callback_is_its_mistake_alone() -> None:
    failures: list[str] = []

    def ask_cancelled_future(_: object) -> None:
        raise asyncio.CancelledError

    CallbackSink(ask_cancelled_future, lambda: failures.append("counted")).put("event")
    assert failures == ["counted"]


def test_callback_that_returns_coroutines_is_logged_once_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handle(*_: object) -> None:
        """Nobody awaits this."""

    errors: list[int] = []
    sink = CallbackSink(lambda message: handle(message, 1), lambda: errors.append(1))
    for _ in range(3):
        sink.put("event")
    assert errors == [1, 1, 1]
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "create_task" in caplog.text
