"""The schema `CancelOrderRequest`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..security import get_nonce
from ._base import Schema

__all__ = ["CancelOrderRequest"]


@dataclass(slots=True)
class CancelOrderRequest(Schema[Any]):
    """Parameters of `CancelOrder`.

    Attributes:
        txid: an order id, or the `userref` of one or several orders.
        nonce: not used: a call is signed with the next nonce of the key.
    """

    txid: int | str
    nonce: int = field(default_factory=get_nonce)
