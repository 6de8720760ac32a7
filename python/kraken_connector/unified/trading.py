"""The parameters of the trading methods of the unified WebSocket.

They are those of the spot hosts with an `asset_class`, and refuse what the exchange refuses for
derivatives. There is no `edit_order`: its page was not found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any, ClassVar

from ..exceptions import InvalidParameter
from ..models import trading as spot
from ..models.base import model
from ..models.checks import Number, checked_list
from ..models.enums import PriceType, WSOrderType
from ..models.order_parts import TradingParams, texts
from .checks import (
    check_absent,
    check_asset_class,
    check_derivatives_id,
    checked_unified_symbol,
)
from .constants import AssetClass

__all__ = [
    "AddOrderParams",
    "AmendOrderParams",
    "BatchAddParams",
    "BatchCancelParams",
    "CancelAllOrdersAfterParams",
    "CancelAllParams",
    "CancelOrderParams",
    "SetPreferenceParams",
    "UnifiedOrderParams",
]

#: Page "Add Order": eight types.
ORDER_TYPES = tuple(
    name for name in texts(WSOrderType) if name not in ("iceberg", "settle-position")
)
NO_USERREF = "derivatives orders have none (page 'Add Order')"


class UnifiedOrderParams(TradingParams):
    """Base class: parameters with an asset class, which a client adds to every request itself."""

    __slots__ = ()
    HOST: ClassVar[str] = "unified"
    check_symbol = staticmethod(checked_unified_symbol)
    asset_class: str

    def wire(self) -> dict[str, Any]:
        """Return the `params` of the request without token and asset class."""
        plain = super().wire()
        plain.pop("asset_class", None)
        return plain

    @property
    def _is_derivatives(self) -> bool:
        return self.asset_class == AssetClass.DERIVATIVES

    def _check_terms(self) -> None:
        """Check the asset class, and the terms that derivatives do not have."""
        check_asset_class(self.METHOD, self.asset_class)
        if not self._is_derivatives:
            return
        check_absent("order_userref", getattr(self, "order_userref", None), NO_USERREF)
        kind = getattr(self, "limit_price_type", None)
        if kind not in (None, PriceType.STATIC):
            raise InvalidParameter("limit_price_type", "'static' for derivatives", kind)


@model
class AddOrderParams(UnifiedOrderParams, spot.AddOrderParams):
    """One new order.

    Only the beginning of the page's table could be read, so the other parameters are those of the
    spot hosts.

    Args:
        symbol: market, such as `PF_XBTUSD`.
        side: `buy` or `sell`.
        order_type: `limit`, `market`, `stop-loss`, `stop-loss-limit`, `take-profit`,
            `take-profit-limit`, `trailing-stop` or `trailing-stop-limit`.
        asset_class: `spot` or `derivatives`.
        limit_price_type: for derivatives only `static`.
        cl_ord_id: the client's identifier; the client makes a UUID if there is none.
        order_userref: spot only.

    Raises:
        TypeError, InvalidParameter: (a `ValueError`) a parameter is not valid.
    """

    CHOICES = MappingProxyType({**spot.AddOrderParams.CHOICES, "order_type": ORDER_TYPES})

    asset_class: str = field(kw_only=True)

    def __post_init__(self) -> None:
        spot.AddOrderParams.__post_init__(self)
        self._check_terms()


@model
class AmendOrderParams(UnifiedOrderParams, spot.AmendOrderParams):
    """A change of an order that keeps its identifiers and, if possible, its queue position.

    Args:
        order_id: the exchange's identifier, of any form; this or `cl_ord_id`.
        asset_class: `spot` or `derivatives`.
        limit_price_type: for derivatives only `static`.

    Raises:
        TypeError, InvalidParameter: (a `ValueError`) a parameter is not valid.
    """

    asset_class: str = field(kw_only=True)

    def __post_init__(self) -> None:
        spot.AmendOrderParams.__post_init__(self)
        self._check_terms()


@model
class CancelOrderParams(UnifiedOrderParams, spot.CancelOrderParams):
    """A cancel of one or more orders, by one kind of identifier.

    Args:
        order_id: the exchange's identifiers; UUIDs for derivatives.
        cl_ord_id: the client's identifiers.
        order_userref: the client's numbers, spot only; each cancels all orders that have it.
        asset_class: `spot` or `derivatives`.

    Raises:
        TypeError, InvalidParameter: (a `ValueError`) a parameter is not valid.
    """

    asset_class: str = field(kw_only=True)

    def __post_init__(self) -> None:
        spot.CancelOrderParams.__post_init__(self)
        self._check_terms()
        kinds = {kind for kind, _ in self.identifiers}
        if len(kinds) > 1:
            wanted = "given, one kind of identifier per request"
            raise InvalidParameter("order_id, cl_ord_id or order_userref", wanted, sorted(kinds))
        if self._is_derivatives:
            for order_id in self.order_id or ():
                check_derivatives_id("order_id", order_id)


@model
class CancelAllParams(UnifiedOrderParams, spot.CancelAllParams):
    """A cancel of all open orders of an asset class.

    Args:
        asset_class: `spot` or `derivatives`; that it limits the cancel is inferred.
    """

    asset_class: str = field(kw_only=True)

    def __post_init__(self) -> None:
        spot.CancelAllParams.__post_init__(self)
        self._check_terms()


@model
class CancelAllOrdersAfterParams(UnifiedOrderParams, spot.CancelAllOrdersAfterParams):
    """The dead man's switch: the exchange cancels all orders unless it is set again in time.

    Args:
        timeout: whole seconds, less than a day; 0 turns it off.
        asset_class: `spot` or `derivatives`; inferred, as the page's table could not be read. The
            text of the page is about all orders of the account.
    """

    asset_class: str = field(kw_only=True)

    def __post_init__(self) -> None:
        spot.CancelAllOrdersAfterParams.__post_init__(self)
        self._check_terms()


@model
class BatchAddParams(UnifiedOrderParams, spot.BatchAddParams):
    """Two to fifteen new orders of one market.

    Args:
        symbol: market of all orders.
        orders: the orders, as `AddOrderParams` of the same asset class.
        asset_class: `spot` or `derivatives`.

    Raises:
        TypeError, InvalidParameter: (a `ValueError`) a parameter is not valid.
    """

    SHARED = (*spot.BatchAddParams.SHARED, "asset_class")

    asset_class: str = field(kw_only=True)

    def __post_init__(self) -> None:
        spot.BatchAddParams.__post_init__(self)
        self._check_terms()
        for index, order in enumerate(self.orders):
            if not isinstance(order, AddOrderParams):
                raise TypeError(f"orders[{index}] must be AddOrderParams of the unified hosts")
            if order.asset_class != self.asset_class:
                where, wanted = f"orders[{index}].asset_class", repr(self.asset_class)
                raise InvalidParameter(where, wanted, order.asset_class)

    @classmethod
    def _normalized(cls, src_dict: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make the orders, which are sent without the symbol and the class of the batch."""
        shared = {name: src_dict[name] for name in ("symbol", "asset_class")}
        orders = [
            AddOrderParams.from_dict({**shared, **order}) if isinstance(order, Mapping) else order
            for order in src_dict.get("orders", ())
        ]
        return {**src_dict, "orders": orders}


