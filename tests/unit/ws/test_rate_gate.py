"""Which trading requests pass, when, and what is counted for them; in virtual time."""

from __future__ import annotations

from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

import pytest
from tests import virtual

from kraken_connector.exceptions import TradingError
from kraken_connector.ws.orders import Orders
from kraken_connector.ws.rate_counter import RateCounter
from kraken_connector.ws.rate_gate import RateGate
from kraken_connector.ws.trading import AddOrderParams

BTC, ETH = "BTC/USD", "ETH/USD"


def add(symbol: str = BTC) -> AddOrderParams:
    return AddOrderParams(symbol, "buy", "limit", 1, limit_price=100)


class Stage:
    """A gate whose counter goes by the virtual clock."""

    def __init__(self, policy: str = "report", **options: Any) -> None:
        loop = virtual.current()
        self.counter = RateCounter(Orders(), "starter", lambda: round(loop.time() * 1e9))
        self.gate = RateGate(self.counter, policy, **options)

    def count(self, symbol: str = BTC) -> Decimal:
        return self.counter.count(symbol)


def refused(text: str) -> Coroutine[Any, Any, Any]:
    async def answer() -> None:
        raise TradingError(text, venue_error=text)

    return answer()


# What an answer says about the count.


@pytest.mark.parametrize(
    ("text", "is_raised"),
    [
        ("EOrder:Rate limit exceeded", True),
        ("EOrder:Rate limit exceeded: try later", True),
        ("EOrder:Domain rate limit exceeded", True),
        ("EOrder:Orders limit exceeded", False),
        ("EOrder:Unknown order", False),
        ("EAPI:Rate limit exceeded", False),
        ("Exceeded msg rate", False),
    ],
)
def test_refusal_for_the_trading_rate_limit_raises_the_count(text: str, is_raised: bool) -> None:
    async def main() -> None:
        stage = Stage()
        with pytest.raises(TradingError):
            await stage.gate.watch(None, refused(text), add())
        assert stage.count() == (59 if is_raised else 1)
        assert stage.count(ETH) == 0

    virtual.run(main())
