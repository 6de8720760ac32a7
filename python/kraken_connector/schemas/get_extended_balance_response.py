"""The schema `GetExtendedBalanceResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .get_extended_balance_result import GetExtendedBalanceResult

__all__ = ["GetExtendedBalanceResponse"]


@dataclass(slots=True)
class GetExtendedBalanceResponse(Schema[Any]):
    """The reply to `BalanceEx`."""

    result: GetExtendedBalanceResult | None = UNSET
    error: list[str] | None = UNSET
