"""Quotes of one pair: keeps the orders of a strategy at the prices that it sets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any, Self

from ...exceptions import (
    InvalidParameter,
    KrakenConnectorError,
    NotConnected,
    OrderCheckFailed,
    OrderOutcomeUnknown,
    OrdersStillWorking,
    TradingError,
)
from ...models.checks import Number, check_flag, checked_number, checked_symbol, checked_text
from ...models.decimals import ZERO, add, subtract
from ...models.trading import AddOrderParams, AmendOrderParams, BatchAddParams, TradingParams
from ...refusals import RefusalKind, classify
from ..base.shielding import wait_shielded
from ..orders import Order, Orders
from .cancelling import Canceller, CancelReport
from .quoting import Add, Cancel, Move, Quote, Resting, Step, affordable, assign, is_met, ready
from .rate_counter import RateCounter
from .trader import Request, Trader

__all__ = ["QuoteRefusal", "QuoteReport", "Quotes"]

logger = logging.getLogger(__name__)

#: The most orders in one `batch_add` (page "Batch Add").
BATCH = 15
#: Seconds that `set` waits for proof that cancelled orders have ended. A snapshot replaces a lost
#: report after about 3.5 s.
CANCEL_WAIT = 6.0
#: Longest time between two checks, seconds; usually a change of an order triggers one.
CHECK_INTERVAL = 1.0

Level = tuple[Number, Number]
_Tasks = set[asyncio.Task[None]]


@dataclass(frozen=True, slots=True)
class QuoteRefusal:
    """A quote that is not in the market as wanted.

    Attributes:
        quote: the quote.
        kind: the kind of refusal, as in `TradingError.kind`; `rate` also if nothing was sent
            because the rate limit has no room.
        reason: the reason as a text.
        order: the order that was to become the quote and is unchanged; `None` if there is none.
    """

    quote: Quote
    kind: RefusalKind
    reason: str
    order: Order | None


@dataclass(frozen=True, slots=True)
class QuoteReport:
    """The result of one `Quotes.set`.

    Attributes:
        placed: new orders.
        amended: orders that were amended.
        canceled: orders that were cancelled.
        kept: orders that already matched a quote.
        refused: quotes that the exchange or this client refused.
        waiting: quotes that were not sent, because of an order in doubt, an order that could not
            be cancelled or changed, or a fill since the call.
        in_doubt: orders of which it is unknown whether the exchange has them, or with which terms.
            They count as working.
        is_superseded: whether a later call took over; the report then shows what was done before.
    """

    placed: tuple[Order, ...]
    amended: tuple[Order, ...]
    canceled: tuple[Order, ...]
    kept: tuple[Order, ...]
    refused: tuple[QuoteRefusal, ...]
    waiting: tuple[Quote, ...]
    in_doubt: tuple[Order, ...]
    is_superseded: bool

    @property
    def is_complete(self) -> bool:
        """Whether exactly the wanted quotes are in the market."""
        return not (self.refused or self.waiting or self.in_doubt or self.is_superseded)


@dataclass(slots=True)
class _Run:
    """The progress of one call of `set`.

    Attributes:
        wanted: all quotes.
        base: the filled quantity of each order at the start.
        steps: the remaining steps.
        alone: quotes that need a request of their own, as their batch was refused.
        error: the exception that ended it.
    """

    wanted: list[Quote]
    base: dict[Order, Decimal]
    steps: list[Step] = field(default_factory=list)
    alone: set[int] = field(default_factory=set)
    kept: list[tuple[Quote, Order]] = field(default_factory=list)
    placed: list[tuple[Quote, Order]] = field(default_factory=list)
    amended: list[Order] = field(default_factory=list)
    cancels: list[Order] = field(default_factory=list)
    refused: list[QuoteRefusal] = field(default_factory=list)
    error: Exception | None = None

    def refuse(self, quote: Quote, kind: RefusalKind, reason: str, order: Order | None) -> None:
        """Record that a quote is not in the market as wanted."""
        self.refused.append(QuoteRefusal(quote, kind, reason, order))

    def drop(self, steps: Iterable[Step]) -> None:
        """Remove steps from the remaining ones."""
        gone = {id(step) for step in steps}
        self.steps = [step for step in self.steps if id(step) not in gone]

    def report(self, in_doubt: Sequence[Order], *, is_superseded: bool) -> QuoteReport:
        """Return a report on the progress."""
        ended = [
            (quote, order)
            for quote, order in self.kept + self.placed
            if order.is_done and order.cum_qty == self.base[order]
        ]
        excluded = {*in_doubt, *(order for _, order in ended)}
        for quote, order in ended:
            self.refuse(quote, _kind_of(order), order.reason or order.status, None)
        return QuoteReport(
            placed=tuple(order for _, order in self.placed if order not in excluded),
            amended=tuple(self.amended),
            canceled=tuple(o for o in self.cancels if o.is_done and o.status != "filled"),
            kept=tuple(order for _, order in self.kept if order not in excluded),
            refused=tuple(self.refused),
            waiting=tuple(step.quote for step in self.steps if not isinstance(step, Cancel)),
            in_doubt=tuple(in_doubt),
            is_superseded=is_superseded,
        )


class Quotes:
    """The quotes of one pair; made by `KrakenWSClient.quotes`.

        async with client.quotes("BTC/USD", tag="mm") as quotes:
            report = await quotes.set(bids=[("64000.0", "0.1")], asks=[("64001.0", "0.1")])

    The quotes are the working limit orders of the pair with the tag: use the tag for nothing else,
    and only one object for a pair and a tag. All quotes are cancelled at the end of the block.

    Attributes:
        symbol: currency pair.
        tag: the tag of the orders.
    """

    def __init__(
        self,
        trader: Trader,
        orders: Orders,
        counter: RateCounter,
        follow: Callable[[], Awaitable[None]],
        obstacle: Callable[[], str | None],
        symbol: str,
        *,
        tag: str,
        post_only: bool,
        min_move: Number,
        reserve: Number,
    ) -> None:
        check_flag("post_only", post_only)
        self.symbol = checked_symbol(symbol)
        self.tag = checked_text("tag", tag)
        self._trader = trader
        self._orders = orders
        self._counter = counter
        self._follow = follow
        self._obstacle = obstacle
        self._post_only = post_only or None
        self._min_move = _not_negative("min_move", min_move)
        self._reserve = _not_negative("reserve", reserve)
        self._calls = 0
        self._is_closed = False
        self._pulling = asyncio.Lock()
        self._changed = asyncio.Event()
        #: Requests that `set` waits for, and cancels of orders in doubt, which it does not.
        self._tasks: _Tasks = set()
        self._background: _Tasks = set()
        #: Orders that are being cancelled.
        self._leaving: set[Order] = set()
        #: Orders that are being amended.
        self._moving: set[Order] = set()
        #: Price and total quantity of each order's unanswered amend.
        self._terms: dict[Order, tuple[Decimal, Decimal]] = {}
        #: Orders in doubt for which a cancel found nothing; see `Canceller`.
        self._hidden: set[Order] = set()

    # For users.

    @property
    def orders(self) -> list[Order]:
        """The orders of the quotes that are or may be in the market, oldest first."""
        return self._orders.working(self.symbol, tag=self.tag)

    async def set(self, bids: Iterable[Level] = (), asks: Iterable[Level] = ()) -> QuoteReport:
        """Replace the current quotes by these, and return when nothing more can be done for now.

        An order with a wanted price and open quantity stays as it is. Others are amended, best
        prices first; surplus orders are cancelled; missing ones are placed once the orders that
        they replace have certainly ended. So a side never has more than the sum of `bids` or
        `asks`, or than it had before if that was more: orders in doubt count as working, and
        quantities that are filled during the call are not placed again.

        A later call takes over at once: this one returns with `is_superseded`, its unanswered
        requests count with what they may result in, and its remaining steps are not sent.

        Refused and waiting quotes are in the report; call `set` again with the next prices. Orders
        with another tag or of other programs are not touched.

        Args:
            bids: price and open quantity of each buy quote, in any order.
            asks: price and open quantity of each sell quote.

        Raises:
            NotConnected: the client cannot trade; orders that the call has placed may be in the
                market. If orders are not tracked yet, also the exceptions of `track_orders`.
            TypeError, ValueError: a number is invalid, or a bid is not below every ask.
            RuntimeError: the block has ended.
        """
        wanted = _checked(bids, asks)
        if self._is_closed:
            raise RuntimeError(f"cannot set quotes of {self.symbol}: the block has ended")
        self._calls += 1
        call = self._calls
        self._changed.set()
        if not self._orders.is_followed:
            await self._follow()
        async with self._pulling:
            run = self._begin(wanted)
        end = self._orders.on_change(lambda _: self._changed.set())
        try:
            await self._carry_out(run, call)
        finally:
            end()
        return run.report(self._in_doubt(run), is_superseded=call != self._calls)

    async def pull(self, timeout: float = 30.0) -> CancelReport:  # noqa: ASYNC109
        """Cancel all quotes, and return when none can be in the market any more.

        It supersedes earlier `set` calls; later ones wait for it. It is quick unless an order is in
        doubt, as proving that it is absent takes time.

        Raises:
            OrdersStillWorking: orders may be in the market after `timeout` seconds.
        """
        self._calls += 1
        self._changed.set()
        for task in self._tasks | self._background:
            task.cancel()
        async with self._pulling:
            return await self._canceller(lambda: self.orders).run(timeout)

    async def __aenter__(self) -> Self:
        if not self._orders.is_followed:
            await self._follow()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._is_closed = True
        # If the caller is cancelled, the quotes must still be.
        pull = asyncio.create_task(self.pull())
        try:
            await wait_shielded(pull)
        except asyncio.CancelledError:
            if (error := pull.exception()) is not None:
                logger.error("quotes of %s may be in the market: %s", self.symbol, error)
            raise
        pull.result()

    # One call of `set`.

    def _begin(self, wanted: list[Quote]) -> _Run:
        """Decide which order becomes which quote."""
        self._check_can_trade()
        self._hidden.intersection_update(self.orders)
        orders = self._quoting()
        run = _Run(wanted, {order: order.cum_qty for order in orders})
        plan = assign(wanted, self._resting(run), self._min_move)
        run.kept = [(quote, _order(resting)) for quote, resting in plan.kept]
        run.steps = plan.steps
        return run

    async def _carry_out(self, run: _Run, call: int) -> None:
        """Take each step as soon as it is safe, until no step or reply is left."""
        while call == self._calls:
            if run.error is not None:
                raise run.error
            self._changed.clear()
            self._skip(run)
            steps = ready(run.steps, self._resting(run), run.wanted)
            if steps:
                self._check_can_trade()
                run.drop(steps)
                self._start(run, steps)
                # The requests start, which raises the rate counter.
                await asyncio.sleep(0)
            elif not self._tasks and not any(order.is_busy for order in self._quoting()):
                return
            else:
                await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(CHECK_INTERVAL):
                await self._changed.wait()
        except TimeoutError:
            pass

    def _skip(self, run: _Run) -> None:
        """Drop steps that have become unnecessary."""
        seen = {_order(resting): resting for resting in self._resting(run)}
        for step in list(run.steps):
            if isinstance(step, Add):
                continue
            resting = seen[_order(step)]
            if isinstance(step, Cancel):
                is_over = resting.state == "done"
            elif resting.state == "done":
                # If it was filled, the quote is done; otherwise the next call replaces it.
                is_over = resting.most > 0
            else:
                is_over = resting.state == "free" and is_met(step.quote, resting, self._min_move)
                if is_over:
                    run.kept.append((step.quote, _order(step)))
            if is_over:
                run.drop([step])

    def _start(self, run: _Run, steps: Sequence[Step]) -> None:
        room = subtract(self._counter.headroom(self.symbol), self._reserve)
        sent, held = affordable(steps, room, lambda move: self._cost(run, move))
        for step in held:
            assert not isinstance(step, Cancel)
            order = _order(step) if isinstance(step, Move) else None
            text = f"the rate limit has room for {room:.1f} more"
            run.refuse(step.quote, "rate", text, order)
        self._cancel(run, [_order(step) for step in sent if isinstance(step, Cancel)])
        for step in sent:
            if isinstance(step, Move):
                self._moving.add(_order(step))
                self._terms[_order(step)] = step.quote.price, self._total(run, step)
                self._spawn(run, self._move(run, step))
        self._add(run, [step.quote for step in sent if isinstance(step, Add)])

    # Cancels.

    def _cancel(self, run: _Run, orders: list[Order]) -> None:
        certain = [order for order in orders if order.is_open]
        doubtful = [o for o in orders if not o.is_open and o not in self._hidden]
        run.cancels += orders
        self._leaving.update(certain, doubtful)
        if certain:
            self._spawn(run, self._cancel_until_gone(certain))
        if doubtful:
            # `set` does not wait for these, as proving that they are absent takes long.
            self._spawn(run, self._cancel_until_gone(doubtful), self._background)

    async def _cancel_until_gone(self, orders: list[Order]) -> None:
        try:
            await self._canceller(lambda: [o for o in orders if not o.is_done]).run(CANCEL_WAIT)
        except OrdersStillWorking:
            pass
        finally:
            self._leaving.difference_update(orders)

    def _canceller(self, select: Callable[[], list[Order]]) -> Canceller:
        return Canceller(self._trader, self._orders, self._follow, select, self._hidden)

    # Amends.

    async def _move(self, run: _Run, step: Move) -> None:
        order = _order(step)
        try:
            await self._trader.execute(self._amend(run, step))
        except OrderOutcomeUnknown:
            return
        except TradingError as error:
            self._terms.pop(order, None)
            run.refuse(step.quote, error.kind, str(error), order)
        except KrakenConnectorError:
            # It was not sent.
            self._terms.pop(order, None)
            raise
        else:
            self._terms.pop(order, None)
            run.amended.append(order)
        finally:
            self._moving.discard(order)

    def _amend(self, run: _Run, step: Move) -> AmendOrderParams:
        order, price = _order(step), step.quote.price
        is_same = price == order.limit_price
        return AmendOrderParams(
            order.order_id,
            order_qty=self._total(run, step),
            limit_price=None if is_same else price,
            post_only=None if is_same else self._post_only,
            symbol=self.symbol,
        )

    def _total(self, run: _Run, step: Move) -> Decimal:
        """Return the total quantity of an amend, including what was filled before."""
        return add(run.base[_order(step)], step.quote.qty)

    def _cost(self, run: _Run, step: Move) -> Decimal:
        return self._counter.cost_of(self._amend(run, step)).get(self.symbol, ZERO)

    # New orders.

    def _add(self, run: _Run, quotes: list[Quote]) -> None:
        rest = iter([quote for quote in quotes if id(quote) not in run.alone])
        groups = [[quote] for quote in quotes if id(quote) in run.alone]
        while group := list(islice(rest, BATCH)):
            groups.append(group)
        for group in groups:
            # From here on the orders are known and count.
            request = self._trader.prepare(self._adding(group), tag=self.tag)
            run.base.update(dict.fromkeys(request.orders, ZERO))
            self._spawn(run, self._place(run, group, request))

    def _adding(self, quotes: list[Quote]) -> TradingParams:
        params = [
            AddOrderParams(
                self.symbol,
                quote.side,
                "limit",
                quote.qty,
                limit_price=quote.price,
                post_only=self._post_only,
            )
            for quote in quotes
        ]
        return params[0] if len(params) == 1 else BatchAddParams(self.symbol, orders=params)

    async def _place(self, run: _Run, quotes: list[Quote], request: Request) -> None:
        try:
            await self._trader.send(request)
        except TradingError as error:
            # One invalid order causes the whole batch to be refused (page "Batch Add").
            is_of_one = isinstance(error, OrderCheckFailed) or error.kind in _OF_ONE
            if is_of_one and len(quotes) > 1:
                run.alone.update(map(id, quotes))
                run.steps += map(Add, quotes)
            else:
                for quote in quotes:
                    run.refuse(quote, error.kind, str(error), None)
            return
        except OrderOutcomeUnknown:
            pass
        run.placed += zip(quotes, request.orders, strict=True)

    # The orders.

    def _quoting(self) -> list[Order]:
        """Return the working orders that can be quotes."""
        return [o for o in self.orders if o.order_type == "limit" and o.limit_price is not None]

    def _in_doubt(self, run: _Run) -> list[Order]:
        """Return the orders whose existence, terms or requested end is unproved."""
        return [
            order
            for order in self.orders
            if order.status == "unknown"
            or order in self._leaving
            or order in self._terms
            or order in run.cancels
        ]

    def _resting(self, run: _Run) -> list[Resting]:
        """Return the state of all orders of a call, including those that ended."""
        for order in self._quoting():
            run.base.setdefault(order, ZERO)
        return [self._resting_of(order, base) for order, base in run.base.items()]

    def _resting_of(self, order: Order, base: Decimal) -> Resting:
        filled = subtract(order.cum_qty, base)
        now = (order.limit_price or ZERO, order.order_qty or ZERO)
        if order.is_done:
            self._terms.pop(order, None)
            none: frozenset[Decimal] = frozenset()
            return Resting(order, str(order.side), now[0], filled, "done", none, filled)
        if order not in self._moving and self._terms.get(order) == now:
            # A report showed that the amend was executed.
            del self._terms[order]
        price, total = self._terms.get(order, now)
        return Resting(
            order,
            str(order.side),
            price,
            subtract(total, base),
            self._state(order),
            frozenset({now[0], price}),
            max(subtract(now[1], base), subtract(total, base), filled),
        )

    def _state(self, order: Order) -> Any:
        if order in self._leaving:
            return "leaving"
        if order in self._moving or order.status == "sending":
            return "busy"
        if order.status == "unknown" or order in self._terms:
            return "doubt"
        return "busy" if order.is_busy or order.order_id is None else "free"

    def _check_can_trade(self) -> None:
        state = self._obstacle()
        if state is not None:
            raise NotConnected("quote", state)

    # Tasks.

    def _spawn(
        self,
        run: _Run,
        work: Coroutine[Any, Any, None],
        group: _Tasks | None = None,
    ) -> None:
        tasks = self._tasks if group is None else group
        task = asyncio.create_task(work)
        tasks.add(task)

        def finish(done: asyncio.Task[None]) -> None:
            tasks.discard(done)
            self._changed.set()
            if not done.cancelled() and (error := done.exception()) is not None:
                run.error = self._failure(error)

        task.add_done_callback(finish)

    def _failure(self, error: BaseException) -> Exception:
        """Return the exception for `set`; `NotConnected` for a request that was not sent."""
        if not isinstance(error, KrakenConnectorError) or isinstance(error, NotConnected):
            return error if isinstance(error, Exception) else RuntimeError(repr(error))
        failure = NotConnected("quote", self._obstacle() or "reconnecting")
        failure.__cause__ = error
        return failure

    def __repr__(self) -> str:
        return f"<Quotes {self.tag} of {self.symbol}: {len(self.orders)} orders>"


#: Kinds of refusals that concern one order of a batch.
_OF_ONE = frozenset({"price", "size", "invalid"})


def _checked(bids: Iterable[Level], asks: Iterable[Level]) -> list[Quote]:
    buys, sells = (
        [_quote(name, side, level) for level in levels]
        for name, side, levels in (("bids", "buy", bids), ("asks", "sell", asks))
    )
    if buys and sells:
        best_bid, best_ask = max(q.price for q in buys), min(q.price for q in sells)
        if best_bid >= best_ask:
            raise ValueError(f"a bid of {best_bid} is not below an ask of {best_ask}")
    return buys + sells


def _quote(name: str, side: str, level: Level) -> Quote:
    price, qty = level
    quote = Quote(side, checked_number(f"{name} price", price), checked_number(f"{name} qty", qty))
    if quote.price <= 0 or quote.qty <= 0:
        raise InvalidParameter(name, "pairs of a price and a quantity above 0", level)
    return quote


def _not_negative(name: str, number: Number) -> Decimal:
    value = checked_number(name, number)
    if value < 0:
        raise InvalidParameter(name, "0 or more", number)
    return value


def _order(one: Resting | Move | Cancel) -> Order:
    assert isinstance(one.key, Order)
    return one.key


def _kind_of(order: Order) -> RefusalKind:
    """Return why an order ended without a fill.

    The reason of a cancelled order is the text of a refusal without its area, such as `Post only
    order` for one that would have taken liquidity.
    """
    if isinstance(order.error, TradingError):
        return order.error.kind
    return classify(f"EOrder:{order.reason}").kind
