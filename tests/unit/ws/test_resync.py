"""Resyncs of streams."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
from tests.unit.ws.rig import (
    SECOND,
    TIMES,
    Bench,
    RecordingSink,
    acks,
    book,
    executions,
    refusal,
    states,
)

from kraken_connector.exceptions import (
    BookNotReady,
    ConnectionLost,
    RequestTimeout,
    SubscriptionError,
)
from kraken_connector.models import (
    BookChecksumEvent,
    BookQuarantinedEvent,
    SequenceGapEvent,
    StreamStaleEvent,
)
from kraken_connector.ws.base.followers import Follower
from kraken_connector.ws.protocol.registry import Topic, entries_of
from kraken_connector.ws.protocol.resync_policy import ResyncPolicy
from kraken_connector.ws.subscribe import (
    BookParams,
    ExecutionsParams,
    OHLCParams,
    TickerParams,
    TradeParams,
)

BTC = "BTC/USD"
ETH = "ETH/USD"


def patient(**options: int) -> Bench:
    """Return a session in which nothing but requests has a deadline."""
    return Bench(ping_interval=1e6, heartbeat_timeout=1e6, **options).open()


@pytest.fixture
def bench() -> Bench:
    return patient()


def mismatch(bench: Bench) -> None:
    """Let the checksum of the book of BTC fail."""
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC), book(BTC, "update", "2.00", wrong=True))


def test_mismatch_resyncs_that_symbol_alone(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC, ETH]))
    bench.say(book(BTC), book(ETH), book(BTC, "update", "2.00", wrong=True))
    assert [type(event) for event in bench.outlet.events] == [BookChecksumEvent]
    (unsubscribe,) = bench.sent()
    assert unsubscribe["method"] == "unsubscribe"
    assert unsubscribe["params"] == {"channel": "book", "depth": 10, "symbol": [BTC]}
    bench.say(book(BTC, "update", "3.00"))
    assert bench.sent() == []
    bench.say(*acks(unsubscribe))
    (subscribe,) = bench.sent()
    assert subscribe["params"]["symbol"] == [BTC]
    bench.now += 1
    bench.say(*acks(subscribe), book(BTC, qty="4.00"))
    assert bench.session.engine.book(BTC).is_valid
    assert bench.session.engine.book(ETH).is_valid
    (gap,) = bench.outlet.gaps
    assert (gap.cause, gap.symbols) == ("resync", [BTC])
    assert gap.end_ns == gap.start_ns + SECOND
    assert states(bench) == {BTC: "confirmed", ETH: "confirmed"}


def test_gap_of_a_book_begins_with_its_last_message_that_verified(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC, ETH]))
    bench.say(book(BTC), book(ETH))
    bench.now += 1
    bench.say(book(BTC, "update", "1.00"))
    sound_ns = bench.session.last_received_ns
    bench.now += 1
    bench.say(book(ETH, "update", "1.00"))
    bench.now += 1
    bench.say(book(BTC, "update", "2.00", wrong=True))
    for request in bench.accept_all() + bench.accept_all():
        assert request["params"]["symbol"] == [BTC]
    bench.say(book(BTC))
    (gap,) = bench.outlet.gaps
    assert (gap.start_ns, gap.end_ns) == (sound_ns, bench.session.last_received_ns)


def test_message_without_a_checksum_resyncs_the_book(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC), re.sub('"checksum":[0-9]+', '"more":1', book(BTC, "update")))
    (event,) = bench.outlet.events
    assert (event.symbol, event.expected) == (BTC, None)
    assert [request["method"] for request in bench.sent()] == ["unsubscribe"]


@pytest.mark.parametrize(("name", "resynced"), [(BTC, [[BTC]]), ("BTC/USX", [[BTC], [ETH]])])
def test_broken_message_resyncs_the_book_that_it_names_or_all(
    bench: Bench, name: str, resynced: list[list[str]]
) -> None:
    bench.subscribed(BookParams(symbol=[BTC, ETH]))
    bench.say(book(BTC), book(ETH), book(name, "update")[:-2])
    assert [request["params"]["symbol"] for request in bench.sent()] == resynced


def test_snapshot_before_the_ack_ends_a_resync_too(bench: Bench) -> None:
    mismatch(bench)
    bench.accept_all()
    (subscribe,) = bench.sent()
    bench.say(book(BTC), *acks(subscribe))
    assert len(bench.outlet.gaps) == 1
    assert not bench.session.resyncs.watched


def test_wrong_first_snapshot_before_its_ack_is_resynced(bench: Bench) -> None:
    bench.subscribe(BookParams(symbol=[BTC]))
    (request,) = bench.sent()
    bench.say(book(BTC, wrong=True), *acks(request))
    assert [request["method"] for request in bench.sent()] == ["unsubscribe"]


def fail_resync(bench: Bench, symbol: str) -> None:
    """Accept every request, and send a snapshot with a wrong checksum."""
    for request in bench.accept_all():
        if request["method"] == "subscribe":
            bench.say(book(symbol, wrong=True))
    bench.say({"method": "pong"}, {"channel": "heartbeat"})


def test_resync_is_paced_and_bounded_and_ends_in_quarantine() -> None:
    bench = patient(resync_attempts=3)
    mismatch(bench)
    begun = bench.now
    while bench.session.resyncs.watched:
        fail_resync(bench, BTC)
        bench.wait(0.1)
    assert bench.session.resyncs.count == 3
    assert bench.now - begun >= 1.5
    alarm = bench.outlet.events[-1]
    assert isinstance(alarm, BookQuarantinedEvent)
    assert (alarm.symbol, alarm.attempts) == (BTC, 3)
    assert bench.session.engine.book(BTC).state == "quarantined"
    assert bench.outlet.gaps[-1].end_ns is None
    bench.say(book(BTC))
    assert not bench.session.engine.book(BTC).is_valid


def test_quarantined_book_comes_back_when_subscribed_anew() -> None:
    bench = patient(resync_attempts=0)
    mismatch(bench)
    assert bench.session.engine.book(BTC).state == "quarantined"
    bench.session.unsubscribe(BookParams(symbol=[BTC]), bench.now)
    bench.accept_all()
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC))
    assert bench.session.engine.book(BTC).is_valid


def test_resync_without_answer_is_tried_again() -> None:
    bench = patient(request_timeout=1)
    mismatch(bench)
    bench.sent()
    bench.wait(2)
    assert [request["method"] for request in bench.sent()] == ["unsubscribe"]
    assert bench.session.resyncs.count == 2


def test_resync_that_meets_already_subscribed_begins_anew(bench: Bench) -> None:
    mismatch(bench)
    bench.accept_all()
    bench.say(refusal(bench.sent()[0], "Already subscribed", BTC))
    bench.wait(1)
    assert [request["method"] for request in bench.sent()] == ["unsubscribe"]


def test_unsubscribing_ends_a_resync(bench: Bench) -> None:
    mismatch(bench)
    pending = bench.session.unsubscribe(BookParams(symbol=[BTC]), bench.now)
    first, second = bench.sent()
    bench.say(*acks(first), refusal(second, "Subscription Not Found", BTC))
    assert pending.done
    assert bench.sent() == []
    assert states(bench) == {}


def test_unreadable_book_message_is_repaired(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC), book(BTC, "update")[:-12])
    assert [request["method"] for request in bench.sent()] == ["unsubscribe"]


def test_sequence_gap_is_reported_before_its_message_and_resynced(bench: Bench) -> None:
    sink = RecordingSink()
    sink.put_event = sink.data.append
    bench.subscribed(ExecutionsParams(token="t"), sink)
    bench.say(executions(1, "snapshot"), executions(2), executions(5))
    assert sink.data[2] == SequenceGapEvent(3, 5, "executions")
    assert sink.data[3].sequence == 5
    assert [request["method"] for request in bench.accept_all()] == ["unsubscribe"]
    (subscribe,) = bench.accept_all()
    assert subscribe["params"]["token"] == "t"
    bench.say(executions(1, "snapshot"), executions(2))
    assert len([event for event in sink.data if isinstance(event, SequenceGapEvent)]) == 1
    assert bench.outlet.gaps[0].cause == "sequence"
    assert bench.outlet.gaps[0].channels == ["executions"]


def test_gap_of_a_private_channel_begins_with_its_last_message(bench: Bench) -> None:
    bench.subscribed(ExecutionsParams(token="t"))
    bench.say(executions(1, "snapshot"))
    sound_ns = bench.session.last_received_ns
    bench.now += 1
    bench.say({"channel": "heartbeat"})
    bench.now += 1
    bench.say(executions(3))
    bench.accept_resync()
    bench.say(executions(1, "snapshot"))
    (gap,) = bench.outlet.gaps
    assert (gap.cause, gap.start_ns) == ("sequence", sound_ns)
    assert gap.end_ns == bench.session.last_received_ns


def test_tokens_are_in_no_representation(bench: Bench) -> None:
    bench.subscribe(ExecutionsParams(token="very-secret"))
    shown = [repr(bench.session), repr(entries_of([bench.session.registry]))]
    assert not any("very-secret" in text for text in shown)
    assert "very-secret" in json.dumps(bench.sent())


def test_book_whose_snapshot_does_not_arrive_is_resynced(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC, ETH]))
    begun = int(bench.now * SECOND)
    bench.say(book(ETH))
    bench.wait(9.9)
    assert bench.sent() == []
    bench.wait(0.2)
    bench.accept_resync()
    bench.say(book(BTC))
    assert bench.session.engine.book(BTC).is_valid
    (gap,) = bench.outlet.gaps
    assert (gap.cause, gap.symbols, gap.start_ns) == ("resync", [BTC], begun)
    assert not bench.session.resyncs.watched


def test_snapshot_lost_after_a_resync_is_resynced(bench: Bench) -> None:
    mismatch(bench)
    bench.accept_resync()
    bench.wait(11)
    bench.accept_resync()
    bench.say(book(BTC))
    assert bench.session.engine.book(BTC).is_valid
    assert bench.session.resyncs.count == 2


def test_hundreds_of_lost_snapshots_are_resynced_at_once(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[f"A{n}/USD" for n in range(600)]))
    while bench.sent():
        bench.wait(1)
    bench.wait(60)
    assert bench.session.resyncs.count >= 600


@pytest.mark.parametrize("snapshot", [True, False])
def test_ticker_must_begin_if_a_snapshot_is_requested(bench: Bench, snapshot: bool) -> None:
    bench.subscribed(TickerParams(symbol=[BTC], snapshot=snapshot))
    bench.wait(11)
    assert bool(bench.sent()) is snapshot


MARKET = [
    (TradeParams(symbol=[BTC], snapshot=True), {"channel": "trade"}, {}),
    (OHLCParams(symbol=[BTC], interval=5), {"channel": "ohlc"}, {"interval": 5}),
    (TickerParams(symbol=[BTC]), {"channel": "ticker"}, {}),
]


def silences(bench: Bench) -> list[StreamStaleEvent]:
    return [event for event in bench.outlet.events if isinstance(event, StreamStaleEvent)]


@pytest.mark.parametrize(("params", "channel", "item"), MARKET)
@pytest.mark.parametrize("kind", ["snapshot", "update"])
def test_stream_with_a_snapshot_must_begin(
    bench: Bench, params: Any, channel: Any, item: Any, kind: str
) -> None:
    bench.subscribed(params)
    bench.wait(11)
    (silence,) = silences(bench)
    assert (silence.channel, silence.symbol, silence.last_ns) == (channel["channel"], BTC, None)
    assert silence.seconds == pytest.approx(10, abs=0.1)
    assert silence.interval == item.get("interval")
    assert bench.accept_resync() == ["unsubscribe", "subscribe"]
    bench.say({**channel, "type": kind, "data": [{"symbol": BTC, **item}]})
    assert not bench.session.resyncs.watched
    bench.wait(900)
    assert bench.sent() == []
    assert [gap.cause for gap in bench.outlet.gaps] == ["resync"]
    assert len(silences(bench)) == 1


def test_stream_that_never_begins_is_resynced_with_growing_pauses_and_reported_once() -> None:
    bench = patient(resync_attempts=3)
    bench.subscribed(TradeParams(symbol=[BTC], snapshot=True))
    requested = []
    for _ in range(6 * 3600):
        requested += [bench.now] * len(bench.accept_all())
        bench.wait(1)
    assert len(silences(bench)) == 1
    # Two requests for each attempt, and in the end an attempt every ten minutes.
    assert 2 * 6 * 6 < len(requested) < 2 * 6 * 6 + 40
    assert states(bench) == {BTC: "confirmed"}
    # A pair that never traded begins with its first trade, while the next attempt waits.
    bench.wait(300 - (bench.now - requested[-1]))
    bench.say({"channel": "trade", "type": "update", "data": [{"symbol": BTC}]})
    assert not bench.session.resyncs.watched
    bench.wait(10_000)
    assert bench.sent() == []


def test_empty_snapshot_is_a_beginning(bench: Bench) -> None:
    bench.subscribed(TradeParams(symbol=[BTC, ETH], snapshot=True))
    for _ in range(2):
        bench.say({"channel": "trade", "type": "snapshot", "data": []})
    bench.wait(100)
    assert bench.sent() == silences(bench) == []


def test_candles_of_another_length_are_no_beginning(bench: Bench) -> None:
    bench.subscribed(OHLCParams(symbol=[BTC], interval=1))
    bench.subscribed(OHLCParams(symbol=[BTC], interval=5))
    bench.say({"channel": "ohlc", "type": "snapshot", "data": [{"symbol": BTC, "interval": 1}]})
    bench.wait(11)
    assert [silence.interval for silence in silences(bench)] == [5]
    assert [request["params"]["interval"] for request in bench.sent()] == [5]


@pytest.mark.parametrize("data", [[{"symbol": [BTC], "interval": [5]}], [{}], [7], {"symbol": BTC}])
def test_odd_items_are_no_beginning(bench: Bench, data: Any) -> None:
    bench.subscribed(OHLCParams(symbol=[BTC], interval=5))
    bench.subscribed(TradeParams(symbol=[BTC], snapshot=True))
    bench.say({"channel": "ohlc", "type": "snapshot", "data": data})
    bench.say({"channel": "trade", "type": "snapshot", "data": data})
    bench.wait(11)
    assert {silence.channel for silence in silences(bench)} == {"ohlc", "trade"}


@pytest.mark.parametrize(
    "params",
    [
        TradeParams(symbol=[BTC]),
        TradeParams(symbol=[BTC], snapshot=False),
        OHLCParams(symbol=[BTC], snapshot=False),
        TickerParams(symbol=[BTC], snapshot=False),
    ],
)
def test_stream_without_a_snapshot_need_not_begin(bench: Bench, params: Any) -> None:
    bench.subscribed(params)
    bench.wait(900)
    assert bench.sent() == silences(bench) == []


def test_answer_that_says_there_is_no_snapshot_counts(bench: Bench) -> None:
    bench.subscribe(OHLCParams(symbol=[BTC]))
    for request in bench.sent():
        (ack,) = acks(request)
        ack["result"]["snapshot"] = False
        bench.say(ack)
    bench.wait(900)
    assert bench.sent() == silences(bench) == []


def test_refused_stream_of_market_data_is_given_up(bench: Bench) -> None:
    bench.subscribed(OHLCParams(symbol=[BTC]))
    bench.wait(11)
    bench.accept_all()
    (request,) = bench.sent()
    bench.say(refusal(request, "Currency pair not supported"))
    bench.wait(900)
    assert bench.sent() == []
    assert states(bench) == {BTC: "rejected"}
    assert [gap.end_ns for gap in bench.outlet.gaps] == [None]


def test_attempts_without_end_have_a_pause() -> None:
    policy = ResyncPolicy(5)
    topic = Topic("executions", None, "")
    for _ in range(2000):
        entry = policy.begin(topic, "sequence", 0, 0.0)
    assert entry is not None
    assert entry.deadline == 30.0


def test_lost_private_snapshot_is_noticed_on_a_quiet_account(bench: Bench) -> None:
    bench.subscribed(ExecutionsParams(token="t"))
    bench.say(executions(2))
    bench.wait(11)
    bench.accept_resync()
    assert bench.outlet.gaps == []
    bench.say(executions(1, "snapshot"))
    (gap,) = bench.outlet.gaps
    assert gap.channels == ["executions"]


def test_unreadable_private_message_is_followed_by_a_resync_at_once(bench: Bench) -> None:
    bench.subscribed(ExecutionsParams(token="t"))
    bench.say(executions(1, "snapshot"), '{"channel":"executions","type":"update","data":[{]}')
    assert [request["method"] for request in bench.sent()] == ["unsubscribe"]


def test_book_refused_on_the_next_socket_is_given_up_and_tried_on_the_one_after(
    bench: Bench,
) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC))
    bench.reconnect()
    (replay,) = bench.sent()
    bench.say(refusal(replay, "Currency pair not supported", BTC))
    assert bench.session.engine.book(BTC).state == "quarantined"
    assert isinstance(bench.outlet.events[-1], BookQuarantinedEvent)
    assert bench.outlet.gaps[0].end_ns is None
    bench.reconnect()
    bench.accept_all()
    bench.say(book(BTC))
    assert bench.session.engine.book(BTC).is_valid


def given_up(bench: Bench) -> None:
    """Let the book of BTC be quarantined."""
    mismatch(bench)
    while bench.session.resyncs.watched:
        fail_resync(bench, BTC)
        bench.wait(1)
    assert bench.session.engine.book(BTC).state == "quarantined"


def test_quarantine_ends_with_a_resync_that_the_user_requests() -> None:
    bench = patient(resync_attempts=2)
    given_up(bench)
    pending = bench.session.resync(BTC, bench.now)
    bench.accept_resync()
    assert not pending.done
    bench.say(book(BTC))
    assert pending.done
    assert pending.result().success
    assert bench.session.engine.book(BTC).is_valid


def test_resync_that_fails_again_says_so() -> None:
    bench = patient(resync_attempts=1)
    given_up(bench)
    pending = bench.session.resync(BTC, bench.now)
    while not pending.done:
        fail_resync(bench, BTC)
        bench.wait(1)
    with pytest.raises(BookNotReady, match="quarantined"):
        pending.result()


def test_resync_of_a_sound_book_withdraws_it_meanwhile(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC))
    bench.session.resync(BTC, bench.now)
    assert bench.session.engine.book(BTC).state == "stale"


def test_resync_ends_with_the_socket(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    pending = bench.session.resync(BTC, bench.now)
    bench.lose()
    with pytest.raises(ConnectionLost):
        pending.result()


def test_resync_without_a_socket_waits_for_the_next(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.lose()
    pending = bench.session.resync(BTC, bench.now)
    bench.open()
    (replay,) = bench.accept_all()
    assert replay["method"] == "subscribe"
    assert not pending.done
    bench.say(book(BTC))
    assert pending.done


def test_book_that_failed_while_it_should_end_is_repaired_if_it_stays(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC))
    bench.session.unsubscribe(BookParams(symbol=[BTC]), bench.now)
    bench.sent()
    bench.say(book(BTC, "update", "2.00", wrong=True))
    bench.wait(30)
    bench.accept_resync()
    bench.say(book(BTC))
    assert bench.session.engine.book(BTC).is_valid


def test_resync_of_what_is_refused_meanwhile_ends(bench: Bench) -> None:
    bench.subscribe(BookParams(symbol=[BTC]))
    (request,) = bench.sent()
    pending = bench.session.resync(BTC, bench.now)
    bench.say(refusal(request, "Currency pair not supported", BTC))
    with pytest.raises(BookNotReady):
        pending.result()


# Private streams.


def followed(**options: int) -> Bench:
    """Return a session whose `executions` have begun."""
    bench = patient(**options)
    bench.subscribed(ExecutionsParams(token="t"))
    bench.say(executions(1, "snapshot"), executions(2))
    assert bench.session.is_stream_current("executions")
    return bench


def refuse_all(bench: Bench, text: str, seconds: float) -> list[float]:
    """Refuse each subscribe for a while, and return when each came."""
    times, end = [], bench.now + seconds
    while bench.now < end:
        for request in bench.sent():
            if request["method"] == "subscribe":
                times.append(bench.now)
                bench.say(refusal(request, text))
            else:
                bench.say(*acks(request))
        bench.wait(0.1)
    return times


def accept(bench: Bench) -> None:
    """Accept every request until `executions` has begun."""
    while not bench.session.is_stream_current("executions"):
        bench.wait(0.1)
        for request in bench.accept_all():
            if request["method"] == "subscribe":
                bench.say(executions(1, "snapshot"))


@pytest.mark.parametrize(
    "text", ["EService:Busy", "EGeneral:Permission denied", "Something nobody has heard of"]
)
@pytest.mark.parametrize("attempts", [0, 5])
def test_private_stream_refused_after_a_reconnect_is_tried_without_end(
    text: str, attempts: int
) -> None:
    bench = followed(resync_attempts=attempts)
    lost_ns = bench.session.last_received_ns
    bench.reconnect()
    assert bench.session.resyncs.has_stale_stream
    times = refuse_all(bench, text, 400)
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert max(pauses) == pytest.approx(30, abs=1)
    assert pauses[0] == pytest.approx(0.5, abs=0.2)
    assert pauses == sorted(pauses)
    assert bench.session.resyncs.has_stale_stream
    assert not bench.session.is_stream_current("executions")
    assert bench.outlet.gaps == []
    assert states(bench) == {"executions": "pending"}
    accept(bench)
    assert not bench.session.resyncs.has_stale_stream
    assert states(bench) == {"executions": "confirmed"}
    (gap,) = bench.outlet.gaps
    assert (gap.cause, gap.channels) == ("disconnect", ["executions"])
    assert (gap.start_ns, gap.end_ns) == (lost_ns, bench.session.last_received_ns)


def test_gap_of_a_refused_private_stream_holds_no_other_one_open(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC], snapshot=False))
    bench.subscribed(ExecutionsParams(token="t"))
    bench.say(executions(1, "snapshot"))
    bench.reconnect()
    tickers, orders = bench.sent()
    bench.say(*acks(tickers), refusal(orders, "EService:Busy"))
    (gap,) = bench.outlet.gaps
    assert (gap.cause, gap.channels, gap.symbols) == ("disconnect", ["ticker"], [BTC])


def test_private_resync_that_is_refused_is_tried_without_end() -> None:
    bench = followed()
    bench.say(executions(9))
    times = refuse_all(bench, "EService:Unavailable", 200)
    assert len(times) > 8
    accept(bench)
    (gap,) = bench.outlet.gaps
    assert (gap.cause, gap.channels) == ("sequence", ["executions"])


@pytest.mark.parametrize("silent", ["unsubscribe", "subscribe", "snapshot"])
def test_private_stream_that_stays_silent_is_tried_without_end(silent: str) -> None:
    bench = followed(resync_attempts=0, request_timeout=1)
    bench.say(executions(9))
    tries = 0
    for _ in range(4000):
        for request in bench.sent():
            tries += request["method"] in (silent, "subscribe")
            if request["method"] != silent:
                bench.say(*acks(request))
        bench.wait(0.1)
        bench.say({"channel": "heartbeat"})
    assert tries > 10
    assert bench.session.resyncs.has_stale_stream
    accept(bench)


def test_refused_private_stream_is_tried_at_once_when_the_user_requests_it() -> None:
    bench = followed()
    bench.reconnect()
    refuse_all(bench, "EService:Busy", 100)
    bench.session.refresh("executions", bench.now)
    assert bench.accept_resync() == ["unsubscribe", "subscribe"]
    bench.say(executions(1, "snapshot"))
    assert bench.session.is_stream_current("executions")
    assert len(bench.outlet.gaps) == 1


def test_second_subscriber_waits_for_a_refused_private_stream() -> None:
    bench = followed()
    bench.reconnect()
    refuse_all(bench, "EService:Busy", 100)
    pending = bench.subscribe(ExecutionsParams(token="t"))
    assert not pending.done
    bench.accept_resync()
    assert pending.result().success
    bench.reconnect()
    late = bench.subscribe(ExecutionsParams(token="t"))
    refuse_all(bench, "EService:Busy", 11)
    with pytest.raises(RequestTimeout):
        late.result()
    assert states(bench) == {"executions": "pending"}


def test_first_refusal_of_a_private_stream_is_the_callers(bench: Bench) -> None:
    pending = bench.subscribe(ExecutionsParams(token="t"))
    bench.say(refusal(bench.sent()[0], "EService:Busy"))
    with pytest.raises(SubscriptionError, match="Busy"):
        pending.result()
    bench.wait(100)
    assert [r for r in bench.sent() if r["method"] == "subscribe"] == []
    assert states(bench) == {}


def test_snapshot_for_its_own_sake_leaves_a_stream_current_until_it_fails() -> None:
    bench = followed(resync_attempts=0, request_timeout=1)
    bench.session.refresh("executions", bench.now)
    assert bench.session.is_stream_current("executions")
    bench.wait(1.1)
    assert not bench.session.is_stream_current("executions")
    assert bench.session.resyncs.has_stale_stream


def test_message_missed_between_snapshot_and_ack_is_followed_by_a_resync(bench: Bench) -> None:
    bench.subscribe(ExecutionsParams(token="t"))
    (request,) = bench.sent()
    bench.say(executions(1, "snapshot"), executions(3), *acks(request))
    assert not bench.session.is_stream_current("executions")
    assert bench.accept_resync() == ["unsubscribe", "subscribe"]
    bench.say(executions(1, "snapshot"))
    assert bench.session.is_stream_current("executions")


class Recorder(Follower):
    """Records the events that it gets."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def observe(self, message: Any) -> None:
        self.events.append(f"{message.type} {message.sequence}")

    def subscribing(self, *_: Any) -> None:
        self.events.append("subscribing")

    def gap_began(self) -> None:
        self.events.append("gap")


