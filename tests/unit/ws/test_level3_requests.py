"""Subscribing to level3: the token, the depth and the allowance."""

from __future__ import annotations

import pytest
from tests.unit.ws.rig import Bench, acks, refusal, states

from kraken_connector.exceptions import SubscriptionError
from kraken_connector.ws.constants import (
    LEVEL3_ALLOWANCE,
    LEVEL3_COST,
    LEVEL3_SYMBOLS,
    SNAPSHOTS_EXCEEDED,
)
from kraken_connector.ws.subscribe import Level3Params, TickerParams

BTC, ETH = "BTC/USD", "ETH/USD"


def many(count: int) -> list[str]:
    return [f"{chr(65 + n // 26)}{chr(65 + n % 26)}/USD" for n in range(count)]


def limited(symbol: str) -> str:
    """Return the refusal as captured: only its text names the symbol."""
    return f"{SNAPSHOTS_EXCEEDED}, when trying to subscribe to {symbol} level3 snapshot"


@pytest.fixture
def level3() -> Bench:
    bench = Bench(has_token_source=True).open()
    bench.session.set_token("secret", bench.now)
    return bench


def test_every_request_has_the_token_and_its_depth(level3: Bench) -> None:
    level3.subscribed(Level3Params(symbol=[BTC], depth=100))
    level3.session.unsubscribe(Level3Params(symbol=[BTC], depth=100), level3.now)
    (request,) = level3.sent()
    assert request["method"] == "unsubscribe"
    assert request["params"] == {
        "channel": "level3",
        "depth": 100,
        "symbol": [BTC],
        "token": "secret",
    }


def test_second_depth_is_refused_without_a_request(level3: Bench) -> None:
    level3.subscribed(Level3Params(symbol=[BTC]))
    with pytest.raises(SubscriptionError, match="level3 of BTC/USD is subscribed with depth 10"):
        level3.subscribe(Level3Params(symbol=[BTC], depth=100))
    assert level3.sent() == []


@pytest.mark.parametrize(("depth", "batch"), [(10, 40), (100, 8), (1000, 2)])
def test_requests_are_as_large_as_the_allowance(level3: Bench, depth: int, batch: int) -> None:
    names = many(2 * batch + 1)
    pending = level3.subscribe(Level3Params(symbol=names, depth=depth))
    sizes = []
    while not pending.done:
        sizes += [len(request["params"]["symbol"]) for request in level3.accept_all()]
        level3.wait(0.01)
    assert sizes == [batch, batch, 1]
    assert level3.now - 1000.0 == pytest.approx(2.2, abs=0.05)


def test_costs_are_those_of_the_page() -> None:
    assert LEVEL3_COST == {10: 5, 100: 25, 1000: 100}
    assert (LEVEL3_ALLOWANCE, LEVEL3_SYMBOLS) == (200, 200)


def test_queued_request_does_not_time_out() -> None:
    bench = Bench(has_token_source=True, request_timeout=0.5).open()
    bench.session.set_token("secret", bench.now)
    pending = bench.subscribe(Level3Params(symbol=many(3), depth=1000))
    bench.accept_all()
    bench.wait(1.0)
    assert not pending.done
    bench.wait(0.2)
    bench.accept_all()
    assert len(pending.result().symbols) == 3


def test_others_pass_what_waits_for_the_allowance(level3: Bench) -> None:
    level3.subscribe(Level3Params(symbol=many(3), depth=1000))
    level3.accept_all()
    level3.subscribe(TickerParams(symbol=[BTC]))
    (request,) = level3.sent()
    assert request["params"]["channel"] == "ticker"


def test_unsubscribe_does_not_overtake_its_subscribe(level3: Bench) -> None:
    names = many(3)
    level3.subscribe(Level3Params(symbol=names, depth=1000))
    level3.accept_all()
    pending = level3.session.unsubscribe(Level3Params(symbol=names[2:], depth=1000), level3.now)
    assert level3.sent() == []
    level3.wait(1.2)
    methods = [request["method"] for request in level3.accept_all()]
    assert methods in (["subscribe", "unsubscribe"], ["unsubscribe"])
    assert pending.done
    assert names[2] not in states(level3)


def test_refused_symbol_is_requested_again_within_the_allowance(level3: Bench) -> None:
    pending = level3.subscribe(Level3Params(symbol=[BTC, ETH]))
    (request,) = level3.sent()
    level3.say(*acks(request, [BTC]), refusal(request, limited(ETH)))
    assert states(level3) == {BTC: "confirmed", ETH: "pending"}
    assert level3.sent() == []
    level3.wait(1.2)
    (again,) = level3.sent()
    assert again["params"]["symbol"] == [ETH]
    level3.say(*acks(again))
    assert pending.result().symbols == [BTC, ETH]


def test_refusal_is_about_the_symbol_that_its_text_names(level3: Bench) -> None:
    pending = level3.subscribe(Level3Params(symbol=[BTC, ETH]))
    (request,) = level3.sent()
    level3.say(refusal(request, limited(ETH)))
    level3.wait(1.2)
    (again,) = level3.sent()
    assert again["params"]["symbol"] == [ETH]
    level3.say(*acks(request, [BTC]), *acks(again))
    assert pending.result().symbols == [BTC, ETH]


def test_refusal_that_lasts_is_raised_in_the_end(level3: Bench) -> None:
    pending = level3.subscribe(Level3Params(symbol=[BTC]))
    while not pending.done:
        for request in level3.sent():
            level3.say(refusal(request, limited(BTC)))
        level3.wait(1.0)
    with pytest.raises(SubscriptionError, match="snapshot requests exceeded") as caught:
        pending.result()
    assert set(caught.value.rejected) == {BTC}
    assert level3.now > 1020.0
