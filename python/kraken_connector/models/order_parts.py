"""The base classes of trading parameters, and the parts of orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, Self

from ..exceptions import InvalidParameter
from .base import Given, Model, model
from .checks import (
    Number,
    check_choice,
    check_flag,
    checked_client_id,
    checked_number,
    checked_symbol,
    checked_time,
    checked_userref,
)
from .enums import PriceType
from .enums import TriggerReference as Reference
from .enums import WSOrderType as OrderType
from .with_token import WithToken

__all__ = [
    "CLOSE_TYPES",
    "LIMIT_TYPES",
    "OFFSETS",
    "TRAILING_TYPES",
    "TRIGGERED_TYPES",
    "Checked",
    "ConditionalClose",
    "OrderTrigger",
    "TradingParams",
    "check_amended",
    "check_kind",
    "check_limit_price",
    "check_presence",
    "texts",
]


def texts(choices: Iterable[str]) -> tuple[str, ...]:
    """Return the members of an enum as plain strings."""
    return tuple(str(choice) for choice in choices)


#: Orders that trade at a limit price (page "Add Order").
LIMIT_TYPES = frozenset(
    {
        OrderType.LIMIT,
        OrderType.ICEBERG,
        OrderType.STOP_LOSS_LIMIT,
        OrderType.TAKE_PROFIT_LIMIT,
        OrderType.TRAILING_STOP_LIMIT,
    }
)
TRAILING_TYPES = frozenset({OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT})
#: Orders that are triggered by a price.
TRIGGERED_TYPES = TRAILING_TYPES | {
    OrderType.STOP_LOSS,
    OrderType.STOP_LOSS_LIMIT,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_LIMIT,
}
#: What can close a position that an order opened (page "Add Order", `conditional`).
CLOSE_TYPES = TRIGGERED_TYPES | {OrderType.LIMIT}
#: Types of prices that are offsets, not levels.
OFFSETS = (PriceType.PCT, PriceType.QUOTE)

#: The numeric fields by class; cached, because making an order must be fast.
_NUMBER_FIELDS: dict[type, tuple[str, ...]] = {}


def _number_fields(cls: type[Model]) -> tuple[str, ...]:
    found = _NUMBER_FIELDS.get(cls)
    if found is None:
        found = tuple(name for name, kind, _ in cls.__wire_fields__ if kind == "decimal")
        _NUMBER_FIELDS[cls] = found
    return found


class HasLimitPrice(Protocol):
    """The limit price of an order or a `ConditionalClose`."""

    @property
    def order_type(self) -> str: ...
    @property
    def limit_price(self) -> Number | None: ...
    @property
    def limit_price_type(self) -> str | None: ...


class Checked(Given):
    """Parameters whose fields are checked by kind; numbers become `Decimal`.

    Attributes:
        FLAGS: boolean fields.
        CHOICES: the allowed values of string fields.
        TIMES: the precision of time fields.
    """

    __slots__ = ()
    FLAGS: ClassVar[tuple[str, ...]] = ()
    CHOICES: ClassVar[Mapping[str, tuple[str, ...]]] = MappingProxyType({})
    TIMES: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __post_init__(self) -> None:
        for name in _number_fields(type(self)):
            value = getattr(self, name)
            if value is not None:
                self._put(name, checked_number(name, value))
        for name in self.FLAGS:
            value = getattr(self, name)
            if value is not None:
                check_flag(name, value)
        for name, allowed in self.CHOICES.items():
            if (value := getattr(self, name)) is not None:
                check_choice(name, value, allowed)
                if type(value) is not str:
                    self._put(name, str(value))
        for name, timespec in self.TIMES.items():
            if (value := getattr(self, name)) is not None:
                self._put(name, checked_time(name, value, timespec))

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Build the parameters from plain data under the exchange's names.

        Raises:
            KeyError: a required parameter is missing.
            TypeError, InvalidParameter: see the constructor; also for an unknown key, which would
                otherwise be ignored silently.
        """
        plain = cls._normalized(src_dict)
        numbers = {
            name: checked_number(name, plain[name])
            for name in _number_fields(cls)
            if plain.get(name) is not None
        }
        return super().from_dict({**plain, **numbers})

    @classmethod
    def _normalized(cls, src_dict: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return plain data with the keys and types of the fields."""
        return src_dict

    def _put(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _require_positive(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise InvalidParameter(name, "more than 0", value)

    def _check_client_order(self) -> None:
        """Check `cl_ord_id` and `order_userref`."""
        client_id, userref = getattr(self, "cl_ord_id", None), getattr(self, "order_userref", None)
        if client_id is not None and client_id is not False:
            checked_client_id("cl_ord_id", client_id)
        if userref is not None:
            checked_userref("order_userref", userref)
            if client_id:
                raise InvalidParameter("order_userref", "absent beside cl_ord_id", userref)


class TradingParams(Checked, WithToken):
    """Parameters of a trading method.

    Attributes:
        METHOD: the method.
        HOST: the kind of hosts that accepts them: `spot`, or `unified` for the unified WebSocket.
    """

    __slots__ = ()
    METHOD: ClassVar[str]
    HOST: ClassVar[str] = "spot"
    check_symbol = staticmethod(checked_symbol)

    def __post_init__(self) -> None:
        WithToken.__post_init__(self)
        Checked.__post_init__(self)

    def wire(self) -> dict[str, Any]:
        """Return the `params` of the request without the token, numbers as `Decimal`."""
        plain: dict[str, Any] = {}
        for name, kind, _ in self.__wire_fields__:
            value = getattr(self, name)
            if value is None:
                continue
            if kind == "model":
                value = value.to_dict(exact=True)
            elif kind == "models":
                value = [item.wire() for item in value]
            plain[name] = value
        return plain


@model
class OrderTrigger(Checked):
    """The trigger of an order.

    Args:
        reference: the reference price: `last` (the exchange's default) or `index`.
        price: a level, or with `price_type` the signed offset from the reference. For trailing
            orders the offset from the peak, always positive.
        price_type: `static` (the exchange's default), `pct` or `quote`; for trailing orders `pct`
            or `quote`.
    """

    CHOICES = MappingProxyType(
        {"reference": texts(Reference), "price_type": texts(PriceType)},
    )

    reference: str | None = None
    price: Number | None = None
    price_type: str | None = None

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        if self.price is None:
            raise InvalidParameter("triggers.price", "given", None)
        if self.price_type not in OFFSETS:
            self._require_positive("price")

    @property
    def is_offset(self) -> bool:
        """Whether `price` is an offset, not a level."""
        return self.price_type in OFFSETS


@model
class ConditionalClose(Checked):
    """A secondary order, which each fill of the primary order places on the opposite side.

    Args:
        order_type: `limit`, `stop-loss`, `stop-loss-limit`, `take-profit`, `take-profit-limit`,
            `trailing-stop` or `trailing-stop-limit`.
        limit_price: for types with a limit price.
        trigger_price: for types with a trigger.
        limit_price_type: `static`; for `trailing-stop-limit` also `pct` or `quote` (the exchange's
            default there).
        trigger_price_type: `static` (the exchange's default), `pct` or `quote`.
    """

    CHOICES = MappingProxyType(
        {
            "order_type": tuple(sorted(map(str, CLOSE_TYPES))),
            "limit_price_type": texts(PriceType),
            "trigger_price_type": texts(PriceType),
        }
    )

    order_type: str
    limit_price: Number | None = None
    trigger_price: Number | None = None
    limit_price_type: str | None = field(default=None, kw_only=True)
    trigger_price_type: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        Checked.__post_init__(self)
        check_limit_price(self)
        has_trigger = self.order_type in TRIGGERED_TYPES
        check_presence("trigger_price", self.trigger_price, self.order_type, wanted=has_trigger)


def check_limit_price(order: HasLimitPrice) -> None:
    """Check a limit price against the order's type, and its sign."""
    price, kind = order.limit_price, order.limit_price_type
    has_limit = order.order_type in LIMIT_TYPES
    check_presence("limit_price", price, order.order_type, wanted=has_limit)
    if not has_limit:
        check_presence("limit_price_type", kind, order.order_type, wanted=False)
    else:
        _check_limit_level(price, kind, order.order_type)


def check_amended(
    order_type: str, numbers: Mapping[str, Decimal], limit_price_type: str | None = None
) -> None:
    """Check the new terms of an amend against the type of its order.

    Args:
        order_type: type of the order.
        numbers: its new prices and quantities by name, as in `AmendOrderParams`.
        limit_price_type: `limit_price_type` of the amend.

    Raises:
        InvalidParameter: an order of this type has no such price, or a level is not more than 0.
    """
    has = {
        "limit_price": order_type in LIMIT_TYPES,
        "trigger_price": order_type in TRIGGERED_TYPES,
        "display_qty": order_type == OrderType.ICEBERG,
    }
    for field_name in numbers:
        if not has.get(field_name, True):
            check_presence(field_name, numbers[field_name], order_type, wanted=False)
    if has["limit_price"]:
        _check_limit_level(numbers.get("limit_price"), limit_price_type, order_type)


def _check_limit_level(price: Number | None, kind: str | None, order_type: str) -> None:
    """Check the sign and type of a limit price.

    For `trailing-stop-limit` it is an offset unless the type is `static`. For other orders it is a
    level: their only type is `static`, which Kraken's SDK always sends.
    """
    is_trailing = order_type == OrderType.TRAILING_STOP_LIMIT
    if kind not in (None, PriceType.STATIC) and not is_trailing:
        wanted = f"'static' for {order_type}: others are for trailing-stop-limit"
        raise InvalidParameter("limit_price_type", wanted, kind)
    is_level = kind == PriceType.STATIC if is_trailing else True
    if price is not None and is_level and price <= 0:  # type: ignore[operator]
        raise InvalidParameter("limit_price", "more than 0", price)


def check_presence(field: str, value: object, order_type: str, *, wanted: bool) -> None:
    """Check that a value is given if it is wanted, and `None` if it is not."""
    if wanted and value is None:
        raise InvalidParameter(field, f"given for {order_type}", None)
    if not wanted and value is not None:
        raise InvalidParameter(field, f"absent for {order_type}", value)


def check_kind(field: str, value: object, kind: type[Model]) -> None:
    """Check that a value is an instance of a class, or `None`."""
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"{field} must be {kind.__name__}, not {value!r}")
