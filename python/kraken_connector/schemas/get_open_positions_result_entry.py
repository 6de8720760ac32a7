"""The schema `GetOpenPositionsResultEntry`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..constants.account_data import PositionStatus
from ..types import UNSET
from ._base import Schema

__all__ = ["GetOpenPositionsResultEntry"]


@dataclass(slots=True)
class GetOpenPositionsResultEntry(Schema[Any]):
    """An open position.

    Attributes:
        time: seconds since 1970.
        rollovertm: seconds since 1970, as text.
    """

    ordertxid: str | None = UNSET
    posstatus: PositionStatus | None = UNSET
    pair: str | None = UNSET
    time: float | None = UNSET
    type: str | None = UNSET
    ordertype: str | None = UNSET
    cost: str | None = UNSET
    fee: str | None = UNSET
    vol: str | None = UNSET
    vol_closed: str | None = UNSET
    margin: str | None = UNSET
    value: str | None = UNSET
    net: str | None = UNSET
    terms: str | None = UNSET
    rollovertm: str | None = UNSET
    misc: str | None = UNSET
    oflags: str | None = UNSET
