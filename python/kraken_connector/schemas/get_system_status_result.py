"""The schema `GetSystemStatusResult`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..constants.market_data import SystemStatus
from ..types import UNSET
from ._base import Schema

__all__ = ["GetSystemStatusResult"]


@dataclass(slots=True)
class GetSystemStatusResult(Schema[Any]):
    """The state of the exchange, at an RFC 3339 time."""

    status: SystemStatus | None = UNSET
    timestamp: str | None = UNSET
