"""The schema `GetOpenOrdersResult`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..types import UNSET
from ._base import Schema
from .get_open_orders_result_entries import GetOpenOrdersResultEntries

__all__ = ["GetOpenOrdersResult"]


@dataclass(slots=True)
class GetOpenOrdersResult(Schema[Any]):
    """The open orders.

    Attributes:
        open_: by order id.
    """

    open_: GetOpenOrdersResultEntries | None = UNSET

    _keys: ClassVar[Mapping[str, str]] = {"open_": "open"}
