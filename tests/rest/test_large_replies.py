"""The largest replies: they are read whole, and hold the event loop for short times only.

The second is checked by `--slow-callbacks` (tests/slow_callbacks.py).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sized
from typing import Any

import pytest
from tests.rest.server import serving
from tests.rest.test_malformed import CANDLE, PAIR, POSITION, TRADE, VOLUME
from tests.rest.test_results import OPEN_ORDERS

from kraken_connector import KrakenRest
from kraken_connector.models.rest.row import Row
from kraken_connector.rest.decoding import Decoding

FEES = [[volume, "0.40"] for volume in range(9)]
TIERS = [{"maker_fee": "0.25", "taker_fee": "0.40", "min_spot_volume": "0"}] * 12
PAIRS = 1400

Read = Callable[[KrakenRest], Awaitable[Sized]]


def symbols(number: int) -> list[str]:
    return [f"A{one}/USD" for one in range(number)]


def pairs(number: int) -> dict[str, Any]:
    return {
        symbol: PAIR | {"base": symbol[:-4], "altname": symbol, "fees": FEES, "fees_maker": FEES}
        for symbol in symbols(number)
    }


def volume(number: int) -> dict[str, Any]:
    schedules = [{"pair": symbol, "tiers": TIERS} for symbol in symbols(number)]
    fees = {symbol: {"fee": "0.1", "nextfee": None} for symbol in symbols(number)}
    return VOLUME | {"fees": fees, "fees_maker": fees, "schedules": schedules}


def an_open_order() -> Any:
    decoding = Decoding(OPEN_ORDERS.encode())
    assert list(decoding) == []
    return dict(Row("OpenOrders", "", decoding.document).row("open").raw).popitem()[1]


async def trades(rest: KrakenRest) -> Sized:
    return (await rest.trades("BTC/USD")).trades


async def candles(rest: KrakenRest) -> Sized:
    return (await rest.ohlc("BTC/USD")).candles


async def levels(rest: KrakenRest) -> Sized:
    depth = await rest.depth("BTC/USD", 500)
    return depth.bids + depth.asks


async def schedules(rest: KrakenRest) -> Sized:
    return (await rest.trade_volume(symbols(100), fee_schedule=True)).schedules


REPLIES: list[tuple[str, Any, Read, int]] = [
    ("Trades", {"BTC/USD": [TRADE] * 1000, "last": "1"}, trades, 1000),
    ("OHLC", {"BTC/USD": [CANDLE] * 720, "last": 1}, candles, 720),
    ("Depth", {"BTC/USD": {side: [["1.5", "2.5", 1]] * 500 for side in ("bids", "asks")}}, levels,
     1000),
    ("TradeVolume", volume(100), schedules, 100),
    ("OpenPositions", {f"P{n}": POSITION for n in range(500)}, lambda rest: rest.open_positions(),
     500),
    ("OpenOrders", {"open": {f"O{n}": an_open_order() for n in range(500)}},
     lambda rest: rest.open_orders(), 500),
    ("AssetPairs", pairs(PAIRS), lambda rest: rest.asset_pairs(), PAIRS),
]  # fmt: skip


@pytest.mark.parametrize(("call", "result", "read", "number"), REPLIES, ids=[r[0] for r in REPLIES])
async def test_large_reply(call: str, result: Any, read: Read, number: int) -> None:
    async with serving() as server:
        server.answers["AssetPairs"] = pairs(100)
        server.answers[call] = json.loads(json.dumps(result, default=float))
        async with server.client() as rest:
            assert len(await read(rest)) == number
