"""The schema `GetOrdersInfoResult`."""

from __future__ import annotations

from dataclasses import dataclass

from ._base import Schema
from .open_order import OpenOrder

__all__ = ["GetOrdersInfoResult"]


@dataclass(slots=True)
class GetOrdersInfoResult(Schema[OpenOrder]):
    """Orders; the items are named by order id.

    As in kraken-connector 0.2.0 each is an `OpenOrder`; `closetm` and `reason` of one that has
    ended are items of it.
    """
