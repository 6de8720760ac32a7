"""The schema `QueryOrdersInfoRequest`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..security import get_nonce
from ..types import UNSET
from ._base import Schema

__all__ = ["QueryOrdersInfoRequest"]


@dataclass(slots=True)
class QueryOrdersInfoRequest(Schema[Any]):
    """Parameters of `QueryOrders`.

    Attributes:
        txid: order ids, separated by commas, at most 50.
        nonce: not used: a call is signed with the next nonce of the key.
        trades: whether the ids of trades are included.
        userref: only orders with this `userref`.
        consolidate_taker: whether trades of one taking order are combined.
    """

    txid: str
    nonce: int = field(default_factory=get_nonce)
    trades: bool | None = False
    userref: int | None = UNSET
    consolidate_taker: bool | None = True
