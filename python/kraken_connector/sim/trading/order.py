"""Orders of the account and their fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from ..encode import scaled
from ..market import OrderSide
from ..pairs import Pair

Number: TypeAlias = Decimal | str | int

OPEN_STATUSES = frozenset({"pending_new", "new", "partially_filled"})
LIMIT_TYPES = frozenset(
    {"limit", "iceberg", "stop-loss-limit", "take-profit-limit", "trailing-stop-limit"}
)
TRAILING_TYPES = frozenset({"trailing-stop", "trailing-stop-limit"})
TRIGGERED_TYPES = TRAILING_TYPES | {
    "stop-loss",
    "stop-loss-limit",
    "take-profit",
    "take-profit-limit",
}


@dataclass(eq=False, slots=True)
class Trigger:
    """The trigger of an order.

    Attributes:
        reference: `last` or `index`; both mean the last trade here.
        price: as in the request: a price, or an offset from the reference.
        price_type: `static`, `pct` or `quote`.
        level: the trigger price.
        peak: best price so far, of trailing types.
        last_price: the price that triggered the order.
        triggered_ns: when it was triggered.
    """

    reference: str
    price: Decimal
    price_type: str
    level: Decimal
    peak: Decimal | None = None
    last_price: Decimal | None = None
    triggered_ns: int | None = None

    @property
    def waits(self) -> bool:
        """Whether the order is not triggered yet."""
        return self.triggered_ns is None


@dataclass(eq=False, slots=True)
class Order:
    """An order of the account.

    Attributes:
        client_id: `cl_ord_id` or `order_userref`.
        limit_price: `None` for market orders, and for `trailing-stop-limit` until triggered.
        limit_offset: of `trailing-stop-limit`, as in the request.
        time_in_force: in upper case, as reported.
        conditional: template of the conditional close orders, as in the request.
        display_qty: the quantity that an iceberg shows at a time.
        expire_ns: when a `GTD` order ends.
        effective_ns: when a scheduled order starts.
        is_scripted: whether only the test fills it, and the market does not.
        created_ns: when it was placed or last amended; its age sets the cost of a cancel.
        opened_ns: when it was placed.
        closed_ns: when it ended.
        leverage: of a margin order, if it was given.
        ord_ref_id: the order that it closes or replaces.
        flags: other terms, which are only reported.
    """

    order_id: str
    pair: Pair
    side: OrderSide
    order_type: str
    order_qty: Decimal
    limit_price: Decimal | None
    time_in_force: str = "GTC"
    post_only: bool = False
    client_id: Mapping[str, str | int] = field(default_factory=lambda: {"order_userref": 0})
    status: str = "pending_new"
    cum_qty: Decimal = Decimal(0)
    cum_cost: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    amended: bool = False
    limit_price_type: str = "static"
    limit_offset: Decimal | None = None
    trigger: Trigger | None = None
    conditional: Mapping[str, Any] | None = None
    display_qty: Decimal | None = None
    stp_type: str = "cancel_newest"
    fee_ccy_pref: str = "fciq"
    expire_ns: int | None = None
    effective_ns: int | None = None
    is_scripted: bool = False
    created_ns: int = 0
    opened_ns: int = 0
    closed_ns: int = 0
    leverage: int | None = None
    ord_ref_id: str | None = None
    reason: str | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether the order can still be filled."""
        return self.status in OPEN_STATUSES

    @property
    def waits(self) -> bool:
        """Whether it waits for its trigger price."""
        return self.trigger is not None and self.trigger.waits

    @property
    def rests(self) -> bool:
        """Whether the quantity that is not filled at once rests in the book."""
        return self.order_type in LIMIT_TYPES and self.time_in_force in {"GTC", "GTD"}

    @property
    def left(self) -> Decimal:
        """Quantity that is not filled."""
        return self.order_qty - self.cum_qty

    @property
    def left_lots(self) -> int:
        """Quantity that is not filled, in lots."""
        return scaled(self.left, self.pair.qty_precision)

    @property
    def shown_lots(self) -> int:
        """Quantity that the book shows, in lots."""
        if self.display_qty is None:
            return self.left_lots
        return min(self.left_lots, scaled(self.display_qty, self.pair.qty_precision))

    @property
    def limit_ticks(self) -> int | None:
        """Limit price in ticks."""
        if self.limit_price is None:
            return None
        return scaled(self.limit_price, self.pair.price_precision)

    @property
    def avg_price(self) -> Decimal:
        """Average price of the fills so far."""
        return self.cum_cost / self.cum_qty if self.cum_qty else Decimal(0)


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of an order; `cost` and `fee` are in the quote currency."""

    order_id: str
    symbol: str
    side: OrderSide
    exec_id: str
    trade_id: int
    qty: Decimal
    price: Decimal
    cost: Decimal
    fee: Decimal
    liquidity_ind: str
    timestamp_ns: int
