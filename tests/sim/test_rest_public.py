"""Public REST calls. The tables of fields are those of the exchange's documentation."""

from __future__ import annotations

from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from tests.sim.client import connected
from tests.sim.rest import BTC, CLIENT, SECOND, START_NS, Number, Rest, calling, check, read

PAIR = {
    **dict.fromkeys(("altname", "wsname", "aclass_base", "aclass_quote", "base", "quote"), str),
    **dict.fromkeys(("pair_decimals", "lot_decimals", "cost_decimals", "lot_multiplier"), int),
    **dict.fromkeys(("lot", "fee_volume_currency", "ordermin", "costmin", "tick_size"), str),
    **dict.fromkeys(("leverage_buy", "leverage_sell", "fees", "fees_maker"), list),
    **dict.fromkeys(("margin_call", "margin_stop"), int),
    **dict.fromkeys(("long_position_limit", "short_position_limit"), int),
    **dict.fromkeys(("status", "execution_venue"), str),
}
#: Symbol, id, altname, and the ids of both assets. BTC/USD is the documentation's example; the
#: others are the names in use.
NAMES = [
    ("BTC/USD", "XXBTZUSD", "XBTUSD", "XXBT", "ZUSD"),
    ("ETH/USD", "XETHZUSD", "ETHUSD", "XETH", "ZUSD"),
    ("ETH/BTC", "XETHXXBT", "ETHXBT", "XETH", "XXBT"),
    ("XRP/USD", "XXRPZUSD", "XRPUSD", "XXRP", "ZUSD"),
    ("DOGE/USD", "XDGUSD", "XDGUSD", "XXDG", "ZUSD"),
    ("USDT/USD", "USDTZUSD", "USDTUSD", "USDT", "ZUSD"),
    ("SOL/USD", "SOLUSD", "SOLUSD", "SOL", "ZUSD"),
    ("SOL/BTC", "SOLXBT", "SOLXBT", "SOL", "XXBT"),
    ("XTZ/USD", "XTZUSD", "XTZUSD", "XTZ", "ZUSD"),
    ("ZRX/EUR", "ZRXEUR", "ZRXEUR", "ZRX", "ZEUR"),
    ("RENDER/USD", "RENDERUSD", "RENDERUSD", "RENDER", "ZUSD"),
    ("BTC/CHF", "XBTCHF", "XBTCHF", "XXBT", "CHF"),
]
STATUSES = ["online", "maintenance", "cancel_only", "post_only"]


async def refused(rest: Rest, name: str, **params: Any) -> str:
    (error,) = read(await rest.http.get(f"/0/public/{name}", params=params))["error"]
    return str(error)


@pytest.mark.parametrize("status", STATUSES)
async def test_system_status(rest: Rest, status: Any) -> None:
    coming = [{"title": "upgrade"}]
    rest.sim.faults.set_system(status, upcoming_maintenance=coming)
    shown = await rest.public("SystemStatus")
    assert shown == {
        "status": status,
        "timestamp": "2027-01-15T08:00:00Z",
        "upcoming_maintenance": coming,
        "emergency": [],
    }


async def test_time(rest: Rest) -> None:
    shown = await rest.public("Time")
    check(shown, {"unixtime": int, "rfc1123": str})
    assert shown["unixtime"] == START_NS // SECOND
    assert parsedate_to_datetime(shown["rfc1123"]).timestamp() == START_NS // SECOND


async def test_asset_pairs(rest: Rest) -> None:
    pairs = await rest.public("AssetPairs")
    assert len(pairs) == len(rest.sim.symbols)
    for pair in pairs.values():
        optional = () if pair["leverage_buy"] else ("long_position_limit", "short_position_limit")
        check(pair, PAIR, "status", *optional)
    btc = pairs["XXBTZUSD"]
    assert (btc["pair_decimals"], btc["lot_decimals"], btc["tick_size"]) == (1, 8, "0.1")
    assert (btc["ordermin"], btc["costmin"], btc["status"]) == ("0.0002", "0.5", "online")
    # The first and last steps of the documentation's example.
    assert btc["fees"][0] == [0, Number("0.26")]
    assert btc["fees"][-1] == [10_000_000, Number("0.1")]
    assert (btc["fees_maker"][0], btc["fees_maker"][-1]) == ([0, Number("0.16")], [10_000_000, 0])
    assert (btc["leverage_buy"][-1], pairs["SOLUSD"]["leverage_buy"]) == (20, [])
    assert "status" not in pairs["KEEPEUR"]


