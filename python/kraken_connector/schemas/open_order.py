"""The schema `OpenOrder`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..constants.trading import OrderStatus, OrderTrigger
from ..types import UNSET
from ._base import Schema
from .open_order_order_description import OpenOrderOrderDescription

__all__ = ["OpenOrder"]


@dataclass(slots=True)
class OpenOrder(Schema[Any]):
    """An order.

    Attributes:
        opentm, starttm, expiretm: seconds since 1970.
        price: the average price of its fills; that of the order is `descr.price`.
        trades: ids of its trades.
    """

    refid: str | None = UNSET
    userref: int | None = UNSET
    status: OrderStatus | None = UNSET
    opentm: float | None = UNSET
    starttm: float | None = UNSET
    expiretm: float | None = UNSET
    descr: OpenOrderOrderDescription | None = UNSET
    vol: str | None = UNSET
    vol_exec: str | None = UNSET
    cost: str | None = UNSET
    fee: str | None = UNSET
    price: str | None = UNSET
    stopprice: str | None = UNSET
    limitprice: str | None = UNSET
    trigger: OrderTrigger | None = OrderTrigger.LAST
    misc: str | None = UNSET
    oflags: str | None = UNSET
    trades: list[str] | None = UNSET
