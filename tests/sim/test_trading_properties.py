"""What holds whatever the account and the market do."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.sim.trader import BTC, Bench

from kraken_connector.sim.requests import Refused
from kraken_connector.sim.trading.ledger import ledger_unit
from kraken_connector.sim.trading.order import Order

TICK = Decimal("0.1")
QTYS = st.decimals("0.001", "3", places=3)
SIDES = st.sampled_from(["buy", "sell"])
OFFSETS = st.integers(-15, 15)
NOTHING = Decimal(0)
BALANCES = {"USD": Decimal(2_000_000), "BTC": Decimal(25)}


class Trading(RuleBasedStateMachine):
    """Orders of all kinds, takers, moves of the market and of the clock."""

    @initialize(seed=st.integers(0, 50))
    def begin(self, seed: int) -> None:
        self.bench = Bench(seed=seed, balances=BALANCES, tier="pro")

    @rule(side=SIDES, qty=QTYS, offset=OFFSETS, options=st.fixed_dictionaries(
        {},
        optional={
            "time_in_force": st.sampled_from(["gtc", "ioc"]),
            "stp_type": st.sampled_from(["cancel_newest", "cancel_oldest", "cancel_both"]),
        },
    ))  # fmt: skip
    def add_limit(self, side: str, qty: Decimal, offset: int, options: dict[str, Any]) -> None:
        self._add(side, qty, self._price(side, offset), **options)

    @rule(side=SIDES, qty=QTYS, offset=OFFSETS)
    def add_post_only(self, side: str, qty: Decimal, offset: int) -> None:
        self._add(side, qty, self._price(side, offset), post_only=True)

    @rule(side=SIDES, qty=QTYS)
    def add_market(self, side: str, qty: Decimal) -> None:
        self._add(side, qty, None)

    @rule(side=SIDES, qty=QTYS, offset=OFFSETS, parts=st.integers(2, 15))
    def add_iceberg(self, side: str, qty: Decimal, offset: int, parts: int) -> None:
        display = (qty / parts).quantize(Decimal("0.0001")) + Decimal("0.0001")
        price = self._price(side, offset)
        self._add(side, qty, price, order_type="iceberg", display_qty=min(display, qty))

    @rule(
        side=SIDES,
        qty=QTYS,
        offset=OFFSETS,
        order_type=st.sampled_from(["stop-loss", "take-profit", "trailing-stop"]),
    )
    def add_triggered(self, side: str, qty: Decimal, offset: int, order_type: str) -> None:
        price = Decimal(self.bench.market.totals.last) / 10 + offset
        triggers = {"price": price}
        if order_type == "trailing-stop":
            triggers = {"price": Decimal(abs(offset) + 1), "price_type": "quote"}  # type: ignore[dict-item]
        self._add(side, qty, None, order_type=order_type, triggers=triggers)

    @rule(side=SIDES, qty=QTYS, distance=st.integers(1, 500))
    def add_with_close(self, side: str, qty: Decimal, distance: int) -> None:
        far = distance if side == "buy" else -distance
        close = {"order_type": "limit", "limit_price": self._price(side, 0) + far}
        self._add(side, qty, self._price(side, 0), conditional=close)

    @rule(index=st.integers(0, 50), qty=QTYS, offset=OFFSETS)
    def amend(self, index: int, qty: Decimal, offset: int) -> None:
        order = self._pick(index)
        if order is not None and order.order_type == "limit":
            price = self._price(order.side, offset)
            self._try("amend_order", order_id=order.order_id, order_qty=qty, limit_price=price)

    @rule(index=st.integers(0, 50), qty=QTYS)
    def edit(self, index: int, qty: Decimal) -> None:
        order = self._pick(index)
        if order is not None:
            self._try("edit_order", order_id=order.order_id, symbol=BTC, order_qty=qty)

    @rule(index=st.integers(0, 50))
    def cancel(self, index: int) -> None:
        order = self._pick(index)
        if order is not None:
            self._try("cancel_order", order_id=[order.order_id])
            self.bench.wait(5)

    @rule()
    def cancel_all(self) -> None:
        self.bench.request("cancel_all")

    @rule(side=SIDES, qty=st.decimals("0.01", "20", places=2))
    def somebody_trades(self, side: str, qty: Decimal) -> None:
        self.bench.trade(side, qty)

    @rule(steps=st.integers(1, 40))
    def market_moves(self, steps: int) -> None:
        for _ in range(steps):
            self.bench.sim.markets.step(BTC)

    @rule(side=SIDES, offset=OFFSETS, qty=QTYS)
    def others_set_a_level(self, side: str, offset: int, qty: Decimal) -> None:
        """Within the spread or across orders of the account, never across others."""
        level = [(self._price(side, -abs(offset)), qty)]
        best = self.bench.level("ask" if side == "buy" else "bid")[0]
        if (level[0][0] < best) == (side == "buy") and level[0][0] != best:
            self._set(*([level, []] if side == "buy" else [[], level]))

    @rule(seconds=st.integers(1, 30))
    def time_passes(self, seconds: int) -> None:
        self.bench.wait(seconds)

    @invariant()
    def orders_add_up(self) -> None:
        account = self.bench.sim.account
        fills: dict[str, list[Any]] = defaultdict(list)
        for fill in account.fills:
            fills[fill.order_id].append(fill)
        for order in account.orders.values():
            mine = fills[order.order_id]
            assert order.cum_qty == sum((fill.qty for fill in mine), NOTHING) <= order.order_qty
            assert order.cum_cost == sum((fill.cost for fill in mine), NOTHING)
            assert order.fees == sum((fill.fee for fill in mine), NOTHING)
            assert (order.status == "filled") <= (not order.left)
            assert not order.is_open or order.left > 0
            if order.limit_price is not None and not order.amended:
                worst = max if order.side == "buy" else min
                prices = [order.limit_price, *(fill.price for fill in mine)]
                assert worst(prices) == order.limit_price

    @invariant()
    def fills_are_the_change_of_the_balances(self) -> None:
        account = self.bench.sim.account
        expected = dict(BALANCES)
        usd, btc = ledger_unit("USD"), ledger_unit("BTC")
        for fill in account.fills:
            sign = 1 if fill.side == "buy" else -1
            expected["BTC"] += sign * fill.qty.quantize(btc)
            expected["USD"] += -sign * fill.cost.quantize(usd) - fill.fee.quantize(usd)
        assert account.balances == expected
        slack = usd * len(account.fills)
        assert account.balances["USD"] >= -slack
        assert account.balances["BTC"] >= 0

    @invariant()
    def book_shows_what_is_left(self) -> None:
        account, market = self.bench.sim.account, self.bench.market
        for order in account.open_orders:
            own = market.own.get(order.order_id)
            if order.waits:
                assert own is None
                continue
            assert own is not None, order
            assert own.lots == order.shown_lots or order.display_qty is not None
            assert 0 < own.lots <= order.left_lots
            assert own.ticks == order.limit_ticks
        shown = [own for side in ("bid", "ask") for ticks in market.own.prices(side)
                 for own in market.own.queue(side, ticks)]  # fmt: skip
        assert {own.order_id for own in shown} <= set(account.records.open)
        for own in shown:
            total = market.book.side(own.side).lots(own.ticks)
            assert total >= market.own.lots(own.side, own.ticks)
            assert 0 <= own.ahead <= total - market.own.lots(own.side, own.ticks)

    @invariant()
    def book_is_not_crossed(self) -> None:
        assert self.bench.level("bid")[0] < self.bench.level("ask")[0]

    @invariant()
    def single_orders_add_up_to_the_book(self) -> None:
        market = self.bench.market
        for side in ("bid", "ask"):
            for ticks, queue in market.orders().levels(side, 10):
                lots = market.book.side(side).lots(ticks)
                assert sum(order.lots for order in queue) == lots
                own = [order.order_id for order in queue if order.is_own]
                assert own == [one.order_id for one in market.own.queue(side, ticks)]

    @invariant()
    def reports_are_complete(self) -> None:
        """A reader of the executions alone knows every order as it is."""
        known: dict[str, dict[str, Any]] = {}
        for report in self.bench.reports:
            known.setdefault(report["order_id"], {}).update(report)
        assert known.keys() == self.bench.sim.account.orders.keys()
        for order in self.bench.sim.account.orders.values():
            last = known[order.order_id]
            assert last["order_status"] == order.status
            assert last.get("cum_qty", 0) == order.cum_qty

    def _price(self, side: str, offset: int) -> Decimal:
        """Return a price so many ticks behind the best of the own side."""
        best = self.bench.level("bid" if side == "buy" else "ask")[0]
        return best - offset * TICK if side == "buy" else best + offset * TICK

    def _pick(self, index: int) -> Order | None:
        orders = self.bench.sim.account.open_orders
        return orders[index % len(orders)] if orders else None

    def _add(self, side: str, qty: Decimal, price: Decimal | None, **params: Any) -> None:
        try:
            self.bench.add(side, str(qty), None if price is None else str(price), **params)
        except Refused:
            self.bench.wait(1)

    def _set(self, bids: list[Any], asks: list[Any]) -> None:
        with contextlib.suppress(ValueError):
            self.bench.sim.markets.change(BTC, bids, asks)

    def _try(self, method: str, **params: Any) -> None:
        try:
            self.bench.request(method, **params)
        except Refused:
            self.bench.wait(1)


TestTrading = Trading.TestCase
TestTrading.settings = settings(
    max_examples=settings().max_examples // 4, stateful_step_count=40, deadline=None
)