@pytest.mark.parametrize(("symbol", "key", "altname", "base", "quote"), NAMES)
async def test_names(symbol: str, key: str, altname: str, base: str, quote: str) -> None:
    async with calling(symbols=[symbol]) as rest:
        ((shown, pair),) = (await rest.public("AssetPairs")).items()
        ((modern, modern_pair),) = (await rest.public("AssetPairs", assetVersion=1)).items()
        for name in (key, altname, symbol):
            assert (await rest.public("AssetPairs", pair=name)).keys() == {key}
        for name in (key, altname):
            assert (await rest.public("Depth", pair=name)).keys() == {key}
            assert (await rest.public("Depth", pair=name, assetVersion=1)).keys() == {symbol}
    assert (shown, pair["altname"], pair["base"], pair["quote"]) == (key, altname, base, quote)
    assert modern == symbol
    assert f"{modern_pair['base']}/{modern_pair['quote']}" == symbol
    assert (modern_pair["altname"], modern_pair["wsname"]) == (altname, pair["wsname"])


@pytest.mark.parametrize("name", ["Depth", "OHLC", "Trades", "AssetPairs"])
async def test_unknown_pair(rest: Rest, name: str) -> None:
    assert await refused(rest, name, pair="XXBTZUSDT") == "EQuery:Unknown asset pair"


@pytest.mark.parametrize("name", ["Depth", "OHLC", "Trades"])
async def test_market_data_needs_an_id_or_altname(rest: Rest, name: str) -> None:
    assert await refused(rest, name, pair=BTC) == "EQuery:Unknown asset pair"
    assert await refused(rest, name) == "EGeneral:Invalid arguments:pair"


@pytest.mark.parametrize(
    ("info", "fields"),
    [
        ("leverage", {"leverage_buy", "leverage_sell"}),
        ("fees", {"fees", "fees_maker", "fee_volume_currency"}),
        ("margin", {"margin_call", "margin_level"}),
    ],
)
async def test_parts_of_asset_pairs(rest: Rest, info: str, fields: set[str]) -> None:
    pairs = await rest.public("AssetPairs", info=info, pair="XBTUSD,SOLUSD")
    assert pairs.keys() == {"XXBTZUSD", "SOLUSD"}
    assert all(pair.keys() == fields for pair in pairs.values())


async def test_status_of_a_pair(rest: Rest) -> None:
    rest.sim.faults.set_pair_status(BTC, "reduce_only")
    pairs = await rest.public("AssetPairs", pair="XBTUSD")
    assert pairs["XXBTZUSD"]["status"] == "reduce_only"


async def test_tokenized_assets_have_a_class() -> None:
    async with calling(symbols=["AAPLx/USD", BTC]) as rest:
        assert (await rest.public("AssetPairs")).keys() == {"XXBTZUSD"}
        pairs = await rest.public("AssetPairs", aclass_base="tokenized_asset")
        assert pairs["AAPLxUSD"]["aclass_base"] == "tokenized_asset"
        assert await refused(rest, "Depth", pair="AAPLxUSD") == "EQuery:Unknown asset pair"
        assert await rest.public("Depth", pair="AAPLxUSD", asset_class="tokenized_asset")


async def test_depth_is_the_book(rest: Rest) -> None:
    book = rest.sim.markets.market(BTC).book
    shown = (await rest.public("Depth", pair="XBTUSD", count=3))["XXBTZUSD"]
    for name, side in (("bids", book.bids), ("asks", book.asks)):
        for row, (ticks, lots) in zip(shown[name], side.rows(3), strict=True):
            price, qty, seconds = row
            assert [type(value) for value in row] == [str, str, int]
            # Five decimals of a price with one, and a shortened quantity, as in the example.
            assert price == f"{Decimal(ticks) / 10:.5f}"
            assert Decimal(0) <= Decimal(qty) - Decimal(lots).scaleb(-8) < Decimal("0.001")
            assert len(qty.partition(".")[2]) == 3
            assert seconds == START_NS // SECOND


@pytest.mark.parametrize(("count", "rows"), [(None, 100), (1, 1), (500, 500)])
async def test_depth_count(rest: Rest, count: int | None, rows: int) -> None:
    given = {} if count is None else {"count": count}
    shown = (await rest.public("Depth", pair="XBTUSD", **given))["XXBTZUSD"]
    assert (len(shown["bids"]), len(shown["asks"])) == (rows, rows)


