"""Replies with any value at any place are read, or raise `RestError`: nothing else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Coroutine, Iterator
from decimal import Decimal
from typing import Any

import pytest
from tests.rest.server import MODERN_PAIRS
from tests.rest.test_results import FILL, OPEN_ORDERS

from kraken_connector import RestError
from kraken_connector.models.rest import account, key, market, orders, placed
from kraken_connector.models.rest.names import Names
from kraken_connector.models.rest.row import Row

NAMES = Names({}, {})
ODD: list[Any] = [
    None, True, False, 0, -1, 5, 10**40, Decimal("1.5"), Decimal("NaN"), Decimal("Infinity"),
    float("nan"), float("inf"), 1.5, "", "x", "1", "-1", "1e400", "NaN", " 1", "1 ", "٣", "\x00",
    [], [[]], [None], ["x"], [1], [{}], {}, {"a": 1}, {"": None},
]  # fmt: skip

PAIR = {
    **MODERN_PAIRS["BTC/USD"],
    "pair_decimals": 1,
    "tick_size": "0.1",
    "leverage_buy": [2],
    "fees": [[0, Decimal("0.26")]],
    "margin_call": 80,
}
BALANCES = {"eb": "1", "tb": "1", "m": "1", "n": "-1", "e": "1", "mf": "1", "ml": "1"}
POSITION = {
    "ordertxid": "O1", "posstatus": "open", "pair": "XXBTZUSD", "time": Decimal("1605280097.8294"),
    "type": "buy", "ordertype": "limit", "cost": "1", "fee": "1", "vol": "1", "vol_closed": "0",
    "margin": "1", "net": "+1", "rollovertm": "1616672637", "misc": "", "oflags": "",
}  # fmt: skip
VOLUME = {
    "currency": "ZUSD",
    "volume": "1",
    "fees": {"XXBTZUSD": {"fee": "0.1", "nextfee": None}},
    "fees_maker": None,
    "schedules": [
        {"pair": "XXBTZUSD", "tiers": [{"maker_fee": "1", "taker_fee": "1", "active": True}]}
    ],
}
KEY = {"apiKeyName": "bot", "nonce": "1", "nonceWindow": 0, "permissions": ["a"], "validUntil": "0"}
TRADE = ["1.0", "1.0", Decimal("1688669597.8277"), "b", "m", "", 61044952]
CANDLE = [1688671200, "1", "1", "1", "1", "1", "1", 23]
Read = Callable[[Row], Any]


def at_once(reading: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a short reading, which never waits."""
    with pytest.raises(StopIteration) as stopped:
        reading.send(None)
    return stopped.value.value


#: How a result is read, and a good one.
RESULTS: dict[str, tuple[Read, Any]] = {
    "order": (
        lambda row: orders.RestOrder.read(row, "O1", NAMES),
        json.loads(OPEN_ORDERS, parse_float=Decimal)["open"]["OQCLML-BW3P3-BUCMWZ"],
    ),
    "fill": (
        lambda row: orders.RestFill.read(row, "T1", NAMES),
        json.loads(FILL, parse_float=Decimal),
    ),
    "balance": (
        lambda row: account.RestBalance.read(row, "BTC"),
        {"balance": "1", "hold_trade": 0},
    ),
    "trade balance": (lambda row: account.TradeBalance.read(row, "USD"), BALANCES),
    "position": (lambda row: account.RestPosition.read(row, "P1", NAMES), POSITION),
    "volume": (lambda row: at_once(account.TradeVolume.read(row, NAMES)), VOLUME),
    "key": (key.ApiKeyInfo.read, KEY),
    "status": (market.SystemStatus.read, {"status": "online", "emergency": []}),
    "time": (market.ServerTime.read, {"unixtime": 1, "rfc1123": "Thu"}),
    "pair": (lambda row: market.AssetPair.read(row, "BTC/USD"), PAIR),
    "candles": (
        lambda row: at_once(market.Candles.read(row, "A", "A")),
        {"A": [CANDLE], "last": 1},
    ),
    "trades": (
        lambda row: at_once(market.PublicTrades.read(row, "A", "A")),
        {"A": [TRADE], "last": "1"},
    ),
    "depth": (
        lambda row: at_once(market.Depth.read(row, "A", "A")),
        {"A": {"asks": [["1", "1", 1]], "bids": []}},
    ),
    "placed": (
        lambda row: placed.RestPlaced.read(row, "mine", is_placed=True),
        {"descr": {"order": "buy"}, "txid": ["O1"]},
    ),
    "amended": (placed.RestAmended.read, {"amend_id": "T1"}),
    "canceled": (placed.RestCanceled.read, {"count": 1, "pending": False}),
}


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the ways to all values in a value."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for name in keys:
        yield (*way, name)
        yield from places(value[name], (*way, name))


def changed(value: Any, way: tuple[Any, ...], new: Any) -> Any:
    copied = copy.deepcopy(value)
    holder = copied
    for name in way[:-1]:
        holder = holder[name]
    holder[way[-1]] = new
    return copied


@pytest.mark.parametrize("name", RESULTS)
def test_any_value_at_any_place(name: str) -> None:
    read, good = RESULTS[name]
    assert repr(read(Row("Call", "", good)))
    errors = []
    for way in places(good):
        for odd in ODD:
            try:
                assert repr(read(Row("Call", "", changed(good, way, odd))))
            except RestError as error:
                errors.append(error)
    assert len(errors) > len(ODD) // 4
    assert {(error.call, error.kind) for error in errors} == {("Call", "other")}
    assert [str(error) for error in errors if "of the reply must be" not in str(error)] == []


@pytest.mark.parametrize("odd", [odd for odd in ODD if not isinstance(odd, dict)], ids=repr)
def test_result_that_is_no_object(odd: Any) -> None:
    with pytest.raises(RestError, match="the result of the reply must be an object"):
        Row("Call", "", odd)


@pytest.mark.parametrize("name", RESULTS)
def test_unknown_fields_pass(name: str) -> None:
    read, good = RESULTS[name]
    known, more = read(Row("Call", "", good)), read(Row("Call", "", {**good, "a_new_field": [1]}))
    assert known == more
    assert more.raw["a_new_field"] == [1]
