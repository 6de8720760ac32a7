"""The account's orders against the market.

Taking orders trade with the levels of the synthetic book, at their prices and as public trades.
Resting orders are part of the published book, behind the quantity that was at their price before
(see `own`), until takers of the market reach them. Everything happens in a market step, an action
of the account or a scheduled action, so that equal seeds and equal actions give equal results.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from decimal import Decimal

from ..book import Side
from ..feeds import MarketFeed
from ..market import SimMarket, Step, Taker, Trade
from .conditional import closing_order
from .funds import need
from .order import Fill, Order
from .own import OwnOrder
from .records import Records
from .schedule import Schedule
from .triggers import Triggers, follow, is_reached, trigger

USER_REQUESTED = "User requested"
POST_ONLY = "Post only order"
REPLACED = "Order replaced"
OUT_OF_FUNDS = "Insufficient funds"
DEAD_MAN = "Cancel all orders after"
EXPIRED = "Order expired"
NOT_AT_ONCE = "Immediate or cancel"
NOT_WHOLE = "Fill or kill"
NO_LIQUIDITY = "Insufficient liquidity"
SELF_TRADE = "Self trade prevention"
"""Reasons of cancels. Only the first was recorded on this channel; the others are made up."""


class Matching:
    """The matching engine.

    Args:
        records: the orders, and the reports of their changes.
        markets: the markets that they trade with.
        schedule: when orders start and expire.
        clock: returns nanoseconds since the epoch.
    """

    def __init__(
        self, records: Records, markets: MarketFeed, schedule: Schedule, clock: Callable[[], int]
    ) -> None:
        self._records = records
        self._markets = markets
        self._schedule = schedule
        self._clock = clock
        self._triggers = Triggers()
        self._steps: deque[Step] = deque()
        self._is_busy = False
        markets.watchers.append(self._on_step)
        markets.watched.append(self._symbols)

    # Actions of the account.

    def enter(self, order: Order) -> None:
        """Enter a checked order: it is filled, rests, waits for its trigger or ends at once."""
        with self._action():
            self._records.place(order)
            if order.is_scripted:
                self._records.make_live(order)
                return
            if order.expire_ns is not None:
                self._schedule.add(order.expire_ns, lambda: self._expire(order))
            if order.effective_ns is not None and order.effective_ns > self._clock():
                self._schedule.add(order.effective_ns, lambda: self._start_later(order))
            else:
                self._start(order)

    def cancel(self, order: Order, reason: str = USER_REQUESTED) -> None:
        """Cancel an open order."""
        with self._action():
            self._withdraw(order)
            self._records.end(order, "canceled", reason)

    def expire(self, order: Order) -> None:
        """Expire an open order."""
        with self._action():
            self._withdraw(order)
            self._records.end(order, "expired", EXPIRED)

    def fill(self, order: Order, qty: Decimal, price: Decimal, liquidity_ind: str) -> str:
        """Fill an order at a given price, and return the execution id."""
        with self._action():
            fill = self._records.fill(order, qty, price, liquidity_ind)
            self._show(order)
            self._close(order, fill)
        return fill.exec_id

    def amend(self, order: Order) -> None:
        """Report an order with changed terms, and update its position in the book.

        It keeps its position in the queue if the price is the same and the quantity did not grow.
        """
        with self._action():
            self._records.amended(order)
            if not order.left:
                self._withdraw(order)
                self._records.end(order, "canceled", USER_REQUESTED)
            elif order.waits:
                self._await_trigger(order)
            elif not self._show(order):
                self._work(order)

    def would_take(self, order: Order) -> bool:
        """Return whether an order would trade if it were entered now."""
        return bool(self._market(order).reach(_taker(order)))

    # Effects of steps and of time.

    @contextmanager
    def _action(self) -> Iterator[None]:
        """Carry out one action; the effects of its market steps follow at the end of the block."""
        if self._is_busy:
            yield
            return
        self._is_busy = True
        try:
            with self._records.stamps.action():
                yield
                while self._steps:
                    self._follow(self._steps.popleft())
        finally:
            self._is_busy = False

    def _on_step(self, step: Step) -> None:
        if step.own_fills or step.trades:
            with self._action():
                self._steps.append(step)

    def _follow(self, step: Step) -> None:
        """Record all fills of a step before their effects."""
        orders = [self._records.orders[own_fill.order_id] for own_fill in step.own_fills]
        both = zip(orders, step.own_fills, strict=True)
        fills = [self._record(order, own_fill.trade, "m") for order, own_fill in both]
        for order, fill in zip(orders, fills, strict=True):
            self._refill(order)
            self._close(order, fill)
        for trade in step.trades:
            self._on_last_price(step.symbol, trade.ticks)

    def _refill(self, order: Order) -> None:
        """Show the next slice of an iceberg, which first trades with orders that it now crosses."""
        if order.is_open and self._resting(order) is None:
            self._records.refilled(order)
            self._work(order)

    def _on_last_price(self, symbol: str, ticks: int) -> None:
        last = self._markets.pairs[symbol].price(ticks)
        for order in self._triggers.observe(symbol, last, self._clock()):
            if order.is_open:
                self._records.moved(order)
                if not order.waits:
                    self._work(order)

    def _expire(self, order: Order) -> None:
        if order.is_open:
            self.expire(order)

    def _start_later(self, order: Order) -> None:
        if order.is_open:
            with self._action():
                self._start(order)

    def _start(self, order: Order) -> None:
        if order.waits:
            self._records.make_live(order)
            self._await_trigger(order)
        else:
            self._work(order)

    def _await_trigger(self, order: Order) -> None:
        """Let an order wait for its trigger price, unless the market has reached it."""
        last = self._market(order).last_price
        follow(order, last)
        if is_reached(order, last):
            self._triggers.remove(order)
            trigger(order, last, self._clock())
            self._records.moved(order)
            self._work(order)
        else:
            self._triggers.add(order)

    def _work(self, order: Order) -> None:
        """Trade as far as the limit allows; the rest of the order rests or ends."""
        refusal = self._refusal(order)
        if refusal is not None:
            self._records.end(order, "canceled", refusal)
            return
        if order.status == "pending_new":
            self._records.make_live(order)
        self._take(order)
        if order.is_open and order.rests:
            self._rest(order)
        elif order.is_open:
            is_ioc = order.time_in_force == "IOC"
            self._records.end(order, "canceled", NOT_AT_ONCE if is_ioc else NO_LIQUIDITY)

    def _refusal(self, order: Order) -> str | None:
        asset, amount = need(self._market(order), order)
        if amount > self._records.available(asset, without=order):
            return OUT_OF_FUNDS
        if order.post_only and self.would_take(order):
            return POST_ONLY
        if order.time_in_force == "FOK":
            got = sum(lots for _, lots in self._market(order).reach(_taker(order)))
            return None if got == order.left_lots else NOT_WHOLE
        return None

    def _take(self, order: Order) -> None:
        """Trade with the book until the limit, the quantity or the account itself is reached."""
        while order.is_open and self.would_take(order):
            trades = self._trade(order, _taker(order)).trades
            for fill in [self._record(order, trade, "t") for trade in trades]:
                self._close(order, fill)
            if order.is_open and not self._prevents_self_trade(order):
                return

    def _trade(self, order: Order, taker: Taker) -> Step:
        return self._move(order, lambda market, depths: market.trade(taker, depths))

    def _prevents_self_trade(self, order: Order) -> bool:
        """Cancel orders that would trade with each other; return whether there were any."""
        market = self._market(order)
        taker = _taker(order)
        side: Side = "ask" if order.side == "buy" else "bid"
        best = market.book.side(side).row(0)[0]
        own = market.own.first(side, best)
        if own is None or not taker.reaches(best):
            return False
        if order.stp_type in {"cancel_oldest", "cancel_both"}:
            self.cancel(self._records.orders[own.order_id], SELF_TRADE)
        if order.stp_type in {"cancel_newest", "cancel_both"}:
            self.cancel(order, SELF_TRADE)
        return True

    def _record(self, order: Order, trade: Trade, liquidity_ind: str) -> Fill:
        qty, price = order.pair.qty(trade.lots), order.pair.price(trade.ticks)
        return self._records.fill(order, qty, price, liquidity_ind, trade.trade_id)

    def _close(self, order: Order, fill: Fill) -> None:
        """Enter the conditional close order of a fill, if the order has one."""
        if order.conditional is not None:
            self.enter(closing_order(order, fill, self._records.new_id("O")))

    # The book.

    def _rest(self, order: Order) -> None:
        ticks = order.limit_ticks
        assert ticks is not None
        self._move(
            order,
            lambda market, depths: market.join(
                order.order_id, _side(order), ticks, order.shown_lots, depths
            ),
        )

    def _withdraw(self, order: Order) -> None:
        self._triggers.remove(order)
        if self._resting(order) is not None:
            self._move(order, lambda market, depths: market.leave(order.order_id, depths))

    def _show(self, order: Order) -> bool:
        """Show the remaining quantity of an order in the book.

        Returns:
            Whether the order is done: it was not in the book, could keep its position, or ended.
        """
        own = self._resting(order)
        if own is None:
            return True
        lots = order.shown_lots
        if order.is_open and own.ticks == order.limit_ticks and lots <= own.lots:
            if lots < own.lots:
                self._move(
                    order, lambda market, depths: market.shrink(order.order_id, lots, depths)
                )
            return True
        self._move(order, lambda market, depths: market.leave(order.order_id, depths))
        return not order.is_open

    def _resting(self, order: Order) -> OwnOrder | None:
        return None if order.is_scripted else self._market(order).own.get(order.order_id)

    def _move(self, order: Order, act: Callable[[SimMarket, Collection[int]], Step]) -> Step:
        return self._markets.move(order.pair.symbol, act)

    def _market(self, order: Order) -> SimMarket:
        return self._markets.market(order.pair.symbol)

    def _symbols(self) -> list[str]:
        live = (order for order in self._records.open.values() if not order.is_scripted)
        return sorted({order.pair.symbol for order in live})


def _taker(order: Order) -> Taker:
    return Taker(
        order.side,
        order.left_lots,
        order.limit_ticks,
        "market" if order.limit_price is None else "limit",
        is_own=True,
    )


def _side(order: Order) -> Side:
    return "bid" if order.side == "buy" else "ask"