@pytest.mark.parametrize(
    ("name", "params", "named"),
    [
        ("Depth", {"count": 0}, "count"),
        ("Depth", {"count": 501}, "count"),
        ("Trades", {"count": 1001}, "count"),
        ("Trades", {"count": 0}, "count"),
        ("Trades", {"since": "yesterday"}, "since"),
        ("Trades", {"assetVersion": 2}, "assetVersion"),
        ("OHLC", {"interval": 2}, "interval"),
        ("OHLC", {"since": -1}, "since"),
        ("AssetPairs", {"info": "all"}, "info"),
    ],
)
async def test_wrong_arguments(rest: Rest, name: str, params: dict[str, Any], named: str) -> None:
    error = await refused(rest, name, pair="XBTUSD", **params)
    assert error == f"EGeneral:Invalid arguments:{named}"


async def test_ohlc(rest: Rest) -> None:
    shown = await rest.public("OHLC", pair="XBTUSD", interval=5)
    rows = shown["XXBTZUSD"]
    types = [int, *[str] * 6, int]
    assert all([type(value) for value in row] == types for row in rows)
    times = [row[0] for row in rows]
    assert times == sorted(times)
    assert times[-1] == START_NS // SECOND // 300 * 300
    assert shown["last"] == times[-2]
    for _, open_, high, low, close, vwap, _, _ in rows:
        assert Decimal(low) <= min(map(Decimal, (open_, close, vwap)))
        assert Decimal(high) >= max(map(Decimal, (open_, close, vwap)))
    later = await rest.public("OHLC", pair="XBTUSD", interval=5, since=shown["last"])
    assert later["XXBTZUSD"] == rows[-1:]


async def trade(rest: Rest, count: int) -> None:
    for _ in range(count):
        rest.clock.pass_seconds(1)
        await rest.sim.trade(BTC, "buy", "0.001")


async def test_trades(rest: Rest) -> None:
    rest.clock.pass_seconds(1)
    await rest.sim.trade(BTC, "sell", "0.00001", limit_price="80000.0")
    shown = await rest.public("Trades", pair="XBTUSD", count=1)
    ((price, volume, time, side, kind, misc, trade_id),) = shown["XXBTZUSD"]
    made = rest.sim.markets.market(BTC).trades[-1]
    assert (price, volume) == (f"{Decimal(made.ticks) / 10:.1f}", "0.00001000")
    # A number with more digits than a double holds.
    assert (type(time), time) == (Number, "1800000001.123457789")
    assert float(time) != Decimal(time)
    assert (side, kind, misc, trade_id) == ("s", "l", "", made.trade_id)
    assert shown["last"] == str(made.timestamp_ns) == "1800000001123457789"


async def test_trades_are_those_of_the_channel(rest: Rest) -> None:
    async with connected(rest.sim, context=CLIENT) as client:
        seen = await client.subscribe("trade", BTC)
    shown = (await rest.public("Trades", pair="XBTUSD"))["XXBTZUSD"]
    assert [row[6] for row in shown] == [item["trade_id"] for item in seen["data"]]


@pytest.mark.parametrize("count", [1, 7, 1000])
async def test_cursor_walks_over_every_trade_once(rest: Rest, count: int) -> None:
    """More trades than a snapshot of the channel has; some share their time."""
    await trade(rest, 60)
    await rest.sim.trade(BTC, "buy", "100")
    await trade(rest, 20)
    ids: list[int] = []
    since = "0"
    while since:
        shown = await rest.public("Trades", pair="XBTUSD", since=since, count=count)
        ids += [row[6] for row in shown["XXBTZUSD"]]
        since = shown["last"]
    history = rest.sim.markets.market(BTC).history
    assert ids == [made.trade_id for made in history]
    assert ids == list(range(ids[0], ids[-1] + 1))
    assert len({made.timestamp_ns for made in history}) < len(history) - 10


async def test_since_may_be_in_seconds(rest: Rest) -> None:
    await trade(rest, 3)
    shown = await rest.public("Trades", pair="XBTUSD", since=START_NS // SECOND + 2)
    assert [row[2] for row in shown["XXBTZUSD"]] == ["1800000002.123456789", "1800000003.123456789"]


async def test_without_since_the_latest_trades_come(rest: Rest) -> None:
    await trade(rest, 3)
    shown = await rest.public("Trades", pair="XBTUSD", count=2)
    assert [row[2] for row in shown["XXBTZUSD"]] == ["1800000002.123456789", "1800000003.123456789"]


async def test_query_string_that_cannot_be_read_is_refused(rest: Rest) -> None:
    response: httpx.Response = await rest.http.get("/0/public/Depth?pair=XBTUSD&pair=ETHUSD")
    assert read(response) == {"error": ["EGeneral:Invalid arguments"]}