def test_unrequested_snapshot_ends_a_gap() -> None:
    follower = Recorder()
    bench = Bench(followers={"executions": [follower]}).open()
    bench.subscribed(ExecutionsParams(token="t"))
    bench.say(executions(1, "snapshot"), executions(2))
    sound_ns = bench.session.last_received_ns
    bench.now += 1
    follower.events.clear()
    bench.say(executions(1, "snapshot"), executions(2))
    assert follower.events == ["gap", "subscribing", "snapshot 1", "update 2"]
    (gap,) = bench.outlet.gaps
    assert (gap.cause, gap.channels) == ("sequence", ["executions"])
    assert (gap.start_ns, gap.end_ns) == (sound_ns, bench.session.last_received_ns)
    assert bench.session.is_stream_current("executions")
    assert bench.sent() == []


def test_message_missed_while_a_snapshot_is_requested_is_a_gap() -> None:
    follower = Recorder()
    bench = Bench(followers={"executions": [follower]}).open()
    bench.subscribed(ExecutionsParams(token="t"))
    bench.say(executions(1, "snapshot"))
    bench.session.refresh("executions", bench.now)
    bench.say(executions(3))
    assert follower.events[-2:] == ["gap", "update 3"]


def test_second_part_of_a_snapshot_is_no_new_beginning() -> None:
    follower = Recorder()
    bench = Bench(followers={"executions": [follower]}).open()
    bench.subscribed(ExecutionsParams(token="t"))
    bench.say(executions(1, "snapshot"), executions(2, "snapshot"))
    assert follower.events == ["subscribing", "snapshot 1", "snapshot 2"]
    assert bench.outlet.gaps == []


