"""The schema `ServerTime`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema

__all__ = ["ServerTime"]


@dataclass(slots=True)
class ServerTime(Schema[Any]):
    """The time of the exchange.

    Attributes:
        unixtime: seconds since 1970.
        rfc1123: the same as text.
    """

    unixtime: int | None = UNSET
    rfc1123: str | None = UNSET
