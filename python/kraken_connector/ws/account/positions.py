"""Positions by pair, added up from the fills of the account."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from ...models.checks import Number, checked_number, checked_symbol
from ...models.decimals import ZERO, add, divide, multiply, subtract
from ..base.listeners import Listeners
from ..orders import Fill, Order, Orders

__all__ = ["Position", "PositionGroup", "Positions"]

#: Orders whose progress is remembered after their end, so that a late or repeated fill counts once.
#: `Orders` keeps 10,000 orders that ended.
ORDERS_KEPT = 20_000

PositionListener = Callable[["Position"], object]


@dataclass(frozen=True, slots=True)
class Position:
    """The position of a pair at the time of reading.

    Attributes:
        symbol: currency pair.
        qty: base currency; negative when more was sold than bought.
        avg_price: average price at which the position was bought, or sold if `qty` is negative;
            quote currency, fees not included. `None` without a position.
        realized: profit of closed positions, quote currency, fees not included.
        fees: fees paid, by asset.
        is_certain: whether every fill is known. See `Positions`.
    """

    symbol: str
    qty: Decimal
    avg_price: Decimal | None
    realized: Decimal
    fees: Mapping[str, Decimal]
    is_certain: bool


@dataclass(slots=True)
class _Holding:
    """The running totals of a position.

    Attributes:
        qty: base currency, negative when short.
        basis: value at which the quantity was bought or sold; never negative.
        realized: profit of closed positions.
        fees: by asset.
        is_doubtful: whether a fill may be missing, or its price is not known.
        guessed: orders of which a quantity is counted at a guessed price until its fills arrive.
        losses: how often fills of the account had been lost when the holding began.
    """

    qty: Decimal = ZERO
    basis: Decimal = ZERO
    realized: Decimal = ZERO
    fees: dict[str, Decimal] = field(default_factory=dict)
    is_doubtful: bool = False
    guessed: set[str] = field(default_factory=set)
    losses: int = 0

    @property
    def avg_price(self) -> Decimal | None:
        """Average price of the position."""
        return divide(self.basis, self.qty.copy_abs()) if self.qty else None

    def trade(self, side: str, qty: Decimal, cost: Decimal) -> None:
        """Add a trade by the average cost method.

        A trade against the position closes it at the average price; the rest of the trade opens a
        new one. Only the split of a trade or of the basis is rounded, to 28 digits: once the
        position is 0, `realized` is exact.
        """
        is_buy, held = side == "buy", self.qty.copy_abs()
        if held and is_buy != (self.qty > 0):
            closed = min(qty, held)
            value, basis = _part(cost, closed, qty), _part(self.basis, closed, held)
            gain = subtract(basis, value) if is_buy else subtract(value, basis)
            self.realized = add(self.realized, gain)
            self.basis = subtract(self.basis, basis)
            cost = subtract(cost, value)
        self.basis = add(self.basis, cost)
        self.qty = add(self.qty, qty) if is_buy else subtract(self.qty, qty)

    def correct(self, side: str, cost: Decimal) -> None:
        """Add to the value of a trade that is counted already."""
        is_buy = side == "buy"
        if self.qty and is_buy == (self.qty > 0):
            self.basis = add(self.basis, cost)
        elif is_buy:
            self.realized = subtract(self.realized, cost)
        else:
            self.realized = add(self.realized, cost)


@dataclass(slots=True)
class _Counted:
    """The part of one order that is counted in the position.

    Attributes:
        order: the order, `None` for an unknown one.
        qty: the counted quantity.
        cost: its value.
        fills_qty: the sum of its fills.
        fills_cost: their value.
        is_gone: whether its status became `gone`: it ended without a report.
    """

    order: Order | None
    qty: Decimal = ZERO
    cost: Decimal = ZERO
    fills_qty: Decimal = ZERO
    fills_cost: Decimal = ZERO
    is_gone: bool = False

    @property
    def may_be_forgotten(self) -> bool:
        """Whether no further fill of the order is expected."""
        return self.order is None or self.order.is_done


class PositionGroup(Mapping[str, Position]):
    """The positions of a group of orders by pair: `group["BTC/USD"]`.

    A pair without a trade has a position of 0, so reading one never raises; iteration gives the
    pairs that were traded or seeded.
    """

    def __init__(self, orders: Orders, is_member: Callable[[Order | None], bool]) -> None:
        self._orders = orders
        self._is_member = is_member
        self._holdings: dict[str, _Holding] = {}
        self._counted: dict[str, _Counted] = {}
        self._listeners = Listeners()
        #: Trades without a pair or side.
        self._unreadable = 0

    # Reading.

    def __getitem__(self, symbol: str) -> Position:
        holding = self._holdings.get(symbol) or _Holding()
        return Position(
            symbol,
            holding.qty,
            holding.avg_price,
            holding.realized,
            MappingProxyType(dict(holding.fees)),
            self._is_certain(symbol, holding),
        )

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._holdings

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._holdings))

    def __len__(self) -> int:
        return len(self._holdings)

    def seed(self, symbol: str, qty: Number, avg_price: Number | None = None) -> Position:
        """Set a position: one from before the program started, or after fills were lost.

        `realized` and `fees` stay. The position is certain again: `qty` includes fills that were
        lost before.

        Args:
            symbol: currency pair.
            qty: base currency, negative for a short position.
            avg_price: its average price, quote currency; not needed for 0.

        Raises:
            TypeError, ValueError: a number is not valid, or `avg_price` is missing.
        """
        signed = checked_number("qty", qty)
        if avg_price is None and signed:
            raise ValueError(f"avg_price is needed for a position of {signed}")
        price = checked_number("avg_price", ZERO if avg_price is None else avg_price)
        holding = self._holding(checked_symbol(symbol))
        holding.qty, holding.basis = signed, multiply(signed.copy_abs(), price)
        holding.is_doubtful, holding.losses = False, self._losses
        holding.guessed.clear()
        self._call_listeners(symbol)
        return self[symbol]

    def on_change(self, listener: PositionListener) -> Callable[[], None]:
        """Call a plain function with the new position after each fill and each seed.

        It is called in the receiving task and must be quick; exceptions are logged. It is not
        called for a change of `is_certain` alone.

        Returns:
            A function that removes the listener.
        """
        return self._listeners.add("on_change", listener)

    # Fills and totals of orders.

    def add_fill(self, order: Order | None, fill: Fill) -> None:
        """Count a new fill."""
        if not self._is_member(order) or fill.qty <= 0:
            return
        counted = self._counted_of(fill.order_id, order)
        symbol = fill.symbol or _order_value(order, "symbol")
        side = fill.side or _order_value(order, "side")
        if symbol is None or side not in ("buy", "sell"):
            self._unreadable += 1
            return
        holding = self._holding(symbol)
        for asset, amount in fill.fees:
            holding.fees[asset] = add(holding.fees.get(asset, ZERO), amount)
        cost = fill.cost
        if cost is None:
            holding.is_doubtful |= fill.price is None
            cost = multiply(fill.qty, fill.price or _guess(order, holding))
        counted.fills_qty = add(counted.fills_qty, fill.qty)
        counted.fills_cost = add(counted.fills_cost, cost)
        self._advance(fill.order_id, symbol, side, counted.fills_qty, counted.fills_cost)
        if fill.order_id in holding.guessed and counted.fills_qty >= counted.qty:
            holding.guessed.discard(fill.order_id)
            holding.correct(side, subtract(counted.fills_cost, counted.cost))
            counted.cost = counted.fills_cost
        self._call_listeners(symbol)

    def add_progress(self, order: Order, *, is_history: bool) -> None:
        """Count the quantity by which an order's totals exceed its fills.

        Args:
            order: an order that was reported.
            is_history: whether its totals are from before the channel was subscribed.
        """
        if order.order_id is None or not self._is_member(order):
            return
        counted = self._counted_of(order.order_id, order)
        if order.symbol is None or order.side not in ("buy", "sell"):
            self._unreadable += bool(order.cum_qty > counted.qty)
            return
        if is_history and not order.is_mine:
            counted.qty = max(counted.qty, order.cum_qty)
            counted.cost = max(counted.cost, order.cum_cost)
        elif self._advance(order.order_id, order.symbol, order.side, order.cum_qty, order.cum_cost):
            self._call_listeners(order.symbol)
        if order.status == "gone" and not counted.is_gone:
            counted.is_gone = True
            if not self._orders.has_all_fills(order):
                self._holding(order.symbol).is_doubtful = True

    def _advance(self, order_id: str, symbol: str, side: str, qty: Decimal, cost: Decimal) -> bool:
        """Count an order up to a quantity and value; return whether any of that is new."""
        counted, holding = self._counted[order_id], self._holding(symbol)
        if qty <= counted.qty:
            return False
        more = subtract(qty, counted.qty)
        value = subtract(cost, counted.cost)
        if value <= 0:
            # The order ended, and the report of its last fill was lost.
            value = multiply(more, _guess(counted.order, holding))
            holding.guessed.add(order_id)
        holding.trade(side, more, value)
        counted.qty, counted.cost = qty, add(counted.cost, value)
        return True

    @property
    def _losses(self) -> int:
        return self._unreadable + self._orders.lost_fills

    def _is_certain(self, symbol: str, holding: _Holding) -> bool:
        orders = self._orders
        return (
            orders.is_concluded
            and not (holding.is_doubtful or holding.guessed)
            and holding.losses == self._losses
            and not any(
                o.status == "unknown" and self._is_member(o) for o in orders.working(symbol)
            )
            and not any(fill.symbol in (None, symbol) for fill in orders.held_fills)
        )

    def _holding(self, symbol: str) -> _Holding:
        return self._holdings.setdefault(symbol, _Holding())

    def _counted_of(self, order_id: str, order: Order | None) -> _Counted:
        """Return the counted part of an order, and move it to the end of `_counted`."""
        counted = self._counted.pop(order_id, None) or _Counted(order)
        counted.order = order or counted.order
        self._counted[order_id] = counted
        if len(self._counted) > ORDERS_KEPT:
            self._forget()
        return counted

    def _forget(self) -> None:
        """Forget the oldest order that is done; move orders that are not done to the end."""
        for _ in range(len(self._counted)):
            order_id = next(iter(self._counted))
            counted = self._counted.pop(order_id)
            if counted.may_be_forgotten:
                return
            self._counted[order_id] = counted

    def _call_listeners(self, symbol: str) -> None:
        if self._listeners:
            self._listeners.call(self[symbol])

    def __repr__(self) -> str:
        held = ", ".join(f"{symbol} {holding.qty}" for symbol, holding in self._holdings.items())
        return f"<{type(self).__name__}: {held or 'none'}>"


class Positions(PositionGroup):
    """The account's positions, live: `client.positions["BTC/USD"].qty`.

    They add up all fills since `executions` was first subscribed (`client.track_orders()`), and
    earlier fills of this client's own orders. Fills of other orders in the first snapshot are
    history and do not count. `seed` sets the position from before.

    All orders of the account count, also those of other programs. `mine` has the positions of this
    client's orders only, `tagged(tag)` those of orders with a tag.

    A fill that was missed in a gap counts when the next snapshot has the fill, or shows the order
    filled further than its fills; in the latter case its fees are missing. `is_certain` is false

    - from the beginning of a gap until its snapshot is processed, and while `executions` is not
      subscribed or is a stream of all users;
    - while it is not known whether the exchange has an order of the pair (`unknown`), at which
      price an order was filled, or to which order a fill belongs;
    - from when fills were lost until `seed`: more than fifty in one gap, a report that cannot be
      read, a trade without a price, or an order that ended `gone` while `executions` is subscribed
      without past fills.

    Attributes:
        mine: the positions of the orders that this client sent.
    """

    def __init__(self, orders: Orders) -> None:
        super().__init__(orders, lambda _: True)
        self.mine = PositionGroup(orders, lambda order: order is not None and order.is_mine)
        self._by_tag: dict[str, PositionGroup] = {}
        orders.on_fill(self._on_fill)
        orders.on_progress(self._on_progress)

    def tagged(self, tag: str) -> PositionGroup:
        """Return the positions of orders with a tag, always the same object."""
        group = self._by_tag.get(tag)
        if group is None:
            group = PositionGroup(self._orders, lambda order: _order_value(order, "tag") == tag)
            self._by_tag[tag] = group
        return group

    def of(self, symbol: str, *, tag: str | None = None) -> Position:
        """Return a pair's position, of all orders or of those with a tag."""
        return self[symbol] if tag is None else self.tagged(tag)[symbol]

    def _groups(self, order: Order | None) -> list[PositionGroup]:
        groups: list[PositionGroup] = [self]
        if order is not None and order.is_mine:
            groups.append(self.mine)
        if order is not None and order.tag is not None:
            groups.append(self.tagged(order.tag))
        return groups

    def _on_fill(self, order: Order | None, fill: Fill) -> None:
        for group in self._groups(order):
            group.add_fill(order, fill)

    def _on_progress(self, order: Order) -> None:
        is_history = not self._orders.has_history
        for group in self._groups(order):
            group.add_progress(order, is_history=is_history)


def _part(whole: Decimal, part: Decimal, of: Decimal) -> Decimal:
    """Return `whole * part / of`; the whole value is returned without rounding."""
    return whole if part == of else divide(multiply(whole, part), of)


def _guess(order: Order | None, holding: _Holding) -> Decimal:
    """Return a price to use for a trade without one."""
    price: Decimal | None = _order_value(order, "limit_price") or holding.avg_price
    return price or ZERO


def _order_value(order: Order | None, name: str) -> Any:
    return None if order is None else getattr(order, name)