def test_answer_without_times_is_an_acknowledgement(bench: Bench) -> None:
    bench.subscribe(BookParams(symbol=["BTC/USD"]))
    (request,) = bench.sent()
    (ack,) = acks(request)
    bench.say({key: value for key, value in ack.items() if key not in TIMES})
    assert bench.session.resyncs.count == 0
    assert bench.sent() == []


def repaired_late(bench: Bench, snapshot: Any) -> dict[str, Any]:
    """Complete a resync whose first unsubscribe has no reply yet, and return that request."""
    (late,) = bench.sent()
    bench.wait(11)
    (again,) = bench.sent()
    assert (late["method"], again["method"]) == ("unsubscribe", "unsubscribe")
    bench.say(refusal(again, "Subscription Not Found", *again["params"].get("symbol", [])))
    assert [request["method"] for request in bench.accept_all()] == ["subscribe"]
    bench.say(snapshot)
    assert bench.sent() == []
    return late


def test_late_answer_to_an_unsubscribe_leaves_no_book_without_a_snapshot(bench: Bench) -> None:
    mismatch(bench)
    late = repaired_late(bench, book(BTC))
    assert bench.session.engine.book(BTC).is_valid
    bench.say(*acks(late))
    assert not bench.session.engine.book(BTC).is_valid
    bench.wait(2)
    assert bench.accept_resync() == ["unsubscribe", "subscribe"]
    bench.say(book(BTC))
    assert bench.session.engine.book(BTC).is_valid


