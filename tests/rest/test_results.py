"""Results of calls: what of a reply becomes which field, and what no field can be read from.

The replies are examples of docs.kraken.com's REST pages, shortened, with the fields that the newer
OpenAPI text added. They are read in the client from a server that sends exactly these bytes.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from tests.rest.server import Server

from kraken_connector import KrakenRest, RestError
from kraken_connector.models import rest as models

D = Decimal

pytestmark = pytest.mark.virtual_time


def numbers(result: str) -> bytes:
    """Return a reply with the digits of its numbers as they are written."""
    return f'{{"error":[],"result":{result}}}'.encode()


ORDER_ID = "OQCLML-BW3P3-BUCMWZ"
#: Page "Get Open Orders".
OPEN_ORDERS = """{"open":{"OQCLML-BW3P3-BUCMWZ":{
"refid":null,"userref":0,"cl_ord_id":"mine","status":"open","opentm":1688666559.8974000,
"starttm":0,"expiretm":0,
"descr":{"pair":"XBTUSD","type":"buy","ordertype":"limit","price":"30010.0","price2":"0",
"leverage":"none","order":"buy 1.25000000 XBTUSD @ limit 30010.0","close":""},
"vol":"1.25000000","vol_exec":"0.37500000","cost":"11253.7","fee":"0.00000","price":"30010.0",
"stopprice":"0.00000","limitprice":"0.00000","misc":"","oflags":"fciq,post",
"trades":["TCCCTY-WE2O6-P3NB37"],"time_in_force":"gtc","margin":false,"a_new_field":[1]}}}"""


async def test_open_orders(server: Server) -> None:
    server.answers["OpenOrders"] = numbers(OPEN_ORDERS)
    async with server.client() as rest:
        orders = await rest.open_orders(trades=True)
    order = orders[ORDER_ID]
    assert (order.order_id, order.symbol, order.side) == (ORDER_ID, "BTC/USD", "buy")
    assert (order.order_type, order.status, order.rest_status) == (
        "limit",
        "partially_filled",
        "open",
    )
    assert (order.limit_price, order.average_price) == (D("30010.0"), D("30010.0"))
    assert (order.order_qty, order.cum_qty, order.cum_cost) == (D("1.25"), D("0.375"), D("11253.7"))
    assert (order.opened_ns, order.starts_ns, order.expires_ns) == (
        1688666559_897400000,
        None,
        None,
    )
    assert order.opened.isoformat() == "2023-07-06T18:02:39.897400+00:00"
    assert (order.order_userref, order.leverage, order.close_description) == (None, None, None)
    assert (order.oflags, order.misc) == (("fciq", "post"), ())
    assert order.exec_ids == ("TCCCTY-WE2O6-P3NB37",)
    assert order.raw["a_new_field"] == [1]
    assert "raw" not in repr(order)
    assert not order.is_done


WORDS = {
    ("open", "0"): "new",
    ("open", "0.1"): "partially_filled",
    ("pending", "0"): "pending_new",
    ("closed", "1.25"): "filled",
    ("canceled", "0.1"): "canceled",
    ("expired", "0"): "expired",
    ("a new word", "0"): "a new word",
}


@pytest.mark.parametrize(("word", "filled"), WORDS)
async def test_status_has_the_words_of_the_socket(server: Server, word: str, filled: str) -> None:
    """`closed` means filled (page "Get Closed Orders")."""
    reply = json.loads(OPEN_ORDERS)
    reply["open"][ORDER_ID] |= {"status": word, "vol_exec": filled, "price": "0.00000"}
    server.answers["OpenOrders"] = reply
    async with server.client() as rest:
        (order,) = (await rest.open_orders()).values()
    assert (order.status, order.rest_status) == (WORDS[word, filled], word)
    assert order.average_price is None
    assert order.is_done == (word in ("closed", "canceled", "expired"))


#: Type of order, `price` and `price2` of `descr`: limit and trigger.
PRICES = [
    ("limit", "30010.0", "0", D("30010.0"), None),
    ("iceberg", "30010.0", "0", D("30010.0"), None),
    ("market", "0", "0", None, None),
    ("stop-loss", "29000.0", "0", None, D("29000.0")),
    ("stop-loss-limit", "29000.0", "28900.0", D("28900.0"), D("29000.0")),
    ("take-profit-limit", "31000.0", "30900.0", D("30900.0"), D("31000.0")),
    ("trailing-stop", "+5.0000%", "0", None, None),
    ("trailing-stop-limit", "+50.0", "-5.0", None, None),
    ("limit", "#5%", "0", None, None),
    ("a-new-type", "1.0", "2.0", None, None),
]


@pytest.mark.parametrize(("kind", "price", "price2", "limit", "trigger"), PRICES)
async def test_prices_of_an_order(
    server: Server, kind: str, price: str, price2: str, limit: D | None, trigger: D | None
) -> None:
    """A triggered order has its trigger in `price`; offsets are no levels."""
    reply = json.loads(OPEN_ORDERS)
    reply["open"][ORDER_ID]["descr"] |= {"ordertype": kind, "price": price, "price2": price2}
    server.answers["OpenOrders"] = reply
    async with server.client() as rest:
        (order,) = (await rest.open_orders()).values()
    assert (order.limit_price, order.trigger_price) == (limit, trigger)


#: Page "Get Trades History".
FILL_ID = "THVRQM-33VKH-UCI7BS"
FILL = """{"ordertxid":"OQCLML-BW3P3-BUCMWZ","postxid":"TKH2SE-M7IF5-CFI7LT","pair":"XXBTZUSD",
"time":1688667796.880203123,"type":"buy","ordertype":"limit","price":"30010.00000",
"cost":"600.20000","fee":"-0.00000","vol":"0.02000000","margin":"0.00000","leverage":"0",
"misc":"","trade_id":40274859,"maker":true}"""


async def test_fill(server: Server) -> None:
    server.answers["QueryTrades"] = numbers(f'{{"{FILL_ID}":{FILL}}}')
    async with server.client() as rest:
        fill = (await rest.query_trades([FILL_ID]))[FILL_ID]
    assert (fill.exec_id, fill.order_id, fill.symbol) == (FILL_ID, ORDER_ID, "BTC/USD")
    assert fill.time_ns == 1688667796_880203123, "nine digits, more than a float has"
    assert (fill.qty, fill.price, fill.cost) == (D("0.02"), D("30010"), D("600.2"))
    assert (fill.trade_id, fill.is_maker, fill.leverage) == (40274859, True, D(0))
    assert fill.time.isoformat() == "2023-07-06T18:23:16.880203+00:00"


async def test_balances_as_strings_and_as_bare_numbers(server: Server) -> None:
    """The page's example has bare numbers, its schema strings."""
    server.answers["BalanceEx"] = numbers(
        '{"ZUSD":{"balance":25435.21,"hold_trade":8249.76},'
        '"XXBT":{"balance":"1.2435","hold_trade":"0.8423","credit":"1","credit_used":"0.25"},'
        '"XTZ.S":{"balance":"0.1","hold_trade":"0"},"KFEE":{"balance":"3","hold_trade":"0"}}'
    )
    async with server.client() as rest:
        balances = await rest.balances()
    assert list(balances) == ["USD", "BTC", "XTZ.S", "KFEE"]
    assert balances["USD"].available == D("17185.45")
    assert balances["BTC"].available == D("1.1512")
    assert [b.asset for b in balances.values()] == list(balances)


