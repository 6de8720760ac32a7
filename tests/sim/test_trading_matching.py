"""Orders against the synthetic book: taking, resting, the queue, and what ends orders."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from tests.sim.client import Message
from tests.sim.trader import BTC, Bench

from kraken_connector.sim.encode import timestamp
from kraken_connector.sim.trading.order import Order
from kraken_connector.sim.trading.own import OwnOrders

TICK = Decimal("0.1")


def fills(bench: Bench) -> list[tuple[Decimal, Decimal, str]]:
    return [(fill.price, fill.qty, fill.liquidity_ind) for fill in bench.sim.account.fills]


def step_until_filled(bench: Bench, order: Order) -> None:
    """Let the random market trade until it has filled an order, or for 10,000 steps."""
    for _ in range(10_000):
        bench.sim.markets.step(BTC)
        if not order.is_open:
            break
    assert order.status == "filled"


def test_limit_order_takes_what_its_price_reaches_and_rests(bench: Bench) -> None:
    best, second = bench.level("ask", 0), bench.level("ask", 1)
    order = bench.add("buy", str(best[1] + 1), str(best[0]))
    assert fills(bench) == [(*best, "t")]
    assert (order.status, order.left) == ("partially_filled", 1)
    assert bench.level("bid") == (best[0], 1)
    assert bench.level("ask") == second
    assert bench.events == ["pending_new", "new", "trade"]


def test_taken_levels_are_gone_and_the_price_moved(bench: Bench) -> None:
    levels = [bench.level("bid", index) for index in range(4)]
    order = bench.add("sell", str(sum(qty for _, qty in levels[:3])))
    assert fills(bench) == [(*level, "t") for level in levels[:3]]
    assert bench.level("bid") == levels[3]
    assert order.avg_price == order.cum_cost / order.cum_qty
    assert bench.market.totals.last == int(levels[2][0] * 10)


def test_resting_order_waits_for_what_was_there_before(bench: Bench) -> None:
    price, ahead = bench.level("bid")
    order = bench.add("buy", "2", str(price))
    bench.trade("sell", ahead)
    assert not fills(bench)
    bench.trade("sell", "0.5")
    assert fills(bench) == [(price, Decimal("0.5"), "m")]
    bench.trade("sell", "5", price)
    assert fills(bench)[1:] == [(price, Decimal("1.5"), "m")]
    assert order.status == "filled"
    assert bench.level("bid")[0] < price


def test_quantity_that_comes_later_stands_behind(bench: Bench) -> None:
    price, ahead = bench.level("bid")
    bench.add("buy", "1", str(price))
    bench.sim.markets.change(BTC, [(price, ahead + 7)], [])
    bench.trade("sell", ahead + 1)
    assert fills(bench) == [(price, Decimal(1), "m")]
    assert bench.level("bid") == (price, Decimal(7))


def test_quantity_that_leaves_does_so_from_the_end(bench: Bench) -> None:
    price, ahead = bench.level("bid")
    bench.add("buy", "1", str(price))
    bench.sim.markets.change(BTC, [(price, ahead / 2)], [])
    bench.trade("sell", ahead / 2)
    assert not fills(bench)
    bench.trade("sell", "1")
    assert fills(bench) == [(price, Decimal(1), "m")]


def test_orders_of_one_price_fill_in_the_order_they_came(bench: Bench) -> None:
    price = bench.level("bid")[0] + TICK
    first, second = bench.add("buy", "1", str(price)), bench.add("buy", "1", str(price))
    bench.trade("sell", "1.25")
    assert (first.status, second.cum_qty) == ("filled", Decimal("0.25"))


def test_level_of_others_that_crosses_trades_first(bench: Bench) -> None:
    price = bench.level("ask")[0] - TICK
    order = bench.add("sell", "1", str(price))
    bench.sim.markets.change(BTC, [(price, "1.5")], [])
    assert fills(bench) == [(price, Decimal(1), "m")]
    assert order.status == "filled"
    assert bench.level("bid") == (price, Decimal("0.5"))


def test_fills_of_takers_of_the_random_market_are_whole() -> None:
    bench = Bench(seed=3)
    price = bench.level("bid")[0]
    order = bench.add("buy", "3", str(price))
    step_until_filled(bench, order)
    assert order.cum_qty == sum(fill.qty for fill in bench.sim.account.fills) == 3
    assert order.avg_price.quantize(TICK) == price


@pytest.mark.parametrize("system", ["post_only", "cancel_only", "maintenance"])
def test_markets_only_trade_while_online(bench: Bench, system: str) -> None:
    order = bench.add("buy", "0.5", str(bench.level("bid")[0] + TICK))
    bench.sim.system = system
    trades = [bench.sim.markets.step(BTC).trades for _ in range(300)]
    assert not any(trades)
    bench.sim.system = "online"
    step_until_filled(bench, order)


@pytest.mark.parametrize("time_in_force", ["ioc", "IOC"])
def test_ioc_takes_and_ends(bench: Bench, time_in_force: str) -> None:
    price, qty = bench.level("ask")
    order = bench.add("buy", str(qty + 1), str(price), time_in_force=time_in_force)
    assert (order.status, order.cum_qty) == ("canceled", qty)
    assert bench.events == ["pending_new", "new", "trade", "canceled"]
    assert bench.reports[0]["time_in_force"] == "IOC"
    assert bench.level("bid")[0] < price


def test_ioc_that_reaches_nothing_ends_without_a_fill(bench: Bench) -> None:
    order = bench.add("buy", "1", str(bench.level("bid")[0]), time_in_force="ioc")
    assert (order.status, order.cum_qty) == ("canceled", 0)


@pytest.mark.parametrize("order_type", ["iceberg", "stop-loss-limit"])
def test_fok_is_for_every_type_with_a_limit(bench: Bench, order_type: str) -> None:
    price, qty = bench.level("ask")
    terms: Message = {"display_qty": qty} if order_type == "iceberg" else {}
    if order_type == "stop-loss-limit":
        terms = {"triggers": {"price": price - 1000}}
    order = bench.add(
        "buy", str(qty), str(price), order_type=order_type, time_in_force="fok", **terms
    )
    assert order.status == "filled"


def test_fok_fills_wholly_or_not_at_all(bench: Bench) -> None:
    price, qty = bench.level("ask")
    killed = bench.add("buy", str(qty + 1), str(price), time_in_force="fok")
    assert (killed.status, killed.cum_qty) == ("canceled", 0)
    assert bench.level("ask") == (price, qty)
    assert bench.add("buy", str(qty), str(price), time_in_force="fok").status == "filled"


def test_post_only_that_would_take_is_canceled(bench: Bench) -> None:
    price, qty = bench.level("ask")
    order = bench.add("buy", "1", str(price), post_only=True)
    assert (order.status, order.reason) == ("canceled", "Post only order")
    assert bench.events == ["pending_new", "canceled"]
    assert [report["post_only"] for report in bench.reports] == [True, True]
    assert bench.level("ask") == (price, qty)
    resting = bench.add("buy", "1", str(price - TICK), post_only=True)
    assert resting.status == "new"


def test_gtd_expires_by_the_clock(bench: Bench) -> None:
    price = bench.level("bid")[0]
    expire_time = timestamp(bench.now + 30_000_000_000, 0)
    order = bench.add("buy", "1", str(price), time_in_force="gtd", expire_time=expire_time)
    bench.wait(29)
    assert order.is_open
    bench.wait(1)
    assert order.status == "expired"
    assert bench.reports[0]["expire_time"] == expire_time
    assert (bench.events[-1], bench.reports[-1]["order_status"]) == ("expired", "expired")
    assert bench.market.own.get(order.order_id) is None


def test_order_that_ended_before_does_not_expire(bench: Bench) -> None:
    expire_time = timestamp(bench.now + 30_000_000_000, 0)
    order = bench.add("buy", "1", "80000.0", time_in_force="gtd", expire_time=expire_time)
    bench.request("cancel_all")
    bench.wait(60)
    assert order.status == "canceled"


def test_scheduled_order_starts_by_the_clock(bench: Bench) -> None:
    start = timestamp(bench.now + 10_000_000_000, 0)
    order = bench.add("buy", "1", effective_time=start)
    assert (order.status, bench.events) == ("pending_new", ["pending_new"])
    bench.wait(10)
    assert order.status == "filled"


def test_iceberg_shows_a_slice_and_refills_it_at_the_back(bench: Bench) -> None:
    price = bench.level("bid")[0] + TICK
    order = bench.add("buy", "1", str(price), order_type="iceberg", display_qty=Decimal("0.4"))
    assert bench.level("bid") == (price, Decimal("0.4"))
    bench.sim.markets.change(BTC, [(price, 3)], [])
    bench.trade("sell", "0.4")
    assert order.cum_qty == Decimal("0.4")
    assert bench.events[-1] == "iceberg_refill"
    assert bench.reports[-1]["display_qty_remain"] == Decimal("0.4")
    assert bench.level("bid") == (price, Decimal("3.4"))
    bench.trade("sell", 3)
    assert order.cum_qty == Decimal("0.4")
    bench.trade("sell", "0.4")
    assert bench.level("bid") == (price, Decimal("0.2"))
    bench.trade("sell", "0.2")
    assert order.status == "filled"


def test_market_order_by_cash_buys_what_the_cash_pays(bench: Bench) -> None:
    result = bench.request(
        "add_order", symbol=BTC, order_type="market", side="buy", cash_order_qty=Decimal(50_000)
    )
    order = bench.sim.account.orders[result["order_id"]]
    dearest = bench.sim.account.fills[-1].price
    assert order.status == "filled"
    assert 50_000 - dearest * Decimal("0.00000001") < order.cum_cost <= 50_000
    assert bench.reports[0]["cash_order_qty"] == 50_000


def test_market_orders_leave_books_that_go_on() -> None:
    bench = Bench(symbols=["KEEP/EUR"], balances={"KEEP": 10**9, "EUR": 10**9})
    market = bench.sim.markets.market("KEEP/EUR")
    before = len(market.book.asks)
    params = {"symbol": "KEEP/EUR", "order_type": "market"}
    bench.request("add_order", **params, side="buy", order_qty=Decimal(10**8))
    assert bench.sim.account.orders[bench.reports[0]["order_id"]].reason == "Insufficient liquidity"
    assert len(bench.sim.account.fills) == before
    assert 3 < len(market.book.asks) <= before
    bench.request("add_order", **params, side="sell", order_qty=Decimal(10**8))
    for _ in range(200):
        bench.sim.markets.step("KEEP/EUR")


def stp(bench: Bench, stp_type: str) -> tuple[Order, Order, Decimal]:
    """Let a purchase cross a resting sale of the account."""
    price, ahead = bench.level("ask")
    resting = bench.add("sell", "1", str(price))
    coming = bench.add("buy", str(ahead + 2), str(price), stp_type=stp_type)
    return resting, coming, ahead


@pytest.mark.parametrize(
    ("stp_type", "resting_status", "coming_status"),
    [
        ("cancel_newest", "new", "canceled"),
        ("cancel_oldest", "canceled", "partially_filled"),
        ("cancel_both", "canceled", "canceled"),
    ],
)
def test_account_does_not_trade_with_itself(
    bench: Bench, stp_type: str, resting_status: str, coming_status: str
) -> None:
    resting, coming, ahead = stp(bench, stp_type)
    assert coming.cum_qty == ahead
    assert (resting.status, coming.status) == (resting_status, coming_status)
    assert {fill.liquidity_ind for fill in bench.sim.account.fills} == {"t"}


def test_conditional_close_follows_every_fill(bench: Bench) -> None:
    price, ahead = bench.level("bid")
    order = bench.add(
        "buy",
        "2",
        str(price),
        conditional={"order_type": "limit", "limit_price": price + 1000},
    )
    assert bench.reports[0]["contingent"] == {"order_type": "limit", "limit_price": price + 1000}
    bench.trade("sell", ahead + Decimal("0.5"))
    bench.trade("sell", Decimal("1.5"), price)
    closing = [one for one in bench.sim.account.open_orders if one is not order]
    assert [(one.side, one.order_qty, one.limit_price) for one in closing] == [
        ("sell", Decimal("0.5"), price + 1000),
        ("sell", Decimal("1.5"), price + 1000),
    ]
    assert {one.ord_ref_id for one in closing} == {order.order_id}
    placed = [report for report in bench.reports if report["exec_type"] == "pending_new"]
    assert [report["ord_ref_id"] for report in placed[1:]] == [order.order_id] * 2


def test_conditional_stop_counts_from_the_fill(bench: Bench) -> None:
    price, qty = bench.level("ask")
    bench.add(
        "buy",
        str(min(qty, Decimal("0.01"))),
        conditional={
            "order_type": "stop-loss-limit",
            "trigger_price": Decimal(-1),
            "trigger_price_type": "pct",
            "limit_price": price - 2000,
        },
    )
    (stop,) = bench.sim.account.open_orders
    assert stop.trigger is not None
    assert stop.trigger.level == (price * Decimal("0.99")).quantize(TICK)
    assert stop.limit_price == price - 2000


def test_deprecated_key_of_a_conditional_close_counts(bench: Bench) -> None:
    qty = min(bench.level("ask")[1], Decimal("0.01"))
    bench.add("buy", str(qty), conditional={"order_type": "stop-loss", "stop_price": 80_000})
    (stop,) = bench.sim.account.open_orders
    assert stop.trigger is not None
    assert (stop.trigger.level, stop.left) == (80_000, qty)


def test_level_that_does_not_reach_the_account_leaves_it_alone(bench: Bench) -> None:
    price = bench.level("ask")[0]
    order = bench.add("sell", "1", str(price + 5))
    bench.sim.markets.change(BTC, [(bench.level("bid")[0] - 5, "1.5")], [])
    assert order.cum_qty == 0


def test_equal_seeds_and_actions_give_equal_fills() -> None:
    def run() -> list[object]:
        bench = Bench(seed=11)
        for number in range(30):
            bench.sim.markets.step(BTC)
            index = number % 3
            bench.add("buy", "0.5", str(bench.level("bid", index)[0]))
            if number % 4 == 0:
                bench.add("sell", "0.25")
        return [*bench.sim.account.fills, bench.reports]

    assert run() == run()


def test_test_moves_orders_of_the_book_too(bench: Bench) -> None:
    price, ahead = bench.level("bid")
    order = bench.add("buy", "2", str(price))
    bench.sim.account.matching.fill(order, Decimal("0.5"), price, "m")
    assert bench.level("bid") == (price, ahead + Decimal("1.5"))
    bench.sim.account.matching.fill(order, Decimal("1.5"), price, "m")
    assert bench.level("bid") == (price, ahead)
    assert order.status == "filled"


async def test_order_from_elsewhere_may_meet_the_market(bench: Bench) -> None:
    price, qty = bench.level("ask")
    order_id = await bench.sim.account.place(BTC, "buy", qty, limit_price=price, matched=True)
    assert bench.sim.account.orders[order_id].status == "filled"
    scripted = await bench.sim.account.place(BTC, "buy", 1, limit_price=bench.level("ask")[0])
    assert bench.sim.account.orders[scripted].status == "new"
    assert bench.market.own.get(scripted) is None


@pytest.mark.parametrize(
    ("others_then", "quantity", "expected"),
    [
        (lambda own: None, 4, [(None, 4)]),
        (lambda own: None, 6, [(None, 5), ("a", 1)]),
        (lambda own: None, 11, [(None, 7), ("a", 3), ("b", 1)]),
        (lambda own: own.limit_ahead("bid", 10, 6), 9, [(None, 6), ("a", 3)]),
        (lambda own: own.limit_ahead("bid", 10, 2), 6, [(None, 2), ("a", 3), ("b", 1)]),
        (lambda own: own.leave("a"), 9, [(None, 7), ("b", 2)]),
    ],
)
def test_queue_hands_out_trades_by_position(
    others_then: Callable[[OwnOrders], object], quantity: int, expected: list[object]
) -> None:
    """Five lots of others, three of a, two of others, four of b, and others behind."""
    own = OwnOrders()
    own.join("a", "bid", 10, 3, 5)
    own.join("b", "bid", 10, 4, 7)
    others_then(own)
    got = [(order and order.order_id, lots) for order, lots in own.trade("bid", 10, quantity)]
    assert got == expected
