"""The account: orders, positions, margin, ledger entries and preferences, and their streams.

Chosen here, as it was not read: the names of fields other than `futures`, `options`, `size`,
`entry_price`, `time` and `asset_class`, and that a short position has a negative size.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any

from ..encode import encode, exact, timestamp
from ..registry import SubscriptionRegistry
from ..subscription import Subscription
from . import orders
from .orders import Completion, Fill, Order, Report

WALLET = {"USD": Decimal(100_000), "EUR": Decimal(20_000), "BTC": Decimal(5)}
SNAPSHOT_FILLS = 50


class UnifiedAccount:
    """The account behind every token.

    Args:
        registry: the subscriptions.
        clock: returns nanoseconds since the epoch.
        seed: of the random ids.
        completion: how the last fill of a derivatives order is reported.
        permission: the trading permission for futures.
        most_positions: the most positions in a snapshot.

    Attributes:
        orders: every order, by its id.
        fills: every fill, oldest first.
        positions: size and average entry price by market.
        permission: the trading permission.
        has_preferences: whether `preferences` can be subscribed.
        leverage: what `set_preference` set, by market.
    """

    def __init__(
        self,
        registry: SubscriptionRegistry,
        clock: Callable[[], int],
        *,
        seed: int,
        completion: Completion,
        permission: str,
        most_positions: int,
    ) -> None:
        self.orders: dict[str, Order] = {}
        self.fills: list[Fill] = []
        self.positions: dict[str, tuple[Decimal, Decimal]] = {}
        self.leverage: dict[str, Decimal | None] = {}
        self.permission = permission
        self.has_preferences = True
        self._registry = registry
        self._clock = clock
        self._chance = random.Random(f"unified:{seed}")
        self._completion = completion
        self._most_positions = most_positions
        self._waiting: list[Callable[[], None]] | None = None

    # Orders.

    def enter(self, order: Order) -> None:
        """Accept an order."""
        self.orders[order.order_id] = order
        self._report(order, orders.accepted(order, self._clock()))

    def new_order_id(self, asset_class: str) -> str:
        """Return the id of a new order."""
        return orders.order_id_for(asset_class, self._chance)

    def open_orders(self, asset_class: str | None = None) -> list[Order]:
        """Return the open orders of a class, or of both, oldest first."""
        return [
            order
            for order in self.orders.values()
            if order.is_open and asset_class in (None, order.asset_class)
        ]

    def fill(
        self, order_id: str, qty: Decimal | str | None = None, price: Decimal | str | None = None
    ) -> Fill:
        """Fill an open order, by default whole and at its limit: reports, position, ledger.

        Raises:
            ValueError: the order is not open, less than `qty` is left of it, or it has no price.
        """
        order = self.orders[order_id]
        filled = order.left if qty is None else Decimal(qty)
        at = order.limit_price if price is None else Decimal(price)
        if not order.is_open or at is None or not 0 < filled <= order.left:
            raise ValueError(f"cannot fill {filled} of {order.left} at {at}")
        order.cum_qty += filled
        order.cum_cost += filled * at
        order.status = "partially_filled" if order.left else "filled"
        exec_id, now = orders.new_uuid(self._chance), self._clock()
        fill = Fill(order, exec_id, len(self.fills) + 1, filled, at, now)
        self.fills.append(fill)
        self._report(order, orders.traded(fill, self._completion, now))
        if order.asset_class == "derivatives":
            self._move(order, filled, at)
        self._enter_into_ledger(fill)
        return fill

    def amend(self, order: Order, qty: Decimal | None, price: Decimal | None) -> None:
        """Change an open order."""
        order.order_qty = order.order_qty if qty is None else qty
        order.limit_price = order.limit_price if price is None else price
        self._report(order, [orders.amended(order, self._clock())])

    def cancel(self, order: Order) -> None:
        """Cancel an open order."""
        order.status = "canceled"
        self._report(order, [orders.ended(order, self._clock())])

    def cancel_all(self, asset_class: str | None = None) -> int:
        """Cancel the open orders of a class, or of both, and return their number."""
        found = self.open_orders(asset_class)
        for order in found:
            self.cancel(order)
        return len(found)

    def _report(self, order: Order, reports: Iterable[Report]) -> None:
        for report in reports:
            for subscription in self._subscriptions("executions"):
                if subscription.params["asset_class"] == order.asset_class:
                    self._send(subscription, "update", [report], numbered=True)

    # Positions, margin, ledgers.

    def set_permission(self, permission: str) -> None:
        """Change the trading permission, and report it."""
        self.permission = permission
        for subscription in self._subscriptions("preferences"):
            self._send(subscription, "update", self._preferences())

    def _move(self, order: Order, qty: Decimal, price: Decimal) -> None:
        """Change a position by a fill, and report it and the margin."""
        size, entry = self.positions.get(order.symbol, (Decimal(0), Decimal(0)))
        change = qty if order.side == "buy" else -qty
        after = size + change
        if size * change >= 0:
            entry = (abs(size) * entry + qty * price) / (abs(size) + qty)
        elif after * size < 0:
            entry = price
        self.positions[order.symbol] = after, entry
        for subscription in self._subscriptions("positions"):
            row = self._position(order.symbol, subscription)
            self._send(subscription, "update", self._lists([row]))
        if not after:
            del self.positions[order.symbol]
        for subscription in self._subscriptions("margin"):
            self._send_flex_wallet(subscription)

    def _enter_into_ledger(self, fill: Fill) -> None:
        """Report an entry of the position or the base currency, and one of the currency."""
        shared = {
            "asset_class": fill.order.asset_class,
            "type": "trade",
            "ref_id": fill.exec_id,
            "timestamp": timestamp(fill.timestamp_ns),
            "trade_price": exact(fill.price),
        }
        entries = (
            {**shared, "wallet": "futures", "symbol": fill.order.symbol, "change": exact(fill.qty)},
            {**shared, "wallet": "flex", "asset": "USD", "change": exact(-fill.qty * fill.price)},
        )
        for entry in entries:
            for subscription in self._subscriptions("ledgers"):
                self._send(subscription, "update", [entry], numbered=True)

    # Streams.

    def start(self, subscription: Subscription) -> None:
        """Send what a new subscription begins with."""
        channel, params = subscription.channel, subscription.params
        if channel == "executions":
            self._send(subscription, "snapshot", self._executions(params), numbered=True)
        elif channel == "balances" and params.get("snapshot", True):
            self._send(subscription, "snapshot", self._balances(), numbered=True)
        elif channel == "positions" and params.get("snapshot", True):
            self._send_positions(subscription)
        elif channel == "margin":
            self._send_flex_wallet(subscription)
            data = [{"collateral": "BTC", "margin_equity": 0.5, "available_margin": 0.5}]
            self._send(subscription, "single_collateral", data)
        elif channel == "preferences":
            self._send(subscription, "snapshot", self._preferences())

    def _send_positions(self, subscription: Subscription) -> None:
        """Send the snapshot, or the notice that it is too large: both lists empty, no time."""
        rows = [self._position(symbol, subscription) for symbol in self.positions]
        if len(rows) > self._most_positions:
            data = {"futures": [], "options": [], "notice": "snapshot_too_large"}
            self._send(subscription, "snapshot", data)
        else:
            self._send(subscription, "snapshot", self._lists(rows))

    def _lists(self, rows: list[Report]) -> Report:
        return {"time": timestamp(self._clock()), "futures": rows, "options": []}

    def _position(self, symbol: str, subscription: Subscription) -> Report:
        size, entry = self.positions[symbol]
        row: Report = {"symbol": symbol, "size": exact(size), "entry_price": exact(entry)}
        if subscription.params.get("with_margin"):
            row |= {"mark_price": exact(entry), "unrealized_pnl": 0.0, "initial_margin": 12.5}
        return row

    def _send_flex_wallet(self, subscription: Subscription) -> None:
        held = sum((abs(size) * price for size, price in self.positions.values()), Decimal(0))
        data = [
            {
                "margin_equity": exact(WALLET["USD"]),
                "initial_margin": exact(held / 50),
                "available_margin": exact(WALLET["USD"] - held / 50),
            }
        ]
        self._send(subscription, "multi_collateral", data)

    def _preferences(self) -> Report:
        return {"futures_trading": self.permission}

    def _balances(self) -> list[Report]:
        wallet = {"type": "spot", "id": "main"}
        return [
            {
                "asset": asset,
                "asset_class": "currency",
                "balance": exact(amount),
                "wallets": [{**wallet, "balance": exact(amount)}],
            }
            for asset, amount in WALLET.items()
        ]

    def _executions(self, params: Mapping[str, Any]) -> list[Report]:
        asset_class, now = params["asset_class"], self._clock()
        data: list[Report] = []
        if params.get("snap_orders", True):
            data += (orders.listed(order, now) for order in self.open_orders(asset_class))
        if params.get("snap_trades", False):
            fills = [fill for fill in self.fills if fill.order.asset_class == asset_class]
            data += (orders.past(fill) for fill in fills[-SNAPSHOT_FILLS:])
        return data

    def _subscriptions(self, channel: str) -> Iterator[Subscription]:
        return (one for one in self._registry.all() if one.channel == channel)

    def _send(
        self, subscription: Subscription, kind: str, data: Any, *, numbered: bool = False
    ) -> None:
        message = {"channel": subscription.channel, "type": kind, "data": data}
        if numbered:
            message["sequence"] = subscription.next_sequence()
        is_snapshot = kind == "snapshot"
        deliver = partial(
            subscription.send, encode(message), "snapshot" if is_snapshot else "update"
        )
        if self._waiting is None:
            deliver()
        else:
            self._waiting.append(deliver)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Send what the block reports at its end, after the answer to a request."""
        self._waiting = []
        try:
            yield
        finally:
            reports, self._waiting = self._waiting, None
            for deliver in reports:
                deliver()
