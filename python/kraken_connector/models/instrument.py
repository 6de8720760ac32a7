"""Channel `instrument`: reference data of assets and pairs."""

from __future__ import annotations

from typing import ClassVar

from .base import Model, model


@model
class InstrumentAsset(Model):
    """One asset.

    Attributes:
        id: asset code, `BTC`.
        status: `enabled`, `disabled`, `depositonly`, `withdrawalonly`,
            `fundingtemporarilydisabled` or `workinprogress`.
        precision: decimals of ledger and balances.
        precision_display: decimals to show.
        borrowable: whether the asset can be borrowed.
        collateral_value: share of the value that counts as collateral.
        margin_rate: borrow rate; absent when the asset cannot be borrowed.
        multiplier: tokenised assets only.
        class_: `class` on the wire: `currency`, `tokenized_asset`, ... (seen since January 2026;
            further values are possible).
    """

    id: str
    status: str
    precision: int
    precision_display: int
    borrowable: bool
    collateral_value: float | None = None
    margin_rate: float | None = None
    multiplier: float | None = None
    class_: str | None = None


@model
class InstrumentPair(Model):
    """One currency pair.

    Attributes:
        symbol: `BTC/USD`.
        base: base asset.
        quote: quote asset.
        status: `online`, `cancel_only`, `delisted`, `limit_only`, `maintenance`, `post_only`,
            `reduce_only` or `work_in_progress`.
        qty_precision: decimals of quantities on the wire.
        qty_increment: smallest step of a quantity (lot).
        qty_min: smallest order in base currency.
        price_precision: decimals of prices on the wire.
        price_increment: smallest step of a price (tick).
        cost_precision: decimals of price times quantity.
        cost_min: smallest price times quantity of an order.
        marginable: whether margin trading is possible.
        margin_initial: initial margin as a fraction; marginable pairs only.
        position_limit_long: marginable pairs only, in base currency.
        position_limit_short: marginable pairs only, in base currency.
        has_index: whether an index price can trigger orders.
        tick_size: deprecated by the exchange, same as `price_increment`.
        ws_display_price_precision: decimals to show (not documented, seen since 2026).
    """

    CHECKED: ClassVar[frozenset[str]] = frozenset(
        {"cost_min", "price_increment", "qty_increment", "qty_min", "status", "symbol"}
    )

    symbol: str
    base: str
    quote: str
    status: str
    qty_precision: int
    qty_increment: float
    qty_min: float
    price_precision: int
    price_increment: float
    cost_precision: int
    cost_min: float
    marginable: bool
    margin_initial: float | None = None
    position_limit_long: float | None = None
    position_limit_short: float | None = None
    has_index: bool | None = None
    tick_size: float | None = None
    ws_display_price_precision: int | None = None


@model
class InstrumentData(Model):
    """Assets and pairs; an update has only the changed ones.

    Attributes:
        assets: changed assets; in a snapshot all.
        pairs: changed pairs; in a snapshot all.
    """

    assets: list[InstrumentAsset]
    pairs: list[InstrumentPair]
