"""Results of the public calls: the state of the exchange, pairs, and market data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Self

from ...slices import in_slices
from ..timestamps import timestamp_ns
from .row import Row, moment

__all__ = [
    "AssetPair",
    "Candle",
    "Candles",
    "Depth",
    "DepthLevel",
    "ListedFee",
    "PublicTrade",
    "PublicTrades",
    "ServerTime",
    "SystemStatus",
]

#: Rows of a table that are read at once.
SLICE: Final = 50


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """The state of the exchange.

    Attributes:
        status: `online`, `maintenance`, `cancel_only`, `post_only` or `limit_only`. It does not
            follow the two lists.
        timestamp: RFC 3339 time of the reply.
        upcoming_maintenance: maintenance that begins within 72 hours, as received.
        emergency: incidents that are not resolved, as received.
        raw: the result as received.
    """

    status: str
    timestamp: str | None
    upcoming_maintenance: tuple[Any, ...]
    emergency: tuple[Any, ...]
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def timestamp_ns(self) -> int | None:
        """`timestamp` in nanoseconds since the epoch."""
        return timestamp_ns(self.timestamp)

    @classmethod
    def read(cls, row: Row) -> Self:
        """Read the result of `SystemStatus`."""
        return cls(
            status=row.text("status"),
            timestamp=row.optional_text("timestamp"),
            upcoming_maintenance=tuple(row.items("upcoming_maintenance")),
            emergency=tuple(row.items("emergency")),
            raw=row.raw,
        )


@dataclass(frozen=True, slots=True)
class ServerTime:
    """The clock of the exchange, in whole seconds.

    Attributes:
        unixtime: seconds since the epoch.
        rfc1123: the same as text.
        raw: the result as received.
    """

    unixtime: int
    rfc1123: str | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def time(self) -> datetime:
        """The time as a `datetime` in UTC."""
        return moment(self.unixtime * 10**9)

    @classmethod
    def read(cls, row: Row) -> Self:
        """Read the result of `Time`."""
        return cls(
            # Checks the range too.
            unixtime=row.time_ns("unixtime") // 10**9,
            rfc1123=row.optional_text("rfc1123"),
            raw=row.raw,
        )


@dataclass(frozen=True, slots=True)
class ListedFee:
    """A step of the public price list; the account's own fees are in `TradeVolume`.

    Attributes:
        volume: traded in 30 days, in the pair's `fee_volume_currency`, from which it applies.
        percent: the fee in percent of the cost.
    """

    volume: Decimal
    percent: Decimal


@dataclass(frozen=True, slots=True)
class AssetPair:
    """A pair: its rules, leverage and list prices.

    Which fields there are depends on the `info` of the call; with `info="info"` all.

    Attributes:
        symbol: the pair as on the socket, `BTC/USD`.
        altname: another name that calls accept, `XBTUSD`.
        wsname: its name in the WebSocket API v1, `XBT/USD`.
        base: the base asset, `BTC`.
        quote: the quote asset, `USD`.
        price_precision: decimals of prices (`pair_decimals`).
        qty_precision: decimals of quantities (`lot_decimals`).
        cost_precision: decimals of costs (`cost_decimals`).
        lot_multiplier: by which quantities are multiplied; `None` if it was not sent.
        price_increment: the tick size (`tick_size`).
        qty_min: smallest quantity of an order, in the base asset (`ordermin`).
        cost_min: smallest cost of an order, in the quote asset (`costmin`).
        leverage_buy: the leverages of buy orders, empty without margin.
        leverage_sell: the leverages of sell orders, empty without margin.
        fees: list prices of takers by volume.
        fees_maker: list prices of makers by volume.
        fee_volume_currency: currency of the volumes.
        margin_call: level of a margin call, percent.
        margin_stop: level at which positions are liquidated, percent.
        status: `online`, `cancel_only`, `post_only`, `limit_only` or `reduce_only`; `None` if it
            was not sent, as for some pairs.
        long_position_limit: largest long position, `None` without margin.
        short_position_limit: largest short position, `None` without margin.
        execution_venue: where orders are matched, such as `international`.
        raw: the pair as received.
    """

    symbol: str
    altname: str | None
    wsname: str | None
    base: str | None
    quote: str | None
    price_precision: int | None
    qty_precision: int | None
    cost_precision: int | None
    lot_multiplier: int | None
    price_increment: Decimal | None
    qty_min: Decimal | None
    cost_min: Decimal | None
    leverage_buy: tuple[int, ...]
    leverage_sell: tuple[int, ...]
    fees: tuple[ListedFee, ...]
    fees_maker: tuple[ListedFee, ...]
    fee_volume_currency: str | None
    margin_call: Decimal | None
    margin_stop: Decimal | None
    status: str | None
    long_position_limit: Decimal | None
    short_position_limit: Decimal | None
    execution_venue: str | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def read(cls, row: Row, symbol: str) -> Self:
        """Read a pair of the result of `AssetPairs`."""
        # With info=margin, margin_stop has the name margin_level.
        stop = "margin_stop" if "margin_stop" in row.raw else "margin_level"
        return cls(
            symbol=symbol,
            altname=row.optional_text("altname"),
            wsname=row.optional_text("wsname"),
            base=row.optional_text("base"),
            quote=row.optional_text("quote"),
            price_precision=row.optional_integer("pair_decimals"),
            qty_precision=row.optional_integer("lot_decimals"),
            cost_precision=row.optional_integer("cost_decimals"),
            lot_multiplier=row.optional_integer("lot_multiplier"),
            price_increment=row.optional_number("tick_size"),
            qty_min=row.optional_number("ordermin"),
            cost_min=row.optional_number("costmin"),
            leverage_buy=_integers(row, "leverage_buy"),
            leverage_sell=_integers(row, "leverage_sell"),
            fees=_fees(row, "fees"),
            fees_maker=_fees(row, "fees_maker"),
            fee_volume_currency=row.optional_text("fee_volume_currency"),
            margin_call=row.optional_number("margin_call"),
            margin_stop=row.optional_number(stop),
            status=row.optional_text("status"),
            long_position_limit=row.optional_number("long_position_limit"),
            short_position_limit=row.optional_number("short_position_limit"),
            execution_venue=row.optional_text("execution_venue"),
            raw=row.raw,
        )


@dataclass(frozen=True, slots=True)
class Candle:
    """One candle.

    Attributes:
        time_ns: its begin, nanoseconds since the epoch.
        open: first price.
        high: highest price.
        low: lowest price.
        close: last price.
        vwap: average price by volume.
        volume: traded quantity in the base asset.
        trades: number of trades.
    """

    time_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    vwap: Decimal
    volume: Decimal
    trades: int

    @property
    def time(self) -> datetime:
        """`time_ns` as a `datetime` in UTC."""
        return moment(self.time_ns)


@dataclass(frozen=True, slots=True)
class Candles:
    """Candles of a pair, oldest first; at most the last 720, and the last one is not finished.

    Attributes:
        symbol: the pair.
        candles: the candles.
        last: begin of the last finished candle in seconds, for `since` of the next call.
        raw: the result as received.
    """

    symbol: str
    candles: tuple[Candle, ...]
    last: int
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    async def read(cls, row: Row, key: str, symbol: str) -> Self:
        """Read the result of `OHLC`."""
        candles = [
            Candle(
                time_ns=cell.time_ns("0"),
                open=cell.number("1"),
                high=cell.number("2"),
                low=cell.number("3"),
                close=cell.number("4"),
                vwap=cell.number("5"),
                volume=cell.number("6"),
                trades=cell.integer("7"),
            )
            async for cell in in_slices(row.cells(key, required=True), SLICE)
        ]
        return cls(symbol, tuple(candles), row.integer("last"), row.raw)


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """One trade.

    Attributes:
        trade_id: its number, as in the channel `trade`.
        price: its price.
        qty: its quantity in the base asset.
        time_ns: when it was, nanoseconds since the epoch.
        side: side of the taker: `buy` or `sell`.
        order_type: type of the taker's order: `market` or `limit`; another letter as received.
        misc: further words, mostly empty.
    """

    trade_id: int
    price: Decimal
    qty: Decimal
    time_ns: int
    side: str
    order_type: str
    misc: str

    @property
    def time(self) -> datetime:
        """`time_ns` as a `datetime` in UTC."""
        return moment(self.time_ns)


@dataclass(frozen=True, slots=True)
class PublicTrades:
    """Trades of a pair, oldest first.

    Attributes:
        symbol: the pair.
        trades: the trades.
        last: for `since` of the next call; empty if there are no more.
        raw: the result as received.
    """

    symbol: str
    trades: tuple[PublicTrade, ...]
    last: str
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    async def read(cls, row: Row, key: str, symbol: str) -> Self:
        """Read the result of `Trades`."""
        trades = [
            PublicTrade(
                trade_id=cell.integer("6"),
                price=cell.number("0"),
                qty=cell.number("1"),
                time_ns=cell.time_ns("2"),
                side=_SIDES.get(cell.text("3"), cell.text("3")),
                order_type=_TYPES.get(cell.text("4"), cell.text("4")),
                misc=cell.optional_text("5") or "",
            )
            async for cell in in_slices(row.cells(key, required=True), SLICE)
        ]
        return cls(symbol, tuple(trades), row.cursor("last"), row.raw)


_SIDES = {"b": "buy", "s": "sell"}
_TYPES = {"m": "market", "l": "limit"}


@dataclass(frozen=True, slots=True)
class DepthLevel:
    """A price level.

    Attributes:
        price: its price.
        qty: quantity at that price, in the base asset.
        time_ns: when it last changed, to the second, in nanoseconds since the epoch.
    """

    price: Decimal
    qty: Decimal
    time_ns: int


@dataclass(frozen=True, slots=True)
class Depth:
    """A picture of an order book, without checksum or sequence.

    Attributes:
        symbol: the pair.
        bids: the buy side, best first.
        asks: the sell side, best first.
        raw: the result as received.
    """

    symbol: str
    bids: tuple[DepthLevel, ...]
    asks: tuple[DepthLevel, ...]
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    async def read(cls, row: Row, key: str, symbol: str) -> Self:
        """Read the result of `Depth`."""
        book = row.row(key)
        return cls(symbol, await _levels(book, "bids"), await _levels(book, "asks"), row.raw)


async def _levels(book: Row, side: str) -> tuple[DepthLevel, ...]:
    levels = [
        DepthLevel(cell.number("0"), cell.number("1"), cell.time_ns("2"))
        async for cell in in_slices(book.cells(side, required=True), SLICE)
    ]
    return tuple(levels)


def _fees(row: Row, name: str) -> tuple[ListedFee, ...]:
    return tuple(ListedFee(cell.number("0"), cell.number("1")) for cell in row.cells(name))


def _integers(row: Row, name: str) -> tuple[int, ...]:
    cells = row.numbered(name)
    return tuple(cells.integer(number) for number in cells.raw)
