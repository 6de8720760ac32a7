"""The application's decimal context changes no result and raises nowhere."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from decimal import Decimal

import pytest

from kraken_connector.models._model import exact_number
from kraken_connector.ws.instruments import PairRules
from kraken_connector.ws.order_checks import check_price
from kraken_connector.ws.orders import Exposure

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
def test_sums_of_nothing_raise_nothing() -> None:
    assert Exposure.of([]) == Exposure.of([])
