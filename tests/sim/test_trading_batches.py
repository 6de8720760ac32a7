"""batch_add and batch_cancel."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.sim.client import Message
from tests.sim.trader import BTC, ONE, Bench, Trader, trading

from kraken_connector.sim.trading import refusals


def test_result_is_an_array_in_the_order_of_the_request(bench: Bench) -> None:
    orders = [ONE, ONE | {"cl_ord_id": "b"}, ONE | {"order_userref": 3}]
    result = bench.request("batch_add", symbol=BTC, orders=orders)
    assert [one.keys() - {"order_id"} for one in result] == [
        set(),
        {"cl_ord_id"},
        {"order_userref"},
    ]
    assert [one["order_id"] for one in result] == list(bench.sim.account.orders)


def test_one_invalid_order_refuses_the_whole_batch(bench: Bench) -> None:
    orders = [ONE, ONE | {"limit_price": Decimal("0.05")}]
    assert bench.error("batch_add", symbol=BTC, orders=orders) == refusals.TICK_SIZE
    assert not bench.sim.account.orders


def test_order_that_fails_in_the_engine_fails_alone(bench: Bench) -> None:
    orders = [ONE, ONE | {"order_qty": 1000, "cl_ord_id": "big"}, ONE]
    result = bench.request("batch_add", symbol=BTC, orders=orders)
    assert result[1] == {"cl_ord_id": "big", "error": refusals.INSUFFICIENT_FUNDS}
    assert [one.get("order_id") is not None for one in result] == [True, False, True]
    assert len(bench.sim.account.open_orders) == 2


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"symbol": BTC, "orders": [ONE]}, "EGeneral:Invalid arguments:orders"),
        ({"symbol": BTC, "orders": [ONE] * 16}, "EGeneral:Invalid arguments:orders"),
        ({"symbol": BTC, "orders": ONE}, "Orders field must be an array"),
        ({"symbol": BTC, "orders": [ONE, 5]}, "Orders field must be an array"),
        ({"orders": [ONE, ONE]}, "Symbol field must be a string"),
        ({"symbol": "A/B", "orders": [ONE, ONE]}, "Currency pair not supported A/B"),
        ({"symbol": BTC, "orders": [ONE | {"cl_ord_id": "a"}] * 2}, refusals.DUPLICATE_ORDER),
        (
            {"symbol": BTC, "orders": [ONE, ONE | {"symbol": BTC}]},
            "Unsupported field: 'symbol' for the given msg type: batch_add",
        ),
        (
            {"symbol": BTC, "orders": [ONE, ONE | {"limit_price": "5"}]},
            "Limit_price field must be a number_float",
        ),
    ],
)
def test_batch_is_checked(bench: Bench, params: Message, error: str) -> None:
    assert bench.error("batch_add", **params) == error
    assert not bench.sim.account.orders


def test_fifteen_orders_fit(bench: Bench) -> None:
    assert len(bench.request("batch_add", symbol=BTC, orders=[ONE] * 15)) == 15


def test_validate_places_nothing(bench: Bench) -> None:
    result = bench.request("batch_add", symbol=BTC, orders=[ONE, ONE], validate=True)
    assert [one["order_id"] for one in result] == ["", ""]
    assert not bench.sim.account.orders


def test_conditional_close_and_client_id_exclude_each_other(bench: Bench) -> None:
    closing = {"order_type": "limit", "limit_price": 90_000}
    orders = [ONE, ONE | {"cl_ord_id": "a", "conditional": closing}]
    error = bench.error("batch_add", symbol=BTC, orders=orders)
    assert error == "EGeneral:Invalid arguments:cl_ord_id"
    assert not bench.sim.account.orders


def test_batch_cancel_counts_ids_references_and_client_ids(bench: Bench) -> None:
    first = bench.add("buy", "0.5", "80000.0")
    for _ in range(2):
        bench.add("buy", "0.5", "80000.0", order_userref=7)
    bench.add("buy", "0.5", "80000.0", cl_ord_id="mine")
    kept = bench.add("buy", "0.5", "80000.0", order_userref=8)
    wanted = {"orders": [first.order_id, "7", "OUNKNOWN"], "cl_ord_id": ["mine"]}
    assert bench.request("batch_cancel", **wanted) == {"count": 4}
    assert bench.sim.account.open_orders == [kept]


def test_batch_cancel_names_an_order_once(bench: Bench) -> None:
    order = bench.add("buy", "0.5", "80000.0", cl_ord_id="mine")
    named = {"orders": [order.order_id, order.order_id], "cl_ord_id": ["mine"]}
    assert bench.request("batch_cancel", **named) == {"count": 1}


@pytest.mark.parametrize("count", [1, 51])
def test_batch_cancel_accepts_2_to_50(bench: Bench, count: int) -> None:
    error = bench.error("batch_cancel", orders=["O"] * count)
    assert error == "EGeneral:Invalid arguments:orders"


async def test_documented_reply_to_a_batch_cancel(trader: Trader) -> None:
    reply = await trader.request("batch_cancel", orders=["1", "2"])
    assert reply["result"] == {"count": 0}
    assert "orders_cancelled" not in reply


async def test_captured_reply_to_a_batch_cancel() -> None:
    async with trading(batch_cancel_reply="captured") as trader:
        reply = await trader.request("batch_cancel", req_id=0, orders=["1", "2"])
        assert reply.keys() == {
            "method",
            "orders_cancelled",
            "req_id",
            "success",
            "time_in",
            "time_out",
        }
