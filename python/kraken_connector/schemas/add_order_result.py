"""The schema `AddOrderResult`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .add_order_result_descr import AddOrderResultDescr

__all__ = ["AddOrderResult"]


@dataclass(slots=True)
class AddOrderResult(Schema[Any]):
    """An order that was accepted.

    Attributes:
        txid: its order ids; `UNSET` if it was only validated.
    """

    descr: AddOrderResultDescr | None = UNSET
    txid: list[str] | None = UNSET
