"""Messages and events reach the right queue or callback."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from kraken_connector.models import BookCrossedEvent
from kraken_connector.ws.delivery import queues as inbox_module
from kraken_connector.ws.delivery.queues import Inbox, StoppingQueue
from kraken_connector.ws.delivery.sinks import CallbackSink, ClientOutlet, Sinks


@pytest.fixture
def inbox() -> Inbox:
    made = Inbox(bound=2, private_bound=2, on_gap=lambda _: None)
    made.open()
    return made


class Stops:
    """Records what was stopped."""

    def __init__(self) -> None:
        self.blocked: list[StoppingQueue] = []
        self.given_up: list[StoppingQueue] = []
        self.refreshed: list[str] = []


@pytest.fixture
def stops() -> Stops:
    return Stops()


@pytest.fixture
def sinks(inbox: Inbox, stops: Stops) -> Sinks:
    return Sinks(inbox, stops.blocked.append, stops.given_up.append, stops.refreshed.append)


def test_every_policy_has_its_queue(inbox: Inbox, sinks: Sinks) -> None:
    queues = {
        "drop_oldest": inbox.dropping,
        "conflate": inbox.conflating,
        "block": inbox.blocking,
        "disconnect": inbox.disconnecting,
    }
    for overflow, queue in queues.items():
        sinks.for_channel("ticker", overflow).put("event")
        assert len(queue) == 1
        assert sinks.for_channel("ticker", overflow) is sinks.for_channel("book", overflow)


def test_full_queue_stops_its_connection(inbox: Inbox, sinks: Sinks, stops: Stops) -> None:
    for number in range(2):
        assert stops.blocked == []
        sinks.for_channel("ticker", "block").put(number)
    sinks.settle()
    assert stops.blocked == [inbox.blocking]


def test_queue_whose_consumer_is_too_slow_ends_its_connection(
    inbox: Inbox, sinks: Sinks, stops: Stops, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = sinks.for_channel("ticker", "disconnect")
    for number in range(3):
        sink.put(BookCrossedEvent("BTC/USD", 1, 1, received_ns=number))  # type: ignore[arg-type]
    sinks.settle()
    assert stops.given_up == []
    monkeypatch.setattr(inbox_module, "PATIENCE", 0.0)
    sinks.settle()
    assert stops.given_up == [inbox.disconnecting]


def test_queue_that_another_connection_fills_stops_only_its_users(
    inbox: Inbox, sinks: Sinks, stops: Stops
) -> None:
    inbox.blocking.put(1)
    inbox.blocking.put(2)
    sinks.settle()
    assert stops.blocked == []
    sinks.for_channel("ticker", "block")
    sinks.settle()
    assert stops.blocked == [inbox.blocking]


def test_private_messages_and_events_about_them_stay_in_order(
    inbox: Inbox, sinks: Sinks, stops: Stops
) -> None:
    sink = sinks.for_channel("executions", "drop_oldest")
    assert sinks.for_channel("executions", "disconnect") is sink
    sink.put_event("gap")
    sink.put("message")
    assert list(inbox.private.items) == ["gap", "message"]
    sink.put("lost")
    sink.put_event("from elsewhere")
    assert list(inbox.private.items) == ["gap", "message"]
    assert list(inbox.notes.items) == ["from elsewhere"]
    assert stops.given_up == stops.blocked == stops.refreshed == []
    assert inbox.pop() == "gap"
    assert stops.refreshed == ["executions"]


@pytest.mark.parametrize("overflow", ["conflate", "block"])
def test_private_messages_are_neither_conflated_nor_blocked(sinks: Sinks, overflow: str) -> None:
    with pytest.raises(ValueError, match="private"):
        sinks.for_channel("executions", overflow)


def test_unknown_policy_is_refused(sinks: Sinks) -> None:
    with pytest.raises(ValueError, match="drop_oldest, conflate, block, disconnect"):
        sinks.for_channel("ticker", "spill")


def test_callback_is_called_and_its_exceptions_are_kept_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[Any] = []
    errors: list[int] = []

    def receive(event: object) -> None:
        seen.append(event)
        raise LookupError("oops")

    sink = CallbackSink(receive, lambda: errors.append(1))
    with caplog.at_level(logging.ERROR):
        sink.put("event")
        sink.put_event("note")
        assert sink.put_all is not None
        sink.put_all(["one", "other"])
    assert seen == ["event", "note", "one", "other"]
    assert errors == [1, 1, 1, 1]
    assert "oops" in caplog.text


def test_outlet_with_a_callback_leaves_the_inbox_alone(inbox: Inbox) -> None:
    seen: list[Any] = []
    outlet = ClientOutlet(
        inbox,
        on_gap=lambda _: None,
        settle=lambda: None,
        callback=CallbackSink(seen.append, lambda: None),
    )
    for receive in (outlet.put, outlet.put_event, outlet.reply):
        receive("event")
    assert seen == ["event"] * 3
    assert len(inbox) == 0


def test_cancelled_future_in_a_callback_is_its_error_alone() -> None:
    failures: list[str] = []

    def raise_cancelled(_: object) -> None:
        raise asyncio.CancelledError

    sink = CallbackSink(raise_cancelled, lambda: failures.append("counted"))
    sink.put("event")
    assert sink.put_all is not None
    sink.put_all(["event"])
    assert failures == ["counted"] * 2