async def test_trade_balance(server: Server) -> None:
    """Page "Get Trade Balance"."""
    example = {
        "eb": "1101.3425",
        "tb": "392.2264",
        "m": "7.0354",
        "n": "-10.0232",
        "c": "21.1063",
        "v": "31.1297",
        "e": "382.2032",
        "mf": "375.1678",
        "ml": "5432.57",
    }
    server.answers["TradeBalance"] = example
    async with server.client() as rest:
        balance = await rest.trade_balance()
        await rest.trade_balance("BTC")
    assert (balance.asset, balance.equivalent_balance) == ("USD", D("1101.3425"))
    assert (balance.unrealized, balance.margin_level) == (D("-10.0232"), D("5432.57"))
    assert (balance.free_margin_orders, balance.unexecuted) == (None, None)
    sent = [call.params.get("asset") for call in server.named("TradeBalance")]
    assert sent == [None, "XXBT"]


async def test_open_positions(server: Server) -> None:
    """Page "Get Open Positions": `net` has a plus sign, `rollovertm` is a string."""
    server.answers["OpenPositions"] = numbers(
        '{"TF5GVO-T7ZZ2-6NBKBI":{"ordertxid":"OLWNFG-LLH4R-D6SFFP","posstatus":"open",'
        '"pair":"XXBTZUSD","time":1605280097.8294,"type":"buy","ordertype":"limit",'
        '"cost":"104610.52842","fee":"289.06565","vol":"8.82412861","vol_closed":"0.20200000",'
        '"margin":"20922.10568","value":"258797.5","net":"+154186.9728",'
        '"terms":"0.0100% per 4 hours","rollovertm":"1616672637","misc":"","oflags":""}}'
    )
    async with server.client() as rest:
        (position,) = (await rest.open_positions(value=True)).values()
        assert await rest.open_positions([]) == {}
    assert (position.symbol, position.side, position.net) == ("BTC/USD", "buy", D("154186.9728"))
    assert (position.qty, position.qty_closed) == (D("8.82412861"), D("0.202"))
    assert (position.opened_ns, position.rollover_ns) == (
        1605280097_829400000,
        1616672637_000000000,
    )
    (call,) = server.named("OpenPositions")
    assert call.params["docalcs"] == "true"


