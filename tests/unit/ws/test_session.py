"""The protocol of one connection, without sockets and with a clock that a test moves."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.unit.ws.rig import (
    SECOND,
    URL,
    Bench,
    Place,
    acks,
    book,
    executions,
    refusal,
    status,
    trade,
)

from kraken_connector.exceptions import (
    ConnectionLost,
    HeartbeatTimeout,
    RequestTimeout,
    SubscriptionError,
    TokenAcquisitionError,
)
from kraken_connector.models import (
    BookChecksumEvent,
    BookQuarantinedEvent,
    InvalidFrameEvent,
    SequenceGapEvent,
    WSErrorResponse,
    WSRequest,
    WSResponse,
)
from kraken_connector.ws.constants import REPLAY_BATCH
from kraken_connector.ws.envelopes import SubscriptionResult
from kraken_connector.ws.flights import FIRST_REQ_ID
from kraken_connector.ws.subscribe import (
    BalancesParams,
    BookParams,
    ExecutionsParams,
    InstrumentParams,
    OHLCParams,
    TickerParams,
    TradeParams,
)

BTC = "BTC/USD"
ETH = "ETH/USD"


@pytest.fixture
def bench() -> Bench:
    return Bench().open()


def states(bench: Bench) -> dict[str, str]:
    """State of every subscribed topic by its name."""
    return {entry.topic.name: entry.state for entry in bench.session.registry}


# Requests and their answers.


def test_one_request_is_sent_for_all_symbols(bench: Bench) -> None:
    bench.subscribe(BookParams(symbol=[BTC, ETH], depth=25))
    (request,) = bench.sent()
    assert request["method"] == "subscribe"
    assert request["params"] == {"channel": "book", "depth": 25, "symbol": [BTC, ETH]}


def test_ask_is_done_when_every_symbol_is_answered(bench: Bench) -> None:
    ask = bench.subscribe(TickerParams(symbol=[BTC, ETH]))
    (request,) = bench.sent()
    bench.say(*acks(request, [ETH]))
    assert not ask.done
    bench.say(*acks(request, [BTC]))
    result = ask.result()
    assert isinstance(result, WSResponse)
    assert isinstance(result, SubscriptionResult)
    assert result.symbols == [BTC, ETH]
    assert result.req_id == request["req_id"]
    assert result.result["symbol"] == BTC


def test_a_partly_refused_request_does_not_look_like_success(bench: Bench) -> None:
    ask = bench.subscribe(TickerParams(symbol=[BTC, "NO/USD", "NO/EUR"]))
    (request,) = bench.sent()
    bench.say(
        refusal(request, "Currency pair not supported NO/USD", "NO/USD"),
        *acks(request, [BTC]),
        refusal(request, "Currency pair not supported NO/EUR", "NO/EUR"),
    )
    with pytest.raises(SubscriptionError) as caught:
        ask.result()
    assert set(caught.value.rejected) == {"NO/USD", "NO/EUR"}
    assert caught.value.accepted == (BTC,)
    assert caught.value.venue_error == "Currency pair not supported NO/USD"
    assert states(bench) == {BTC: "confirmed", "NO/USD": "rejected", "NO/EUR": "rejected"}


def test_a_refusal_without_symbol_is_about_the_whole_request(bench: Bench) -> None:
    ask = bench.subscribe(TickerParams(symbol=[BTC, ETH]))
    bench.say(refusal(bench.sent()[0], "Unsupported event"))
    with pytest.raises(SubscriptionError) as caught:
        ask.result()
    assert set(caught.value.rejected) == {BTC, ETH}
    assert states(bench) == {}


def test_answer_without_id_is_matched_by_method_and_symbol(bench: Bench) -> None:
    ask = bench.subscribe(TickerParams(symbol=[BTC]))
    bench.subscribe(TickerParams(symbol=[ETH]))
    (ack,) = acks(bench.sent()[0])
    del ack["req_id"]
    bench.say(ack)
    assert ask.result().symbols == [BTC]


def test_private_refusal_is_matched_by_its_channel() -> None:
    bench = Bench().open()
    ask = bench.subscribe(ExecutionsParams(token="t"))
    bench.sent()
    bench.say(
        {
            "channel": "executions",
            "error": "EGeneral:Permission denied",
            "method": "subscribe",
            "status": "error",
            "success": False,
        }
    )
    with pytest.raises(SubscriptionError) as caught:
        ask.result()
    assert caught.value.rejected == {"executions": "EGeneral:Permission denied"}


def test_unsubscribe_that_fails_as_a_subscribe_has_reached_its_end(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    ask = bench.session.unsubscribe(TickerParams(symbol=[BTC]), bench.now)
    (request,) = bench.sent()
    bench.say(refusal({**request, "method": "subscribe"}, "Subscription Not Found", BTC))
    assert ask.result().symbols == [BTC]
    assert states(bench) == {}


def test_response_that_nobody_waits_for_is_delivered(bench: Bench) -> None:
    bench.say({"method": "error", "error": "Malformed request", "success": False})
    (reply,) = bench.outlet.replies
    assert isinstance(reply, WSErrorResponse)
    assert reply.error == "Malformed request"


def test_superset_sends_only_the_new_symbols(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    ask = bench.subscribe(TickerParams(symbol=[BTC, ETH]))
    (request,) = bench.sent()
    assert request["params"]["symbol"] == [ETH]
    bench.say(*acks(request))
    assert ask.result().symbols == [BTC, ETH]


def test_nothing_is_sent_for_what_is_subscribed(bench: Bench) -> None:
    bench.subscribed(InstrumentParams())
    ask = bench.subscribe(InstrumentParams())
    assert bench.sent() == []
    assert ask.result().result["channel"] == "instrument"


def test_two_callers_share_one_pending_request(bench: Bench) -> None:
    first = bench.subscribe(TickerParams(symbol=[BTC]))
    second = bench.subscribe(TickerParams(symbol=[BTC]))
    requests = bench.accept_all()
    assert len(requests) == 1
    assert first.result() == second.result()


def test_second_depth_of_a_book_is_refused_before_sending(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC], depth=10))
    with pytest.raises(SubscriptionError, match="depth 10") as caught:
        bench.subscribe(BookParams(symbol=[BTC], depth=25))
    assert caught.value.venue_error is None
    assert bench.sent() == []
    assert states(bench) == {BTC: "confirmed"}


def test_already_subscribed_is_taken_as_confirmed(bench: Bench) -> None:
    ask = bench.subscribe(TickerParams(symbol=[BTC]))
    bench.say(refusal(bench.sent()[0], "Already subscribed", BTC))
    assert ask.result().symbols == [BTC]
    assert states(bench) == {BTC: "confirmed"}


def test_book_that_was_subscribed_before_is_asked_for_again(bench: Bench) -> None:
    bench.subscribe(BookParams(symbol=[BTC]))
    bench.say(refusal(bench.sent()[0], "Already subscribed", BTC))
    assert [request["method"] for request in bench.accept_all()] == ["unsubscribe"]
    assert [request["method"] for request in bench.accept_all()] == ["subscribe"]


def test_trade_and_executions_name_their_snapshot_flags(bench: Bench) -> None:
    bench.subscribe(TradeParams(symbol=[BTC]))
    bench.subscribe(ExecutionsParams(token="t"))
    trades, orders = bench.sent()
    assert trades["params"]["snapshot"] is False
    assert (orders["params"]["snap_orders"], orders["params"]["snap_trades"]) == (True, False)


def test_unsubscribe_names_what_tells_the_subscription_apart(bench: Bench) -> None:
    wanted = (
        TickerParams(symbol=[BTC], event_trigger="bbo"),
        BookParams(symbol=[BTC], depth=25),
        OHLCParams(symbol=[BTC], interval=5, snapshot=False),
    )
    for params in wanted:
        bench.subscribed(params)
    for params in wanted:
        bench.session.unsubscribe(params, bench.now)
    assert [request["params"] for request in bench.sent()] == [
        {"channel": "ticker", "event_trigger": "bbo", "symbol": [BTC]},
        {"channel": "book", "depth": 25, "symbol": [BTC]},
        {"channel": "ohlc", "interval": 5, "symbol": [BTC]},
    ]


def test_unsubscribe_keeps_symbols_that_another_subscription_has(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    bench.subscribed(TickerParams(symbol=[BTC, ETH]))
    bench.session.unsubscribe(TickerParams(symbol=[BTC, ETH]), bench.now)
    (request,) = bench.accept_all()
    assert request["params"]["symbol"] == [ETH]
    assert states(bench) == {BTC: "confirmed"}


def test_some_symbols_of_a_subscription_can_be_ended(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC, ETH]))
    bench.session.unsubscribe(TickerParams(symbol=[ETH]), bench.now)
    bench.accept_all()
    (entry,) = bench.session.registry.entries().values()
    assert entry.params == TickerParams(symbol=[BTC])
    bench.session.unsubscribe(TickerParams(symbol=[BTC]), bench.now)
    bench.accept_all()
    assert bench.session.registry.entries() == {}


@pytest.mark.parametrize(
    "params",
    [
        TickerParams(symbol=[ETH]),
        TickerParams(symbol=[BTC, ETH]),
        TickerParams(symbol=[BTC], event_trigger="bbo"),
        TradeParams(symbol=[BTC]),
        InstrumentParams(),
    ],
)
def test_unsubscribe_of_something_unknown_is_a_key_error(bench: Bench, params: Any) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    with pytest.raises(KeyError):
        bench.session.unsubscribe(params, bench.now)
    assert states(bench) == {BTC: "confirmed"}


def test_unsubscribe_twice_is_a_key_error(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    bench.session.unsubscribe(TickerParams(symbol=[BTC]), bench.now)
    with pytest.raises(KeyError):
        bench.session.unsubscribe(TickerParams(symbol=[BTC]), bench.now)


def test_subscribe_right_after_unsubscribe_wins(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    bench.session.unsubscribe(TickerParams(symbol=[BTC]), bench.now)
    bench.subscribe(TickerParams(symbol=[BTC]))
    assert [request["method"] for request in bench.accept_all()] == ["unsubscribe", "subscribe"]
    assert states(bench) == {BTC: "confirmed"}


# Time.


def test_answer_that_stays_out_times_out(bench: Bench) -> None:
    ask = bench.subscribe(TickerParams(symbol=[BTC, ETH]))
    bench.say(*acks(bench.sent()[0], [BTC]))
    bench.wait(9.9)
    bench.say({"channel": "heartbeat"})
    assert not ask.done
    bench.wait(0.2)
    with pytest.raises(asyncio.TimeoutError) as caught:
        ask.result()
    assert isinstance(caught.value, RequestTimeout)
    assert caught.value.unanswered == (ETH,)
    assert states(bench) == {BTC: "confirmed"}


def test_late_ack_of_what_was_given_up_is_undone(bench: Bench) -> None:
    ask = bench.subscribe(TickerParams(symbol=[BTC]))
    (request,) = bench.sent()
    bench.session.abandon(ask, asyncio.CancelledError(), bench.now)
    bench.say(*acks(request))
    (cleanup,) = bench.sent()
    assert (cleanup["method"], cleanup["params"]["symbol"]) == ("unsubscribe", [BTC])
    assert states(bench) == {}


def test_late_ack_is_kept_when_the_symbol_was_asked_for_again(bench: Bench) -> None:
    ask = bench.subscribe(TickerParams(symbol=[BTC]))
    (first,) = bench.sent()
    bench.session.abandon(ask, asyncio.CancelledError(), bench.now)
    again = bench.subscribe(TickerParams(symbol=[BTC]))
    (second,) = bench.sent()
    bench.say(*acks(first), refusal(second, "Already subscribed", BTC))
    assert again.result().symbols == [BTC]
    assert bench.sent() == []


def test_ping_is_sent_without_params_and_must_be_answered(bench: Bench) -> None:
    bench.wait(10)
    (ping,) = bench.sent()
    assert ping.keys() == {"method", "req_id"}
    bench.now += 0.25
    bench.say({"method": "pong", "req_id": ping["req_id"]})
    assert bench.session.latency == pytest.approx(0.25)
    assert bench.outlet.data == []


def test_missing_pong_ends_the_connection_though_data_flows() -> None:
    bench = Bench(ping_interval=10, ping_timeout=5, heartbeat_timeout=100).open()
    bench.wait(14.9)
    bench.say({"channel": "heartbeat"})
    assert bench.session.failure is None
    bench.wait(0.2)
    assert isinstance(bench.session.failure, ConnectionLost)
    assert "pong" in str(bench.session.failure)


def test_refused_ping_is_a_sign_of_life() -> None:
    bench = Bench(ping_interval=10, ping_timeout=5, heartbeat_timeout=100).open()
    bench.wait(10)
    bench.say(refusal(bench.sent()[0], "Unsupported field"))
    bench.wait(9)
    assert bench.session.failure is None


def test_silence_ends_the_connection() -> None:
    bench = Bench(ping_interval=100, heartbeat_timeout=30).open()
    bench.wait(29)
    bench.say({"channel": "heartbeat"})
    bench.wait(29)
    assert bench.session.failure is None
    bench.wait(2)
    assert isinstance(bench.session.failure, HeartbeatTimeout)
    assert bench.session.failure.silence == pytest.approx(30)


def test_our_own_stall_is_not_the_exchanges_silence() -> None:
    bench = Bench(ping_interval=100, heartbeat_timeout=30).open()
    ask = bench.subscribe(TickerParams(symbol=[BTC]))
    (request,) = bench.sent()
    bench.session.deadline(bench.now)
    bench.now += 60
    bench.session.tick(bench.now)
    assert bench.session.failure is None
    bench.say(*acks(request))
    assert ask.result().symbols == [BTC]


def test_silence_while_reading_is_paused_is_our_own() -> None:
    bench = Bench(ping_interval=10, ping_timeout=5, heartbeat_timeout=30).open()
    bench.session.paused()
    bench.wait(100)
    assert bench.session.failure is None
    assert {request["method"] for request in bench.sent()} == {"ping"}
    bench.session.resumed(bench.now)
    bench.wait(0.1)
    assert bench.session.failure is None


def test_requests_are_paced(bench: Bench) -> None:
    for number in range(30):
        bench.subscribe(TickerParams(symbol=[f"A{number}/USD"]))
    at_once = len(bench.sent())
    assert 0 < at_once < 30
    bench.wait(2)
    assert len([r for r in bench.sent() if r["method"] == "subscribe"]) == 30 - at_once


def test_standing_in_line_does_not_count_as_waiting_for_an_answer() -> None:
    bench = Bench(request_timeout=1, ping_interval=1000, heartbeat_timeout=1000).open()
    asks = [bench.subscribe(TickerParams(symbol=[f"A{n}/USD"])) for n in range(60)]
    for _ in range(30):
        bench.accept_all()
        bench.wait(0.1)
    assert [ask.result().success for ask in asks] == [True] * 60


def test_waiting_for_a_token_counts() -> None:
    bench = Bench(has_token_source=True, request_timeout=1).open()
    ask = bench.subscribe(ExecutionsParams())
    bench.wait(1.1)
    with pytest.raises(RequestTimeout):
        ask.result()


def test_exceeded_message_rate_slows_down_and_is_tried_again(bench: Bench) -> None:
    ask = bench.subscribe(TickerParams(symbol=[BTC, ETH]))
    (request,) = bench.sent()
    bench.say(
        refusal(request, "Exceeded msg rate", BTC), refusal(request, "Exceeded msg rate", ETH)
    )
    assert bench.sent() == []
    bench.wait(0.9)
    assert bench.sent() == []
    bench.wait(0.2)
    (again,) = bench.accept_all()
    assert again["params"]["symbol"] == [BTC, ETH]
    assert ask.result().symbols == [BTC, ETH]


def test_exceeded_message_rate_is_not_tried_for_ever(bench: Bench) -> None:
    ask = bench.subscribe(TickerParams(symbol=[BTC]))
    tries = 0
    while not ask.done:
        for request in bench.sent():
            if request["method"] == "subscribe":
                tries += 1
                bench.say(refusal(request, "Exceeded msg rate", BTC))
        bench.wait(1)
        bench.say({"channel": "heartbeat"}, {"method": "pong"})
    assert tries < 10
    with pytest.raises(SubscriptionError, match="Exceeded msg rate"):
        ask.result()


# A connection is lost and another one opened.


def test_waiting_caller_learns_that_the_connection_was_lost(bench: Bench) -> None:
    ask = bench.subscribe(TickerParams(symbol=[BTC, ETH]))
    bench.say(*acks(bench.sent()[0], [BTC]))
    bench.lose()
    with pytest.raises(ConnectionError, match="reset"):
        ask.result()
    assert states(bench) == {BTC: "confirmed"}


def test_replay_repeats_the_original_arguments_in_batches(bench: Bench) -> None:
    many = [f"A{number}/USD" for number in range(REPLAY_BATCH + 1)]
    bench.subscribed(TradeParams(symbol=[BTC], snapshot=True))
    bench.subscribed(BookParams(symbol=[BTC], depth=25))
    bench.subscribed(BookParams(symbol=[ETH], depth=25))
    bench.subscribed(BookParams(symbol=["SOL/USD"], depth=10))
    bench.subscribed(TickerParams(symbol=many))
    bench.lose()
    bench.open()
    trades, deep, shallow, *tickers = bench.sent()
    assert trades["params"] == {"channel": "trade", "snapshot": True, "symbol": [BTC]}
    assert deep["params"] == {"channel": "book", "depth": 25, "symbol": [BTC, ETH]}
    assert shallow["params"]["symbol"] == ["SOL/USD"]
    assert [symbol for r in tickers for symbol in r["params"]["symbol"]] == many
    assert len(tickers) == 2


def test_subscribing_while_there_is_no_connection_is_replayed_with_the_rest(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    bench.lose()
    ask = bench.subscribe(TickerParams(symbol=[ETH]))
    assert bench.sent() == []
    assert not ask.done
    bench.wait(100)
    bench.open()
    (request,) = bench.accept_all()
    assert request["params"]["symbol"] == [BTC, ETH]
    assert ask.result().symbols == [ETH]


def test_unsubscribing_while_there_is_no_connection_takes_effect_at_once(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    bench.lose()
    ask = bench.session.unsubscribe(TickerParams(symbol=[BTC]), bench.now)
    assert ask.result().acks == []
    bench.open()
    assert bench.sent() == []


def test_caller_learns_that_its_symbol_was_unsubscribed_before_it_could_be_sent(
    bench: Bench,
) -> None:
    bench.lose()
    ask = bench.subscribe(TickerParams(symbol=[BTC]))
    bench.session.unsubscribe(TickerParams(symbol=[BTC]), bench.now)
    with pytest.raises(SubscriptionError, match="unsubscribed"):
        ask.result()


def test_rejected_symbols_are_not_replayed(bench: Bench) -> None:
    bench.subscribe(TickerParams(symbol=[BTC, "NO/USD"]))
    (request,) = bench.sent()
    bench.say(*acks(request, [BTC]), refusal(request, "Currency pair not supported", "NO/USD"))
    bench.lose()
    bench.open()
    assert bench.sent()[0]["params"]["symbol"] == [BTC]


def test_symbol_refused_on_replay_is_reported(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    bench.lose()
    bench.open()
    bench.say(refusal(bench.sent()[0], "Currency pair not supported BTC/USD", BTC))
    (reply,) = bench.outlet.replies
    assert (reply.symbol, reply.error) == (BTC, "Currency pair not supported BTC/USD")


def test_replay_without_answer_is_repeated_and_then_ends_the_connection() -> None:
    bench = Bench(request_timeout=1, heartbeat_timeout=1000, ping_interval=1000).open()
    bench.subscribed(TickerParams(symbol=[BTC]))
    bench.lose()
    bench.open()
    bench.wait(100)
    assert len(bench.sent()) > 1
    assert isinstance(bench.session.failure, ConnectionLost)


def test_hole_is_recorded_when_it_is_closed(bench: Bench) -> None:
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


def test_hole_that_is_never_closed_is_recorded_at_the_end(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    bench.lose()
    bench.session.ended(ConnectionLost(URL, "gave up"))
    (gap,) = bench.outlet.gaps
    assert gap.end_ns is None


def test_no_hole_without_subscriptions(bench: Bench) -> None:
    bench.lose()
    bench.open()
    assert bench.outlet.gaps == []


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


# Tokens.


def test_private_request_waits_for_its_token() -> None:
    bench = Bench(has_token_source=True).open()
    assert bench.session.token_deadline > bench.now
    ask = bench.subscribe(ExecutionsParams())
    assert bench.sent() == []
    assert bench.session.token_deadline <= bench.now
    bench.session.set_token("secret", bench.now)
    (request,) = bench.accept_all()
    assert request["params"]["token"] == "secret"
    assert ask.result().result["channel"] == "executions"


def test_one_token_serves_a_connection_and_no_other() -> None:
    bench = Bench(has_token_source=True).open()
    bench.subscribe(ExecutionsParams())
    bench.session.set_token("first", bench.now)
    bench.accept_all()
    ask = bench.session.unsubscribe(ExecutionsParams(), bench.now)
    assert bench.sent()[0]["params"]["token"] == "first"
    bench.session.abandon(ask, asyncio.CancelledError(), bench.now)
    bench.lose()
    bench.open()
    assert bench.sent() == []
    bench.session.set_token("second", bench.now)
    assert bench.sent()[0]["params"]["token"] == "second"


def test_public_requests_do_not_wait_for_a_token() -> None:
    bench = Bench(has_token_source=True).open()
    bench.subscribe(ExecutionsParams())
    bench.subscribe(TickerParams(symbol=[BTC]))
    assert [request["params"]["channel"] for request in bench.sent()] == ["ticker"]


def test_refused_token_is_replaced_once() -> None:
    bench = Bench(has_token_source=True).open()
    ask = bench.subscribe(ExecutionsParams())
    for token in ("stale", "fresh"):
        bench.session.set_token(token, bench.now)
        bench.say(refusal(bench.sent()[0], "ESession:Invalid session"))
        if token == "stale":
            assert bench.session.token_refused
            assert bench.session.token_deadline <= bench.now
    with pytest.raises(SubscriptionError, match="Invalid session"):
        ask.result()


def test_all_requests_with_a_refused_token_get_the_next_one() -> None:
    bench = Bench(has_token_source=True).open()
    asks = [bench.subscribe(ExecutionsParams()), bench.subscribe(BalancesParams())]
    bench.session.set_token("stale", bench.now)
    for request in bench.sent():
        bench.say(refusal(request, "ESession:Invalid session"))
    bench.session.set_token("fresh", bench.now)
    assert {request["params"]["token"] for request in bench.accept_all()} == {"fresh"}
    assert [ask.result().success for ask in asks] == [True, True]
    assert not bench.session.token_refused


def test_caller_learns_that_there_is_no_token() -> None:
    bench = Bench(has_token_source=True).open()
    ask = bench.subscribe(ExecutionsParams())
    bench.session.token_failed(TokenAcquisitionError("no"), bench.now)
    with pytest.raises(TokenAcquisitionError):
        ask.result()
    assert states(bench) == {}
    assert bench.session.fatal is None


def test_replay_asks_for_a_token_again_and_gives_up_in_the_end() -> None:
    bench = Bench(has_token_source=True, token_attempts=3).open()
    bench.subscribe(ExecutionsParams())
    bench.session.set_token("first", bench.now)
    bench.accept_all()
    bench.lose()
    bench.open()
    error = TokenAcquisitionError("no")
    for _ in range(2):
        bench.session.token_failed(error, bench.now)
        assert bench.session.fatal is None
        assert bench.now < bench.session.token_deadline < bench.now + 60
    bench.session.token_failed(error, bench.now)
    assert bench.session.fatal is error


def test_token_of_the_parameters_is_used_without_a_source(bench: Bench) -> None:
    bench.subscribe(ExecutionsParams(token="mine"))
    assert bench.sent()[0]["params"]["token"] == "mine"


# What is delivered.


def test_data_goes_to_its_subscription_and_nowhere_else(bench: Bench) -> None:
    trades, tickers = Place(), Place()
    bench.subscribed(TradeParams(symbol=[BTC]), trades)
    bench.subscribed(TradeParams(symbol=[ETH]), tickers)
    bench.say(trade(BTC), trade(ETH), trade("SOL/USD"))
    assert [message.symbol for message in trades.data] == [BTC]
    assert [message.symbol for message in tickers.data] == [ETH]
    assert [message.symbol for message in bench.outlet.data] == ["SOL/USD"]


def test_two_subscriptions_of_one_symbol_both_get_it(bench: Bench) -> None:
    one, other = Place(), Place()
    bench.subscribed(TradeParams(symbol=[BTC]), one)
    bench.subscribed(TradeParams(symbol=[BTC, ETH]), other)
    bench.say(trade(BTC))
    assert len(one.data) == len(other.data) == 1


def test_candles_of_two_lengths_are_told_apart(bench: Bench) -> None:
    short, long = Place(), Place()
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
    assert [note.channel for note in bench.outlet.notes] == ["status", "status"]


def test_unreadable_frame_is_reported_and_not_fatal(bench: Bench) -> None:
    bench.say("CloudFlare WebSocket proxy restarting", trade(BTC))
    (event,) = bench.outlet.notes
    assert isinstance(event, InvalidFrameEvent)
    assert bench.session.failure is None
    assert len(bench.outlet.data) == 1


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
    bench.subscribe(OHLCParams(symbol=[BTC], interval=1), Place())
    bench.subscribe(OHLCParams(symbol=[BTC], interval=5), Place())
    bench.subscribe(TradeParams(symbol=[BTC]), Place())
    bench.subscribe(TradeParams(symbol=["SOL/USD"]), Place())
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
    place = Place()
    bench.subscribed(TradeParams(symbol=[ETH]), place)
    bench.session.send(WSRequest("subscribe", {"channel": "trade", "symbol": [BTC]}, req_id=7))
    bench.say(trade(BTC), trade(ETH))
    assert [message.symbol for message in place.data] == [ETH]
    assert [message.symbol for message in bench.outlet.data] == [BTC]


def test_user_ping_has_no_params(bench: Bench) -> None:
    bench.session.send(WSRequest("ping", req_id=7))
    assert bench.sent() == [{"method": "ping", "req_id": 7}]


# Streams that are asked for again.


def test_mismatch_asks_for_that_symbol_alone_again(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC, ETH]))
    bench.say(book(BTC), book(ETH), book(BTC, "update", "2.00", wrong=True))
    assert [type(note) for note in bench.outlet.notes] == [BookChecksumEvent]
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


def test_snapshot_before_the_ack_ends_a_resync_too(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC), book(BTC, "update", "2.00", wrong=True))
    bench.accept_all()
    (subscribe,) = bench.sent()
    bench.say(book(BTC), *acks(subscribe))
    assert len(bench.outlet.gaps) == 1
    assert not bench.session.repair.is_active


def test_wrong_first_snapshot_before_its_ack_is_asked_for_again(bench: Bench) -> None:
    bench.subscribe(BookParams(symbol=[BTC]))
    (request,) = bench.sent()
    bench.say(book(BTC, wrong=True), *acks(request))
    assert [request["method"] for request in bench.sent()] == ["unsubscribe"]


def fail_resync(bench: Bench, symbol: str) -> None:
    """Answer everything, with a snapshot whose checksum is wrong."""
    for request in bench.accept_all():
        if request["method"] == "subscribe":
            bench.say(book(symbol, wrong=True))
    bench.say({"method": "pong"}, {"channel": "heartbeat"})


def test_resync_is_paced_and_bounded_and_ends_in_quarantine() -> None:
    bench = Bench(resync_attempts=3, ping_interval=1000, heartbeat_timeout=1000).open()
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC), book(BTC, "update", "2.00", wrong=True))
    begun = bench.now
    while bench.session.repair.is_active:
        fail_resync(bench, BTC)
        bench.wait(0.1)
    assert bench.session.repair.count == 3
    assert bench.now - begun >= 1.5
    alarm = bench.outlet.notes[-1]
    assert isinstance(alarm, BookQuarantinedEvent)
    assert (alarm.symbol, alarm.attempts) == (BTC, 3)
    assert bench.session.engine.book(BTC).state == "quarantined"
    assert bench.outlet.gaps[-1].end_ns is None
    bench.say(book(BTC))
    assert not bench.session.engine.book(BTC).is_valid


def test_quarantined_book_comes_back_when_subscribed_anew() -> None:
    bench = Bench(resync_attempts=0).open()
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC), book(BTC, "update", "2.00", wrong=True))
    assert bench.session.engine.book(BTC).state == "quarantined"
    bench.session.unsubscribe(BookParams(symbol=[BTC]), bench.now)
    bench.accept_all()
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC))
    assert bench.session.engine.book(BTC).is_valid


def test_resync_without_answer_is_tried_again() -> None:
    bench = Bench(request_timeout=1, ping_interval=1000, heartbeat_timeout=1000).open()
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC), book(BTC, "update", "2.00", wrong=True))
    bench.sent()
    bench.wait(2)
    assert [request["method"] for request in bench.sent()] == ["unsubscribe"]
    assert bench.session.repair.count == 2


def test_resync_that_meets_already_subscribed_begins_anew(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC), book(BTC, "update", "2.00", wrong=True))
    bench.accept_all()
    bench.say(refusal(bench.sent()[0], "Already subscribed", BTC))
    bench.wait(1)
    assert [request["method"] for request in bench.sent()] == ["unsubscribe"]


def test_unsubscribing_ends_a_resync(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC), book(BTC, "update", "2.00", wrong=True))
    ask = bench.session.unsubscribe(BookParams(symbol=[BTC]), bench.now)
    first, second = bench.sent()
    bench.say(*acks(first), refusal(second, "Subscription Not Found", BTC))
    assert ask.done
    assert bench.sent() == []
    assert states(bench) == {}


def test_unreadable_book_message_is_repaired(bench: Bench) -> None:
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.say(book(BTC), book(BTC, "update")[:-12])
    assert [request["method"] for request in bench.sent()] == ["unsubscribe"]


def test_sequence_gap_is_reported_before_its_message_and_asks_again() -> None:
    bench = Bench().open()
    place = Place()
    place.note = place.data.append
    bench.subscribed(ExecutionsParams(token="t"), place)
    bench.say(executions(1, "snapshot"), executions(2), executions(5))
    assert place.data[2] == SequenceGapEvent(3, 5, "executions")
    assert place.data[3].sequence == 5
    assert [request["method"] for request in bench.accept_all()] == ["unsubscribe"]
    (subscribe,) = bench.accept_all()
    assert subscribe["params"]["token"] == "t"
    bench.say(executions(1, "snapshot"), executions(2))
    assert len([event for event in place.data if isinstance(event, SequenceGapEvent)]) == 1
    assert bench.outlet.gaps[0].cause == "sequence"
    assert bench.outlet.gaps[0].channels == ["executions"]


def test_tokens_are_in_no_representation(bench: Bench) -> None:
    bench.subscribe(ExecutionsParams(token="very-secret"))
    shown = [repr(bench.session), repr(bench.session.registry.entries())]
    assert not any("very-secret" in text for text in shown)
    assert "very-secret" in json.dumps(bench.sent())