def test_late_answer_to_an_unsubscribe_makes_a_private_stream_not_current(bench: Bench) -> None:
    bench.subscribed(ExecutionsParams(token="t"))
    bench.say(executions(1, "snapshot"), executions(3))
    late = repaired_late(bench, executions(1, "snapshot"))
    assert bench.session.is_stream_current("executions")
    bench.say(*acks(late))
    assert not bench.session.is_stream_current("executions")
    bench.wait(2)
    assert bench.accept_resync() == ["unsubscribe", "subscribe"]
    bench.say(executions(1, "snapshot"))
    assert bench.session.is_stream_current("executions")


@pytest.mark.parametrize("late", ["before the answer", "after the answer"])
def test_late_answer_to_a_callers_unsubscribe_voids_the_next_snapshot(
    bench: Bench, late: str
) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.session.unsubscribe(BookParams(symbol=[BTC]), bench.now)
    bench.subscribe(BookParams(symbol=[BTC]))
    unsubscribe, subscribe = bench.sent()
    answers = [*acks(unsubscribe), *acks(subscribe)]
    bench.say(book(BTC), *(answers if late == "before the answer" else reversed(answers)))
    assert not bench.session.engine.book(BTC).is_valid
    assert bench.accept_resync() == ["unsubscribe", "subscribe"]
    bench.say(book(BTC))
    assert bench.session.engine.book(BTC).is_valid
    assert states(bench) == {BTC: "confirmed"}