@pytest.mark.parametrize("under", ["", "_"])
async def test_trade_volume(server: Server, under: str) -> None:
    """Page "Get Trade Volume": its example and its schema spell the fields in two ways."""
    fee = {
        "fee": "-0.0100",
        f"min{under}fee": "0.1000",
        f"max{under}fee": "0.2600",
        f"next{under}fee": None,
        f"tier{under}volume": "0.0000",
        f"next{under}volume": None,
    }
    tier = {"maker_fee": "0.25", "taker_fee": "0.4", "min_spot_volume": "0", "active": True}
    server.answers["TradeVolume"] = {
        "currency": "ZUSD",
        "volume": "200709587.4223",
        "fees": {"XXBTZUSD": fee},
        "fees_maker": None,
        "schedules": [{"pair": "XXBTZUSD", "class": "currency", "tiers": [tier]}],
    }
    async with server.client() as rest:
        volume = await rest.trade_volume(["BTC/USD", "XTZ/USD"], fee_schedule=True)
    assert (volume.currency, volume.volume) == ("USD", D("200709587.4223"))
    assert (volume.fees["BTC/USD"].percent, volume.fees["BTC/USD"].max_percent) == (
        D("-0.01"),
        D("0.26"),
    )
    assert volume.fees["BTC/USD"].next_volume is None
    assert volume.fees_maker == {}
    (schedule,) = volume.schedules.values()
    assert (schedule.symbol, schedule.tiers[0].taker_percent) == ("BTC/USD", D("0.4"))
    (call,) = server.named("TradeVolume")
    assert (call.params["pair"], call.params["fee_schedule"]) == ("XBTUSD,XTZUSD", "true")


async def test_api_key_info_without_the_key(server: Server) -> None:
    server.answers["GetApiKeyInfo"] = {
        "apiKeyName": "bot",
        "apiKey": "the-public-key",
        "nonce": "1772616165530004",
        "nonceWindow": 0,
        "permissions": ["query-funds", "create-ws-token"],
        "validUntil": "0",
        "queryFrom": "1700000000",
        "queryTo": "0",
        "ipAllowlist": [],
        "lastUsed": None,
    }
    async with server.client() as rest:
        info = await rest.api_key_info()
    assert (info.name, info.nonce, info.nonce_window) == ("bot", 1772616165530004, 0)
    assert info.permissions == ("query-funds", "create-ws-token")
    assert (info.valid_until_ns, info.query_from_ns) == (None, 1700000000_000000000)
    assert "apiKey" not in info.raw