@model
class BatchCancelParams(UnifiedOrderParams, spot.BatchCancelParams):
    """A cancel of two to fifty orders with one request; the reply has only their number.

    Args:
        orders: the exchange's identifiers; the client's numbers are not accepted here.
        cl_ord_id: the client's identifiers.
        asset_class: `spot` or `derivatives`.

    Raises:
        TypeError, InvalidParameter: (a `ValueError`) a parameter is not valid.
    """

    asset_class: str = field(kw_only=True)

    def __post_init__(self) -> None:
        for entry in checked_list("orders", self.orders):
            if isinstance(entry, int) or str(entry).removeprefix("-").isdecimal():
                raise InvalidParameter("orders", "the exchange's identifiers", entry)
        spot.BatchCancelParams.__post_init__(self)
        self._check_terms()

    def wire(self) -> dict[str, Any]:
        """Return the `params` of the request; `orders` is left out if it is empty."""
        plain = UnifiedOrderParams.wire(self)
        if not self.orders:
            del plain["orders"]
        return plain


@model
class SetPreferenceParams(UnifiedOrderParams):
    """The leverage of a derivatives market.

    Args:
        symbol: market, such as `PF_XBTUSD`.
        max_leverage: a fixed leverage; `None` for cross margin.
        token: leave it empty when the client has a `TokenManager`.
        asset_class: `derivatives`.

    Raises:
        TypeError, InvalidParameter: (a `ValueError`) a parameter is not valid.
    """

    METHOD = "set_preference"

    symbol: str
    max_leverage: Number | None
    token: str = field(default="", compare=False)
    asset_class: str = field(default="derivatives", kw_only=True)

    def __post_init__(self) -> None:
        TradingParams.__post_init__(self)
        self.check_symbol(self.symbol)
        self._require_positive("max_leverage")
        self._check_terms()

    def wire(self) -> dict[str, Any]:
        """Return the `params` of the request; without a leverage an explicit null is sent."""
        return {"leverage_mode": {"symbol": self.symbol, "max_leverage": self.max_leverage}}
