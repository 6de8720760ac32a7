"""The schema `AssetPair`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..types import UNSET
from ._base import Schema

__all__ = ["AssetPair"]


@dataclass(slots=True)
class AssetPair(Schema[Any]):
    """The trading rules of a pair.

    Attributes:
        fees, fees_maker: pairs of volume and fee in percent.
        leverage_buy, leverage_sell: the possible leverages.
        ordermin, costmin, tick_size: decimal numbers as text.
    """

    altname: str | None = UNSET
    wsname: str | None = UNSET
    aclass_base: str | None = UNSET
    base: str | None = UNSET
    aclass_quote: str | None = UNSET
    quote: str | None = UNSET
    lot: str | None = UNSET
    pair_decimals: int | None = UNSET
    cost_decimals: int | None = UNSET
    lot_decimals: int | None = UNSET
    lot_multiplier: int | None = UNSET
    leverage_buy: list[int] | None = UNSET
    leverage_sell: list[int] | None = UNSET
    fees: list[list[float]] | None = UNSET
    fees_maker: list[list[float]] | None = UNSET
    fee_volume_currency: str | None = UNSET
    margin_call: int | None = UNSET
    margin_stop: int | None = UNSET
    ordermin: str | None = UNSET
    costmin: str | None = UNSET
    tick_size: str | None = UNSET
    status: str | None = UNSET
    long_position_limit: int | None = UNSET
    short_position_limit: int | None = UNSET