async def test_public_calls(server: Server) -> None:
    server.answers |= {
        "SystemStatus": {"status": "online", "timestamp": "2023-07-06T18:52:00Z"},
        "Time": {"unixtime": 1688669448, "rfc1123": "Thu, 06 Jul 23 18:50:48 +0000"},
        "OHLC": numbers(
            '{"BTC/USD":[[1688671200,"30306.1","30306.2","30305.7","30305.7","30306.1",'
            '"3.39243896",23]],"last":1688672160}'
        ),
        "Trades": numbers(
            '{"BTC/USD":[["30243.40000","0.34507674",1688669597.827703123,"b","m","",61044952],'
            '["30243.30000","0.00376960",1688669598.2804112,"s","l","",61044953],'
            '["1","1",1688669599,"x","y",null,1]],"last":"1688671969993150842"}'
        ),
        "Depth": numbers('{"BTC/USD":{"asks":[["30384.10000","2.059",1688671659]],"bids":[]}}'),
    }
    async with server.client(api_key=None, api_secret=None) as rest:
        status, time = await rest.system_status(), await rest.server_time()
        candles, trades = await rest.ohlc("BTC/USD", 5), await rest.trades("BTC/USD", "1", 3)
        depth = await rest.depth("BTC/USD", 1)
    assert (status.status, status.upcoming_maintenance, status.emergency) == ("online", (), ())
    assert status.timestamp_ns == 1688669520_000000000
    assert (time.unixtime, time.time.isoformat()) == (1688669448, "2023-07-06T18:50:48+00:00")
    (candle,) = candles.candles
    assert (candle.time_ns, candle.close, candle.trades) == (1688671200 * 10**9, D("30305.7"), 23)
    assert (candles.symbol, candles.last) == ("BTC/USD", 1688672160)
    first, second, odd = trades.trades
    assert (first.time_ns, first.side, first.order_type) == (1688669597_827703123, "buy", "market")
    assert (second.side, second.order_type, second.trade_id) == ("sell", "limit", 61044953)
    assert (odd.side, odd.order_type) == ("x", "y")
    assert trades.last == "1688671969993150842"
    (ask,) = depth.asks
    assert (str(ask.price), str(ask.qty), depth.bids) == ("30384.10000", "2.059", ())
    sent = {call.name: call.params for call in server.calls}
    modern = {"assetVersion": "1", "pair": "XBTUSD"}
    assert sent["OHLC"] == {**modern, "interval": "5"}
    assert sent["Trades"] == {**modern, "since": "1", "count": "3"}
    assert sent["Depth"] == {**modern, "count": "1"}


async def test_asset_pair(server: Server) -> None:
    """Page "Get Tradable Asset Pairs"; a pair may have no `status` and no `wsname`."""
    server.answers["AssetPairs"] = numbers(
        '{"BTC/USD":{"altname":"XBTUSD","base":"BTC","quote":"USD","pair_decimals":1,'
        '"cost_decimals":5,"lot_decimals":8,"lot_multiplier":1,"leverage_buy":[2,3],'
        '"leverage_sell":[],"fees":[[0,0.26],[50000,0.24]],"fees_maker":[[0,-0.01]],'
        '"fee_volume_currency":"ZUSD","margin_call":80,"margin_level":40,"ordermin":"0.0001",'
        '"costmin":"0.5","tick_size":"0.1","long_position_limit":5000000000}}'
    )
    async with server.client() as rest:
        pair = (await rest.asset_pairs(["BTC/USD"], info="margin", country_code="DE"))["BTC/USD"]
    assert (pair.price_increment, pair.qty_min, pair.cost_min) == (D("0.1"), D("0.0001"), D("0.5"))
    assert (pair.price_precision, pair.qty_precision, pair.cost_precision) == (1, 8, 5)
    assert (pair.leverage_buy, pair.leverage_sell) == ((2, 3), ())
    assert [(fee.volume, fee.percent) for fee in pair.fees] == [
        (D(0), D("0.26")),
        (D(50000), D("0.24")),
    ]
    assert pair.fees_maker[0].percent == D("-0.01")
    assert (pair.margin_stop, pair.status, pair.wsname) == (D(40), None, None)
    assert pair.long_position_limit == D(5000000000)
    (call,) = server.named("AssetPairs")
    assert call.params == {
        "assetVersion": "1",
        "pair": "BTC/USD",
        "info": "margin",
        "country_code": "DE",
    }


