"""The protocol of one connection, without sockets and with a clock that a test moves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.ws.rig import (
    SECOND,
    TIMES,
    URL,
    Bench,
    RecordingSink,
    acks,
    book,
    executions,
    refusal,
    status,
    trade,
)

from kraken_connector.exceptions import ConnectionLost, HeartbeatTimeout
from kraken_connector.models import InvalidFrameEvent, WSRequest
from kraken_connector.models.timestamps import timestamp_ns
from kraken_connector.ws.base.followers import Follower
from kraken_connector.ws.protocol.request_queue import FIRST_REQ_ID
from kraken_connector.ws.subscribe import (
    BookParams,
    ExecutionsParams,
    InstrumentParams,
    OHLCParams,
    TickerParams,
    TradeParams,
)

BTC = "BTC/USD"
ETH = "ETH/USD"


def test_ping_is_sent_without_params_and_must_be_answered(bench: Bench) -> None:
    bench.wait(10)
    (ping,) = bench.sent()
    assert ping.keys() == {"method", "req_id"}
    bench.now += 0.25
    bench.say({"method": "pong", "req_id": ping["req_id"]})
    assert bench.session.keepalive.latency == pytest.approx(0.25)
    assert bench.outlet.data == []


def test_missing_pong_ends_the_connection_though_data_flows() -> None:
    bench = Bench(ping_interval=10, ping_timeout=5, heartbeat_timeout=100).open()
    bench.wait(14.9)
    bench.say({"channel": "heartbeat"})
    assert bench.session.failure is None
    bench.wait(0.2)
    assert isinstance(bench.session.failure, ConnectionLost)
    assert "pong" in str(bench.session.failure)


def test_refused_ping_counts_as_its_pong() -> None:
    bench = Bench(ping_interval=10, ping_timeout=5, heartbeat_timeout=100).open()
    bench.wait(10)
    bench.say(refusal(bench.sent()[0], "Unsupported field"))
    bench.wait(9)
    assert bench.session.failure is None


def test_our_own_stall_is_not_the_exchanges_silence() -> None:
    bench = Bench(ping_interval=100, heartbeat_timeout=30).open()
    pending = bench.subscribe(TickerParams(symbol=[BTC]))
    (request,) = bench.sent()
    bench.session.deadline(bench.now)
    bench.now += 60
    bench.session.tick(bench.now)
    assert bench.session.failure is None
    bench.say(*acks(request))
    assert pending.result().symbols == [BTC]


def test_silence_while_reading_is_paused_is_our_own() -> None:
    bench = Bench(ping_interval=10, ping_timeout=5, heartbeat_timeout=30).open()
    bench.session.pause()
    bench.wait(100)
    assert bench.session.failure is None
    assert {request["method"] for request in bench.sent()} == {"ping"}
    bench.session.resume(bench.now)
    bench.wait(0.1)
    assert bench.session.failure is None


def test_gap_is_recorded_when_it_is_closed(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.subscribed(InstrumentParams())
    start = int(bench.now * SECOND)
    bench.now += 5
    bench.lose()
    bench.now += 5
    bench.open()
    assert bench.outlet.gaps == []
    bench.now += 1
    bench.accept_all()
    (gap,) = bench.outlet.gaps
    assert (gap.cause, gap.start_ns, gap.end_ns) == ("disconnect", start, start + 11 * SECOND)
    assert (gap.channels, gap.symbols) == (["book", "instrument"], [BTC])
    assert gap.connection == URL


def test_gap_names_on_which_socket_it_began(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    for _ in range(2):
        bench.reconnect()
    bench.accept_all()
    bench.reconnect()
    bench.accept_all()
    assert [gap.epoch for gap in bench.outlet.gaps] == [1, 3]
    assert bench.session.gaps.epoch == 4


def test_gap_that_is_never_closed_is_recorded_at_the_end(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    bench.lose()
    bench.session.give_up(ConnectionLost(URL, "gave up"))
    (gap,) = bench.outlet.gaps
    assert gap.end_ns is None


def test_books_cannot_be_read_across_a_reconnect_but_keep_their_identity(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC))
    held = bench.session.engine.book(BTC)
    assert held.is_valid
    bench.lose()
    assert not held.is_valid
    bench.open()
    bench.accept_all()
    bench.say(book(BTC))
    assert bench.session.engine.book(BTC) is held
    assert held.is_valid


def test_settled_means_answered(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    bench.lose()
    assert not bench.session.is_settled
    bench.open()
    assert not bench.session.is_settled
    bench.accept_all()
    assert bench.session.is_settled


def test_data_goes_to_its_subscription_and_nowhere_else(bench: Bench) -> None:
    trades, tickers = RecordingSink(), RecordingSink()
    bench.subscribed(TradeParams(symbol=[BTC]), trades)
    bench.subscribed(TradeParams(symbol=[ETH]), tickers)
    bench.say(trade(BTC), trade(ETH), trade("SOL/USD"))
    assert [message.symbol for message in trades.data] == [BTC]
    assert [message.symbol for message in tickers.data] == [ETH]
    assert [message.symbol for message in bench.outlet.data] == ["SOL/USD"]


def test_messages_of_one_read_are_delivered_in_order_and_together_if_that_is_faster(
    bench: Bench,
) -> None:
    books, log = RecordingSink(), RecordingSink()
    books.put = log.data.append
    books.put_all = lambda run: log.data.append([message.symbol for message in run])
    bench.subscribed(BookParams(symbol=[BTC, ETH]), books)
    bench.subscribed(TradeParams(symbol=[BTC]), log)
    bench.say(book(BTC), book(ETH), trade(BTC))  # the snapshots are waited for one by one
    log.data.clear()
    feed = bench.session.engine.feed
    frames = [book(BTC), book(ETH), trade(BTC), book(BTC), '{"channel":"heartbeat"}', trade(BTC)]
    texts = [frame if isinstance(frame, str) else json.dumps(frame) for frame in frames]
    events = [event for text in texts for event in feed(text.encode(), 1)]
    bench.session.handle(events, 1, bench.now)
    seen = [entry if isinstance(entry, list) else entry.channel for entry in log.data]
    assert seen == [[BTC, ETH], "trade", [BTC], "trade"]


def test_two_subscriptions_of_one_symbol_both_get_it(bench: Bench) -> None:
    one, other = RecordingSink(), RecordingSink()
    bench.subscribed(TradeParams(symbol=[BTC]), one)
    bench.subscribed(TradeParams(symbol=[BTC, ETH]), other)
    bench.say(trade(BTC))
    assert len(one.data) == len(other.data) == 1


def test_candles_of_two_lengths_are_distinguished(bench: Bench) -> None:
    short, long = RecordingSink(), RecordingSink()
    bench.subscribed(OHLCParams(symbol=[BTC], interval=1), short)
    bench.subscribed(OHLCParams(symbol=[BTC], interval=5), long)
    candle = {"symbol": BTC, "open": 1, "high": 1, "low": 1, "close": 1, "vwap": 1, "trades": 1}
    rest = {"volume": 1, "interval_begin": TIMES_BEGIN, "timestamp": TIMES_BEGIN}
    for interval in (1, 5, 5):
        item = {**candle, **rest, "interval": interval}
        bench.say({"channel": "ohlc", "type": "update", "data": [item]})
    assert (len(short.data), len(long.data)) == (1, 2)


TIMES_BEGIN = "2026-09-25T17:48:00.000000000Z"


def test_unknown_channels_are_delivered(bench: Bench) -> None:
    bench.say({"channel": "weather", "type": "update", "data": [{"sun": True}]})
    assert bench.outlet.data[0].channel == "weather"


def test_heartbeats_are_delivered_on_demand_only() -> None:
    assert Bench().open().outlet.data == []
    (heartbeat,) = Bench(deliver_heartbeats=True).open().outlet.data
    assert heartbeat.channel == "heartbeat"


def test_status_is_kept_and_delivered(bench: Bench) -> None:
    bench.say(status("online", 2**64 - 1), status("maintenance", None))
    assert bench.session.system_status == "maintenance"
    assert bench.session.connection_id == 2**64 - 1
    assert [event.channel for event in bench.outlet.events] == ["status", "status"]


def test_unreadable_frame_is_reported_and_not_fatal(bench: Bench) -> None:
    bench.say("CloudFlare WebSocket proxy restarting", trade(BTC))
    (event,) = bench.outlet.events
    assert isinstance(event, InvalidFrameEvent)
    assert bench.session.failure is None
    assert len(bench.outlet.data) == 1


def test_log_names_channel_and_field_of_an_unreadable_frame(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    item = {"asset": "BTC", "balance": [], "wallets": []}
    bench.say({"channel": "balances", "type": "snapshot", "data": [item]})
    (event,) = bench.outlet.events
    assert (event.channel, event.place) == ("balances", "data[0].balance")
    for part in ("balances", "type", "data[0].balance", '{"channel": "balances"'):
        assert part in caplog.text
    bench.say('{"channel":"balances","type":"snapshot","data":[' + "{}," * 2000 + "7]}")
    assert "in a long frame" in caplog.text


def test_unreadable_reply_shows_no_token(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(has_token_source=True).open()
    bench.session.set_token("the-secret-token", bench.now)
    bench.subscribe(ExecutionsParams())
    bench.say({"method": "subscribe", "success": "the-secret-token", "result": {}})
    (event,) = bench.outlet.events
    assert b'"success": "***"' in event.frame
    assert event.received_ns is not None
    assert "the-secret-token" not in caplog.text


@pytest.mark.parametrize("announced", [None, 7, "soon", {"at": "soon"}, ["soon"]])
def test_announcement_of_any_shape_is_one(bench: Bench, announced: Any) -> None:
    bench.say(status("online", None))
    item = {"system": "online", "upcoming_maintenance": announced, "connection_id": "x"}
    bench.say({"channel": "status", "type": "update", "data": [item]})
    wanted = announced if isinstance(announced, list) else [announced] if announced else []
    assert bench.session.upcoming_maintenance == wanted
    assert bench.session.connection_id is None


@pytest.mark.parametrize("system", [None, 5, {}, []])
def test_status_without_a_state_leaves_the_last_state(bench: Bench, system: Any) -> None:
    bench.say(status("cancel_only", 5))
    bench.say({"channel": "status", "type": "update", "data": [{"system": system}]})
    assert bench.session.system_status == "cancel_only"
    assert isinstance(bench.outlet.events[-1], InvalidFrameEvent)


JUNK: list[Any] = [
    None,
    [],
    "text",
    {},
    {"channel": None},
    {"channel": 5, "type": "update", "data": []},
    {"channel": "status", "type": "update", "data": ["online"]},
    {"channel": "status", "type": "update", "data": [{"system": 1, "connection_id": "x"}]},
    {"channel": "status", "type": "update", "data": {}},
    {"channel": "ohlc", "type": "update", "data": ["candle"]},
    {"channel": "ohlc", "type": "update", "data": []},
    {"channel": "trade", "type": "update", "data": [{"symbol": ["BTC/USD"]}]},
    {"channel": "trade", "type": "update", "data": [{"symbol": 5}]},
    {"channel": "book", "type": "update", "data": [{"symbol": {}}]},
    {"channel": "executions", "type": "update", "data": [], "sequence": "x"},
    {"method": "subscribe"},
    {"method": "subscribe", "success": False},
    {"method": "subscribe", "success": False, "error": 5, "req_id": [1]},
    {"method": "subscribe", "success": False, "error": {"a": 1}, "req_id": FIRST_REQ_ID},
    {"method": "subscribe", "success": False, "error": "no", "symbol": ["BTC/USD"]},
    {"method": "subscribe", "success": True, "result": [1], "req_id": FIRST_REQ_ID + 1},
    {"method": "subscribe", "success": True, "result": None, "req_id": {}},
    {"method": "subscribe", "success": True, "result": {"symbol": [1], "channel": []}},
    {"method": "unsubscribe", "success": True, "result": {"channel": "book", "symbol": 5}},
    {"method": "ping", "success": False},
    {"method": "pong", "req_id": "x"},
    {"method": 5},
]


@pytest.mark.parametrize("junk", JUNK, ids=json.dumps)
def test_junk_is_never_fatal(bench: Bench, junk: Any) -> None:
    bench.subscribe(OHLCParams(symbol=[BTC], interval=1), RecordingSink())
    bench.subscribe(OHLCParams(symbol=[BTC], interval=5), RecordingSink())
    bench.subscribe(TradeParams(symbol=[BTC]), RecordingSink())
    bench.subscribe(TradeParams(symbol=["SOL/USD"]), RecordingSink())
    bench.say(json.dumps(junk))
    bench.say(trade(ETH))
    assert bench.session.failure is None
    assert bench.outlet.data[-1].symbol == ETH


def test_user_request_is_sent_as_it_is_and_its_answer_delivered(bench: Bench) -> None:
    bench.session.send(WSRequest("subscribe", {"channel": "trade", "symbol": [BTC]}, req_id=7))
    (request,) = bench.sent()
    assert request["req_id"] == 7
    bench.say(*acks(request))
    assert bench.outlet.replies[0].req_id == 7


def test_what_a_user_request_brings_does_not_reach_the_callbacks_of_others(bench: Bench) -> None:
    sink = RecordingSink()
    bench.subscribed(TradeParams(symbol=[ETH]), sink)
    bench.session.send(WSRequest("subscribe", {"channel": "trade", "symbol": [BTC]}, req_id=7))
    bench.say(trade(BTC), trade(ETH))
    assert [message.symbol for message in sink.data] == [ETH]
    assert [message.symbol for message in bench.outlet.data] == [BTC]


def test_user_ping_has_no_params(bench: Bench) -> None:
    bench.session.send(WSRequest("ping", req_id=7))
    assert bench.sent() == [{"method": "ping", "req_id": 7}]


def test_second_loss_widens_the_gap_by_what_came_between(bench: Bench) -> None:
    bench.subscribed(TradeParams(symbol=[BTC]))
    bench.reconnect()
    bench.sent()
    bench.subscribe(InstrumentParams())
    (late,) = bench.sent()
    bench.say(*acks(late))
    bench.lose("again")
    bench.open()
    bench.accept_all()
    (gap,) = bench.outlet.gaps
    assert (gap.channels, gap.symbols) == (["instrument", "trade"], [BTC])


def test_resync_that_a_loss_cuts_off_is_a_gap_of_its_own(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC))
    start = int(bench.now * SECOND)
    bench.say(book(BTC, "update", "2.00", wrong=True))
    bench.now += 1
    bench.say({"channel": "heartbeat"})
    bench.reconnect()
    bench.accept_all()
    resync, loss = bench.outlet.gaps
    assert (resync.cause, resync.start_ns, resync.end_ns) == ("resync", start, start + SECOND)
    assert (loss.cause, loss.start_ns) == ("disconnect", start + SECOND)


def test_failure_that_is_set_from_outside_is_kept_by_a_tick(bench: Bench) -> None:
    reason = ConnectionLost(URL, "the consumer is too slow")
    bench.session.failure = reason
    bench.session.tick(bench.now)
    assert bench.session.failure is reason


@pytest.mark.parametrize(
    ("is_subscribed", "has_heartbeats", "is_dead"),
    [(True, False, True), (False, False, False), (True, True, False)],
)
def test_exchange_must_send_more_than_pongs_once_something_is_subscribed(
    bench: Bench, is_subscribed: bool, has_heartbeats: bool, is_dead: bool
) -> None:
    if is_subscribed:
        bench.subscribed(TradeParams(symbol=[BTC]))
    for _ in range(5 if is_dead else 20):
        bench.wait(10)
        bench.say(*({**ping, "method": "pong"} for ping in bench.sent()))
        if has_heartbeats:
            bench.say({"channel": "heartbeat"})
    assert isinstance(bench.session.failure, HeartbeatTimeout) is is_dead


@pytest.mark.parametrize(
    ("frame", "channels"),
    [
        ('{"channel":"trade","type":"update","data":[{]}', ["trade"]),
        ("Bad gateway", []),
        ("[" * 10_000, []),
    ],
)
def test_unreadable_frame_is_a_gap(bench: Bench, frame: str, channels: list[str]) -> None:
    bench.say(frame)
    (gap,) = bench.outlet.gaps
    assert (gap.cause, gap.channels, gap.dropped) == ("unreadable", channels, 1)
    assert bench.session.failure is None


def test_observer_sees_a_channel_before_its_subscriber_and_without_one() -> None:
    sink = RecordingSink()
    seen: list[int] = []
    bench = Bench(observers={"trade": lambda _: seen.append(len(sink.data))}).open()
    bench.say(trade(BTC))
    assert (seen, len(bench.outlet.data)) == ([0], 1)
    bench.subscribed(TradeParams(symbol=[BTC]), sink)
    bench.say(trade(BTC), trade(BTC))
    assert (seen, len(sink.data)) == ([0, 0, 1], 2)


def test_session_begins_with_a_ping_that_teaches_the_exchanges_clock() -> None:
    bench = Bench()
    exchange = bench.session._exchange
    bench.session.connection_made(bench.now)
    (ping,) = bench.sent()
    assert ping["method"] == "ping"
    assert exchange.estimate_ns(bench.now) is None
    bench.now += 0.5
    bench.say({"method": "pong", "req_id": ping["req_id"], **TIMES})
    stamp_ns = timestamp_ns(TIMES["time_in"])
    assert stamp_ns is not None
    # It was received in this half of a second, so the estimate is off by a quarter at most.
    known_ns = exchange.estimate_ns(bench.now)
    assert known_ns is not None
    assert abs(known_ns - stamp_ns - SECOND // 4) < SECOND // 100
    # The times of other replies are used too; unreadable ones are ignored.
    bench.say({"method": "pong", "req_id": 5, "time_in": "I", "time_out": "O"}, {"method": "pong"})
    pending = bench.subscribe(TickerParams(symbol=[BTC]))
    bench.say(*acks(bench.sent()[0]))
    assert pending.done
    assert exchange.estimate_ns(bench.now) == known_ns


# Bookkeeping that fails.


class Clumsy(Follower):
    """A follower that fails at every call but when it sees every other sequence.

    Args:
        seen_from: the first one that it sees.
    """

    def __init__(self, seen_from: int = 2) -> None:
        self.seen: list[int] = []
        self._parity = seen_from % 2

    def observe(self, message: Any) -> None:
        if message.sequence % 2 != self._parity:
            raise LookupError("another number")
        self.seen.append(message.sequence)

    def __getattribute__(self, name: str) -> Any:
        if name in ("observe", "seen", "_parity", "__class__"):
            return object.__getattribute__(self, name)

        def fail(*_: Any) -> Any:
            raise LookupError(name)

        return fail


def test_message_that_cannot_be_processed_costs_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    follower, sink = Clumsy(seen_from=1), RecordingSink()
    bench = Bench(followers={"executions": [follower]}, request_timeout=1).open()
    bench.subscribed(ExecutionsParams(token="t"), sink)
    frames = [executions(1, "snapshot"), executions(2), executions(3)]
    bench.session.handle(
        [
            event
            for frame in frames
            for event in bench.session.engine.feed(json.dumps(frame).encode())
        ],
        int(bench.now * SECOND),
        bench.now,
    )
    assert follower.seen == [message.sequence for message in sink.data] == [1, 3]
    (event,) = bench.outlet.events
    assert isinstance(event, InvalidFrameEvent)
    assert (json.loads(event.frame), event.channel) == (frames[1], "executions")
    assert "could not be processed" in caplog.text
    assert not bench.session.is_stream_current("executions")
    assert bench.accept_resync() == ["unsubscribe", "subscribe"]
    bench.say(executions(1, "snapshot"))
    assert bench.session.is_stream_current("executions")
    (gap,) = bench.outlet.gaps
    assert (gap.cause, gap.channels) == ("sequence", ["executions"])


def test_snapshot_that_cannot_be_processed_is_resynced_with_pauses() -> None:
    bench = Bench(followers={"executions": [Clumsy()]}, ping_interval=1000, heartbeat_timeout=1000)
    bench.open()
    bench.subscribed(ExecutionsParams(token="t"))
    times = []
    for _ in range(2000):
        bench.say(executions(1, "snapshot"))
        times += [bench.now for request in bench.accept_all() if request["method"] == "subscribe"]
        bench.wait(0.1)
    assert 5 < len(times) < 20
    assert not bench.session.is_stream_current("executions")


def test_follower_that_fails_stops_neither_timers_nor_the_session() -> None:
    bench = Bench(followers={"executions": [Clumsy()]}).open()
    bench.subscribed(ExecutionsParams(token="t"))
    bench.wait(5)
    bench.reconnect()
    bench.accept_all()
    bench.session.clear()


def test_instruments_that_cannot_be_processed_are_resynced() -> None:
    def fail(_: Any) -> None:
        raise LookupError("no pairs")

    bench = Bench(observers={"instrument": fail}).open()
    bench.subscribed(InstrumentParams())
    bench.say({"channel": "instrument", "type": "update", "data": {"assets": [], "pairs": []}})
    assert [request["method"] for request in bench.sent()] == ["unsubscribe"]
    assert [(gap.cause, gap.channels) for gap in bench.outlet.gaps] == [
        ("unreadable", ["instrument"])
    ]


def test_caller_gets_its_reply_whatever_the_bookkeeping_does() -> None:
    bench = Bench(followers={"executions": [Clumsy()]}).open()
    bench.session.resyncs.on_answer = _fail  # type: ignore[method-assign]
    pending = bench.subscribed(ExecutionsParams(token="t"))
    assert pending.result().success


def _fail(*_: Any) -> None:
    raise LookupError("answered")


def test_snapshot_without_its_first_message_is_resynced() -> None:
    bench = Bench(request_timeout=1).open()
    bench.subscribed(ExecutionsParams(token="t"), RecordingSink())
    bench.say(executions(2, "snapshot"))
    assert not bench.session.is_stream_current("executions")
    assert bench.accept_resync() == ["unsubscribe", "subscribe"]
    bench.say(executions(1, "snapshot"))
    bench.say(executions(2, "snapshot"))
    assert bench.session.is_stream_current("executions")
