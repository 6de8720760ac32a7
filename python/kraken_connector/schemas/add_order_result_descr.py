"""The schema `AddOrderResultDescr`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema

__all__ = ["AddOrderResultDescr"]


@dataclass(slots=True)
class AddOrderResultDescr(Schema[Any]):
    """An order in words."""

    order: str | None = UNSET
    close: str | None = UNSET