#: Calls, the place of a value in the result, and the message about another value there.
ODD: list[tuple[str, list[Any], Any, str]] = [
    ("OpenOrders", ["open"], [], r"open of the reply must be an object, not \[\]"),
    ("OpenOrders", ["open"], None, "open of the reply must be an object, not nothing"),
    ("OpenOrders", ["open", ORDER_ID], "x", f"open.{ORDER_ID} of the reply must be an object"),
    (
        "OpenOrders",
        ["open", ORDER_ID, "vol"],
        "1,5",
        "vol of the reply must be a number, not '1,5'",
    ),
    ("OpenOrders", ["open", ORDER_ID, "vol"], True, "vol of the reply must be a number, not True"),
    ("OpenOrders", ["open", ORDER_ID, "vol"], None, "vol of the reply must be a number"),
    ("OpenOrders", ["open", ORDER_ID, "vol"], "NaN", "vol of the reply must be a number"),
    ("OpenOrders", ["open", ORDER_ID, "vol"], float("inf"), "vol of the reply must be a number"),
    ("OpenOrders", ["open", ORDER_ID, "vol"], "1e999999999999999999", "must be a number"),
    ("OpenOrders", ["open", ORDER_ID, "opentm"], -1, "must be seconds since the epoch, not -1"),
    ("OpenOrders", ["open", ORDER_ID, "opentm"], 1e18, "must be seconds since the epoch"),
    ("OpenOrders", ["open", ORDER_ID, "opentm"], "soon", "opentm of the reply must be a number"),
    ("OpenOrders", ["open", ORDER_ID, "status"], 5, "status of the reply must be a string, not 5"),
    ("OpenOrders", ["open", ORDER_ID, "status"], "", "status of the reply must be a string"),
    ("OpenOrders", ["open", ORDER_ID, "descr"], None, "descr of the reply must be an object"),
    ("OpenOrders", ["open", ORDER_ID, "descr", "pair"], None, "descr.pair of the reply"),
    ("OpenOrders", ["open", ORDER_ID, "descr", "price"], [], "descr.price of the reply"),
    ("OpenOrders", ["open", ORDER_ID, "descr", "price"], "x" * 99, "not 'xxxxxxx.*xxx\\.\\.\\.$"),
    ("OpenOrders", ["open", ORDER_ID, "trades"], "T", "trades of the reply must be a list"),
    ("OpenOrders", ["open", ORDER_ID, "trades"], [1], r"trades\[0\] of the reply must be a string"),
    ("OpenOrders", ["open", ORDER_ID, "misc"], 1, "misc of the reply must be a string"),
    ("OpenOrders", ["open", ORDER_ID, "userref"], "a", "userref of the reply must be an integer"),
    ("OpenOrders", ["open", ORDER_ID, "margin"], "no", "margin of the reply must be a boolean"),
    ("OpenOrders", [], [1], "the result of the reply must be an object"),
    ("QueryTrades", [FILL_ID, "trade_id"], 1.5, "trade_id of the reply must be an integer"),
    ("QueryTrades", [FILL_ID, "ordertxid"], None, f"{FILL_ID}.ordertxid of the reply"),
    ("QueryTrades", [FILL_ID], [], f"{FILL_ID} of the reply must be an object"),
    ("BalanceEx", ["ZUSD", "balance"], None, "ZUSD.balance of the reply must be a number"),
    ("BalanceEx", ["ZUSD", "hold_trade"], {}, "ZUSD.hold_trade of the reply must be a number"),
    ("OHLC", ["BTC/USD", 0], "x", r"BTC/USD\[0\] of the reply must be a list"),
    ("OHLC", ["BTC/USD", 0, 4], None, r"BTC/USD\[0\]\[4\] of the reply must be a number"),
    ("OHLC", ["BTC/USD", 0], [1], r"BTC/USD\[0\]\[1\] of the reply must be a number"),
    ("OHLC", ["last"], None, "last of the reply must be an integer"),
    ("Depth", ["BTC/USD", "bids"], None, "BTC/USD.bids of the reply must be a list"),
    ("Time", ["unixtime"], "now", "unixtime of the reply must be a number"),
    ("SystemStatus", ["status"], None, "status of the reply must be a string"),
    ("CancelAll", ["count"], None, "count of the reply must be an integer"),
    ("CancelAll", ["pending"], "yes", "pending of the reply must be a boolean"),
]
GOOD: dict[str, Any] = {
    "OpenOrders": json.loads(OPEN_ORDERS),
    "QueryTrades": {FILL_ID: json.loads(FILL)},
    "BalanceEx": {"ZUSD": {"balance": "1", "hold_trade": "0"}},
    "OHLC": {"BTC/USD": [[1, "1", "1", "1", "1", "1", "1", 1]], "last": 1},
    "Depth": {"BTC/USD": {"asks": [], "bids": []}},
    "Time": {"unixtime": 1688669448},
    "SystemStatus": {"status": "online"},
    "CancelAll": {"count": 1},
}
MAKE: dict[str, Callable[[KrakenRest], Awaitable[Any]]] = {
    "OpenOrders": lambda rest: rest.open_orders(),
    "QueryTrades": lambda rest: rest.query_trades([FILL_ID]),
    "BalanceEx": lambda rest: rest.balances(),
    "OHLC": lambda rest: rest.ohlc("BTC/USD"),
    "Depth": lambda rest: rest.depth("BTC/USD"),
    "Time": lambda rest: rest.server_time(),
    "SystemStatus": lambda rest: rest.system_status(),
    "CancelAll": lambda rest: rest.cancel_all(),
}


