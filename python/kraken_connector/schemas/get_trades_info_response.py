"""The schema `GetTradesInfoResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .get_trades_info_result import GetTradesInfoResult

__all__ = ["GetTradesInfoResponse"]


@dataclass(slots=True)
class GetTradesInfoResponse(Schema[Any]):
    """The reply to `QueryTrades`."""

    result: GetTradesInfoResult | None = UNSET
    error: list[str] | None = UNSET
