"""The parameters of the eight trading methods.

Parameters are checked when they are constructed, and are immutable. Numbers may be `Decimal`,
`str`, `int` or `float`; they are kept as `Decimal` and sent with exactly those digits. Times may be
RFC 3339 text or a `datetime` with a zone. Leave `token` empty if the client has a `TokenManager`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from ..exceptions import InvalidParameter
from .base import Model, model
from .checks import (
    Number,
    checked_client_id,
    checked_integer,
    checked_list,
    checked_symbol,
    checked_text,
    checked_userref,
    client_id_key,
)
from .enums import FeePreference, OrderSide, PriceType, STPType, TimeInForce, TriggerReference
from .enums import WSOrderType as OrderType
from .order_parts import (
    LIMIT_TYPES,
    OFFSETS,
    TRAILING_TYPES,
    TRIGGERED_TYPES,
    ConditionalClose,
    OrderTrigger,
    TradingParams,
    check_kind,
    check_limit_price,
    check_presence,
    texts,
)

__all__ = [
    "AddOrderParams",
    "AmendOrderParams",
    "BatchAddParams",
    "BatchCancelParams",
    "CancelAllOrdersAfterParams",
    "CancelAllParams",
    "CancelOrderParams",
    "ConditionalClose",
    "EditOrderParams",
    "OrderTrigger",
    "TradingParams",
    "check_one_order",
]

#: Page "Batch Add" and "Batch Cancel".
BATCH_ADD_ORDERS = (2, 15)
BATCH_CANCEL_ORDERS = (2, 50)
#: Page "Cancel All Orders After": seconds.
MAX_TIMEOUT = 86_399
#: Page "Add Order": at least a fifteenth of an iceberg order is visible.
ICEBERG_SHARE = 15


@model
class AddOrderParams(TradingParams):
    """One new order.

    Args:
        symbol: currency pair.
        side: `buy` or `sell`.
        order_type: `limit`, `market`, `iceberg`, `stop-loss`, `stop-loss-limit`, `take-profit`,
            `take-profit-limit`, `trailing-stop`, `trailing-stop-limit` or `settle-position`.
        order_qty: quantity in base currency; may be left out with `cash_order_qty`.
        token: leave it empty when the client has a `TokenManager`.
        limit_price: for types with a limit price; for `trailing-stop-limit` an offset from the
            trigger price unless `limit_price_type` is `static`.
        limit_price_type: `static`; for `trailing-stop-limit` also `pct` or `quote` (the exchange's
            default there).
        triggers: for types with a trigger.
        time_in_force: `gtc` (the exchange's default), `gtd`, `ioc` or `fok` (types with a limit
            price).
        margin: whether to fund the order on margin.
        post_only: cancel the order rather than take liquidity; needs a limit price.
        reduce_only: only reduce a position.
        effective_time: when the order starts, to the second.
        expire_time: when the order ends, to the second, at most a month ahead; only with `gtd`,
            and required there.
        deadline: until when the engine may match the request, to the millisecond, 0.5 to 60 s
            from now. The exchange's default is 5 s.
        cl_ord_id: the client's identifier: a UUID, 32 hex digits or at most 18 ASCII characters.
            The client makes one if neither this nor `order_userref` is given, unless the order
            has a `conditional`, which the exchange refuses together with an identifier (Kraken's
            SDK). `False` sends none, because `edit_order` is only for orders without one. If the
            reply to such an order is lost, its outcome may stay unknown.
        order_userref: the client's number, a signed 32-bit integer, which need not be unique.
        conditional: secondary order that each fill places on the opposite side; not together with
            `cl_ord_id`.
        display_qty: visible quantity of an iceberg order, at least a fifteenth of `order_qty`.
        fee_preference: `base` or `quote`.
        stp_type: self-trade prevention: `cancel_newest` (the exchange's default), `cancel_oldest`
            or `cancel_both`.
        cash_order_qty: quantity in quote currency; buy market orders without margin only.
        validate: check the order without placing it.
        sender_sub_id: sub-account for self-trade prevention, in the forms of `cl_ord_id`.

    Raises:
        TypeError, InvalidParameter: (a `ValueError`) a parameter is not valid.
    """

    METHOD = "add_order"
    FLAGS = ("margin", "post_only", "reduce_only", "validate")
    CHOICES = MappingProxyType(
        {
            "side": texts(OrderSide),
            "order_type": texts(OrderType),
            "limit_price_type": texts(PriceType),
            "time_in_force": texts(TimeInForce),
            "fee_preference": texts(FeePreference),
            "stp_type": texts(STPType),
        }
    )
    TIMES = MappingProxyType(
        {"effective_time": "seconds", "expire_time": "seconds", "deadline": "milliseconds"}
    )

    symbol: str
    side: str
    order_type: str
    order_qty: Number | None = None
    token: str = field(default="", compare=False)
    limit_price: Number | None = None
    limit_price_type: str | None = None
    triggers: OrderTrigger | None = None
    time_in_force: str | None = None
    margin: bool | None = None
    post_only: bool | None = None
    reduce_only: bool | None = None
    effective_time: str | datetime | None = None
    expire_time: str | datetime | None = None
    deadline: str | datetime | None = None
    cl_ord_id: str | Literal[False] | None = None
    order_userref: int | None = None
    conditional: ConditionalClose | None = None
    display_qty: Number | None = None
    fee_preference: str | None = None
    stp_type: str | None = None
    cash_order_qty: Number | None = None
    validate: bool | None = None
    sender_sub_id: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        TradingParams.__post_init__(self)
        self.check_symbol(self.symbol)
        self._check_client_order()
        if self.sender_sub_id is not None:
            checked_client_id("sender_sub_id", self.sender_sub_id)
        check_kind("triggers", self.triggers, OrderTrigger)
        check_kind("conditional", self.conditional, ConditionalClose)
        if self.conditional is not None and self.cl_ord_id:
            wanted = "absent beside cl_ord_id: the exchange refuses both together"
            raise InvalidParameter("conditional", wanted, self.conditional)
        self._check_size()
        check_limit_price(self)
        self._check_triggers()
        self._check_time_in_force()
        self._check_iceberg()

    def _check_size(self) -> None:
        self._require_positive("cash_order_qty")
        if self.cash_order_qty is not None and (
            self.order_type != OrderType.MARKET or self.side != OrderSide.BUY or self.margin
        ):
            wanted = "absent: it is for buy market orders without margin"
            raise InvalidParameter("cash_order_qty", wanted, self.cash_order_qty)
        if self.order_qty is None:
            if self.cash_order_qty is None:
                raise InvalidParameter("order_qty", "given", None)
        elif self._may_be_zero():
            if self.order_qty < 0:  # type: ignore[operator]
                raise InvalidParameter("order_qty", "0 or more", self.order_qty)
        else:
            self._require_positive("order_qty")

    def _may_be_zero(self) -> bool:
        """Return whether a quantity of 0 is allowed; it means the whole position."""
        closes = self.order_type == OrderType.SETTLE_POSITION or self.reduce_only or self.margin
        return bool(closes) or self.cash_order_qty is not None

    def _check_triggers(self) -> None:
        has_trigger = self.order_type in TRIGGERED_TYPES
        check_presence("triggers", self.triggers, self.order_type, wanted=has_trigger)
        if self.triggers is None or self.order_type not in TRAILING_TYPES:
            return
        if not self.triggers.is_offset:
            wanted = f"'pct' or 'quote' for {self.order_type}"
            raise InvalidParameter("triggers.price_type", wanted, self.triggers.price_type)
        if self.triggers.price <= 0:  # type: ignore[operator]
            wanted = f"more than 0 for {self.order_type}, as it is an offset"
            raise InvalidParameter("triggers.price", wanted, self.triggers.price)

    def _check_time_in_force(self) -> None:
        ends = self.time_in_force == TimeInForce.GTD
        if ends != (self.expire_time is not None):
            wanted = "given with time_in_force='gtd'" if ends else "absent without 'gtd'"
            raise InvalidParameter("expire_time", wanted, self.expire_time)
        if self.time_in_force == TimeInForce.FOK and self.order_type not in LIMIT_TYPES:
            wanted = f"another one than 'fok' for {self.order_type}: it needs a limit price"
            raise InvalidParameter("time_in_force", wanted, self.time_in_force)
        if self.post_only and self.order_type not in LIMIT_TYPES:
            wanted = f"absent for {self.order_type}: it needs a limit price"
            raise InvalidParameter("post_only", wanted, self.post_only)

    def _check_iceberg(self) -> None:
        is_iceberg = self.order_type == OrderType.ICEBERG
        check_presence("display_qty", self.display_qty, self.order_type, wanted=is_iceberg)
        if is_iceberg:
            _check_display("display_qty", self.display_qty, self.order_qty)

    def wire(self) -> dict[str, Any]:
        """Return the `params` of the request without the token, numbers as `Decimal`."""
        plain = TradingParams.wire(self)
        if self.cl_ord_id is False:
            del plain["cl_ord_id"]
        return plain


@model
class AmendOrderParams(TradingParams):
    """A change of an order that keeps its identifiers and, if possible, its queue position.

    Args:
        order_id: the exchange's identifier; this or `cl_ord_id`.
        token: leave it empty when the client has a `TokenManager`.
        order_qty: the new total quantity, including the filled one.
        limit_price: the new limit price.
        display_qty: visible quantity of an iceberg order, at least a fifteenth of what remains.
        post_only: refuse a price that would take liquidity.
        reduce_only: sent as given; the exchange does not document it here.
        deadline: see `AddOrderParams`.
        trigger_price: the new trigger price.
        trigger_price_type: `static` (the exchange's default), `pct` or `quote`. `last` and `index`,
            which kraken-connector 0.2.0 accepted too, are sent as given; the exchange does not
            document them here.
        cl_ord_id: the client's identifier; this or `order_id`.
        limit_price_type: `trailing-stop-limit` only: `static`, `pct` or `quote`.
        symbol: needed for pairs of tokenized assets, `TSLAx/USD`.

    Raises:
        TypeError, InvalidParameter: (a `ValueError`) a parameter is not valid.
    """

    METHOD = "amend_order"
    FLAGS = ("post_only", "reduce_only")
    CHOICES = MappingProxyType(
        {
            "trigger_price_type": (*texts(PriceType), *texts(TriggerReference)),
            "limit_price_type": texts(PriceType),
        }
    )
    TIMES = MappingProxyType({"deadline": "milliseconds"})

    order_id: str | None = None
    token: str = field(default="", compare=False)
    order_qty: Number | None = None
    limit_price: Number | None = None
    display_qty: Number | None = None
    post_only: bool | None = None
    reduce_only: bool | None = None
    deadline: str | datetime | None = None
    trigger_price: Number | None = None
    trigger_price_type: str | None = None
    cl_ord_id: str | None = field(default=None, kw_only=True)
    limit_price_type: str | None = field(default=None, kw_only=True)
    symbol: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        TradingParams.__post_init__(self)
        check_one_order(self.order_id, self.cl_ord_id)
        if self.symbol is not None:
            self.check_symbol(self.symbol)
        self._require_positive("order_qty", "display_qty")
        # Without a type, the order may be a trailing one, whose offset may be 0 or negative.
        if self.limit_price_type == PriceType.STATIC:
            self._require_positive("limit_price")
        if self.trigger_price_type not in OFFSETS:
            self._require_positive("trigger_price")


@model
class EditOrderParams(TradingParams):
    """A new order that replaces another one. Prefer `AmendOrderParams`: it keeps its position.

    Args:
        order_id: the exchange's identifier of the order to replace.
        symbol: its currency pair, which cannot change.
        token: leave it empty when the client has a `TokenManager`.
        order_qty: quantity in base currency.
        limit_price: the new limit price.
        display_qty: visible quantity of an iceberg order, at least a fifteenth of `order_qty`.
        post_only: see `AddOrderParams`.
        reduce_only: see `AddOrderParams`.
        deadline: see `AddOrderParams`.
        fee_preference: `base` or `quote`.
        order_userref: the client's number for the new order.
        validate: check the change without making it.
        triggers: for types with a trigger.

    Raises:
        TypeError, InvalidParameter: (a `ValueError`) a parameter is not valid.
    """

    METHOD = "edit_order"
    FLAGS = ("post_only", "reduce_only", "validate")
    CHOICES = MappingProxyType({"fee_preference": texts(FeePreference)})
    TIMES = MappingProxyType({"deadline": "milliseconds"})

    order_id: str
    symbol: str
    token: str = field(default="", compare=False)
    order_qty: Number | None = None
    limit_price: Number | None = None
    display_qty: Number | None = None
    post_only: bool | None = None
    reduce_only: bool | None = None
    deadline: str | datetime | None = None
    fee_preference: str | None = None
    order_userref: int | None = None
    validate: bool | None = None
    triggers: OrderTrigger | None = None

    def __post_init__(self) -> None:
        TradingParams.__post_init__(self)
        checked_text("order_id", self.order_id)
        checked_symbol(self.symbol)
        self._check_client_order()
        check_kind("triggers", self.triggers, OrderTrigger)
        self._require_positive("order_qty", "display_qty")
        if self.order_qty is not None:
            _check_display("display_qty", self.display_qty, self.order_qty)


@model
class CancelOrderParams(TradingParams):
    """A cancel of one or more orders.

    The client sends one request per identifier, because an error of the exchange about an unknown
    order does not name it.

    Args:
        token: leave it empty when the client has a `TokenManager`.
        order_id: the exchange's identifiers.
        cl_ord_id: the client's identifiers.
        order_userref: the client's numbers; each cancels all orders that have it.

    Raises:
        TypeError, InvalidParameter: (a `ValueError`) a parameter is not valid.
    """

    METHOD = "cancel_order"

    token: str = field(default="", compare=False)
    order_id: list[str] | None = None
    cl_ord_id: list[str] | None = None
    order_userref: list[int] | None = None

    def __post_init__(self) -> None:
        TradingParams.__post_init__(self)
        checks: dict[str, Any] = {
            "order_id": checked_text,
            "cl_ord_id": checked_client_id,
            "order_userref": checked_userref,
        }
        for name, check in checks.items():
            if (value := getattr(self, name)) is not None:
                self._put(name, [check(name, entry) for entry in checked_list(name, value)])
        if not (self.order_id or self.cl_ord_id or self.order_userref):
            raise InvalidParameter("order_id, cl_ord_id or order_userref", "given", None)

    @property
    def identifiers(self) -> list[tuple[str, str | int]]:
        """The identifiers to cancel, each once: the name of the field and the value."""
        kinds = ("order_id", "cl_ord_id", "order_userref")
        named = [(kind, value) for kind in kinds for value in getattr(self, kind) or ()]
        return list(dict.fromkeys(named))

    def of(self, kind: str, value: str | int) -> CancelOrderParams:
        """Return the parameters for one of `identifiers`."""
        one: dict[str, Any] = {kind: [value]}
        return CancelOrderParams(token=self.token, **one)


@model
class CancelAllParams(TradingParams):
    """A cancel of all open orders, of all pairs.

    Args:
        token: leave it empty when the client has a `TokenManager`.
    """

    METHOD = "cancel_all"

    token: str = field(default="", compare=False)


@model
class CancelAllOrdersAfterParams(TradingParams):
    """The dead man's switch: the exchange cancels all orders unless it is set again in time.

    Args:
        token: leave it empty when the client has a `TokenManager`.
        timeout: whole seconds, less than a day; 0 turns it off.

    Raises:
        TypeError, InvalidParameter: (a `ValueError`) a parameter is not valid.
    """

    METHOD = "cancel_all_orders_after"

    token: str = field(default="", compare=False)
    timeout: int | None = None

    def __post_init__(self) -> None:
        TradingParams.__post_init__(self)
        if not 0 <= checked_integer("timeout", self.timeout) <= MAX_TIMEOUT:
            raise InvalidParameter("timeout", f"from 0 to {MAX_TIMEOUT} seconds", self.timeout)


@model
class BatchAddParams(TradingParams):
    """Two to fifteen new orders of one pair.

    The exchange checks all orders before it places any. The matching engine may then still refuse
    single ones, for example for insufficient funds.

    Args:
        symbol: currency pair of all orders.
        token: leave it empty when the client has a `TokenManager`.
        orders: the orders; set `deadline` and `validate` on the batch, not on them.
        deadline: see `AddOrderParams`.
        validate: check the orders without placing them.

    Raises:
        TypeError, InvalidParameter: (a `ValueError`) a parameter is not valid.
    """

    METHOD = "batch_add"
    FLAGS = ("validate",)
    TIMES = MappingProxyType({"deadline": "milliseconds"})
    #: Keys that are sent once for the whole batch.
    SHARED: ClassVar[tuple[str, ...]] = ("symbol", "token", "deadline", "validate")

    symbol: str
    token: str = field(default="", compare=False)
    orders: list[AddOrderParams] = field(default_factory=list)
    deadline: str | datetime | None = None
    validate: bool | None = None

    def __post_init__(self) -> None:
        TradingParams.__post_init__(self)
        self.check_symbol(self.symbol)
        self._put("orders", checked_list("orders", self.orders))
        _check_count("orders", len(self.orders), BATCH_ADD_ORDERS)
        for index, order in enumerate(self.orders):
            check_kind(f"orders[{index}]", order, AddOrderParams)
            if order.symbol != self.symbol:
                raise InvalidParameter(f"orders[{index}].symbol", repr(self.symbol), order.symbol)
            for name in ("deadline", "validate"):
                if (value := getattr(order, name)) is not None:
                    wanted = f"absent: {name} is the batch's"
                    raise InvalidParameter(f"orders[{index}].{name}", wanted, value)
        names = [order.cl_ord_id for order in self.orders if order.cl_ord_id]
        if len(names) != len(set(map(client_id_key, names))):
            raise InvalidParameter("cl_ord_id", "another one for each order", names)

    @classmethod
    def _normalized(cls, src_dict: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add the batch's symbol to the orders, which are sent without it."""
        orders = [
            order if isinstance(order, Model) else {"symbol": src_dict["symbol"], **order}
            for order in src_dict.get("orders", ())
        ]
        return {**src_dict, "orders": orders}

    def wire(self) -> dict[str, Any]:
        """Return the `params` of the request without the token, numbers as `Decimal`."""
        plain = TradingParams.wire(self)
        plain["orders"] = [
            {key: value for key, value in order.items() if key not in self.SHARED}
            for order in plain["orders"]
        ]
        return plain


@model
class BatchCancelParams(TradingParams):
    """A cancel of two to fifty orders with one request; the reply has only their number.

    Args:
        token: leave it empty when the client has a `TokenManager`.
        orders: the exchange's identifiers, or the client's numbers (as integers or text).
        cl_ord_id: the client's identifiers.

    Raises:
        TypeError, InvalidParameter: (a `ValueError`) a parameter is not valid.
    """

    METHOD = "batch_cancel"

    token: str = field(default="", compare=False)
    orders: list[str] = field(default_factory=list)
    cl_ord_id: list[str] | None = None

    def __post_init__(self) -> None:
        TradingParams.__post_init__(self)
        orders = [_order_name(entry) for entry in checked_list("orders", self.orders)]
        self._put("orders", orders)
        if self.cl_ord_id is not None:
            names = checked_list("cl_ord_id", self.cl_ord_id)
            self._put("cl_ord_id", [checked_client_id("cl_ord_id", name) for name in names])
        _check_count("orders and cl_ord_id", len(self.identifiers), BATCH_CANCEL_ORDERS)

    @property
    def identifiers(self) -> list[str]:
        """The identifiers to cancel."""
        return [*self.orders, *(self.cl_ord_id or ())]


def check_one_order(order_id: object, cl_ord_id: object) -> None:
    """Check that exactly one of the two identifiers is given, and is valid."""
    if (order_id is None) == (cl_ord_id is None):
        both = None if order_id is None else (order_id, cl_ord_id)
        raise InvalidParameter("order_id or cl_ord_id", "given, one of the two", both)
    if order_id is not None:
        checked_text("order_id", order_id)
    else:
        checked_client_id("cl_ord_id", cl_ord_id)


def _check_display(field: str, visible: Any, whole: Any) -> None:
    """Check the visible quantity of an iceberg order: between a fifteenth and the whole."""
    if visible is None:
        return
    if visible * ICEBERG_SHARE < whole:
        raise InvalidParameter(field, f"at least 1/{ICEBERG_SHARE} of order_qty ({whole})", visible)
    if visible > whole:
        raise InvalidParameter(field, f"at most order_qty ({whole})", visible)


def _check_count(field: str, count: int, bounds: tuple[int, int]) -> None:
    least, most = bounds
    if not least <= count <= most:
        raise InvalidParameter(field, f"{least} to {most} orders", count)


def _order_name(entry: object) -> str:
    """Return an identifier of `batch_cancel`, which accepts the client's numbers as strings."""
    if isinstance(entry, int) and not isinstance(entry, bool):
        return str(checked_userref("orders", entry))
    return checked_text("orders", entry)
