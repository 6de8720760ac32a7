"""Orders placed, changed and canceled by REST."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.sim.client import Client, connected
from tests.sim.rest import BTC, CLIENT, RESTING, START_NS, Json, Rest, calling, read, signature

from kraken_connector.sim.encode import timestamp
from kraken_connector.sim.pairs import LEVERAGES
from kraken_connector.sim.trading.order import Order

BAD = "EGeneral:Invalid arguments"
MARKET = {"ordertype": "market", "price": None}
STOP = {"type": "sell", "ordertype": "stop-loss"}


def ahead(seconds: float) -> str:
    return timestamp(START_NS + int(seconds * 1e9), 3)


async def placed(rest: Rest, **terms: Any) -> Order:
    return rest.sim.account.orders[await rest.place(**terms)]


async def refused(rest: Rest, **terms: Any) -> str:
    given = {name: value for name, value in (RESTING | terms).items() if value is not None}
    error = await rest.error("AddOrder", **given)
    assert not rest.sim.account.orders
    return error


def last_price(rest: Rest) -> Decimal:
    return rest.sim.markets.market(BTC).last_price


@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize("pair", ["XBTUSD", "XXBTZUSD"])
async def test_order_is_placed(rest: Rest, form: bool, pair: str) -> None:
    """Source: the table of `AddOrder`: `txid` is an array."""
    answer = await rest.call("AddOrder", form=form, **RESTING | {"pair": pair, "cl_ord_id": "mine"})
    (order,) = rest.sim.account.open_orders
    assert answer == {
        "descr": {"order": "buy 0.50000000 XBTUSD @ limit 80000.0"},
        "txid": [order.order_id],
    }
    assert (order.pair.symbol, order.order_qty, order.limit_price) == (BTC, Decimal("0.5"), 80000)
    assert order.client_id == {"cl_ord_id": "mine"}
    assert order.time_in_force == "GTC"


async def test_orders_of_rest_are_reported_on_sockets(rest: Rest) -> None:
    token = (await rest.call("GetWebSocketsToken"))["token"]
    async with connected(rest.sim, context=CLIENT) as client:
        await client.subscribe("executions", token=token)
        order_id = await rest.place(userref=7)
        await rest.call("AmendOrder", txid=order_id, order_qty="0.4")
        await rest.call("CancelOrder", txid="7")
        reports = [await report(client) for _ in range(4)]
    assert [one["exec_type"] for one in reports] == ["pending_new", "new", "amended", "canceled"]
    assert {one["order_id"] for one in reports} == {order_id}


async def report(client: Client) -> Json:
    (update,) = await client.updates("executions", 1)
    (item,) = update["data"]
    found: Json = item
    return found


async def test_validated_order_is_not_placed(rest: Rest) -> None:
    answer = await rest.call("AddOrder", **RESTING, validate=True)
    assert answer == {"descr": {"order": "buy 0.50000000 XBTUSD @ limit 80000.0"}}
    assert not rest.sim.account.orders
    assert await refused(rest, validate=True, volume="0") == f"{BAD}:volume minimum not met"


@pytest.mark.parametrize("name", ["pair", "type", "ordertype", "volume"])
async def test_required_parameters(rest: Rest, name: str) -> None:
    assert await refused(rest, **{name: None}) == f"{BAD}:{name}"


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({"pair": "XBTXYZ"}, "EQuery:Unknown asset pair"),
        ({"pair": BTC}, "EQuery:Unknown asset pair"),
        ({"asset_class": "tokenized_asset"}, "EQuery:Unknown asset pair"),
        ({"type": "long"}, f"{BAD}:type"),
        ({"ordertype": "limits"}, f"{BAD}:ordertype"),
        # Texts in JSON, as in forms.
        ({"volume": 1}, f"{BAD}:volume"),
        ({"price": 80000.0}, f"{BAD}:price"),
        ({"volume": "1_000"}, f"{BAD}:volume"),
        ({"volume": " 1"}, f"{BAD}:volume"),
        ({"volume": "nan"}, f"{BAD}:volume"),
        ({"volume": "1e999"}, f"{BAD}:volume"),
        ({"volume": "0.00000001"}, f"{BAD}:volume minimum not met"),
        ({"volume": "10000"}, "EOrder:Insufficient funds"),
        ({"price": None}, f"{BAD}:price"),
        ({"price": "80000.05"}, "EOrder:Tick size check failed"),
        ({"price2": "1"}, f"{BAD}:price2"),
        ({"trigger": "last"}, f"{BAD}:trigger"),
        ({"userref": 1, "cl_ord_id": "mine"}, f"{BAD}:cl_ord_id"),
        ({"cl_ord_id": "a text of more than 18 letters"}, f"{BAD}:cl_ord_id"),
        ({"displayvol": "0.1"}, f"{BAD}:displayvol"),
        ({"stptype": "cancel_newest"}, f"{BAD}:stptype"),
        ({"oflags": "post,nothing"}, f"{BAD}:oflags"),
        ({"oflags": "fcib,fciq"}, f"{BAD}:oflags"),
        ({"oflags": "viqc"}, f"{BAD}:volume"),
        ({"oflags": "post", "timeinforce": "IOC"}, f"{BAD}:oflags"),
        ({"timeinforce": "gtc"}, f"{BAD}:timeinforce"),
        ({"timeinforce": "GTD"}, f"{BAD}:expiretm"),
        ({"expiretm": "+60"}, f"{BAD}:expiretm"),
        ({"timeinforce": "GTD", "expiretm": "+4"}, f"{BAD}:expiretm"),
        ({"timeinforce": "GTD", "expiretm": "+2764800"}, f"{BAD}:expiretm"),
        ({"timeinforce": "GTD", "expiretm": "soon"}, f"{BAD}:expiretm"),
        ({"starttm": "-5"}, f"{BAD}:starttm"),
        ({"deadline": "soon"}, f"{BAD}:deadline"),
        ({"deadline": ahead(1.999)}, f"{BAD}:deadline"),
        ({"deadline": ahead(60.001)}, f"{BAD}:deadline"),
        ({"reduce_only": True}, "EOrder:Reduce only:Non-PC"),
        ({"reduce_only": True, "leverage": "2"}, "EOrder:Reduce only:No position exists"),
        ({"leverage": "21"}, f"{BAD}:leverage"),
        ({"leverage": "none"}, f"{BAD}:leverage"),
        ({"leverage": "2", "volume": "1000.1"}, "EOrder:Margin position size exceeded"),
        ({"pair": "SOLUSD", "price": "100", "leverage": "2"}, f"{BAD}:leverage"),
        ({"time_in_force": "GTC"}, f"{BAD}:time_in_force"),
        ({"close": {"ordertype": "limit"}}, f"{BAD}:close"),
        ({"close": {"price": "1"}}, f"{BAD}:ordertype"),
        ({"close": "limit"}, f"{BAD}:close"),
        ({"close": {"ordertype": "limit", "price": "+1"}}, f"{BAD}:close"),
        ({"close": {"ordertype": "limit", "price": "1"}, "cl_ord_id": "m"}, f"{BAD}:cl_ord_id"),
        (STOP | {"price": None}, f"{BAD}:price"),
        (STOP | {"price2": "79000"}, f"{BAD}:price2"),
        (STOP | {"ordertype": "stop-loss-limit"}, f"{BAD}:price2"),
        (STOP | {"ordertype": "trailing-stop", "price": "5"}, f"{BAD}:price"),
        (STOP | {"trigger": "mark"}, f"{BAD}:trigger"),
    ],
    ids=str,
)
async def test_refusals(rest: Rest, terms: dict[str, Any], error: str) -> None:
    assert await refused(rest, **terms) == error


async def test_status_of_the_exchange_and_of_pairs_is_respected(rest: Rest) -> None:
    rest.sim.faults.set_pair_status(BTC, "post_only")
    assert await refused(rest) == "EService:Market in post_only mode"
    rest.sim.faults.set_system("maintenance")
    assert await refused(rest) == "EService:Unavailable"
    assert await rest.error("CancelAll") == "EService:Unavailable"


@pytest.mark.parametrize("seconds", [2.001, 60])
async def test_deadline_is_2_to_60_seconds_ahead(rest: Rest, seconds: float) -> None:
    assert await rest.place(deadline=ahead(seconds))


@pytest.mark.parametrize("form", [False, True])
async def test_options(rest: Rest, form: bool) -> None:
    terms = {
        "ordertype": "iceberg",
        "displayvol": "0.1",
        "oflags": "post,fcib,nompp",
        "stptype": "cancel-both",
        "timeinforce": "GTD",
        "expiretm": "+60",
        "starttm": "0",
        "userref": -7,
        "broker": "AA",
    }
    order = await placed(rest, form=form, **terms)
    assert (order.display_qty, order.post_only, order.fee_ccy_pref) == (
        Decimal("0.1"),
        True,
        "fcib",
    )
    assert (order.stp_type, order.client_id) == ("cancel_both", {"order_userref": -7})
    assert order.time_in_force == "GTD"
    assert order.expire_ns == (START_NS // 10**9 + 60) * 10**9
    assert order.effective_ns is None


async def test_times_may_be_in_seconds_since_the_epoch(rest: Rest) -> None:
    now = START_NS // 10**9
    order = await placed(rest, timeinforce="GTD", starttm=str(now + 20), expiretm=str(now + 30))
    assert (order.effective_ns, order.expire_ns) == ((now + 20) * 10**9, (now + 30) * 10**9)


async def test_plus_that_is_not_escaped_in_a_form_is_a_blank(rest: Rest) -> None:
    path = "/0/private/AddOrder"
    body = b"nonce=5&pair=XBTUSD&type=buy&ordertype=limit&volume=1&price=80000&starttm=+60"
    headers = {
        "API-Key": rest.sim.api_key,
        "API-Sign": signature(rest.sim.api_secret, path, "5", body),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    document = read(await rest.http.post(path, content=body, headers=headers))
    assert document["error"] == [f"{BAD}:starttm"]
    assert await rest.place(form=True, starttm="+60")


async def test_volume_in_quote_currency(rest: Rest) -> None:
    order = await placed(rest, **MARKET, volume="1000", oflags="viqc")
    assert order.cum_cost == pytest.approx(Decimal(1000), abs=Decimal("0.01"))
    assert (await rest.call("QueryOrders", txid=order.order_id))[order.order_id]["oflags"] == (
        "fciq,viqc"
    )


@pytest.mark.parametrize("force", ["IOC", "FOK"])
async def test_orders_that_do_not_rest(rest: Rest, force: str) -> None:
    order = await placed(rest, timeinforce=force)
    assert (order.time_in_force, order.status) == (force, "canceled")


@pytest.mark.parametrize(
    ("text", "offset"),
    [("-100", -100), ("#100", -100), ("-1%", None), ("80000.0", None)],
)
async def test_relative_limit(rest: Rest, text: str, offset: int | None) -> None:
    """`#` is the sign that suits the order: a purchase below the last price."""
    last = last_price(rest)
    order = await placed(rest, price=text)
    expected = {"-1%": last * 99 / 100, "80000.0": Decimal(80000)}.get(text, last + (offset or 0))
    assert order.limit_price == expected.quantize(Decimal("0.1"))


@pytest.mark.parametrize(
    ("side", "order_type", "price", "level"),
    [
        ("sell", "stop-loss", "#50", -50),
        ("buy", "stop-loss", "#50", 50),
        ("sell", "take-profit", "#50", 50),
        ("buy", "take-profit", "#50", -50),
        ("sell", "stop-loss", "-50", -50),
        ("buy", "stop-loss", "+50", 50),
        ("sell", "trailing-stop", "+50", -50),
        ("buy", "trailing-stop", "+50", 50),
    ],
)
async def test_relative_trigger(
    rest: Rest, side: str, order_type: str, price: str, level: int
) -> None:
    last = last_price(rest)
    order = await placed(rest, type=side, ordertype=order_type, price=price)
    assert order.trigger is not None
    assert order.trigger.level == last + level


async def test_limit_of_a_triggered_order_counts_from_its_trigger(rest: Rest) -> None:
    order = await placed(
        rest, type="sell", ordertype="stop-loss-limit", price="80000.0", price2="-1%"
    )
    assert order.limit_price == Decimal("79200.0")
    trailing = await placed(
        rest, type="sell", ordertype="trailing-stop-limit", price="+1%", price2="+5"
    )
    assert (trailing.limit_offset, trailing.limit_price_type) == (5, "quote")
    indexed = await placed(rest, **STOP, trigger="index")
    assert indexed.trigger is not None
    assert indexed.trigger.reference == "index"


@pytest.mark.parametrize("form", [False, True])
async def test_closing_order(rest: Rest, form: bool) -> None:
    close = {"ordertype": "stop-loss-limit", "price": "36000.0", "price2": "35000.0"}
    answer = await rest.call("AddOrder", form=form, **RESTING, close=close)
    text = "close position @ stop loss 36000.0 -> limit 35000.0"
    assert answer["descr"]["close"] == text
    (order,) = rest.sim.account.open_orders
    assert order.conditional == {
        "order_type": "stop-loss-limit",
        "trigger_price": 36000,
        "trigger_price_type": "static",
        "limit_price": 35000,
    }


@pytest.mark.parametrize(
    ("order_type", "price", "expected"),
    [
        ("take-profit", "#5%", ("trigger_price", Decimal(5), "pct")),
        ("stop-loss", "-500", ("trigger_price", Decimal(-500), "quote")),
        ("trailing-stop", "+500", ("trigger_price", Decimal(500), "quote")),
    ],
)
async def test_relative_closing_order(
    rest: Rest, order_type: str, price: str, expected: tuple[str, Decimal, str]
) -> None:
    order = await placed(rest, close={"ordertype": order_type, "price": price})
    name, value, kind = expected
    assert order.conditional is not None
    assert (order.conditional[name], order.conditional["trigger_price_type"]) == (value, kind)


@pytest.mark.parametrize("leverage", LEVERAGES["BTC"])
async def test_leverage(rest: Rest, leverage: int) -> None:
    answer = await rest.call("AddOrder", **RESTING, leverage=str(leverage))
    text = f"buy 0.50000000 XBTUSD @ limit 80000.0 with {leverage}:1 leverage"
    assert answer["descr"]["order"] == text
    ((_, order),) = (await rest.call("OpenOrders"))["open"].items()
    assert (order["margin"], order["descr"]["leverage"]) == (True, f"{leverage}:1")


async def test_leverages_are_those_of_asset_pairs(rest: Rest) -> None:
    pairs = await rest.public("AssetPairs", pair="XBTUSD")
    assert tuple(pairs["XXBTZUSD"]["leverage_buy"]) == LEVERAGES["BTC"]


async def test_tokenized_asset_must_be_named_as_such() -> None:
    async with calling(symbols=["AAPLx/USD"]) as rest:
        terms = {"pair": "AAPLxUSD", "ordertype": "market", "price": None, "volume": "10"}
        assert await refused(rest, **terms) == "EQuery:Unknown asset pair"
        assert await rest.place(**terms, asset_class="tokenized_asset")


async def test_client_id_in_use_is_refused(rest: Rest) -> None:
    await rest.place(cl_ord_id="mine")
    error = await rest.error("AddOrder", **RESTING, cl_ord_id="mine")
    assert error == "EOrder:Duplicate order"


# Amends.


@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize("by", ["txid", "cl_ord_id"])
async def test_amend(rest: Rest, form: bool, by: str) -> None:
    order = await placed(rest, cl_ord_id="mine")
    named = {by: "mine" if by == "cl_ord_id" else order.order_id}
    answer = await rest.call("AmendOrder", form=form, **named, order_qty="0.4", limit_price="79000")
    assert answer.keys() == {"amend_id"}
    assert (order.order_qty, order.limit_price, order.amended) == (Decimal("0.4"), 79000, True)


async def test_relative_amend(rest: Rest) -> None:
    order, stop = await placed(rest), await placed(rest, **STOP)
    last = last_price(rest)
    await rest.call("AmendOrder", txid=order.order_id, limit_price="-200")
    await rest.call("AmendOrder", txid=stop.order_id, trigger_price="-300")
    assert order.limit_price == last - 200
    assert stop.trigger is not None
    assert stop.trigger.level == last - 300


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({}, f"{BAD}:txid"),
        ({"txid": "O", "cl_ord_id": "mine"}, f"{BAD}:txid"),
        ({"txid": "ONO"}, "EOrder:Unknown order"),
        ({"txid": "ONO", "limit_price": "+1"}, "EOrder:Unknown order"),
        ({"cl_ord_id": "mine", "order_qty": 1}, f"{BAD}:order_qty"),
        ({"cl_ord_id": "mine", "deadline": ahead(1)}, f"{BAD}:deadline"),
        ({"cl_ord_id": "mine", "display_qty": "0.1"}, f"{BAD}:display_qty"),
        (
            {"cl_ord_id": "mine", "limit_price": "90000", "post_only": True},
            "EOrder:Post only order",
        ),
    ],
)
async def test_refused_amends(rest: Rest, params: dict[str, Any], error: str) -> None:
    order = await placed(rest, cl_ord_id="mine")
    assert await rest.error("AmendOrder", **params) == error
    assert not order.amended


# Cancels.


@pytest.mark.parametrize("form", [False, True])
async def test_cancel_by_each_kind_of_id(rest: Rest, form: bool) -> None:
    """Source: `CancelOrder`: `count` and `pending`; a userref cancels all that share it."""
    order_id = await rest.place()
    await rest.place(cl_ord_id="mine")
    for _ in range(2):
        await rest.place(userref=7)
    one = {"count": 1, "pending": False}
    assert await rest.call("CancelOrder", form=form, txid=order_id) == one
    assert await rest.call("CancelOrder", form=form, cl_ord_id="mine") == one
    assert await rest.call("CancelOrder", form=form, txid=7) == {"count": 2, "pending": False}
    assert not rest.sim.account.open_orders


@pytest.mark.parametrize("params", [{}, {"txid": "O", "cl_ord_id": "mine"}])
async def test_cancel_needs_one_target(rest: Rest, params: dict[str, str]) -> None:
    assert await rest.error("CancelOrder", **params) == f"{BAD}:txid"


async def test_cancel_all(rest: Rest) -> None:
    for pair, price in (("XBTUSD", "80000.0"), ("ETHUSD", "2000.0")):
        await rest.place(pair=pair, price=price)
    assert await rest.call("CancelAll") == {"count": 2}
    assert not rest.sim.account.open_orders


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        ("zero", {"triggerTime": "0"}),
        ("absent", {}),
        ("equal", {"triggerTime": "2027-01-15T08:00:00Z"}),
    ],
)
async def test_timer(off: str, expected: dict[str, str]) -> None:
    """Times have no fraction; the sources do not agree on the answer that disarms."""
    async with calling(timer_off=off, timer_keys="snake_case") as rest:
        answer = await rest.call("CancelAllOrdersAfter", timeout=60)
        assert answer == {
            "currentTime": "2027-01-15T08:00:00Z",
            "triggerTime": "2027-01-15T08:01:00Z",
        }
        answer = await rest.call("CancelAllOrdersAfter", form=True, timeout=0)
        assert answer == {"currentTime": "2027-01-15T08:00:00Z", **expected}
        assert rest.sim.order_methods.timer_due_ns is None


@pytest.mark.parametrize("seconds", [-1, 86_400, "soon", None, 1.5])
async def test_timer_out_of_range(rest: Rest, seconds: Any) -> None:
    assert await rest.error("CancelAllOrdersAfter", timeout=seconds) == f"{BAD}:timeout"
    assert rest.sim.order_methods.timer_due_ns is None


async def test_timer_is_that_of_the_sockets(rest: Rest) -> None:
    token = (await rest.call("GetWebSocketsToken"))["token"]
    async with connected(rest.sim, context=CLIENT) as client:
        request = {"method": "cancel_all_orders_after", "params": {"timeout": 60, "token": token}}
        assert (await client.answer(request))["success"]
    await rest.call("CancelAllOrdersAfter", timeout=0)
    await rest.place()
    rest.clock.pass_seconds(61)
    rest.sim.run_due()
    assert len(rest.sim.account.open_orders) == 1
    await rest.call("CancelAllOrdersAfter", timeout=5)
    rest.clock.pass_seconds(5)
    rest.sim.run_due()
    assert not rest.sim.account.open_orders
