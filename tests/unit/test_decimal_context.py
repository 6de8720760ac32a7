"""The application's decimal context changes no result and raises nowhere."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from decimal import Decimal

import pytest
from tests.unit.ws.orders.bench import BTC, Bench, trade
from tests.unit.ws.test_balances import Bench as BalancesBench

from kraken_connector.exceptions import OrderCheckFailed
from kraken_connector.models.base import exact_number
from kraken_connector.ws.account.instruments import PairRules
from kraken_connector.ws.account.positions import Positions
from kraken_connector.ws.trading.checks import check_price
from kraken_connector.ws.trading.rate_counter import RateCounter

EXACT = "123456789.123456789"
CONTEXTS = {
    "three digits": decimal.Context(prec=3),
    "traps": decimal.Context(prec=3, traps=[decimal.Inexact, decimal.Rounded]),
    "no traps": decimal.Context(prec=3, traps=[]),
    "floats": decimal.Context(traps=[decimal.FloatOperation]),
}


@pytest.fixture(params=CONTEXTS.values(), ids=CONTEXTS.keys())
def context(request: pytest.FixtureRequest) -> Iterator[None]:
    with decimal.localcontext(request.param):
        yield


@pytest.mark.usefixtures("context")
def test_numbers_are_read_with_all_their_digits() -> None:
    assert str(exact_number(EXACT)) == EXACT
    assert exact_number("1e9999999999999999999").is_infinite()


@pytest.mark.usefixtures("context")
def test_a_price_is_checked_exactly() -> None:
    step = Decimal("0.000000001")
    check_price("price", Decimal(EXACT), PairRules("A/B", "online", step, step, step, step))


@pytest.mark.usefixtures("context")
def test_a_price_that_fails_its_check_has_exact_neighbours() -> None:
    step, price = Decimal("0.000000002"), Decimal(EXACT)
    with pytest.raises(OrderCheckFailed) as caught:
        check_price("price", price, PairRules("A/B", "online", step, step, step, step))
    assert str(caught.value.below) == "123456789.123456788"
    assert str(caught.value.above) == "123456789.123456790"


@pytest.mark.usefixtures("context")
def test_orders_positions_and_the_rate_counter_add_up_exactly() -> None:
    bench = Bench()
    positions = Positions(bench.orders)
    counter = RateCounter(bench.orders, "pro", lambda: int(bench.now * 1e9))
    order = bench.send("mine", "2000.000000002")
    assert bench.orders.exposure(BTC).buy == Decimal("2000.000000002")
    bench.ack(order, "O1")
    bench.hear(trade("O1", "E1", 1000.000000001), trade("O1", "E2", 0.000000001))
    assert str(order.cum_qty) == "1000.000000002"
    assert bench.orders.exposure(BTC).buy == Decimal(1000)
    assert positions[BTC].qty == Decimal("1000.000000002")
    assert order.avg_price is not None
    assert counter.headroom(BTC) > 0


@pytest.mark.usefixtures("context")
def test_balances_are_what_was_written() -> None:
    account = BalancesBench()
    account.snapshot(USD=EXACT)
    assert str(account.balances["USD"]) == EXACT
    account.entry("L1", "123456789.123456790", "0.000000001")
    assert str(account.balances["USD"]) == "123456789.123456790"