@pytest.mark.parametrize(("call", "place", "value", "message"), ODD)
async def test_field_of_a_wrong_type_is_an_error_that_names_it(
    server: Server, call: str, place: list[Any], value: Any, message: str
) -> None:
    result = json.loads(json.dumps(GOOD[call]))
    *way, last = ["result", *place]
    reply = {"error": [], "result": result}
    holder: Any = reply
    for key in way:
        holder = holder[key]
    holder[last] = value
    server.answers[call] = json.dumps(reply).encode()
    async with server.client() as rest:
        with pytest.raises(RestError, match=message) as caught:
            await MAKE[call](rest)
    assert (caught.value.call, caught.value.kind, caught.value.retryable) == (call, "other", False)
    assert len(server.named(call)) == 1, "the same reply would come again"


@pytest.mark.parametrize("call", GOOD)
async def test_good_reply_is_read(server: Server, call: str) -> None:
    """The replies that the test above alters."""
    server.answers[call] = GOOD[call]
    async with server.client() as rest:
        assert await MAKE[call](rest) is not None


async def test_reply_about_another_pair_is_an_error(server: Server) -> None:
    async with server.client() as rest:
        await rest.asset_pairs()
        for result in ({"ETH/BTC": [], "last": 1}, {"last": 1}, {"A": [], "B": [], "last": 1}):
            server.answers["OHLC"] = result
            with pytest.raises(RestError, match="one pair, BTC/USD"):
                await rest.ohlc("BTC/USD")


async def test_row_that_was_not_asked_for_is_an_error(server: Server) -> None:
    server.answers["QueryTrades"] = {FILL_ID: json.loads(FILL), "T2": json.loads(FILL)}
    async with server.client() as rest:
        with pytest.raises(RestError, match="what was asked for"):
            await rest.query_trades([FILL_ID])


def test_results_are_frozen_and_can_be_compared() -> None:
    one = models.RestCanceled(1, is_pending=False, raw={"count": 1})
    assert one == models.RestCanceled(1, is_pending=False, raw={})
    with pytest.raises(AttributeError):
        one.count = 2  # type: ignore[misc]
    for name in models.__all__:
        assert not hasattr(getattr(models, name), "__dict__") or "__slots__" in vars(
            getattr(models, name)
        )
