"""amend_order and edit_order."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.sim.client import Message
from tests.sim.trader import BTC, Bench

from kraken_connector.sim.trading import refusals
from kraken_connector.sim.trading.order import Order

TICK = Decimal("0.1")


def resting(bench: Bench, qty: str = "2") -> Order:
    return bench.add("buy", qty, str(bench.level("bid")[0]))


def test_amend_keeps_ids_and_fills(bench: Bench) -> None:
    order = bench.add("buy", "0.5", "80000.0", cl_ord_id="mine")
    result = bench.request("amend_order", cl_ord_id="mine", limit_price=Decimal("80001.0"))
    assert result.keys() == {"amend_id", "cl_ord_id"}
    assert result["amend_id"].startswith("T")
    report = bench.reports[-1]
    assert report.keys() - {"ratecount"} == {
        "timestamp",
        "exec_type",
        "order_status",
        "cum_qty",
        "reason",
        "amended",
        "order_qty",
        "limit_price",
        "limit_price_type",
        "cl_ord_id",
        "order_id",
    }
    assert (report["exec_type"], report["reason"]) == ("amended", "User requested")
    assert report["order_id"] == order.order_id
    assert (report["limit_price"], report["order_qty"]) == (Decimal("80001.0"), Decimal("0.5"))
    assert bench.market.book.bids.lots(800_010) >= 50_000_000


def test_amend_by_order_id_answers_with_it(bench: Bench) -> None:
    order = resting(bench)
    result = bench.request("amend_order", order_id=order.order_id, order_qty=1)
    assert result["order_id"] == order.order_id
    assert "cl_ord_id" not in result


def test_smaller_quantity_keeps_the_position_in_the_queue(bench: Bench) -> None:
    price, ahead = bench.level("bid")
    order = resting(bench)
    bench.sim.markets.change(BTC, [(price, ahead + 5)], [])
    bench.request("amend_order", order_id=order.order_id, order_qty=1)
    assert bench.level("bid") == (price, ahead + 6)
    bench.trade("sell", ahead + 1)
    assert order.status == "filled"


@pytest.mark.parametrize("change", [{"order_qty": 3}, {"limit_price": TICK}])
def test_more_or_another_price_goes_to_the_back(bench: Bench, change: Message) -> None:
    price, ahead = bench.level("bid")
    order = resting(bench)
    bench.sim.markets.change(BTC, [(price, ahead + 5)], [])
    for sign in (1, -1) if "limit_price" in change else (0,):
        at = {"limit_price": order.limit_price + sign * TICK} if sign else change  # type: ignore[operator]
        bench.request("amend_order", order_id=order.order_id, **at)
    bench.trade("sell", ahead + 5)
    assert order.cum_qty == 0
    bench.trade("sell", 1)
    assert order.cum_qty == 1


def test_amend_across_the_spread_takes(bench: Bench) -> None:
    order = resting(bench)
    price, qty = bench.level("ask")
    bench.request("amend_order", order_id=order.order_id, order_qty=qty, limit_price=price)
    assert order.status == "filled"
    assert bench.events[2:] == ["amended", "trade", "filled"]
    assert bench.market.own.get(order.order_id) is None


def test_post_only_amend_does_not_take(bench: Bench) -> None:
    order = resting(bench)
    before = order.limit_price
    across = {"order_id": order.order_id, "limit_price": bench.level("ask")[0], "post_only": True}
    assert bench.error("amend_order", **across) == refusals.POST_ONLY_ORDER
    assert (order.limit_price, order.status) == (before, "new")
    assert bench.request("amend_order", **across | {"limit_price": 80_000})


def test_quantity_below_the_filled_ends_the_order(bench: Bench) -> None:
    order = resting(bench)
    bench.trade("sell", bench.level("bid")[1] - 1)
    assert order.cum_qty == 1
    bench.request("amend_order", order_id=order.order_id, order_qty=Decimal("0.5"))
    assert (order.status, order.order_qty, order.cum_qty) == ("canceled", 1, 1)
    assert bench.events[-2:] == ["amended", "canceled"]


def test_amend_of_an_icebergs_slice(bench: Bench) -> None:
    price = bench.level("bid")[0] + TICK
    order = bench.add("buy", "1", str(price), order_type="iceberg", display_qty=Decimal("0.5"))
    bench.request("amend_order", order_id=order.order_id, display_qty=Decimal("0.25"))
    assert bench.level("bid") == (price, Decimal("0.25"))
    small = {"order_id": order.order_id, "display_qty": Decimal("0.05")}
    assert bench.error("amend_order", **small) == "EGeneral:Invalid arguments:display_qty"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"limit_price": Decimal("80000.05")}, refusals.TICK_SIZE),
        ({"order_qty": Decimal("0.123456789")}, refusals.LOT_SIZE),
        ({"order_qty": Decimal("0.00000001")}, refusals.VOLUME_MINIMUM),
        ({"order_qty": 0}, refusals.VOLUME_MINIMUM),
        ({"order_qty": -5}, refusals.VOLUME_MINIMUM),
        ({"order_qty": 1000}, refusals.INSUFFICIENT_FUNDS),
        ({"display_qty": 1}, "EGeneral:Invalid arguments:display_qty"),
        ({"trigger_price": 1}, "EGeneral:Invalid arguments:trigger_price"),
        (
            {"limit_price": 80_000, "limit_price_type": "pct"},
            "EGeneral:Invalid arguments:limit_price_type",
        ),
        ({"cl_ord_id": "x"}, "EGeneral:Invalid arguments:order_id"),
        ({"limit_price": "5"}, "Limit_price field must be a number_float"),
        ({"side": "buy"}, "Unsupported field: 'side' for the given msg type: amend_order"),
    ],
)
def test_amend_is_checked(bench: Bench, change: Message, error: str) -> None:
    order = resting(bench)
    assert bench.error("amend_order", order_id=order.order_id, **change) == error
    assert bench.events == ["pending_new", "new"]


def test_own_hold_does_not_stand_in_the_way() -> None:
    bench = Bench(balances={"USD": 100_000, "BTC": 1})
    order = bench.add("buy", "1", "80000.0")
    bench.request("amend_order", order_id=order.order_id, order_qty=Decimal("1.2"))
    assert bench.sim.account.held["USD"] == Decimal("96249.6")


def test_edit_replaces_the_order(bench: Bench) -> None:
    old = bench.add("buy", "2", str(bench.level("bid")[0]), order_userref=5)
    bench.trade("sell", bench.level("bid")[1] - Decimal("1.5"))
    result = bench.request("edit_order", order_id=old.order_id, symbol=BTC, order_qty=3)
    assert result.keys() == {"order_id", "original_order_id"}
    new = bench.sim.account.orders[result["order_id"]]
    assert result["original_order_id"] == old.order_id != new.order_id
    assert (old.status, old.cum_qty) == ("canceled", Decimal("0.5"))
    assert (new.status, new.cum_qty, new.order_qty) == ("new", 0, Decimal("2.5"))
    assert new.client_id == {"order_userref": 5}
    assert bench.events[-3:] == ["canceled", "pending_new", "new"]


def test_edit_can_change_price_reference_and_trigger(bench: Bench) -> None:
    old = bench.add(
        "sell", "1", "83000.0", order_type="stop-loss-limit", triggers={"price": 83_500}
    )
    result = bench.request(
        "edit_order",
        order_id=old.order_id,
        symbol=BTC,
        limit_price=82_000,
        order_userref=9,
        triggers={"price": 82_500},
    )
    new = bench.sim.account.orders[result["order_id"]]
    assert (new.limit_price, new.client_id) == (82_000, {"order_userref": 9})
    assert new.trigger is not None
    assert new.trigger.level == 82_500


def test_edit_can_change_what_is_only_reported(bench: Bench) -> None:
    old = bench.add("buy", "1", "80000.0", margin=True, fee_preference="base")
    result = bench.request("edit_order", order_id=old.order_id, symbol=BTC, reduce_only=True)
    new = bench.sim.account.orders[result["order_id"]]
    assert (new.fee_ccy_pref, new.flags) == ("fcib", {"margin": True, "reduce_only": True})
    result = bench.request(
        "edit_order",
        order_id=new.order_id,
        symbol=BTC,
        reduce_only=False,
        fee_preference="quote",
    )
    new = bench.sim.account.orders[result["order_id"]]
    assert (new.fee_ccy_pref, new.flags) == ("fciq", {"margin": True})


def test_edit_accepts_the_deprecated_trigger(bench: Bench) -> None:
    old = bench.add("sell", "1", order_type="stop-loss", triggers={"price": 83_500})
    edit = {"order_id": old.order_id, "symbol": BTC, "stop_price": 82_500, "trigger": "index"}
    result = bench.request("edit_order", **edit)
    assert "stop_price is deprecated, use triggers.price" in result["warnings"]
    trigger = bench.sim.account.orders[result["order_id"]].trigger
    assert trigger is not None
    assert trigger.level == 82_500
    assert trigger.reference == "index"


@pytest.mark.parametrize(
    "change",
    [
        {"trigger_price": -1, "trigger_price_type": "pct"},
        {"trigger_price": 80_000, "trigger_price_type": "static"},
        {"trigger_price": 1, "trigger_price_type": "percent"},
    ],
)
def test_trailing_distance_stays_one(bench: Bench, change: Message) -> None:
    trigger = {"price": 1, "price_type": "pct"}
    order = bench.add("sell", "1", order_type="trailing-stop", triggers=trigger)
    assert bench.error("amend_order", order_id=order.order_id, **change)
    assert order.trigger is not None
    assert order.trigger.price == 1
    assert order.trigger.price_type == "pct"


def test_edit_with_validate_changes_nothing(bench: Bench) -> None:
    old = resting(bench)
    change = {"order_id": old.order_id, "symbol": BTC, "order_qty": 1, "validate": True}
    assert bench.request("edit_order", **change)["order_id"] == ""
    assert old.status == "new"
    assert len(bench.sim.account.orders) == 1


def test_market_order_that_waits_has_no_limit_to_amend(bench: Bench) -> None:
    stop = bench.add("sell", "1", order_type="stop-loss", triggers={"price": 80_000})
    error = bench.error("amend_order", order_id=stop.order_id, limit_price=79_000)
    assert error == "EGeneral:Invalid arguments:limit_price"


def test_order_that_was_set_off_has_its_limit_amended_but_is_not_edited(bench: Bench) -> None:
    last = bench.market.last_price
    order = bench.add(
        "sell",
        "1",
        "-500",
        order_type="trailing-stop-limit",
        triggers={"price": Decimal("0.1"), "price_type": "quote"},
    )
    bench.trade("sell", "20")
    assert order.limit_price is not None
    assert order.limit_price > last
    bench.request("amend_order", order_id=order.order_id, limit_price=90_000)
    assert order.limit_price == 90_000
    error = bench.error("edit_order", order_id=order.order_id, symbol=BTC, order_qty=2)
    assert error == "EGeneral:Invalid arguments:order_id"


def test_edit_does_not_make_a_plain_order_wait(bench: Bench) -> None:
    old = resting(bench)
    edit = {"order_id": old.order_id, "symbol": BTC, "triggers": {"price": 80_000}}
    assert bench.error("edit_order", **edit) == "EGeneral:Invalid arguments:triggers"


async def test_orders_of_the_test_are_amended_without_a_market(bench: Bench) -> None:
    order_id = await bench.sim.account.place("ABC/USD", "buy", 5, limit_price=2)
    bench.request("amend_order", order_id=order_id, order_qty=6, post_only=True)
    assert bench.sim.account.orders[order_id].order_qty == 6
    error = bench.error("edit_order", order_id=order_id, symbol="ABC/USD", order_qty=7)
    assert error == "Currency pair not supported ABC/USD"
    bench.request("cancel_order", order_id=[order_id])
    assert bench.events == ["pending_new", "new", "amended", "canceled"]


@pytest.mark.parametrize(
    ("terms", "error"),
    [
        ({"cl_ord_id": "mine"}, "EGeneral:Invalid arguments:order_id"),
        (
            {"conditional": {"order_type": "limit", "limit_price": 90_000}},
            "EGeneral:Invalid arguments:order_id",
        ),
    ],
)
def test_orders_that_cannot_be_edited(bench: Bench, terms: Message, error: str) -> None:
    old = bench.add("buy", "1", "80000.0", **terms)
    assert bench.error("edit_order", order_id=old.order_id, symbol=BTC, order_qty=2) == error
    assert old.status == "new"


def test_edit_below_the_filled_quantity_is_refused(bench: Bench) -> None:
    old = resting(bench)
    bench.trade("sell", bench.level("bid")[1] - 1)
    error = bench.error("edit_order", order_id=old.order_id, symbol=BTC, order_qty=1)
    assert error == "EGeneral:Invalid arguments:order_qty"
    assert old.is_open


def test_edit_of_another_pair_knows_no_such_order(bench: Bench) -> None:
    old = resting(bench)
    error = bench.error("edit_order", order_id=old.order_id, symbol="ETH/USD", order_qty=1)
    assert error == refusals.UNKNOWN_ORDER
