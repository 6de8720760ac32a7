"""Every refusal of an order, in the exchange's words."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.sim.client import Message
from tests.sim.trader import BTC, ONE, Bench, trading
from tests.sim.trader import LIMIT as SENT

from kraken_connector.sim.encode import timestamp
from kraken_connector.sim.faults import PairStatus
from kraken_connector.sim.requests import Refused
from kraken_connector.sim.trading import refusals
from kraken_connector.sim.trading.order import Order

OBSERVED = Path(__file__).parents[1] / "fixtures" / "observed" / "errors.jsonl"
SECOND = 1_000_000_000
LIMIT = ONE | {"symbol": BTC}
MARKET: Message = LIMIT | {"order_type": "market"}
del MARKET["limit_price"]


def bad(field: str) -> str:
    return f"EGeneral:Invalid arguments:{field}"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"order_qty": Decimal("0.00000001")}, refusals.VOLUME_MINIMUM),
        ({"order_qty": 0}, refusals.VOLUME_MINIMUM),
        ({"order_qty": Decimal("0.123456789")}, refusals.LOT_SIZE),
        ({"limit_price": Decimal("80000.05")}, refusals.TICK_SIZE),
        ({"limit_price": 0}, refusals.INVALID_PRICE),
        ({"limit_price": -1}, refusals.INVALID_PRICE),
        ({"limit_price": 1, "order_qty": Decimal("0.4")}, refusals.COST_MINIMUM),
        ({"order_qty": 200}, refusals.INSUFFICIENT_FUNDS),
        ({"side": "sell", "order_qty": 101}, refusals.INSUFFICIENT_FUNDS),
        ({"order_type": "settle-position"}, refusals.UNKNOWN_POSITION),
        ({"order_type": "limit-order"}, bad("order_type")),
        ({"side": "bid"}, bad("side")),
        ({"time_in_force": "day"}, bad("time_in_force")),
        ({"time_in_force": "gtd"}, bad("expire_time")),
        ({"expire_time": "2027-02-01T00:00:00Z"}, bad("expire_time")),
        ({"time_in_force": "gtd", "expire_time": "2020-01-01T00:00:00Z"}, bad("expire_time")),
        ({"time_in_force": "gtd", "expire_time": "2029-01-01T00:00:00Z"}, bad("expire_time")),
        ({"time_in_force": "gtd", "expire_time": "soon"}, bad("expire_time")),
        ({"effective_time": "2027-02-01T00:00:00"}, bad("effective_time")),
        ({"post_only": True, "time_in_force": "ioc"}, bad("post_only")),
        ({"display_qty": 1}, bad("display_qty")),
        ({"limit_price_type": "pct"}, bad("limit_price_type")),
        ({"stp_type": "cancel_all"}, bad("stp_type")),
        ({"fee_preference": "usd"}, bad("fee_preference")),
        ({"cl_ord_id": "a", "order_userref": 1}, bad("cl_ord_id")),
        ({"cl_ord_id": "a" * 19}, bad("cl_ord_id")),
        ({"cl_ord_id": ""}, bad("cl_ord_id")),
        ({"cl_ord_id": "ä"}, bad("cl_ord_id")),
        ({"cash_order_qty": 5}, bad("cash_order_qty")),
        ({"deadline": "now"}, bad("deadline")),
        (
            {"cl_ord_id": "a", "conditional": {"order_type": "limit", "limit_price": 90_000}},
            bad("cl_ord_id"),
        ),
        ({"conditional": {"order_type": "market"}}, bad("order_type")),
        ({"conditional": {"order_type": "limit"}}, bad("conditional")),
        ({"conditional": {"order_type": "stop-loss"}}, bad("conditional")),
        (
            {"conditional": {"order_type": "trailing-stop", "trigger_price": 5}},
            bad("trigger_price_type"),
        ),
        (
            {"conditional": {"order_type": "limit", "limit_price": "5"}},
            "Limit_price field must be a number_float",
        ),
        ({"order_qty": True}, "Order_qty field must be a number_float"),
        ({"order_userref": Decimal("1.5")}, "Order_userref field must be a number_integer"),
        ({"post_only": "yes"}, "Post_only field must be a boolean"),
        ({"triggers": []}, "Triggers field must be an object"),
        ({"symbol": 5}, "Symbol field must be a string"),
        ({"symbol": "BTC/XYZ"}, "Currency pair not supported BTC/XYZ"),
        ({"order_userref": 2**63}, "Order_userref field must be a number_integer"),
        ({"volume": 5}, "Unsupported field: 'volume' for the given msg type: add_order"),
        ({"leverage": 5}, "Unsupported field: 'leverage' for the given msg type: add_order"),
    ],
)
def test_terms_of_a_limit_order(bench: Bench, changes: Message, error: str) -> None:
    assert bench.error("add_order", **LIMIT | changes) == error
    assert not bench.sim.account.orders
    assert not bench.reports


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"limit_price": 5}, bad("limit_price")),
        ({"post_only": True}, bad("post_only")),
        ({"time_in_force": "fok"}, bad("time_in_force")),
        ({"order_type": "limit"}, bad("limit_price")),
        ({"order_type": "iceberg", "limit_price": 80000}, bad("display_qty")),
        (
            {"order_type": "iceberg", "limit_price": 80000, "display_qty": Decimal("0.03")},
            bad("display_qty"),
        ),
        (
            {
                "order_type": "iceberg",
                "limit_price": 80000,
                "display_qty": Decimal("0.123456789"),
            },
            refusals.LOT_SIZE,
        ),
        ({"cash_order_qty": 5}, bad("order_qty")),
        ({"side": "sell", "cash_order_qty": 5}, bad("cash_order_qty")),
        ({"margin": True, "cash_order_qty": 5}, bad("cash_order_qty")),
        ({"order_qty": 121}, refusals.INSUFFICIENT_FUNDS),
    ],
)
def test_terms_of_other_orders(bench: Bench, changes: Message, error: str) -> None:
    assert bench.error("add_order", **MARKET | changes) == error


@pytest.mark.parametrize("missing", ["symbol", "order_type", "side"])
def test_missing_field_is_answered_like_a_wrong_type(bench: Bench, missing: str) -> None:
    params = {key: value for key, value in LIMIT.items() if key != missing}
    error = f"{missing.capitalize()} field must be a string"
    assert bench.error("add_order", **params) == error


@pytest.mark.parametrize(
    "cl_ord_id",
    [
        "6d1b345e-2821-40e2-ad83-4ecb18a06876",
        "da8e4ad59b78481c93e589746b0cf91f",
        "arb-20240509-00010",
        "b17c7bb34d000200",
    ],
)
def test_forms_of_cl_ord_id_that_are_accepted(bench: Bench, cl_ord_id: str) -> None:
    result = bench.request("add_order", **LIMIT, cl_ord_id=cl_ord_id)
    assert result["cl_ord_id"] == cl_ord_id
    assert bench.reports[0]["cl_ord_id"] == cl_ord_id
    assert "order_userref" not in bench.reports[0]


def test_cl_ord_id_is_in_use_while_its_order_is_open(bench: Bench) -> None:
    bench.request("add_order", **LIMIT, cl_ord_id="mine")
    assert bench.error("add_order", **LIMIT, cl_ord_id="mine") == refusals.DUPLICATE_ORDER
    bench.request("cancel_order", cl_ord_id=["mine"])
    assert bench.request("add_order", **LIMIT, cl_ord_id="mine")


def test_userref_may_be_negative_and_repeat(bench: Bench) -> None:
    for _ in range(2):
        assert bench.request("add_order", **LIMIT, order_userref=-3)["order_userref"] == -3
    assert bench.reports[0]["order_userref"] == -3
    assert len(bench.answers("cancel_order", order_userref=[-3])) == 2
    assert bench.error("cancel_order", order_userref=[-3]) == refusals.UNKNOWN_ORDER


def test_funds_held_by_open_orders_cannot_be_spent_twice() -> None:
    bench = Bench(balances={"USD": 100_000, "BTC": 1})
    params = LIMIT | {"limit_price": 80_000, "order_qty": 1}
    bench.request("add_order", **params)
    assert bench.sim.account.held == {"USD": Decimal("80208.0000")}
    assert bench.sim.account.available("USD") == 19_792
    assert bench.error("add_order", **params) == refusals.INSUFFICIENT_FUNDS
    bench.request("add_order", **params | {"side": "sell", "limit_price": 90_000})
    assert bench.error("add_order", **MARKET | {"side": "sell"}) == refusals.INSUFFICIENT_FUNDS
    bench.request("cancel_all")
    assert bench.sim.account.held == {}
    assert bench.request("add_order", **params)


def test_stop_orders_hold_funds_too() -> None:
    bench = Bench(balances={"USD": 100_000, "BTC": 1})
    stop = {"symbol": BTC, "order_type": "stop-loss", "side": "buy", "order_qty": 1}
    bench.request("add_order", **stop, triggers={"price": 90_000})
    assert bench.sim.account.available("USD") == 100_000 - 90_234
    assert bench.error("add_order", **LIMIT) == refusals.INSUFFICIENT_FUNDS


def test_open_orders_of_a_pair_are_limited() -> None:
    bench = Bench(tier="starter")
    for _ in range(60):
        bench.request("add_order", **LIMIT | {"order_qty": Decimal("0.001")})
        bench.wait(1)
    assert bench.error("add_order", **LIMIT) == refusals.ORDERS_LIMIT
    eth = LIMIT | {"symbol": "ETH/USD", "limit_price": 2000}
    assert bench.request("add_order", **eth)


@pytest.mark.parametrize(
    ("system", "post_only", "error"),
    [
        ("maintenance", True, refusals.UNAVAILABLE),
        ("cancel_only", True, refusals.CANCEL_ONLY),
        ("post_only", False, refusals.POST_ONLY_MODE),
    ],
)
def test_system_states_refuse_new_orders(
    bench: Bench, system: str, post_only: bool, error: str
) -> None:
    order = bench.add("buy", "0.5", "80000.0")
    bench.sim.system = system
    assert bench.error("add_order", **LIMIT, post_only=post_only) == error
    change = {"order_id": order.order_id, "order_qty": Decimal("0.25")}
    assert bench.error("amend_order", **change) == error
    assert bench.error("edit_order", **change, symbol=BTC) == error
    if system == "maintenance":
        assert bench.error("cancel_all") == error
    else:
        assert bench.request("cancel_all") == {"count": 1}


def test_post_only_system_accepts_post_only_orders(bench: Bench) -> None:
    bench.sim.system = "post_only"
    assert bench.request("add_order", **LIMIT, post_only=True)
    assert bench.error("add_order", **MARKET) == refusals.POST_ONLY_MODE


@pytest.mark.parametrize(
    ("status", "accepted", "refused"),
    [
        ("post_only", LIMIT | {"post_only": True}, LIMIT),
        ("limit_only", LIMIT, MARKET),
        ("reduce_only", MARKET | {"reduce_only": True}, LIMIT),
        ("cancel_only", None, LIMIT | {"post_only": True}),
        ("maintenance", None, LIMIT),
        ("work_in_progress", None, LIMIT),
        ("delisted", None, LIMIT),
    ],
)
def test_status_of_a_pair_refuses_its_new_orders(
    bench: Bench, status: PairStatus, accepted: Message | None, refused: Message
) -> None:
    bench.add("buy", "0.5", "80000.0")
    bench.sim.faults.set_pair_status(BTC, status)
    assert bench.error("add_order", **refused) == f"EService:Market in {status} mode"
    if accepted is not None:
        assert bench.request("add_order", **accepted)
    assert bench.request("add_order", **LIMIT | {"symbol": "ETH/USD", "limit_price": 2000})
    assert bench.request("cancel_all")["count"]
    bench.sim.faults.set_pair_status(BTC, "online")
    assert bench.request("add_order", **refused)


def test_validate_places_nothing(bench: Bench) -> None:
    result = bench.request("add_order", **LIMIT, cl_ord_id="mine", validate=True)
    assert result == {"cl_ord_id": "mine", "order_id": ""}
    assert not bench.sim.account.orders
    assert bench.error("add_order", **LIMIT | {"order_qty": 0}, validate=True)


@pytest.mark.parametrize(("seconds", "fits"), [(0.4, False), (0.5, True), (60, True), (61, False)])
def test_deadline_lies_within_bounds(bench: Bench, seconds: float, fits: bool) -> None:
    deadline = timestamp(bench.now + int(seconds * SECOND), 3)
    if fits:
        assert bench.request("add_order", **LIMIT, deadline=deadline)
    else:
        assert bench.error("add_order", **LIMIT, deadline=deadline) == bad("deadline")


def test_cancel_accepts_one_kind_of_identifier(bench: Bench) -> None:
    order = bench.add("buy", "0.5", "80000.0", cl_ord_id="mine")
    mixed = {"order_id": [order.order_id], "cl_ord_id": ["mine"]}
    assert bench.error("cancel_order", **mixed) == bad("order_id")
    assert order.is_open


def test_deadline_that_is_past(bench: Bench) -> None:
    deadline = timestamp(bench.now - SECOND, 3)
    assert bench.error("add_order", **LIMIT, deadline=deadline) == refusals.DEADLINE_ELAPSED
    assert bench.error("batch_add", symbol=BTC, orders=[ONE, ONE], deadline=deadline)
    order = bench.add("buy", "0.5", "80000.0")
    change = {"order_id": order.order_id, "order_qty": Decimal("0.25"), "deadline": deadline}
    assert bench.error("amend_order", **change) == refusals.DEADLINE_ELAPSED
    assert order.order_qty == Decimal("0.5")


async def test_request_that_arrives_after_its_deadline() -> None:
    clock = [1_800_000_000 * SECOND]
    async with trading(clock=lambda: clock[0]) as trader:
        held = trader.sim.faults.hold_requests()
        deadline = timestamp(clock[0] + 2 * SECOND, 3)
        await trader.send("add_order", **SENT, deadline=deadline)
        await trader.sim.wait_for(lambda: held.fired)
        clock[0] += 3 * SECOND
        held.release()
        assert (await trader.reply())["error"] == refusals.DEADLINE_ELAPSED
        held = trader.sim.faults.hold_requests()
        await trader.send("cancel_all")
        await trader.sim.wait_for(lambda: held.fired)
        clock[0] += 30 * SECOND
        held.release()
        assert (await trader.reply())["success"], "cancels have no deadline"


async def test_shapes_equal_those_seen_live() -> None:
    """The errors of order methods on record come out again, key by key."""
    seen = [json.loads(line) for line in OBSERVED.read_text().splitlines()]
    order = SENT | {"order_qty": 1e-8}
    async with trading() as trader:
        answers = [
            await trader.request("add_order", **order),
            await trader.request("add_order", **order, cash_order_qty="5", req_id=7),
            await trader.request("amend_order", order_id="O", limit_price="5", req_id=0),
            await trader.request("cancel_order", order_id=["O"]),
            await trader.request("amend_order", order_id="O"),
        ]
        await trader.client.request("edit_order", req_id=0)
        answers.append(await trader.reply())
        for error in ("EGeneral:Permission denied", "EGeneral:Invalid arguments:no_mpp"):
            trader.sim.faults.refuse_orders(error)
            assert (await trader.request("add_order", req_id=0))["error"] == error
    shapes = [(one["error"], one["method"], sorted(one)) for one in seen]
    for answer in answers:
        assert (answer["error"], answer["method"], sorted(answer)) in shapes


def test_table_of_refusals_has_no_text_twice() -> None:
    assert not refusals.LISTED & refusals.GUESSES
    assert all(error.startswith("E") for error in refusals.LISTED | refusals.GUESSES)


@pytest.mark.parametrize("method", ["amend_order", "edit_order"])
def test_change_of_nothing_known(bench: Bench, method: str) -> None:
    named: dict[str, Any] = {"order_id": "O"} | ({"symbol": BTC} if method == "edit_order" else {})
    assert bench.error(method, **named) == refusals.UNKNOWN_ORDER


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({}, bad("order_id")),
        ({"order_id": "O"}, "Order_id field must be an array"),
        ({"order_userref": ["1"]}, "Order_userref field must be an array"),
        (
            {"order_id": ["O"], "symbol": BTC},
            "Unsupported field: 'symbol' for the given msg type: cancel_order",
        ),
    ],
)
def test_cancel_is_checked(bench: Bench, params: Message, error: str) -> None:
    assert bench.error("cancel_order", **params) == error


def test_engine_error_is_an_exception_with_the_text(bench: Bench) -> None:
    with pytest.raises(Refused, match="EOrder:Unknown order"):
        bench.request("cancel_order", order_id=["O"])
    assert isinstance(bench.add("buy", "0.5", "80000.0"), Order)


def test_exchange_may_accept_limit_orders_only(bench: Bench) -> None:
    bench.sim.faults.set_system("limit_only")
    assert bench.error("add_order", **MARKET) == "EService:Market in limit_only mode"
    assert bench.request("add_order", **LIMIT)


def test_positions_may_be_settled_with_any_quantity() -> None:
    bench = Bench(positions=True)
    order = bench.add("sell", "0", order_type="settle-position")
    assert bench.events == ["pending_new", "new"]
    assert (order.status, order.order_qty) == ("new", 0)
    bench.trade("buy", 1000)
    assert order.is_open
    bench.request("cancel_order", order_id=[order.order_id])
    assert bench.events[-1] == "canceled"
