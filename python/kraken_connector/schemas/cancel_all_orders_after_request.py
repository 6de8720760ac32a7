"""The schema `CancelAllOrdersAfterRequest`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._base import Schema

__all__ = ["CancelAllOrdersAfterRequest"]


@dataclass(slots=True)
class CancelAllOrdersAfterRequest(Schema[Any]):
    """Parameters of `CancelAllOrdersAfter`.

    Attributes:
        nonce: not used: a call is signed with the next nonce of the key.
        timeout: seconds until all orders are cancelled; 0 disarms.
    """

    nonce: int
    timeout: int
