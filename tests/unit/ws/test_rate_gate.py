"""Which trading requests pass, when, and what is counted for them; in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

import pytest
from tests import virtual

from kraken_connector.exceptions import (
    ConnectionLost,
    NotConnected,
    OrderOutcomeUnknown,
    RequestTimeout,
    TokenAcquisitionError,
    TradingError,
)
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


async def ends(error: Exception) -> None:
    raise error


def refused(text: str) -> Coroutine[Any, Any, Any]:
    return ends(TradingError(text, venue_error=text))


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


@pytest.mark.parametrize("policy", ["report", "wait", "refuse"])
@pytest.mark.parametrize("has_left", [False, True])
def test_request_of_a_cancelled_caller_is_taken_back_if_it_did_not_leave(
    policy: str, has_left: bool
) -> None:
    async def main() -> None:
        stage = Stage(policy)

        async def request() -> None:
            charge = await stage.gate.admit(add())
            await stage.gate.watch(charge, asyncio.sleep(100), add(), has_left=lambda: has_left)

        task = asyncio.create_task(request())
        await asyncio.sleep(1)
        assert stage.count() == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert stage.count() == (1 if has_left else 0)

    virtual.run(main())


@pytest.mark.parametrize(
    ("error", "count"),
    [
        (NotConnected("add_order", "reconnecting"), 0),
        (ConnectionLost("wss://here", "reset"), 0),
        (RequestTimeout("no token", None), 0),
        (TokenAcquisitionError("no"), 0),
        (OrderOutcomeUnknown("add_order", "no answer", 1), 1),
        (ValueError("a token source of the user's own"), 1),
    ],
)
def test_kind_of_the_exception_tells_what_did_not_leave(error: Exception, count: int) -> None:
    async def main() -> None:
        stage = Stage()
        with pytest.raises(type(error)):
            await stage.gate.watch(None, ends(error), add())
        assert stage.count() == count

    virtual.run(main())


def test_what_is_known_of_the_request_comes_before_the_kind_of_the_exception() -> None:
    async def main() -> None:
        stage = Stage()
        with pytest.raises(ValueError, match="token"):
            await stage.gate.watch(
                None, ends(ValueError("no token")), add(), has_left=lambda: False
            )
        assert stage.count() == 0

    virtual.run(main())
