"""The schema `OhlcResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .ohlc_result import OhlcResult

__all__ = ["OhlcResponse"]


@dataclass(slots=True)
class OhlcResponse(Schema[Any]):
    """The reply to `OHLC`."""

    result: OhlcResult | None = UNSET
    error: list[str] | None = UNSET
