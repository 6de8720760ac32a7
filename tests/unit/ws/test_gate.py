"""A session whose books pass a gate on their way to subscribers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pytest
from tests.unit.ws.rig import Bench, RecordingSink, book, trade

from kraken_connector import WSDataMessage
from kraken_connector.ws.protocol import merge
from kraken_connector.ws.protocol.merge import Lead
from kraken_connector.ws.protocol.registry import SubscribeCall, Topic, entries_of
from kraken_connector.ws.subscribe import BookParams, TradeParams

BTC = "BTC/USD"


class Gate(merge.Gate):
    """A gate under the control of a test; it records its calls."""

    def __init__(self) -> None:
        self.is_open = True
        self.is_last = False
        self.is_behind = False
        self.leads: dict[str, Any] = {}
        self.kept: list[Any] = []
        self.due = math.inf
        self.events: list[tuple[Any, ...]] = []

    def admit(self, message: WSDataMessage) -> Iterable[Any]:
        return (message,) if self.is_open else ()

    def on_invalid(self, symbol: str, since_ns: int) -> bool:
        self.events.append(("invalid", symbol))
        return self.is_last

    def on_quarantined(self, symbol: str) -> bool:
        self.events.append(("quarantined", symbol))
        return self.is_last

    def connection_lost(self, since_ns: int, cause: str) -> None:
        self.events.append(("lost", cause))

    def on_silent(self, symbol: str, last_ns: int | None) -> bool:
        self.events.append(("silent", symbol))
        return self.is_last

    def has_newer(self, symbol: str, last_ns: int) -> bool:
        return self.is_behind

    def deadline(self) -> float:
        return self.due

    def overdue(self) -> Iterable[Any]:
        kept, self.kept, self.due = self.kept, [], math.inf
        return kept


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def bench(gate: Gate) -> Bench:
    return Bench(gate=gate, resync_attempts=1).open()


def kinds(events: list[Any]) -> list[str]:
    return [type(event).__name__ for event in events]


def mismatch(bench: Bench) -> RecordingSink:
    """Let a book fail its checksum, and return the sink of its subscription."""
    sink = RecordingSink()
    bench.subscribed(BookParams(symbol=[BTC]), sink)
    bench.say(book(BTC), book(BTC, "update", wrong=True))
    return sink


def test_closed_gate_keeps_books_back_and_nothing_else(bench: Bench, gate: Gate) -> None:
    sink = RecordingSink()
    bench.subscribed(BookParams(symbol=[BTC]), sink)
    bench.subscribed(TradeParams(symbol=[BTC]), sink)
    bench.say(book(BTC))
    gate.is_open = False
    bench.say(book(BTC, "update", "2.00"), trade(BTC))
    assert [(message.channel, message.type) for message in sink.data] == [
        ("book", "snapshot"),
        ("trade", "update"),
    ]
    assert bench.session.engine.book(BTC).best_bid[1] == 2  # type: ignore[index]


@pytest.mark.parametrize("is_last", [False, True])
def test_mismatch_is_reported_when_no_other_connection_has_the_book(
    bench: Bench, gate: Gate, is_last: bool
) -> None:
    gate.is_last = is_last
    sink = mismatch(bench)
    assert gate.events == [("invalid", BTC)]
    assert kinds(sink.events) == ["BookChecksumEvent"] * is_last
    # It is resynced in any case, and this session does not report the gap.
    bench.accept_resync()
    bench.say(book(BTC))
    assert bench.session.engine.book(BTC).is_valid
    assert bench.outlet.gaps == []


@pytest.mark.parametrize("is_last", [False, True])
def test_quarantine_is_reported_when_no_other_connection_has_the_book(
    bench: Bench, gate: Gate, is_last: bool
) -> None:
    gate.is_last = is_last
    sink = mismatch(bench)
    bench.accept_resync()
    bench.say(book(BTC, wrong=True))
    assert ("quarantined", BTC) in gate.events
    assert ("BookQuarantinedEvent" in kinds(sink.events)) == is_last


def test_gap_of_books_is_left_to_the_gate(bench: Bench, gate: Gate) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.subscribed(TradeParams(symbol=["ETH/USD"]))
    bench.lose()
    assert gate.events == [("lost", "disconnect")]
    bench.open()
    bench.accept_all()
    (gap,) = bench.outlet.gaps
    assert (gap.channels, gap.symbols) == (["trade"], ["ETH/USD"])


def test_resync_that_a_user_requests_makes_the_book_invalid(bench: Bench, gate: Gate) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC))
    bench.session.resync(BTC, bench.now)
    assert gate.events == [("invalid", BTC)]


def test_book_that_another_source_has_stays_subscribed_after_a_failed_request(bench: Bench) -> None:
    params, sink = BookParams(symbol=[BTC]), RecordingSink()
    bench.subscribe(params, sink)
    bench.lose()
    assert entries_of([bench.session.registry]) == {}
    bench.session.requests.hold(params, sink, bench.now, SubscribeCall(params))
    bench.reconnect()
    (request,) = bench.sent()
    assert request["params"]["symbol"] == [BTC]


def test_what_a_gate_kept_back_is_delivered_when_its_time_has_come(
    bench: Bench, gate: Gate
) -> None:
    sink = RecordingSink()
    bench.subscribed(BookParams(symbol=[BTC]), sink)
    gate.is_open = False
    (kept,) = bench.session.engine.feed(book(BTC).encode(), 1)
    gate.kept, gate.leads, gate.due = [kept], {BTC: Lead(0, 0)}, bench.now + 5
    bench.session.attention = False
    bench.say(book(BTC, "update", "2.00"))
    assert bench.session.attention, "overdue() would not be called in time"
    bench.wait(4.9)
    assert sink.data == []
    bench.wait(0.2)
    assert sink.data == [kept]


@pytest.fixture
def silent(gate: Gate) -> Bench:
    """A session whose book must bring something every five seconds."""
    bench = Bench(gate=gate, stale_after=5, heartbeat_timeout=1e6, ping_interval=1e6).open()
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC))
    return bench


@pytest.mark.parametrize("is_last", [False, True])
def test_silence_of_a_book_is_reported_if_the_other_connection_is_silent_too(
    silent: Bench, gate: Gate, is_last: bool
) -> None:
    gate.is_last = is_last
    silent.wait(7)
    assert ("StreamStaleEvent" in kinds(silent.outlet.events)) == is_last
    assert gate.events == [("silent", BTC)]


def test_silent_book_that_the_other_connection_brings_is_subscribed_to_again(
    silent: Bench, gate: Gate
) -> None:
    silent.wait(7)
    for is_behind, seconds in ((True, 3), (False, 1), (True, 4)):
        gate.is_behind = is_behind
        silent.wait(seconds)
    assert silent.session.resyncs.count == 0
    silent.wait(2)
    assert silent.session.resyncs.is_under_way(Topic("book", None, BTC))
    assert ("invalid", BTC) in gate.events
    assert "StreamStaleEvent" not in kinds(silent.outlet.events)


def test_late_answer_to_an_unsubscribe_removes_the_book_from_the_gate(
    bench: Bench, gate: Gate
) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC))
    result = {"channel": "book", "symbol": BTC, "depth": 10}
    bench.say({"method": "unsubscribe", "req_id": 1, "success": True, "result": result})
    assert not bench.session.engine.book(BTC).is_valid
    assert gate.events == [("invalid", BTC)]
