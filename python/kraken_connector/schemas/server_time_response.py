"""The schema `ServerTimeResponse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema
from .server_time import ServerTime

__all__ = ["ServerTimeResponse"]


@dataclass(slots=True)
class ServerTimeResponse(Schema[Any]):
    """The reply to `Time`."""

    result: ServerTime | None = UNSET
    error: list[str] | None = UNSET
