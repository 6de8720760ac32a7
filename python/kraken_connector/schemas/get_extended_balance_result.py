"""The schema `GetExtendedBalanceResult`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .extended_balance import ExtendedBalance

__all__ = ["GetExtendedBalanceResult"]


@dataclass(slots=True)
class GetExtendedBalanceResult(Schema[Any]):
    """Balances; the items are dictionaries, named by asset, such as `ZUSD`."""

    asset: ExtendedBalance | None = UNSET
