"""The schema `GetOpenPositionsRequest`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..constants.account_data import OpenPositionsDataConsolidation
from ..security import get_nonce
from ..types import UNSET
from ._base import Schema

__all__ = ["GetOpenPositionsRequest"]


@dataclass(slots=True)
class GetOpenPositionsRequest(Schema[Any]):
    """Parameters of `OpenPositions`.

    Attributes:
        nonce: not used: a call is signed with the next nonce of the key.
        txid: ids of positions, separated by commas.
        docalcs: whether profit and loss are calculated.
        consolidation: whether positions are combined by pair.
    """

    nonce: int = field(default_factory=get_nonce)
    txid: str | None = UNSET
    docalcs: bool | None = False
    consolidation: OpenPositionsDataConsolidation | None = UNSET
