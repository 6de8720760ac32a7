"""The schema `ExtendedBalance`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema

__all__ = ["ExtendedBalance"]


@dataclass(slots=True)
class ExtendedBalance(Schema[Any]):
    """A balance; all fields are decimal numbers as text."""

    balance: str | None = UNSET
    credit: str | None = UNSET
    credit_used: str | None = UNSET
    hold_trade: str | None = UNSET
