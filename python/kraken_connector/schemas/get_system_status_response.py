"""The schema `GetSystemStatusResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .get_system_status_result import GetSystemStatusResult

__all__ = ["GetSystemStatusResponse"]


@dataclass(slots=True)
class GetSystemStatusResponse(Schema[Any]):
    """The reply to `SystemStatus`."""

    result: GetSystemStatusResult | None = UNSET
    error: list[str] | None = UNSET
