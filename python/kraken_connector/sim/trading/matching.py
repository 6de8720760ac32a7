"""The account's orders against the market.

Orders that take trade with the levels of the synthetic book, at their prices and as public trades.
What rests is part of the published book, behind what was at its price before (see `own`), until
takers of the market reach it. Everything is an effect of a market step, an action of the account or
the agenda, in this order, so equal seeds and equal actions give equal results.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from decimal import Decimal

from ..book import Side
from ..feeds import MarketFeed
from ..market import SimMarket, Step, Taker, Trade
from .agenda import Agenda
from .conditional import closing_order
from .funds import need
from .order import Fill, Order
from .own import OwnOrder
from .records import Records
from .triggers import Triggers, follow, is_reached, set_off

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
"""Reasons of cancels. Only the first is on record for this channel; the others are made up."""


class Matching:
    """The engine.

    Args:
        records: the orders, and the reports of what happens to them.
        markets: what they trade with.
        agenda: where orders start and expire.
        clock: gives nanoseconds since the epoch.
    """

    def __init__(
        self, records: Records, markets: MarketFeed, agenda: Agenda, clock: Callable[[], int]
    ) -> None:
        self._records = records
        self._markets = markets
        self._agenda = agenda
        self._clock = clock
        self._triggers = Triggers()
        self._steps: deque[Step] = deque()
        self._is_busy = False
        markets.watchers.append(self._see)
        markets.watched = self._symbols

    # What the account does.

    def enter(self, order: Order) -> None:
        """Take an order in that was checked: it fills, rests, waits or ends at once."""
        with self._turn():
            self._records.place(order)
            if order.is_scripted:
                self._records.make_live(order)
                return
            if order.expire_ns is not None:
                self._agenda.add(order.expire_ns, lambda: self._expire(order))
            if order.effective_ns is not None and order.effective_ns > self._clock():
                self._agenda.add(order.effective_ns, lambda: self._start_later(order))
            else:
                self._start(order)

    def cancel(self, order: Order, reason: str = USER_REQUESTED) -> None:
        """Cancel an open order."""
        with self._turn():
            self._withdraw(order)
            self._records.end(order, "canceled", reason)

    def expire(self, order: Order) -> None:
        """Let an open order expire."""
        with self._turn():
            self._withdraw(order)
            self._records.end(order, "expired", EXPIRED)

    def fill(self, order: Order, qty: Decimal, price: Decimal, liquidity_ind: str) -> str:
        """Fill an order as if the market had, and return the execution id."""
        with self._turn():
            fill = self._records.fill(order, qty, price, liquidity_ind)
            self._show(order)
            self._close(order, fill)
        return fill.exec_id

    def amend(self, order: Order) -> None:
        """Report an order whose terms were changed, and put it where it belongs now.

        Its place in the queue stays if the price does and the quantity does not grow.
        """
        with self._turn():
            self._records.amended(order)
            if not order.left:
                self._withdraw(order)
                self._records.end(order, "canceled", USER_REQUESTED)
            elif order.waits:
                self._look(order)
            elif not self._show(order):
                self._work(order)

    def would_take(self, order: Order) -> bool:
        """Tell whether an order would trade if it came now."""
        return bool(self._market(order).reach(_taker(order)))

    # What happens.

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Do one thing after the other: what a step leads to waits until the block is done."""
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

    def _see(self, step: Step) -> None:
        if step.own_fills or step.trades:
            with self._turn():
                self._steps.append(step)

    def _follow(self, step: Step) -> None:
        """Record all fills of a step before anything that they lead to."""
        orders = [self._records.orders[own_fill.order_id] for own_fill in step.own_fills]
        both = zip(orders, step.own_fills, strict=True)
        fills = [self._record(order, own_fill.trade, "m") for order, own_fill in both]
        for order, fill in zip(orders, fills, strict=True):
            self._refill(order)
            self._close(order, fill)
        for trade in step.trades:
            self._last(step.symbol, trade.ticks)

    def _refill(self, order: Order) -> None:
        """Show the next slice of an iceberg; it takes what came into its reach meanwhile."""
        if order.is_open and self._place_of(order) is None:
            self._records.refilled(order)
            self._work(order)

    def _last(self, symbol: str, ticks: int) -> None:
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
            with self._turn():
                self._start(order)

    def _start(self, order: Order) -> None:
        if order.waits:
            self._records.make_live(order)
            self._look(order)
        else:
            self._work(order)

    def _look(self, order: Order) -> None:
        """Let an order wait for its price, unless that is there already."""
        last = self._market(order).last_price
        follow(order, last)
        if is_reached(order, last):
            self._triggers.forget(order)
            set_off(order, last, self._clock())
            self._records.moved(order)
            self._work(order)
        else:
            self._triggers.watch(order)

    def _work(self, order: Order) -> None:
        """Trade as far as the limit allows; what is left rests or ends."""
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
        """Cancel what would trade with itself; tell whether there was such a thing."""
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
        """Enter the order that closes what a fill opened, if that was asked for."""
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
        self._triggers.forget(order)
        if self._place_of(order) is not None:
            self._move(order, lambda market, depths: market.leave(order.order_id, depths))

    def _show(self, order: Order) -> bool:
        """Let the book show what an order has left.

        Returns:
            Whether its place in the book is settled: it has none, or could keep it.
        """
        own = self._place_of(order)
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

    def _place_of(self, order: Order) -> OwnOrder | None:
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
