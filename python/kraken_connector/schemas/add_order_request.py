"""The schema `AddOrderRequest`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..constants.trading import (
    ConditionalCloseOrderType,
    OrderType,
    SelfTradePreventionStrategy,
    TimeInForce,
    Trigger,
    TypeOrder,
)
from ..security import get_nonce
from ..types import UNSET
from ._base import Schema

__all__ = ["AddOrderRequest"]


@dataclass(slots=True)
class AddOrderRequest(Schema[Any]):
    """Parameters of `AddOrder`. Its page at docs.kraken.com explains them.

    Attributes:
        volume, displayvol, price, price2, closeprice, closeprice2: decimal numbers as text.
        pair: id or altname of a pair, such as `XBTUSD`.
        nonce: not used: a call is signed with the next nonce of the key.
        oflags: flags, separated by commas; see `utils.converters.order_flags_to_message`.
        starttm, expiretm: seconds since 1970, or `+` and seconds from now.
        deadline: RFC 3339 time after which the order is refused.
    """

    ordertype: OrderType
    type: TypeOrder
    volume: str
    pair: str
    nonce: int = field(default_factory=get_nonce)
    userref: int | None = UNSET
    displayvol: str | None = UNSET
    price: str | None = UNSET
    price2: str | None = UNSET
    trigger: Trigger | None = Trigger.LAST
    leverage: str | None = UNSET
    reduce_only: bool | None = False
    stptype: SelfTradePreventionStrategy | None = SelfTradePreventionStrategy.CANCEL_NEWEST
    oflags: str | None = UNSET
    timeinforce: TimeInForce | None = TimeInForce.GTC
    starttm: str | None = UNSET
    expiretm: str | None = UNSET
    closeordertype: ConditionalCloseOrderType | None = UNSET
    closeprice: str | None = UNSET
    closeprice2: str | None = UNSET
    deadline: str | None = UNSET
    validate: bool | None = False

    _keys: ClassVar[Mapping[str, str]] = {
        "closeordertype": "close[ordertype]",
        "closeprice": "close[price]",
        "closeprice2": "close[price2]",
    }
