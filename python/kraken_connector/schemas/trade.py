"""The schema `Trade`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema

__all__ = ["Trade"]


@dataclass(slots=True)
class Trade(Schema[Any]):
    """A trade of the account.

    Attributes:
        time: seconds since 1970.
        posstatus, cprice, ccost, cfee, cvol, cmargin, net, trades: only of trades that opened a
            position.
    """

    ordertxid: str | None = UNSET
    postxid: str | None = UNSET
    pair: str | None = UNSET
    time: float | None = UNSET
    type: str | None = UNSET
    ordertype: str | None = UNSET
    price: str | None = UNSET
    cost: str | None = UNSET
    fee: str | None = UNSET
    vol: str | None = UNSET
    margin: str | None = UNSET
    leverage: str | None = UNSET
    misc: str | None = UNSET
    trade_id: int | None = UNSET
    posstatus: str | None = UNSET
    cprice: Any = UNSET
    ccost: Any = UNSET
    cfee: Any = UNSET
    cvol: Any = UNSET
    cmargin: Any = UNSET
    net: Any = UNSET
    trades: list[str] | None = UNSET