def test_snapshot_lost_after_subscribing_anew_is_resynced(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC))
    bench.session.unsubscribe(BookParams(symbol=[BTC]), bench.now)
    bench.subscribe(BookParams(symbol=[BTC]))
    assert [request["method"] for request in bench.accept_all()] == ["unsubscribe", "subscribe"]
    bench.wait(11)
    assert bench.accept_resync() == ["unsubscribe", "subscribe"]
    bench.say(book(BTC))
    assert bench.session.engine.book(BTC).is_valid


@pytest.mark.parametrize(
    ("named", "is_meant"),
    [
        ({"event_trigger": "bbo"}, True),
        ({}, True),
        ({"event_trigger": "trades"}, False),
        ({"symbol": ETH}, False),
        (None, False),
    ],
)
def test_stream_that_a_user_ended_by_a_request_of_his_own_is_subscribed_again(
    bench: Bench, named: dict[str, str] | None, is_meant: bool
) -> None:
    bench.subscribed(TickerParams(symbol=[BTC], event_trigger="bbo", snapshot=False))
    answer = {"method": "unsubscribe", "req_id": 1, "success": True, **TIMES}
    result = named if named is None else {"channel": "ticker", "symbol": BTC, **named}
    bench.say({**answer, "result": result})
    assert len(bench.outlet.replies) == 1
    assert len(bench.accept_all()) == len(bench.accept_all()) == is_meant
