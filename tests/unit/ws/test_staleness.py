"""Streams that bring no messages while their connection works."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.unit.ws.rig import SECOND, Bench, RecordingSink, book, executions, trade

from kraken_connector._backend import Engine
from kraken_connector.models import StreamStaleEvent
from kraken_connector.ws.protocol.merge import Merge
from kraken_connector.ws.protocol.registry import SubscribeCall, Topic
from kraken_connector.ws.subscribe import (
    BookParams,
    ExecutionsParams,
    InstrumentParams,
    OHLCParams,
    SubscriptionParams,
    TickerParams,
    TradeParams,
)

BTC, ETH = "BTC/USD", "ETH/USD"


def bench_of(stale_after: float | None = None, **options: Any) -> Bench:
    """Return a session in which nothing but a silence has a deadline."""
    quiet = {"ping_interval": 1e6, "heartbeat_timeout": 1e6}
    return Bench(**quiet, **options, stale_after=stale_after).open()


def subscribe(bench: Bench, params: SubscriptionParams, stale_after: float | None = None) -> None:
    call = SubscribeCall(params, stale_after)
    bench.session.subscribe(params, bench.outlet, bench.now, call)
    bench.accept_all()


def silences(bench: Bench) -> list[StreamStaleEvent]:
    return [event for event in bench.outlet.events if isinstance(event, StreamStaleEvent)]


def candle(symbol: str, interval: int) -> dict[str, Any]:
    return {"channel": "ohlc", "type": "update", "data": [{"symbol": symbol, "interval": interval}]}


def summary(bench: Bench) -> dict[str, Any]:
    return bench.session.staleness.summary(int(bench.now * SECOND))


def test_silence_is_reported_once_and_ends_with_the_next_message() -> None:
    bench = bench_of(stale_after=20)
    bench.subscribed(TradeParams(symbol=[BTC]))
    bench.say(trade(BTC))
    last_ns = bench.session.last_received_ns
    bench.wait(20)
    assert silences(bench) == []
    assert not summary(bench)[f"trade {BTC}"]["is_stale"]
    bench.wait(1.1)
    (silence,) = silences(bench)
    assert (silence.channel, silence.symbol, silence.last_ns) == ("trade", BTC, last_ns)
    assert silence.seconds == pytest.approx(20, abs=0.6)
    assert silence.connection == bench.session.name
    assert summary(bench) == {f"trade {BTC}": {"age": pytest.approx(21.1), "is_stale": True}}
    bench.wait(100)
    assert len(silences(bench)) == 1
    bench.say(trade(BTC))
    assert summary(bench) == {f"trade {BTC}": {"age": 0.0, "is_stale": False}}
    bench.wait(100)
    assert len(silences(bench)) == 2
    assert bench.sent() == []


@pytest.mark.parametrize(
    ("params", "of_one", "of_other"),
    [
        (TradeParams(symbol=[BTC, ETH]), trade(BTC), trade(ETH)),
        (TickerParams(symbol=[BTC, ETH], snapshot=False), *(
            {"channel": "ticker", "type": "update", "data": [{"symbol": symbol}]}
            for symbol in (BTC, ETH)
        )),
        (OHLCParams(symbol=[BTC, ETH], interval=5, snapshot=False), candle(BTC, 5), candle(ETH, 5)),
    ],
)  # fmt: skip
def test_one_symbol_is_silent_while_others_move(params: Any, of_one: Any, of_other: Any) -> None:
    bench = bench_of(stale_after=3)
    bench.subscribed(params)
    bench.say(of_one, of_other)
    for _ in range(10):
        bench.wait(1)
        bench.say(of_other)
    (silence,) = silences(bench)
    assert silence.symbol == BTC


def test_book_that_stops_while_others_move_is_reported_and_stays_valid() -> None:
    bench = bench_of(stale_after=3)
    bench.subscribed(BookParams(symbol=[BTC, ETH]))
    bench.say(book(BTC), book(ETH))
    begun_ns = bench.session.last_received_ns
    for number in range(10):
        bench.wait(1)
        bench.say(book(ETH, "update", f"{2 + number}.00"))
    (silence,) = silences(bench)
    assert (silence.channel, silence.symbol, silence.last_ns) == ("book", BTC, begun_ns)
    assert bench.session.engine.book(BTC).is_valid
    assert bench.sent() == []
    ages = {name: entry["age"] for name, entry in summary(bench).items()}
    assert ages == {f"book {BTC}": pytest.approx(10), f"book {ETH}": 0}


def test_candles_of_two_lengths_have_a_clock_each() -> None:
    bench = bench_of(stale_after=3)
    for interval in (1, 5):
        bench.subscribed(OHLCParams(symbol=[BTC], interval=interval, snapshot=False))
    bench.say(candle(BTC, 1), candle(BTC, 5))
    for _ in range(5):
        bench.wait(1)
        bench.say(candle(BTC, 1))
    assert [silence.interval for silence in silences(bench)] == [5]
    assert set(summary(bench)) == {f"ohlc {BTC} 1", f"ohlc {BTC} 5"}


@pytest.mark.parametrize("params", [TradeParams(symbol=[BTC]), BookParams(symbol=[BTC])])
def test_nothing_is_reported_by_default(params: Any) -> None:
    bench = bench_of()
    bench.subscribed(params)
    bench.say(book(BTC), trade(BTC))
    bench.wait(100_000)
    assert silences(bench) == []
    assert bench.session.staleness.deadline(bench.now) == math.inf


def test_age_is_unknown_before_the_first_message_and_after_a_loss() -> None:
    bench = bench_of(stale_after=3)
    subscribe(bench, TradeParams(symbol=[BTC]))
    bench.subscribed(InstrumentParams(snapshot=False))
    assert [entry["age"] for entry in summary(bench).values()] == [None, None]
    bench.wait(4)
    bench.say(trade(BTC), {"channel": "instrument", "type": "update", "data": {}})
    assert [entry["age"] for entry in summary(bench).values()] == [0, 0]
    bench.lose()
    assert [entry["age"] for entry in summary(bench).values()] == [None, None]
    assert not any(entry["is_stale"] for entry in summary(bench).values())


def test_stream_that_brings_nothing_at_all_is_reported_from_its_answer_on() -> None:
    bench = bench_of(stale_after=20)
    bench.subscribe(TradeParams(symbol=[BTC]))
    bench.wait(9)
    bench.accept_all()
    bench.wait(20)
    assert silences(bench) == []
    bench.wait(1.1)
    (silence,) = silences(bench)
    assert silence.last_ns is None


def test_first_message_that_is_overdue_and_a_bound_are_reported_once() -> None:
    bench = bench_of(stale_after=5, request_timeout=10)
    bench.subscribed(TradeParams(symbol=[BTC], snapshot=True))
    bench.wait(60)
    assert len(silences(bench)) == 1


def test_subscription_has_a_bound_of_its_own() -> None:
    bench = bench_of(stale_after=50)
    subscribe(bench, TradeParams(symbol=[BTC]), 5)
    subscribe(bench, BookParams(symbol=[BTC]), math.inf)
    subscribe(bench, TradeParams(symbol=[ETH]))
    bench.say(trade(BTC), trade(ETH), book(BTC))
    bench.wait(40)
    assert [silence.symbol for silence in silences(bench)] == [BTC]
    bench.wait(40)
    assert [silence.symbol for silence in silences(bench)] == [BTC, ETH]


def test_shorter_of_two_bounds_counts_as_long_as_it_is_wanted() -> None:
    bench = bench_of()
    subscribe(bench, TradeParams(symbol=[BTC]), 5)
    subscribe(bench, TradeParams(symbol=[BTC, ETH]), 50)
    bench.say(trade(BTC))
    bench.wait(20)
    assert [silence.symbol for silence in silences(bench)] == [BTC]
    bench.session.unsubscribe(TradeParams(symbol=[BTC]), bench.now)
    bench.accept_all()
    bench.say(trade(BTC))
    bench.wait(20)
    assert len(silences(bench)) == 1


def test_bound_of_the_client_is_for_market_data_and_not_for_accounts() -> None:
    bench = bench_of(stale_after=5)
    bench.subscribed(ExecutionsParams(token="t"))
    bench.subscribed(InstrumentParams())
    bench.say(
        executions(1, "snapshot"),
        {"channel": "instrument", "type": "snapshot", "data": {"assets": [], "pairs": []}},
    )
    bench.wait(1000)
    assert silences(bench) == []
    subscribe(bench, ExecutionsParams(token="t"), 5)
    bench.wait(7)
    assert [silence.channel for silence in silences(bench)] == ["executions"]


def test_time_in_which_nothing_was_read_is_no_silence() -> None:
    bench = bench_of(stale_after=5)
    bench.subscribed(TradeParams(symbol=[BTC]))
    bench.say(trade(BTC))
    bench.wait(1)
    bench.session.pause()
    bench.wait(60)
    bench.session.resume(bench.now)
    bench.wait(4)
    assert silences(bench) == []
    bench.wait(3)
    assert len(silences(bench)) == 1


def test_bound_takes_effect_on_a_stream_that_flows_already() -> None:
    bench = bench_of()
    subscribe(bench, TradeParams(symbol=[BTC]))
    bench.say(trade(BTC))
    bench.wait(100)
    subscribe(bench, TradeParams(symbol=[BTC]), 5)
    bench.wait(7)
    assert len(silences(bench)) == 1


def test_event_goes_where_the_messages_go() -> None:
    bench = bench_of(stale_after=5)
    sink = RecordingSink()
    bench.subscribed(TradeParams(symbol=[BTC]), sink)
    bench.wait(7)
    assert [type(event) for event in sink.events] == [StreamStaleEvent]
    assert bench.outlet.events == []


def test_unsubscribed_stream_is_forgotten() -> None:
    bench = bench_of(stale_after=5)
    bench.subscribed(TradeParams(symbol=[BTC]))
    bench.session.unsubscribe(TradeParams(symbol=[BTC]), bench.now)
    bench.accept_all()
    bench.wait(100)
    assert silences(bench) == []
    assert summary(bench) == {}
    for _ in range(2):
        bench.subscribed(TradeParams(symbol=[BTC]))
        bench.wait(10)
        bench.session.unsubscribe(TradeParams(symbol=[BTC]), bench.now)
        bench.accept_all()
    assert len(silences(bench)) == 2
    assert bench.session.staleness.last_ns(Topic("trade", None, BTC)) is None


def test_redundant_book_is_silent_when_neither_connection_brings_it() -> None:
    merge = Merge("ws://exchange.test/v2", lambda _: None)
    merge.expect(BTC, 10)
    one, two = (merge.add_source(Engine().book) for _ in range(2))
    frame = book(BTC).encode()
    (message,) = merge.engine.feed(frame, 7)
    assert message is not None
    # The other connection brought something later.
    assert not one.on_silent(BTC, 5)
    assert one.on_silent(BTC, 8)
    assert not two.on_silent(BTC, 7)
    merge.engine.feed(book(BTC, "update", "2.00").encode(), 9)
    assert two.on_silent(BTC, 9)
    assert not one.on_silent("XRP/USD", 9)
