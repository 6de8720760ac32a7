"""Private requests wait for their token, and get another one when it is refused."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.ws.rig import Bench, refusal, states

from kraken_connector.exceptions import RequestTimeout, SubscriptionError, TokenAcquisitionError
from kraken_connector.models import WSErrorResponse
from kraken_connector.ws.protocol.session import Session
from kraken_connector.ws.protocol.token_requests import TokenRequests
from kraken_connector.ws.subscribe import BalancesParams, ExecutionsParams, TickerParams

BTC = "BTC/USD"
ETH = "ETH/USD"


@pytest.fixture
def bench() -> Bench:
    """A session that waits for its first token, and needs no heartbeats."""
    quiet = {"heartbeat_timeout": 10_000.0, "ping_interval": 10_000.0}
    return Bench(has_token_source=True, **quiet).open()


def test_private_request_waits_for_its_token(bench: Bench) -> None:
    assert bench.session.token_deadline > bench.now
    pending = bench.subscribe(ExecutionsParams())
    assert bench.sent() == []
    assert bench.session.token_deadline <= bench.now
    bench.session.set_token("secret", bench.now)
    (request,) = bench.accept_all()
    assert request["params"]["token"] == "secret"
    assert pending.result().result["channel"] == "executions"


def test_token_is_fetched_once_a_socket_has_brought_a_frame(bench: Bench) -> None:
    bench.subscribe(ExecutionsParams())
    bench.session.set_token("first", bench.now)
    bench.accept_all()
    bench.lose()
    bench.session.connection_made(bench.now)
    assert bench.session.token_deadline == bench.now + Session.FIRST_FRAME
    bench.session.attention = False
    bench.say({"channel": "heartbeat"})
    assert bench.session.attention
    assert bench.session.token_deadline <= bench.now


def test_one_token_serves_a_connection_and_no_other(bench: Bench) -> None:
    bench.subscribe(ExecutionsParams())
    bench.session.set_token("first", bench.now)
    bench.accept_all()
    pending = bench.session.unsubscribe(ExecutionsParams(), bench.now)
    assert bench.sent()[0]["params"]["token"] == "first"
    bench.session.abandon(pending, asyncio.CancelledError(), bench.now)
    bench.reconnect()
    assert bench.sent() == []
    bench.session.set_token("second", bench.now)
    assert bench.sent()[0]["params"]["token"] == "second"


def test_public_requests_do_not_wait_for_a_token(bench: Bench) -> None:
    bench.subscribe(ExecutionsParams())
    bench.subscribe(TickerParams(symbol=[BTC]))
    assert [request["params"]["channel"] for request in bench.sent()] == ["ticker"]


def test_refused_token_is_replaced_once(bench: Bench) -> None:
    pending = bench.subscribe(ExecutionsParams())
    for token in ("stale", "fresh"):
        bench.session.set_token(token, bench.now)
        bench.say(refusal(bench.sent()[0], "ESession:Invalid session"))
        if token == "stale":
            assert bench.session.tokens.is_refused
            assert bench.session.token_deadline <= bench.now
    with pytest.raises(SubscriptionError, match="Invalid session"):
        pending.result()


#: The exchange's errors for a token that is no longer valid.
STALE = ["ESession:Invalid session", "EAPI:Invalid token", "EAPI:Invalid session", "Token expired"]


@pytest.mark.parametrize("text", STALE)
def test_replay_tries_further_tokens_as_long_as_they_are_refused(bench: Bench, text: str) -> None:
    bench.subscribe(ExecutionsParams())
    bench.session.set_token("good", bench.now)
    bench.accept_all()
    bench.reconnect()
    for number in range(50):
        bench.session.set_token(f"stale {number}", bench.now)
        bench.say(refusal(bench.sent()[0], text))
        assert bench.session.token_deadline <= bench.now
        # Each refusal is returned once; the code that fetches tokens decides when to try again.
        assert bench.session.tokens.pop_refused() == f"stale {number}"
        assert bench.session.tokens.pop_refused() is None
        bench.session.token_delayed("refused", bench.now, 30.0)
        assert bench.session.token_deadline == bench.now + 30
        bench.now += 30
    assert bench.session.failure is None
    bench.session.set_token("good", bench.now)
    bench.accept_all()
    assert list(states(bench).values()) == ["confirmed"]
    assert bench.outlet.gaps[-1].end_ns is not None


def test_all_requests_with_a_refused_token_get_the_next_one(bench: Bench) -> None:
    requests = [bench.subscribe(ExecutionsParams()), bench.subscribe(BalancesParams())]
    bench.session.set_token("stale", bench.now)
    for request in bench.sent():
        bench.say(refusal(request, "ESession:Invalid session"))
    bench.session.set_token("fresh", bench.now)
    assert {request["params"]["token"] for request in bench.accept_all()} == {"fresh"}
    assert [pending.result().success for pending in requests] == [True, True]
    assert not bench.session.tokens.is_refused


def test_caller_learns_that_there_is_no_token(bench: Bench) -> None:
    pending = bench.subscribe(ExecutionsParams())
    bench.session.token_failed(TokenAcquisitionError("no"), bench.now)
    with pytest.raises(TokenAcquisitionError):
        pending.result()
    assert states(bench) == {}


def test_caller_learns_when_the_next_token_can_be_fetched() -> None:
    bench = Bench(has_token_source=True, request_timeout=10.0).open()
    bench.session.token_delayed("the exchange is busy", bench.now, 60.0)
    pending = bench.subscribe(ExecutionsParams())
    bench.wait(9.9)
    assert not pending.done
    bench.wait(0.1)
    with pytest.raises(RequestTimeout, match=r"next try is in 50 s \(the exchange is busy\)"):
        pending.result()
    assert [request["method"] for request in bench.sent()] == ["ping"]
    assert states(bench) == {}


def test_replay_waits_for_a_token_without_end(bench: Bench) -> None:
    bench.subscribe(ExecutionsParams())
    bench.session.set_token("first", bench.now)
    bench.accept_all()
    bench.reconnect()
    for _ in range(100):
        bench.session.token_failed(TokenAcquisitionError("no"), bench.now, 30.0)
        assert bench.session.token_deadline == bench.now + 30
        bench.wait(30)
    assert bench.session.failure is None
    bench.session.set_token("second", bench.now)
    bench.accept_all()
    assert list(states(bench).values()) == ["confirmed"]


def test_token_of_the_parameters_is_used_without_a_source() -> None:
    bench = Bench().open()
    bench.subscribe(ExecutionsParams(token="mine"))
    assert bench.sent()[0]["params"]["token"] == "mine"


def test_token_without_a_private_subscription_is_replaced_in_time(bench: Bench) -> None:
    bench.session.set_token("one", bench.now, good_for=840.0)
    assert bench.session.token_deadline == bench.now + 840
    bench.wait(840)
    assert bench.session.token_deadline <= bench.now
    bench.session.set_token("two", bench.now, good_for=840.0)
    assert bench.session.token_deadline == bench.now + 840


def test_private_subscription_keeps_its_token_good_for_as_long_as_it_lasts(bench: Bench) -> None:
    bench.subscribe(ExecutionsParams())
    bench.session.set_token("one", bench.now, good_for=840.0)
    bench.accept_all()
    assert bench.session.token_deadline == float("inf")
    bench.wait(2000)
    bench.session.unsubscribe(ExecutionsParams(), bench.now)
    bench.accept_all()
    assert bench.session.token_deadline <= bench.now


def test_token_is_used_while_the_next_one_cannot_be_fetched(bench: Bench) -> None:
    bench.session.set_token("one", bench.now, good_for=1.0)
    bench.wait(1)
    for _ in range(5):
        bench.session.token_failed(TokenAcquisitionError("down"), bench.now, 4.0)
        assert bench.session.token_deadline == bench.now + 4
        bench.now += 4
    assert not bench.session.tokens.is_wanted
    bench.subscribe(ExecutionsParams())
    (request,) = bench.sent()
    assert request["params"]["token"] == "one"


def test_token_that_was_refused_for_an_order_is_replaced_once(bench: Bench) -> None:
    bench.session.set_token("one", bench.now, good_for=840.0)
    tokens = bench.session.tokens
    for _ in range(3):
        tokens.invalidate("one")
    assert bench.session.tokens.is_wanted
    assert bench.session.tokens.is_refused
    assert bench.session.tokens.pop_refused() == "one"
    bench.session.set_token("two", bench.now, good_for=840.0)
    tokens.invalidate("one")
    assert tokens.token == "two"
    tokens.on_accepted()
    assert not bench.session.tokens.is_refused


def test_tokens_are_hidden_in_what_comes_back() -> None:
    tokens = TokenRequests(has_source=True)
    tokens.set("WW91ciBzZWNyZXQ", float("inf"))
    times = {"time_in": "2026-01-01T00:00:00Z", "time_out": "2026-01-01T00:00:00Z"}
    echo = {"orders": [{"token": "WW91ciBzZWNyZXQ", "order_id": "O1"}], "count": 1}
    refusal = WSErrorResponse(
        "add_order", "bad token WW91ciBzZWNyZXQ", False, **times, req_id=1, result=echo
    )
    hidden = tokens.mask.reply(refusal)
    assert isinstance(hidden, WSErrorResponse)
    assert hidden.error == "bad token ***"
    assert hidden.result == {"orders": [{"token": "***", "order_id": "O1"}], "count": 1}
    assert tokens.mask.text("> WW91ciBzZWNyZXQ <") == "> *** <"
    plain = WSErrorResponse("add_order", "EOrder:Unknown order", False, **times)
    assert tokens.mask.reply(plain) is plain
