"""The schema `CancelAllOrdersAfterResult`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ..types import UNSET
from ._base import Schema

__all__ = ["CancelAllOrdersAfterResult"]


@dataclass(slots=True)
class CancelAllOrdersAfterResult(Schema[Any]):
    """The state of the dead man's switch.

    Attributes:
        current_time, trigger_time: RFC 3339 times.
    """

    current_time: str | None = UNSET
    trigger_time: str | None = UNSET

    _keys: ClassVar[Mapping[str, str]] = {
        "current_time": "currentTime",
        "trigger_time": "triggerTime",
    }
