"""Balances, positions and fees on REST. The tables are those of the exchange's documentation."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.sim.rest import BTC, NULL, Number, Rest, calling, check

VALUES = ("eb", "tb", "m", "n", "c", "v", "e", "mf", "mfo", "uv")
POSITION = {
    **dict.fromkeys(("ordertxid", "posstatus", "pair", "type", "ordertype", "cost", "fee"), str),
    **dict.fromkeys(("vol", "vol_closed", "margin", "terms", "rollovertm", "misc"), str),
    **dict.fromkeys(("oflags", "class"), str),
    "time": Number,
}
FEE = {
    **dict.fromkeys(("fee", "minfee", "maxfee", "tiervolume", "tierfuturesvolume"), str),
    **dict.fromkeys(("nextfee", "nextvolume", "nextfuturesvolume"), (str, NULL)),
    "volumeoffset": str,
}
TIER = {
    **dict.fromkeys(("maker_fee", "taker_fee", "min_spot_volume", "min_futures_volume"), str),
    "min_assets_on_platform": str,
    "active": bool,
}


async def bought(rest: Rest, **terms: Any) -> str:
    return await rest.place(ordertype="market", price=None, volume="0.001", **terms)


async def test_balances_and_holds() -> None:
    async with calling(balances={"USD": 100_000, "BTC": 5, "SOL": 3}) as rest:
        await rest.place()
        await rest.place(type="sell", price="99999.0", volume="0.25")
        shown = await rest.call("BalanceEx")
    # The hold of a purchase has the fee of a taker, 0.26 %.
    assert shown == {
        "ZUSD": {"balance": "100000.0000", "hold_trade": "40104.0000"},
        "XXBT": {"balance": "5.0000000000", "hold_trade": "0.2500000000"},
        "SOL": {"balance": "3.00000000", "hold_trade": "0.00000000"},
    }


async def test_margin_orders_hold_nothing(rest: Rest) -> None:
    await rest.place(leverage="5")
    shown = await rest.call("BalanceEx")
    assert shown["ZUSD"]["hold_trade"] == "0.0000"


async def test_trade_balance() -> None:
    async with calling(balances={"USD": 1000, "BTC": 2, "KEEP": 5}) as rest:
        last = rest.sim.markets.market(BTC).last_price
        shown = await rest.call("TradeBalance")
        check(shown, dict.fromkeys(VALUES, str))
        # KEEP has no market against USD.
        assert Decimal(shown["eb"]) == Decimal(shown["mf"]) == 1000 + 2 * last
        in_btc = await rest.call("TradeBalance", asset="XXBT")
        assert in_btc["eb"] == f"{(1000 + 2 * last) / last:.4f}"
        assert await rest.error("TradeBalance", asset="NONE") == "EQuery:Unknown asset"


async def test_trade_balance_with_a_position(rest: Rest) -> None:
    await bought(rest, leverage="5")
    shown = await rest.call("TradeBalance")
    check(shown, dict.fromkeys((*VALUES, "ml"), str))
    cost = sum((fill.cost for fill in rest.sim.account.fills), Decimal(0))
    last = rest.sim.markets.market(BTC).last_price
    assert Decimal(shown["m"]) == pytest.approx(cost / 5, abs=Decimal("0.0001"))
    assert Decimal(shown["n"]) == pytest.approx(last / 1000 - cost, abs=Decimal("0.0001"))
    assert Decimal(shown["e"]) == Decimal(shown["tb"]) + Decimal(shown["n"])


async def test_open_positions(rest: Rest) -> None:
    order_id = await bought(rest, leverage="5")
    shown = await rest.call("OpenPositions")
    ((name, position),) = shown.items()
    check(position, POSITION)
    assert (position["ordertxid"], position["pair"]) == (order_id, "XXBTZUSD")
    assert (position["vol"], position["vol_closed"]) == ("0.00100000", "0.00000000")
    assert Decimal(position["margin"]) == Decimal(position["cost"]) / 5
    assert await rest.call("OpenPositions", txid=name) == shown
    assert await rest.call("OpenPositions", txid="TNONE") == {}
    valued = (await rest.call("OpenPositions", docalcs=True))[name]
    check(valued, {**POSITION, "value": str, "net": str})
    assert valued["net"][0] in "+-"
    ((total, *others),) = (await rest.call("OpenPositions", consolidation="market"),)
    assert not others
    assert (total["pair"], total["positions"], total["vol"]) == ("XXBTZUSD", "1", "0.00100000")


async def test_position_is_closed_by_the_other_side(rest: Rest) -> None:
    await bought(rest, leverage="2")
    await rest.place(
        ordertype="market", type="sell", price=None, volume="0.0004", leverage="2", reduce_only=True
    )
    (position,) = (await rest.call("OpenPositions")).values()
    assert (position["type"], position["vol_closed"]) == ("buy", "0.00040000")
    await rest.place(ordertype="market", type="sell", price=None, volume="0.0016", leverage="2")
    (position,) = (await rest.call("OpenPositions")).values()
    assert (position["type"], position["vol"], position["vol_closed"]) == (
        "sell",
        "0.00100000",
        "0.00000000",
    )


async def test_margin_order_of_a_socket_has_the_highest_leverage(rest: Rest) -> None:
    """Source: the page of `add_order`: `margin` uses the pair's maximum leverage."""
    order = {"order_type": "market", "side": "buy", "symbol": BTC, "margin": True}
    order |= {"order_qty": Decimal("0.001")}
    rest.sim.order_methods.answer("add_order", order, rest.clock.ns)
    (position,) = (await rest.call("OpenPositions")).values()
    assert Decimal(position["margin"]) * 20 == pytest.approx(
        Decimal(position["cost"]), abs=Decimal("0.0002")
    )


