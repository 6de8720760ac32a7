"""Fills as REST shows them. The table of fields is that of the exchange's documentation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio
from tests.sim.rest import BTC, Number, Rest, calling, check

from kraken_connector.sim.trading.order import Fill

FILL = {
    **dict.fromkeys(("ordertxid", "postxid", "pair", "aclass", "type", "ordertype"), str),
    **dict.fromkeys(("tradeordertype", "price", "cost", "fee", "vol", "margin"), str),
    **dict.fromkeys(("leverage", "misc"), str),
    "time": Number,
    "maker": bool,
    "trade_id": int,
}
POSITION = {
    **dict.fromkeys(("posstatus", "cprice", "ccost", "cfee", "cvol", "cmargin", "net"), str),
}


@pytest_asyncio.fixture
async def many() -> AsyncIterator[Rest]:
    """120 fills of one order, one a second; limits are off."""
    async with calling(rest_limits=False) as rest:
        order_id = await rest.sim.account.place(BTC, "buy", "12", limit_price="80000.0")
        for _ in range(120):
            rest.clock.pass_seconds(1)
            await rest.sim.account.fill(order_id, "0.1")
        yield rest


async def taken(rest: Rest) -> tuple[str, list[Fill]]:
    """Place a taker that is filled several times, and return its id and fills."""
    order_id = await rest.place(ordertype="market", price=None, volume="2")
    fills = rest.sim.account.fills
    assert len(fills) > 1
    return order_id, fills


async def test_fill(rest: Rest) -> None:
    order_id = await rest.sim.account.place(BTC, "sell", "1", limit_price="90000.0")
    exec_id = await rest.sim.account.fill(order_id, "0.25")
    (fill,) = rest.sim.account.fills
    shown = await rest.call("TradesHistory")
    assert shown["count"] == 1
    assert shown["trades"].keys() == {exec_id}
    check(shown["trades"][exec_id], FILL)
    del shown["trades"][exec_id]["postxid"]
    assert shown["trades"][exec_id] == {
        "ordertxid": order_id,
        "pair": "XXBTZUSD",
        "aclass": "forex",
        "time": "1800000000.123456789",
        "type": "sell",
        "ordertype": "limit",
        "tradeordertype": "limit",
        "price": "90000.0",
        "cost": "22500.00000",
        "fee": "36.00000",
        "vol": "0.25000000",
        "margin": "0.00000",
        "leverage": "0",
        "misc": "",
        "trade_id": fill.trade_id,
        "maker": True,
    }


async def test_fills_of_a_taker_are_one_row_by_default(rest: Rest) -> None:
    order_id, fills = await taken(rest)
    shown = await rest.call("TradesHistory")
    assert shown["count"] == 1
    ((exec_id, row),) = shown["trades"].items()
    assert exec_id == fills[0].exec_id
    assert (row["ordertxid"], row["maker"]) == (order_id, False)
    assert Decimal(row["vol"]) == 2
    cost = sum(fill.cost for fill in fills)
    assert Decimal(row["cost"]) == cost
    assert Decimal(row["fee"]) == sum(fill.fee for fill in fills)
    assert row["price"] == f"{cost / 2:.1f}"


@pytest.mark.parametrize("form", [False, True])
async def test_fills_of_a_taker_can_be_apart(rest: Rest, form: bool) -> None:
    _, fills = await taken(rest)
    shown = await rest.call("TradesHistory", form=form, consolidate_taker=False)
    assert shown["count"] == len(fills)
    rows = shown["trades"]
    assert {name: row["trade_id"] for name, row in rows.items()} == {
        fill.exec_id: fill.trade_id for fill in fills
    }


async def test_fills_of_a_maker_are_apart(rest: Rest) -> None:
    order_id = await rest.sim.account.place(BTC, "buy", "1", limit_price="80000.0")
    fills = {await rest.sim.account.fill(order_id, "0.25") for _ in range(3)}
    assert (await rest.call("TradesHistory"))["trades"].keys() == fills


async def test_query_of_fills(rest: Rest) -> None:
    _, fills = await taken(rest)
    ids = [fill.exec_id for fill in fills[:2]]
    shown = await rest.call("QueryTrades", txid=",".join(ids))
    assert shown.keys() == set(ids)
    check(shown[ids[1]], FILL)
    assert Decimal(shown[ids[1]]["vol"]) == fills[1].qty


async def test_query_takes_20_ids_at_most(many: Rest) -> None:
    ids = [fill.exec_id for fill in many.sim.account.fills]
    assert len(await many.call("QueryTrades", txid=",".join(ids[:20]))) == 20
    error = await many.error("QueryTrades", txid=",".join(ids[:21]))
    assert error == "EGeneral:Invalid arguments:txid"


async def test_unknown_ids_are_left_out_or_refused(rest: Rest) -> None:
    assert await rest.call("QueryTrades", txid="TNONON-ONONO-NONONO") == {}
    rest.sim.rest.settings.unknown_ids = "refused"
    assert (await rest.error("QueryTrades", txid="TNONON-ONONO-NONONO")).startswith("EQuery:")


async def test_pages_are_of_50_newest_first(many: Rest) -> None:
    newest = [fill.exec_id for fill in reversed(many.sim.account.fills)]
    for offset in (0, 50, 100, 150):
        shown = await many.call("TradesHistory", ofs=offset)
        assert shown["count"] == 120
        assert shown["trades"].keys() == set(newest[offset : offset + 50])


@pytest.mark.parametrize(("limit", "rows"), [(7, 7), (100, 100), (1000, 100)])
async def test_limit_is_at_most_100(many: Rest, limit: int, rows: int) -> None:
    assert len((await many.call("TradesHistory", limit=limit))["trades"]) == rows


async def test_bounds(many: Rest) -> None:
    fills = many.sim.account.fills
    by_id = await many.call("TradesHistory", start=fills[10].exec_id, end=fills[13].exec_id)
    assert by_id["trades"].keys() == {fill.exec_id for fill in fills[11:14]}
    second = fills[10].timestamp_ns // 10**9
    # Fills are 0.12 s after whole seconds.
    by_time = await many.call("TradesHistory", start=second, end=second + 1, without_count=True)
    assert by_time.keys() == {"trades"}
    assert by_time["trades"].keys() == {fills[10].exec_id}
    assert await many.error("TradesHistory", end="T") == "EGeneral:Invalid arguments:end"


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({"pair": "XBTUSD"}, 1),
        ({"pair": "XXBTZUSD"}, 1),
        ({"pair": "ETHUSD"}, 0),
        ({"aclass": "forex"}, 1),
        ({"aclass": "futures_contract"}, 0),
        ({"type": "no position"}, 1),
        ({"type": "any position"}, 0),
    ],
)
async def test_filters(rest: Rest, params: dict[str, Any], count: int) -> None:
    order_id = await rest.sim.account.place(BTC, "buy", "1", limit_price="80000.0")
    await rest.sim.account.fill(order_id, "0.25")
    assert (await rest.call("TradesHistory", **params))["count"] == count


async def test_unknown_pair(rest: Rest) -> None:
    assert await rest.error("TradesHistory", pair="XBTXYZ") == "EQuery:Unknown asset pair"


async def test_ledger_ids_on_request(rest: Rest) -> None:
    order_id = await rest.sim.account.place(BTC, "buy", "1", limit_price="80000.0")
    exec_id = await rest.sim.account.fill(order_id)
    shown = (await rest.call("TradesHistory", ledgers=True))["trades"][exec_id]
    entries = rest.sim.account.records.ledger.entries
    assert shown["ledgers"] == [entry.ledger_id for entry in entries]
    assert len(entries) == 2


async def test_new_fills_are_not_shown_at_once() -> None:
    async with calling(rest_lag=2.0) as rest:
        order_id = await rest.sim.account.place(BTC, "buy", "1", limit_price="80000.0")
        rest.clock.pass_seconds(10)
        exec_id = await rest.sim.account.fill(order_id, "0.5")
        assert await rest.call("TradesHistory") == {"trades": {}, "count": 0}
        assert await rest.call("QueryTrades", txid=exec_id) == {}
        shown = await rest.call("QueryOrders", txid=order_id, trades=True)
        assert shown[order_id]["trades"] == []
        rest.clock.pass_seconds(2)
        assert (await rest.call("TradesHistory"))["trades"].keys() == {exec_id}


async def test_fills_of_positions(rest: Rest) -> None:
    opening = await rest.place(ordertype="market", price=None, volume="0.001", leverage="5")
    closing = await rest.place(
        ordertype="market", type="sell", price=None, volume="0.001", leverage="5"
    )
    spot = await rest.place(ordertype="market", price=None, volume="0.001")
    shown = (await rest.call("TradesHistory", trades=True))["trades"].values()
    rows = {row["ordertxid"]: row for row in shown}
    check(rows[spot], FILL)
    check(rows[closing], FILL)
    check(rows[opening], {**FILL, **POSITION, "trades": list})
    assert (rows[opening]["leverage"], rows[opening]["posstatus"]) == ("5", "closed")
    assert Decimal(rows[opening]["margin"]) == Decimal(rows[opening]["cost"]) / 5
    assert rows[opening]["cvol"] == rows[opening]["vol"]
    loss = Decimal(rows[closing]["cost"]) - Decimal(rows[opening]["cost"])
    assert (rows[opening]["net"], loss < 0) == (f"{loss:+.5f}", True)
    assert rows[closing]["misc"] == "closing"
    kinds = {
        "any position": {opening, closing},
        "closed position": {opening},
        "closing position": {closing},
        "no position": {spot},
        "all": {opening, closing, spot},
    }
    for kind, orders in kinds.items():
        found = (await rest.call("TradesHistory", type=kind))["trades"].values()
        assert {row["ordertxid"] for row in found} == orders, kind


async def test_triggered_order_traded_as_another_type(rest: Rest) -> None:
    stop = f"{rest.sim.markets.market(BTC).last_price + 1}"
    await rest.place(ordertype="stop-loss", price=stop, volume="0.001")
    await rest.sim.trade(BTC, "buy", "1000")
    (row,) = (await rest.call("TradesHistory"))["trades"].values()
    assert (row["ordertype"], row["tradeordertype"]) == ("stop-loss", "market")
