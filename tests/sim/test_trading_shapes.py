"""The answers whose shape or words the sources do not agree on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.sim.client import Message
from tests.sim.trader import BTC, LIMIT, ONE, Bench, trading

from kraken_connector.sim.trading import refusals

BIG: Message = ONE | {"order_qty": 1000, "cl_ord_id": "big"}
FUNDS = refusals.INSUFFICIENT_FUNDS


def batch(**options: Any) -> tuple[Bench, Message]:
    """Return the reply to a batch whose second order the engine refuses."""
    bench = Bench(**options)
    orders = [ONE | {"cl_ord_id": "a"}, BIG, ONE | {"cl_ord_id": "c"}]
    (reply,) = bench.answers("batch_add", symbol=BTC, orders=orders)
    return bench, reply


@pytest.mark.parametrize(
    ("shape", "failed"),
    [
        ("error", [{"cl_ord_id": "big", "error": FUNDS}]),
        ("unsuccessful", [{"cl_ord_id": "big", "error": FUNDS}]),
        ("missing", []),
        ("rejected", [{"cl_ord_id": "big", "status": "rejected"}]),
    ],
)
def test_partial_placement(shape: str, failed: list[Message]) -> None:
    bench, reply = batch(batch_add_reply=shape)
    first, last = bench.sim.account.open_orders
    assert reply == {
        "result": [
            {"order_id": first.order_id, "cl_ord_id": "a"},
            *failed,
            {"order_id": last.order_id, "cl_ord_id": "c"},
        ],
        "success": shape != "unsuccessful",
    }


def test_partial_placement_in_an_object() -> None:
    _, reply = batch(batch_add_reply="wrapped")
    rows = reply["result"]["orders"]
    assert [row["success"] for row in rows] == [True, False, True]
    assert rows[1] == {"cl_ord_id": "big", "error": FUNDS, "success": False}


def test_a_whole_batch_succeeds_in_every_shape() -> None:
    bench = Bench(batch_add_reply="unsuccessful")
    (reply,) = bench.answers("batch_add", symbol=BTC, orders=[ONE, ONE])
    assert reply["success"]


@pytest.mark.parametrize("order", ["reversed", "shuffled"])
def test_rows_stand_in_another_order(order: str) -> None:
    bench = Bench(batch_add_rows=order)
    names = list("abcdefgh")
    result = bench.request("batch_add", symbol=BTC, orders=[ONE | {"cl_ord_id": n} for n in names])
    returned = [row["cl_ord_id"] for row in result]
    assert returned != names
    assert sorted(returned) == names
    for row in result:
        assert bench.sim.account.orders[row["order_id"]].client_id["cl_ord_id"] == row["cl_ord_id"]


@pytest.mark.parametrize(
    ("shape", "reply"),
    [
        ("renamed", {"result": {"orders_cancelled": 0}, "success": True}),
        ("empty result", {"count": 0, "result": {}, "success": True}),
    ],
)
def test_count_of_a_batch_cancel(shape: str, reply: Message) -> None:
    answers = Bench(batch_cancel_reply=shape).answers("batch_cancel", orders=["1", "2"])
    assert answers == [reply]


@pytest.mark.parametrize(
    ("off", "trigger"),
    [
        ("zero", {"triggerTime": "0"}),
        ("absent", {}),
        ("equal", {"triggerTime": "2027-01-15T08:00:00Z"}),
    ],
)
def test_timer_that_is_off(off: str, trigger: Message) -> None:
    bench = Bench(timer_off=off)
    times = {"currentTime": "2027-01-15T08:00:00Z"}
    assert bench.request("cancel_all_orders_after", timeout=0) == times | trigger
    on = bench.request("cancel_all_orders_after", timeout=60)
    assert on == times | {"triggerTime": "2027-01-15T08:01:00Z"}


def test_timer_in_snake_case() -> None:
    result = Bench(timer_keys="snake_case").request("cancel_all_orders_after", timeout=60)
    assert result.keys() == {"current_time", "trigger_time"}


async def test_other_words() -> None:
    gone, stale, in_use = "EOrder:Invalid order", "ESession:Invalid session", "EOrder:In use"
    texts = {
        refusals.UNKNOWN_ORDER: gone,
        "EAPI:Invalid token": stale,
        refusals.DUPLICATE_ORDER: in_use,
        refusals.INSUFFICIENT_FUNDS: "EOrder:Margin level too low",
    }
    async with trading(texts=texts) as trader:
        assert (await trader.request("cancel_order", order_id=["O"]))["error"] == gone
        await trader.add(**LIMIT, cl_ord_id="a")
        again = await trader.request("add_order", **LIMIT, cl_ord_id="a")
        assert again["error"] == in_use
        lines = [_floats(ONE), _floats(BIG)]
        rows = (await trader.request("batch_add", symbol=BTC, orders=lines))["result"]
        assert rows[1]["error"] == "EOrder:Margin level too low"
        trader.sim.faults.revoke_tokens()
        assert (await trader.request("cancel_all"))["error"] == stale


@pytest.mark.parametrize("named", [False, True])
def test_edited_order_may_name_the_one_it_replaced(named: bool) -> None:
    bench = Bench(names_replaced=named)
    old = bench.add("buy", "0.5", "80000.0")
    result = bench.request("edit_order", order_id=old.order_id, symbol=BTC, order_qty=1)
    ended, placed, _ = bench.reports[2:]
    assert (ended["exec_type"], ended["reason"]) == ("canceled", "Order replaced")
    assert placed["order_id"] == result["order_id"]
    assert placed.get("ord_ref_id") == (old.order_id if named else None)


def _floats(params: Message) -> Message:
    return {
        key: float(value) if isinstance(value, Decimal) else value for key, value in params.items()
    }