async def test_spot_orders_open_no_position(rest: Rest) -> None:
    await bought(rest)
    assert await rest.call("OpenPositions") == {}


async def test_trade_volume_without_a_pair(rest: Rest) -> None:
    await bought(rest)
    shown = await rest.call("TradeVolume")
    texts = dict.fromkeys(("currency", "asset_class", "volume"), str)
    check(shown, {**texts, "fees": NULL, "fees_maker": NULL, "inputs": dict})
    cost = sum((fill.cost for fill in rest.sim.account.fills), Decimal(0))
    assert Decimal(shown["volume"]) == pytest.approx(cost, abs=Decimal("0.0001"))
    rest.clock.pass_seconds(30 * 86_400)
    assert (await rest.call("TradeVolume"))["volume"] == "0.0000"


@pytest.mark.parametrize("form", [False, True])
async def test_fees_by_pair(rest: Rest, form: bool) -> None:
    shown = await rest.call("TradeVolume", form=form, pair="XBTUSD,SOLUSD", fee_schedule=True)
    for kind, fee in (("fees", "0.2600"), ("fees_maker", "0.1600")):
        assert shown[kind].keys() == {"XXBTZUSD", "SOLUSD"}
        check(shown[kind]["SOLUSD"], FEE)
        assert shown[kind]["SOLUSD"]["fee"] == fee
    assert [schedule["pair"] for schedule in shown["schedules"]] == ["XXBTZUSD", "SOLUSD"]
    tiers = shown["schedules"][0]["tiers"]
    for tier in tiers:
        check(tier, TIER)
    assert [tier["active"] for tier in tiers] == [True] + [False] * 8
    assert tiers[0]["taker_fee"] == "0.2600"


async def test_fee_that_is_shown_is_charged(rest: Rest) -> None:
    await bought(rest)
    (fill, *_) = rest.sim.account.fills
    fees = (await rest.call("TradeVolume", pair="XBTUSD"))["fees"]["XXBTZUSD"]
    assert fill.fee == (fill.cost * Decimal(fees["fee"]) / 100).quantize(Decimal("0.0001"))


async def test_fees_of_a_list_of_assets(rest: Rest) -> None:
    shown = await rest.call("TradeVolume", pair=[{"asset": "XBTUSD", "aclass": "forex"}])
    assert shown["fees"].keys() == {"XXBTZUSD"}
    assert "schedules" not in shown
    for wrong in ([{"asset": "XBTUSD", "aclass": "spot"}], [{"aclass": "forex"}], ["XBTUSD"], [5]):
        assert await rest.error("TradeVolume", pair=wrong) == "EGeneral:Invalid arguments:pair"
