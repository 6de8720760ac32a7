"""The schema `OpenOrderOrderDescription`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..constants.trading import OrderType, TypeOrder
from ..types import UNSET
from ._base import Schema

__all__ = ["OpenOrderOrderDescription"]


@dataclass(slots=True)
class OpenOrderOrderDescription(Schema[Any]):
    """The terms of an order; prices are text."""

    pair: str | None = UNSET
    type: TypeOrder | None = UNSET
    ordertype: OrderType | None = UNSET
    price: str | None = UNSET
    price2: str | None = UNSET
    leverage: str | None = UNSET
    order: str | None = UNSET
    close: str | None = UNSET
