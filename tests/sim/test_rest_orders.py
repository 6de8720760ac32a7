"""Orders as REST shows them. The table of fields is that of the exchange's documentation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.sim.rest import BTC, NULL, START_NS, Json, Number, Rest, calling, check

ORDER = {
    "refid": (str, NULL),
    "userref": (int, NULL),
    "cl_ord_id": (str, NULL),
    "status": str,
    "opentm": Number,
    "starttm": int,
    "expiretm": int,
    "descr": dict,
    **dict.fromkeys(("time_in_force", "vol", "vol_exec", "cost", "fee", "price"), str),
    **dict.fromkeys(("stopprice", "limitprice", "misc", "oflags"), str),
    "margin": bool,
    "sender_sub_id": (str, NULL),
}
CLOSED = {**ORDER, "closetm": Number, "reason": (str, NULL)}
DESCR = dict.fromkeys(
    (*("pair", "type", "ordertype", "price", "price2", "leverage", "order", "close", "aclass"),),
    str,
)


@pytest_asyncio.fixture
async def many() -> AsyncIterator[Rest]:
    """120 orders, one a second, all canceled; limits are off."""
    async with calling(rest_limits=False) as rest:
        for number in range(120):
            rest.clock.pass_seconds(1)
            order_id = await rest.sim.account.place(
                BTC, "buy", "0.5", limit_price="80000.0", order_userref=number
            )
            await rest.sim.account.cancel(order_id)
        yield rest


async def only_open(rest: Rest, **params: Any) -> Json:
    ((_, order),) = (await rest.call("OpenOrders", **params))["open"].items()
    found: Json = order
    return found


async def only_closed(rest: Rest, **params: Any) -> Json:
    ((_, order),) = (await rest.call("ClosedOrders", **params))["closed"].items()
    found: Json = order
    return found


async def test_open_order(rest: Rest) -> None:
    order_id = await rest.place(cl_ord_id="mine", oflags="post,fcib")
    shown = await rest.call("OpenOrders")
    assert shown.keys() == {"open"}
    assert shown["open"].keys() == {order_id}
    order = shown["open"][order_id]
    check(order, ORDER)
    check(order["descr"], DESCR)
    assert order["descr"] == {
        "pair": "XBTUSD",
        "aclass": "forex",
        "type": "buy",
        "ordertype": "limit",
        "price": "80000.0",
        "price2": "0",
        "leverage": "none",
        "order": "buy 0.50000000 XBTUSD @ limit 80000.0",
        "close": "",
    }
    assert (order["cl_ord_id"], order["userref"], order["refid"]) == ("mine", 0, None)
    assert (order["status"], order["time_in_force"]) == ("open", "gtc")
    # From the nanoseconds, and cut, not rounded.
    assert order["opentm"] == "1800000000.1234"
    assert (order["vol"], order["vol_exec"]) == ("0.50000000", "0.00000000")
    assert (order["price"], order["cost"], order["fee"]) == ("0.0", "0.00000", "0.00000")
    assert (order["oflags"], order["misc"], order["margin"]) == ("post,fcib", "", False)


async def test_average_price_and_limit_have_a_field_each(rest: Rest) -> None:
    order_id = await rest.sim.account.place(BTC, "buy", "1", limit_price="80000.0")
    await rest.sim.account.fill(order_id, "0.25", "79000.0")
    await rest.sim.account.fill(order_id, "0.25", "79999.9")
    order = await only_open(rest)
    assert order["descr"]["price"] == "80000.0"
    assert (order["price"], order["cost"]) == ("79500.0", "39749.97500")
    # The fee of a maker, 0.16 %, on 19750.00000 and on 19999.97500, to four decimals each.
    assert order["fee"] == "63.60000"
    assert (order["vol"], order["vol_exec"]) == ("1.00000000", "0.50000000")


async def test_closed_means_filled(rest: Rest) -> None:
    order_id = await rest.sim.account.place(BTC, "buy", "1", limit_price="80000.0")
    rest.clock.pass_seconds(2)
    await rest.sim.account.fill(order_id)
    assert (await rest.call("OpenOrders"))["open"] == {}
    order = await only_closed(rest)
    check(order, CLOSED)
    assert (order["status"], order["reason"]) == ("closed", None)
    assert (order["opentm"], order["closetm"]) == ("1800000000.1234", "1800000002.1234")


async def test_other_ends(rest: Rest) -> None:
    canceled = await rest.place()
    await rest.call("CancelOrder", txid=canceled)
    expired = await rest.place(timeinforce="GTD", expiretm="+10")
    assert (await only_open(rest))["expiretm"] == START_NS // 10**9 + 10
    rest.clock.pass_seconds(11)
    partial = await rest.sim.account.place(BTC, "buy", "1", limit_price="80000.0")
    await rest.sim.account.fill(partial, "0.5")
    await rest.sim.account.cancel(partial)
    orders = (await rest.call("ClosedOrders"))["closed"]
    assert {name: order["status"] for name, order in orders.items()} == {
        canceled: "canceled",
        expired: "expired",
        partial: "canceled",
    }
    assert orders[canceled]["reason"] == "User requested"
    assert (orders[partial]["misc"], orders[canceled]["misc"]) == ("partial", "")


async def test_scheduled_order_is_pending(rest: Rest) -> None:
    await rest.place(starttm="+30")
    order = await only_open(rest)
    assert (order["status"], order["starttm"]) == ("pending", START_NS // 10**9 + 30)


async def test_triggered_order(rest: Rest) -> None:
    stop = f"{rest.sim.markets.market(BTC).last_price - 1}"
    order_id = await rest.place(
        type="sell", ordertype="stop-loss-limit", price=stop, price2="79000.0"
    )
    order = await only_open(rest)
    check(order, {**ORDER, "trigger": str})
    assert (order["trigger"], order["stopprice"], order["limitprice"]) == ("last", stop, "0.0")
    assert (order["descr"]["price"], order["descr"]["price2"]) == (stop, "79000.0")
    text = f"sell 0.50000000 XBTUSD @ stop loss {stop} -> limit 79000.0"
    assert order["descr"]["order"] == text
    await rest.sim.trade(BTC, "sell", "100000")
    triggered = (await rest.call("QueryOrders", txid=order_id))[order_id]
    assert triggered["misc"] == "stopped"
    assert triggered["limitprice"] == "79000.0"


async def test_amended_order_keeps_the_time_of_opening(rest: Rest) -> None:
    order_id = await rest.place()
    rest.clock.pass_seconds(60)
    await rest.call("AmendOrder", txid=order_id, limit_price="79000.0")
    order = await only_open(rest)
    assert (order["misc"], order["opentm"]) == ("amended", "1800000000.1234")


async def test_closing_order_names_its_parent(rest: Rest) -> None:
    order_id = await rest.place(
        ordertype="market", price=None, close={"ordertype": "limit", "price": "99999.0"}
    )
    closing = (await rest.call("OpenOrders"))["open"].values()
    assert {order["refid"] for order in closing} == {order_id}


@pytest.mark.parametrize("name", ["open", "closed"])
@pytest.mark.parametrize(
    ("params", "found"), [({"userref": 7}, {"b"}), ({"cl_ord_id": "mine"}, {"a"}), ({}, {"a", "b"})]
)
async def test_filters(rest: Rest, name: str, params: dict[str, Any], found: set[str]) -> None:
    ids = {"a": await rest.place(cl_ord_id="mine"), "b": await rest.place(userref=7)}
    if name == "closed":
        await rest.call("CancelAll")
    shown = await rest.call("OpenOrders" if name == "open" else "ClosedOrders", **params)
    assert shown[name].keys() == {ids[one] for one in found}


async def test_trades_are_listed_only_on_request(rest: Rest) -> None:
    order_id = await rest.sim.account.place(BTC, "buy", "1", limit_price="80000.0")
    fills = [await rest.sim.account.fill(order_id, "0.25") for _ in range(2)]
    assert "trades" not in await only_open(rest)
    assert (await only_open(rest, trades=True))["trades"] == fills
    assert (await only_open(rest, form=True, trades=True))["trades"] == fills
    await rest.sim.account.cancel(order_id)
    assert (await only_closed(rest, trades=True))["trades"] == fills
    queried = await rest.call("QueryOrders", txid=order_id, trades=True)
    assert queried[order_id]["trades"] == fills


async def test_taker_fills_are_one_unless_asked(rest: Rest) -> None:
    order_id = await rest.place(ordertype="market", price=None, volume="30")
    fills = [fill.exec_id for fill in rest.sim.account.fills]
    assert len(fills) > 1
    assert (await only_closed(rest, trades=True))["trades"] == fills[:1]
    apart = await only_closed(rest, trades=True, consolidate_taker=False)
    assert apart["trades"] == fills
    queried = await rest.call("QueryOrders", txid=order_id, trades=True, consolidate_taker=False)
    assert queried[order_id]["trades"] == fills


async def test_query_finds_open_and_closed_orders(rest: Rest) -> None:
    ids = [await rest.place() for _ in range(3)]
    await rest.call("CancelOrder", txid=ids[0])
    shown = await rest.call("QueryOrders", txid=",".join(ids[:2]))
    assert {name: order["status"] for name, order in shown.items()} == {
        ids[0]: "canceled",
        ids[1]: "open",
    }
    check(shown[ids[0]], CLOSED)


async def test_query_takes_50_ids_at_most(many: Rest) -> None:
    ids = list(many.sim.account.orders)
    assert len(await many.call("QueryOrders", txid=",".join(ids[:50]))) == 50
    error = await many.error("QueryOrders", txid=",".join(ids[:51]))
    assert error == "EGeneral:Invalid arguments:txid"


@pytest.mark.parametrize("params", [{}, {"txid": ""}, {"txid": ["O"]}, {"cl_ord_id": "mine"}])
async def test_query_needs_ids(rest: Rest, params: dict[str, Any]) -> None:
    named = "cl_ord_id" if "cl_ord_id" in params else "txid"
    assert await rest.error("QueryOrders", **params) == f"EGeneral:Invalid arguments:{named}"


async def test_unknown_ids_are_left_out_or_refused(rest: Rest) -> None:
    order_id = await rest.place()
    both = f"{order_id},ONONON-ONONO-NONONO"
    assert (await rest.call("QueryOrders", txid=both)).keys() == {order_id}
    rest.sim.rest.settings.unknown_ids = "refused"
    assert await rest.error("QueryOrders", txid=both) == "EOrder:Invalid order"


async def test_pages_are_of_50_newest_first(many: Rest) -> None:
    pages = [await many.call("ClosedOrders", ofs=offset) for offset in (0, 50, 100, 150)]
    assert [page["count"] for page in pages] == [120] * 4
    userrefs = [sorted(order["userref"] for order in page["closed"].values()) for page in pages]
    assert userrefs == [
        list(range(70, 120)),
        list(range(20, 70)),
        list(range(20)),
        [],
    ]


async def test_count_can_be_left_out(many: Rest) -> None:
    shown = await many.call("ClosedOrders", without_count=True, form=True)
    assert shown.keys() == {"closed"}
    assert len(shown["closed"]) == 50


@pytest.mark.parametrize("closetime", ["open", "close", "both"])
@pytest.mark.parametrize("by_id", [False, True])
async def test_start_is_exclusive_and_end_is_inclusive(closetime: str, by_id: bool) -> None:
    """On whole seconds, so that a bound in seconds meets the time of an order."""
    async with calling(rest_limits=False) as rest:
        rest.clock.ns = START_NS // 10**9 * 10**9
        ids = []
        for _ in range(6):
            rest.clock.pass_seconds(1)
            ids.append(await rest.sim.account.place(BTC, "buy", "0.5", limit_price="80000.0"))
            await rest.sim.account.cancel(ids[-1])
        first = START_NS // 10**9 + 1
        bounds = (
            {"start": ids[1], "end": ids[4]} if by_id else {"start": first + 1, "end": first + 4}
        )
        shown = await rest.call("ClosedOrders", closetime=closetime, **bounds)
        assert shown["closed"].keys() == set(ids[2:5])
        assert shown["count"] == 3


async def test_bounds_apply_to_the_time_that_is_asked_for(rest: Rest) -> None:
    order_id = await rest.place()
    rest.clock.pass_seconds(10)
    await rest.call("CancelOrder", txid=order_id)
    between = START_NS // 10**9 + 5
    found = {
        (closetime, side): len(
            (await rest.call("ClosedOrders", closetime=closetime, **{side: between}))["closed"]
        )
        for closetime in ("open", "close", "both")
        for side in ("start", "end")
    }
    assert found == {
        ("open", "start"): 0,
        ("open", "end"): 1,
        ("close", "start"): 1,
        ("close", "end"): 0,
        ("both", "start"): 1,
        ("both", "end"): 1,
    }


async def test_unknown_bound_is_refused(rest: Rest) -> None:
    error = await rest.error("ClosedOrders", start="ONONON-ONONO-NONONO")
    assert error == "EGeneral:Invalid arguments:start"


async def test_new_orders_are_not_shown_at_once() -> None:
    async with calling(rest_lag=2.0) as rest:
        order_id, gone = await rest.place(), await rest.place()
        await rest.call("CancelOrder", txid=gone)
        assert len(rest.sim.account.open_orders) == 1
        rest.clock.pass_seconds(1.9)
        for name in ("OpenOrders", "ClosedOrders"):
            assert not (await rest.call(name))[name.removesuffix("Orders").lower()]
        assert await rest.call("QueryOrders", txid=f"{order_id},{gone}") == {}
        rest.clock.pass_seconds(0.1)
        assert (await rest.call("OpenOrders"))["open"].keys() == {order_id}
        assert (await rest.call("ClosedOrders"))["closed"].keys() == {gone}
        assert len(await rest.call("QueryOrders", txid=f"{order_id},{gone}")) == 2
