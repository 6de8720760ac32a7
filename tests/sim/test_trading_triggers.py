"""Stop-loss, take-profit and trailing orders: their triggers and reports."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.sim.client import Message
from tests.sim.trader import BTC, Bench

from kraken_connector.sim.trading.order import Order
from kraken_connector.sim.trading.refusals import INVALID_PRICE

TICK = Decimal("0.1")


def last(bench: Bench) -> Decimal:
    return Decimal(bench.market.totals.last) / 10


def move(bench: Bench, price: Decimal) -> None:
    """Let the market trade at a price, by a taker that goes there."""
    falls = price < last(bench)
    bench.trade("sell" if falls else "buy", 1000, price + TICK if falls else price - TICK)
    level = [(price, Decimal("7.77"))]
    bench.sim.markets.change(BTC, *([level, []] if falls else [[], level]))
    step = bench.trade("sell" if falls else "buy", "0.00000001")
    assert step.trades[0].ticks == price * 10


def triggered(bench: Bench, order_type: str, side: str, price: Decimal, **more: Any) -> Order:
    limit = more.pop("limit", None)
    return bench.add(side, "0.5", limit, order_type=order_type, triggers={"price": price, **more})


@pytest.mark.parametrize(
    ("order_type", "side", "distance"),
    [
        ("stop-loss", "sell", -50),
        ("stop-loss", "buy", 50),
        ("take-profit", "sell", 50),
        ("take-profit", "buy", -50),
    ],
)
def test_price_sets_it_off(bench: Bench, order_type: str, side: str, distance: int) -> None:
    level = last(bench) + distance
    order = triggered(bench, order_type, side, level)
    assert (order.status, order.waits) == ("new", True)
    move(bench, level - TICK * (1 if distance > 0 else -1))
    assert order.waits
    move(bench, level)
    assert order.status == "filled"
    assert bench.events[:3] == ["pending_new", "new", "status"]
    assert bench.sim.account.fills[0].liquidity_ind == "t"


def test_triggers_object_before_and_after(bench: Bench) -> None:
    level = last(bench) - 50
    triggered(bench, "stop-loss", "sell", level, reference="index")
    move(bench, level)
    placed, status = bench.reports[0], bench.reports[2]
    assert placed["triggers"] == {
        "price": level,
        "price_type": "static",
        "reference": "index",
        "status": "untriggered",
    }
    assert (placed["stop_price"], placed["trigger"]) == (level, "index")
    triggers: Message = status["triggers"]
    assert triggers["status"] == "triggered"
    assert (triggers["actual_price"], triggers["last_price"]) == (level, level)
    assert "timestamp" in triggers
    assert status["triggered_price"] == level


def test_limit_form_rests_at_its_limit(bench: Bench) -> None:
    level = last(bench) - 50
    order = triggered(bench, "stop-loss-limit", "sell", level, limit=str(level + 100))
    move(bench, level)
    assert (order.status, order.waits) == ("new", False)
    assert bench.market.own.get(order.order_id) is not None
    assert bench.events == ["pending_new", "new", "status"]


def test_offset_counts_from_the_last_price(bench: Bench) -> None:
    start = last(bench)
    pct = triggered(bench, "stop-loss", "sell", Decimal(-2), price_type="pct")
    quote = triggered(bench, "take-profit", "sell", Decimal(25), price_type="quote")
    assert pct.trigger is not None
    assert quote.trigger is not None
    assert pct.trigger.level == (start * Decimal("0.98")).quantize(TICK)
    assert quote.trigger.level == start + 25
    assert bench.reports[0]["triggers"]["price"] == -2


def test_price_that_is_there_already_sets_it_off_at_once(bench: Bench) -> None:
    order = triggered(bench, "stop-loss", "sell", last(bench) + 10)
    assert order.status == "filled"
    assert bench.events[:4] == ["pending_new", "new", "status", "trade"]


@pytest.mark.parametrize(("side", "sign"), [("sell", 1), ("buy", -1)])
def test_trailing_stop_follows_and_turns(bench: Bench, side: str, sign: int) -> None:
    start = last(bench)
    order = triggered(bench, "trailing-stop", side, Decimal(40), price_type="quote")
    assert order.trigger is not None
    assert order.trigger.level == start - 40 * sign
    move(bench, start + 30 * sign)
    assert order.trigger.level == start - 10 * sign
    moved = bench.reports[-1]
    assert moved["exec_type"] == "status"
    assert moved["triggers"]["status"] == "untriggered"
    assert moved["triggers"]["peak_price"] == start + 30 * sign
    move(bench, start)
    assert order.waits
    assert order.trigger.level == start - 10 * sign
    move(bench, start - 10 * sign)
    assert order.status == "filled"


def test_trailing_limit_hangs_on_the_trigger(bench: Bench) -> None:
    start = last(bench)
    order = triggered(
        bench, "trailing-stop-limit", "sell", Decimal(40), price_type="quote", limit="5"
    )
    assert bench.reports[0]["limit_price"] == 5
    assert bench.reports[0]["limit_price_type"] == "quote"
    assert order.limit_price is None
    move(bench, start - 40)
    assert order.limit_price == start - 45


def test_canceled_order_is_not_set_off(bench: Bench) -> None:
    level = last(bench) - 50
    order = triggered(bench, "stop-loss", "sell", level)
    assert bench.request("cancel_all") == {"count": 1}
    move(bench, level)
    assert order.status == "canceled"
    assert not bench.sim.account.fills


def test_one_order_may_set_off_the_next(bench: Bench) -> None:
    """The first stop sells so much that its own trades reach the second one."""
    start = last(bench)
    depth = sum(bench.level("bid", index)[1] for index in range(20))
    deep = bench.level("bid", 19)[0]
    second = triggered(bench, "stop-loss", "sell", deep)
    first = bench.add("sell", str(depth + 8), order_type="stop-loss", triggers={"price": start - 1})
    move(bench, start - 1)
    assert (first.status, second.status) == ("filled", "filled")


def test_money_gone_by_then_cancels(bench: Bench) -> None:
    order = bench.add("buy", "50", order_type="stop-loss", triggers={"price": last(bench) + 20})
    ledger = bench.sim.account.records.ledger
    ledger.book("withdrawal", "F", "USD", -ledger.balances["USD"] + 10)
    move(bench, last(bench) + 20)
    assert (order.status, order.reason) == ("canceled", "Insufficient funds")


def test_amended_trigger_counts(bench: Bench) -> None:
    level = last(bench) - 50
    order = triggered(bench, "stop-loss", "sell", level)
    bench.request("amend_order", order_id=order.order_id, trigger_price=level - 50)
    move(bench, level)
    assert order.waits
    move(bench, level - 50)
    assert order.status == "filled"


def test_trigger_amended_to_where_the_price_is_sets_off_at_once(bench: Bench) -> None:
    order = triggered(bench, "stop-loss", "sell", last(bench) - 50)
    bench.request("amend_order", order_id=order.order_id, trigger_price=last(bench))
    assert order.status == "filled"


def test_deprecated_keys_still_make_a_trigger(bench: Bench) -> None:
    level = last(bench) - 50
    result = bench.request(
        "add_order",
        symbol=BTC,
        order_type="stop-loss",
        side="sell",
        order_qty=Decimal(1),
        stop_price=level,
        trigger="last",
    )
    assert len(result["warnings"]) == 2
    assert bench.reports[0]["triggers"]["price"] == level


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"order_type": "stop-loss"}, "EGeneral:Invalid arguments:triggers"),
        (
            {"order_type": "market", "triggers": {"price": 5}},
            "EGeneral:Invalid arguments:triggers",
        ),
        (
            {"order_type": "trailing-stop", "triggers": {"price": 5}},
            "EGeneral:Invalid arguments:price_type",
        ),
        (
            {"order_type": "trailing-stop", "triggers": {"price": -5, "price_type": "pct"}},
            INVALID_PRICE,
        ),
        ({"order_type": "stop-loss", "triggers": {}}, "Price field must be a number_float"),
        (
            {"order_type": "stop-loss", "triggers": {"price": 5, "kind": "x"}},
            "Unsupported field: 'kind' for the given msg type: add_order",
        ),
        (
            {"order_type": "stop-loss", "triggers": {"price": 5, "reference": "mark"}},
            "EGeneral:Invalid arguments:reference",
        ),
        (
            {"order_type": "stop-loss", "triggers": {"price": Decimal("5.55")}},
            "EOrder:Tick size check failed",
        ),
    ],
)
def test_triggers_are_checked(bench: Bench, more: Message, error: str) -> None:
    params = {"symbol": BTC, "side": "sell", "order_qty": Decimal(1), **more}
    assert bench.error("add_order", **params) == error
