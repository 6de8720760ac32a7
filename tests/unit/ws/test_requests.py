"""Subscribe and unsubscribe requests, from the call to the last reply."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.unit.ws.rig import Bench, acks, refusal, states

from kraken_connector.exceptions import ConnectionLost, RequestTimeout, SubscriptionError
from kraken_connector.models import WSErrorResponse, WSResponse
from kraken_connector.ws.constants import REPLAY_BATCH
from kraken_connector.ws.envelopes import SubscriptionResult
from kraken_connector.ws.protocol import request_queue as queue
from kraken_connector.ws.protocol.registry import entries_of
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


def test_one_request_is_sent_for_all_symbols(bench: Bench) -> None:
    bench.subscribe(BookParams(symbol=[BTC, ETH], depth=25))
    (request,) = bench.sent()
    assert request["method"] == "subscribe"
    assert request["params"] == {"channel": "book", "depth": 25, "symbol": [BTC, ETH]}


def test_request_is_done_when_every_symbol_is_answered(bench: Bench) -> None:
    pending = bench.subscribe(TickerParams(symbol=[BTC, ETH]))
    (request,) = bench.sent()
    bench.say(*acks(request, [ETH]))
    assert not pending.done
    bench.say(*acks(request, [BTC]))
    result = pending.result()
    assert isinstance(result, WSResponse)
    assert isinstance(result, SubscriptionResult)
    assert result.symbols == [BTC, ETH]
    assert result.req_id == request["req_id"]
    assert result.result["symbol"] == BTC


def test_a_partly_refused_request_is_no_success(bench: Bench) -> None:
    pending = bench.subscribe(TickerParams(symbol=[BTC, "NO/USD", "NO/EUR"]))
    (request,) = bench.sent()
    bench.say(
        refusal(request, "Currency pair not supported NO/USD", "NO/USD"),
        *acks(request, [BTC]),
        refusal(request, "Currency pair not supported NO/EUR", "NO/EUR"),
    )
    with pytest.raises(SubscriptionError) as caught:
        pending.result()
    assert set(caught.value.rejected) == {"NO/USD", "NO/EUR"}
    assert caught.value.accepted == (BTC,)
    assert caught.value.venue_error == "Currency pair not supported NO/USD"
    assert states(bench) == {BTC: "confirmed", "NO/USD": "rejected", "NO/EUR": "rejected"}
    bench.lose()
    bench.open()
    assert [request["params"]["symbol"] for request in bench.sent()] == [[BTC]]


def test_a_refusal_without_symbol_is_about_the_whole_request(bench: Bench) -> None:
    pending = bench.subscribe(TickerParams(symbol=[BTC, ETH]))
    bench.say(refusal(bench.sent()[0], "Unsupported event"))
    with pytest.raises(SubscriptionError) as caught:
        pending.result()
    assert set(caught.value.rejected) == {BTC, ETH}
    assert states(bench) == {}


def test_answer_without_id_is_matched_by_method_and_symbol(bench: Bench) -> None:
    pending = bench.subscribe(TickerParams(symbol=[BTC]))
    bench.subscribe(TickerParams(symbol=[ETH]))
    (ack,) = acks(bench.sent()[0])
    del ack["req_id"]
    bench.say(ack)
    assert pending.result().symbols == [BTC]


def test_private_refusal_is_matched_by_its_channel(bench: Bench) -> None:
    pending = bench.subscribe(ExecutionsParams(token="t"))
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
        pending.result()
    assert caught.value.rejected == {"executions": "EGeneral:Permission denied"}


def test_unsubscribe_that_fails_as_a_subscribe_has_reached_its_end(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    pending = bench.session.unsubscribe(TickerParams(symbol=[BTC]), bench.now)
    (request,) = bench.sent()
    bench.say(refusal({**request, "method": "subscribe"}, "Subscription Not Found", BTC))
    assert pending.result().symbols == [BTC]
    assert states(bench) == {}


def test_reply_without_a_request_is_delivered(bench: Bench) -> None:
    bench.say({"method": "error", "error": "Malformed request", "success": False})
    (reply,) = bench.outlet.replies
    assert isinstance(reply, WSErrorResponse)
    assert reply.error == "Malformed request"


def test_superset_sends_only_the_new_symbols(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    pending = bench.subscribe(TickerParams(symbol=[BTC, ETH]))
    (request,) = bench.sent()
    assert request["params"]["symbol"] == [ETH]
    bench.say(*acks(request))
    assert pending.result().symbols == [BTC, ETH]


def test_nothing_is_sent_for_what_is_subscribed(bench: Bench) -> None:
    bench.subscribed(InstrumentParams())
    pending = bench.subscribe(InstrumentParams())
    assert bench.sent() == []
    assert pending.result().result["channel"] == "instrument"


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


def test_already_subscribed_counts_as_confirmed(bench: Bench) -> None:
    pending = bench.subscribe(TickerParams(symbol=[BTC]))
    bench.say(refusal(bench.sent()[0], "Already subscribed", BTC))
    assert pending.result().symbols == [BTC]
    assert states(bench) == {BTC: "confirmed"}


def test_book_that_was_subscribed_before_is_resynced(bench: Bench) -> None:
    bench.subscribe(BookParams(symbol=[BTC]))
    bench.say(refusal(bench.sent()[0], "Already subscribed", BTC))
    assert bench.accept_resync() == ["unsubscribe", "subscribe"]


def test_trade_and_executions_name_their_snapshot_flags(bench: Bench) -> None:
    bench.subscribe(TradeParams(symbol=[BTC]))
    bench.subscribe(ExecutionsParams(token="t"))
    trades, orders = bench.sent()
    assert trades["params"]["snapshot"] is False
    assert (orders["params"]["snap_orders"], orders["params"]["snap_trades"]) == (True, False)


def test_unsubscribe_names_what_identifies_the_subscription(bench: Bench) -> None:
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
    (entry,) = entries_of([bench.session.registry]).values()
    assert entry.params == TickerParams(symbol=[BTC])
    bench.session.unsubscribe(TickerParams(symbol=[BTC]), bench.now)
    bench.accept_all()
    assert entries_of([bench.session.registry]) == {}


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


def test_answer_that_stays_out_times_out(bench: Bench) -> None:
    pending = bench.subscribe(TickerParams(symbol=[BTC, ETH]))
    bench.say(*acks(bench.sent()[0], [BTC]))
    bench.wait(9.9)
    bench.say({"channel": "heartbeat"})
    assert not pending.done
    bench.wait(0.2)
    with pytest.raises(asyncio.TimeoutError) as caught:
        pending.result()
    assert isinstance(caught.value, RequestTimeout)
    assert caught.value.unanswered == (ETH,)
    assert states(bench) == {BTC: "confirmed"}


def test_late_ack_of_what_was_given_up_is_undone(bench: Bench) -> None:
    pending = bench.subscribe(TickerParams(symbol=[BTC]))
    (request,) = bench.sent()
    bench.session.abandon(pending, asyncio.CancelledError(), bench.now)
    bench.say(*acks(request))
    (cleanup,) = bench.sent()
    assert (cleanup["method"], cleanup["params"]["symbol"]) == ("unsubscribe", [BTC])
    assert states(bench) == {}


def test_what_was_given_up_is_unsubscribed_though_its_answer_is_lost() -> None:
    bench = Bench(request_timeout=1).open()
    bench.subscribe(TickerParams(symbol=[BTC]))
    bench.sent()
    bench.wait(1.1)
    (cleanup,) = [request for request in bench.sent() if request["method"] != "ping"]
    assert (cleanup["method"], cleanup["params"]["symbol"]) == ("unsubscribe", [BTC])
    bench.say(refusal(cleanup, "Subscription Not Found", BTC))
    bench.wait(5)
    assert states(bench) == {}
    assert all(request["method"] == "ping" for request in bench.sent())
    assert bench.outlet.replies == []


def test_what_was_given_up_before_it_left_is_not_unsubscribed(bench: Bench) -> None:
    requests = [bench.subscribe(TickerParams(symbol=[f"A{number}/USD"])) for number in range(30)]
    sent = bench.sent()
    assert len(sent) < 30
    bench.session.abandon(requests[-1], asyncio.CancelledError(), bench.now)
    bench.wait(2)
    assert all(r["method"] == "subscribe" for r in bench.sent())


def test_answers_that_never_come_are_forgotten_in_the_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "LATE_KEPT", 3)
    for number in range(20):
        bench.subscribe(TickerParams(symbol=[f"A{number}/USD"]))
        for _ in range(11):
            bench.wait(1)
            bench.say({"channel": "heartbeat"})
            for ping in [r for r in bench.sent() if r["method"] == "ping"]:
                bench.say({**ping, "method": "pong"})
    assert len(list(bench.session.requests._queue)) <= 5


def test_late_ack_is_kept_when_the_symbol_was_requested_again(bench: Bench) -> None:
    pending = bench.subscribe(TickerParams(symbol=[BTC]))
    (first,) = bench.sent()
    bench.session.abandon(pending, asyncio.CancelledError(), bench.now)
    again = bench.subscribe(TickerParams(symbol=[BTC]))
    (second,) = bench.sent()
    bench.say(*acks(first), refusal(second, "Already subscribed", BTC))
    assert again.result().symbols == [BTC]
    assert bench.sent() == []


def test_requests_are_paced(bench: Bench) -> None:
    for number in range(30):
        bench.subscribe(TickerParams(symbol=[f"A{number}/USD"]))
    at_once = len(bench.sent())
    assert 0 < at_once < 30
    bench.wait(2)
    assert len([r for r in bench.sent() if r["method"] == "subscribe"]) == 30 - at_once


def test_standing_in_line_does_not_count_as_waiting_for_an_answer() -> None:
    bench = Bench(request_timeout=1, ping_interval=1000, heartbeat_timeout=1000).open()
    requests = [bench.subscribe(TickerParams(symbol=[f"A{n}/USD"])) for n in range(60)]
    for _ in range(30):
        bench.accept_all()
        bench.wait(0.1)
    assert [pending.result().success for pending in requests] == [True] * 60


def test_waiting_for_a_token_counts() -> None:
    bench = Bench(has_token_source=True, request_timeout=1).open()
    pending = bench.subscribe(ExecutionsParams())
    bench.wait(1.1)
    with pytest.raises(RequestTimeout):
        pending.result()


@pytest.mark.parametrize(
    ("said", "is_named"),
    [
        ({"error": "Exceeded msg rate", "method": "subscribe", "success": False}, True),
        ({"error": "Exceeded msg rate"}, True),
        ({"errorMessage": "Exceeded msg rate"}, True),
        ({"error": "Exceeded msg rate", "method": "unsubscribe"}, False),
    ],
)
def test_error_that_names_no_request_is_reported_with_the_timeout(
    bench: Bench, said: dict[str, Any], is_named: bool, caplog: pytest.LogCaptureFixture
) -> None:
    pending = bench.subscribe(TickerParams(symbol=[BTC]))
    bench.say(said)
    assert "Exceeded msg rate" in caplog.text
    later = bench.subscribe(TradeParams(symbol=[BTC]))
    bench.wait(11)
    with pytest.raises(RequestTimeout) as caught:
        pending.result()
    assert ("'Exceeded msg rate'" in str(caught.value)) is is_named
    with pytest.raises(RequestTimeout) as caught:
        later.result()
    assert "Exceeded" not in str(caught.value)
    assert [reply.error for reply in bench.outlet.replies] == ["Exceeded msg rate"]


def test_exceeded_message_rate_slows_down_and_is_tried_again(bench: Bench) -> None:
    pending = bench.subscribe(TickerParams(symbol=[BTC, ETH]))
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
    assert pending.result().symbols == [BTC, ETH]


def test_exceeded_message_rate_is_not_tried_for_ever(bench: Bench) -> None:
    pending = bench.subscribe(TickerParams(symbol=[BTC]))
    tries = 0
    while not pending.done:
        for request in bench.sent():
            if request["method"] == "subscribe":
                tries += 1
                bench.say(refusal(request, "Exceeded msg rate", BTC))
        bench.wait(1)
        bench.say({"channel": "heartbeat"}, {"method": "pong"})
    assert tries < 10
    with pytest.raises(SubscriptionError, match="Exceeded msg rate"):
        pending.result()


def test_waiting_caller_learns_that_the_connection_was_lost(bench: Bench) -> None:
    pending = bench.subscribe(TickerParams(symbol=[BTC, ETH]))
    bench.say(*acks(bench.sent()[0], [BTC]))
    bench.lose()
    with pytest.raises(ConnectionError, match="reset"):
        pending.result()
    assert states(bench) == {BTC: "confirmed"}


def test_replay_repeats_the_original_arguments_in_batches(bench: Bench) -> None:
    many = [f"A{number}/USD" for number in range(REPLAY_BATCH + 1)]
    bench.subscribed(TradeParams(symbol=[BTC], snapshot=True))
    bench.subscribed(BookParams(symbol=[BTC], depth=25))
    bench.subscribed(BookParams(symbol=[ETH], depth=25))
    bench.subscribed(BookParams(symbol=["SOL/USD"], depth=10))
    bench.subscribed(TickerParams(symbol=many))
    bench.reconnect()
    trades, deep, shallow, *tickers = bench.sent()
    assert trades["params"] == {"channel": "trade", "snapshot": True, "symbol": [BTC]}
    assert deep["params"] == {"channel": "book", "depth": 25, "symbol": [BTC, ETH]}
    assert shallow["params"]["symbol"] == ["SOL/USD"]
    assert [symbol for r in tickers for symbol in r["params"]["symbol"]] == many
    assert len(tickers) == 2


def test_subscribing_while_there_is_no_connection_is_replayed_with_the_rest(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    bench.lose()
    pending = bench.subscribe(TickerParams(symbol=[ETH]))
    assert bench.sent() == []
    assert not pending.done
    bench.wait(100)
    bench.open()
    (request,) = bench.accept_all()
    assert request["params"]["symbol"] == [BTC, ETH]
    assert pending.result().symbols == [ETH]


def test_unsubscribing_while_there_is_no_connection_takes_effect_at_once(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    bench.lose()
    pending = bench.session.unsubscribe(TickerParams(symbol=[BTC]), bench.now)
    assert pending.result().acks == []
    bench.open()
    assert bench.sent() == []


def test_caller_learns_that_its_symbol_was_unsubscribed_before_it_could_be_sent(
    bench: Bench,
) -> None:
    bench.lose()
    pending = bench.subscribe(TickerParams(symbol=[BTC]))
    bench.session.unsubscribe(TickerParams(symbol=[BTC]), bench.now)
    with pytest.raises(SubscriptionError, match="unsubscribed"):
        pending.result()


def test_rejected_symbols_are_not_replayed(bench: Bench) -> None:
    bench.subscribe(TickerParams(symbol=[BTC, "NO/USD"]))
    (request,) = bench.sent()
    bench.say(*acks(request, [BTC]), refusal(request, "Currency pair not supported", "NO/USD"))
    bench.reconnect()
    assert bench.sent()[0]["params"]["symbol"] == [BTC]


def test_symbol_refused_on_replay_is_reported(bench: Bench) -> None:
    bench.subscribed(TickerParams(symbol=[BTC]))
    bench.reconnect()
    bench.say(refusal(bench.sent()[0], "Currency pair not supported BTC/USD", BTC))
    (reply,) = bench.outlet.replies
    assert (reply.symbol, reply.error) == (BTC, "Currency pair not supported BTC/USD")


def test_replay_without_answer_is_repeated_and_then_ends_the_connection() -> None:
    bench = Bench(request_timeout=1, heartbeat_timeout=1000, ping_interval=1000).open()
    bench.subscribed(TickerParams(symbol=[BTC]))
    bench.reconnect()
    bench.wait(100)
    assert len(bench.sent()) > 1
    assert isinstance(bench.session.failure, ConnectionLost)
