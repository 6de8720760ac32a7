"""Messages of the public channels and of the connection, as the exchange writes them.

Source: docs.kraken.com, Spot WebSocket v2; key order and digits follow recorded messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import orjson

from .book import Row, Rows
from .encode import digits, encode, exact, number, timestamp
from .level3 import EventRow, EventRows, Level
from .market import SimMarket, Step, Trade
from .pairs import COST_MIN, LONG_LIMIT, SHORT_LIMIT, Pair
from .queues import Resting
from .statistics import Candle

MessageType = Literal["snapshot", "update"]

HEARTBEAT = b'{"channel":"heartbeat"}'
API_VERSION = "v2"
SERVICE_VERSION = "2.0.10"


def status(
    system: str,
    connection_id: int | None,
    upcoming_maintenance: Sequence[object] = (),
    *,
    long_form: bool,
) -> bytes:
    """Return the `status` message in one of its two recorded forms."""
    identity = {} if connection_id is None else {"connection_id": connection_id}
    item: dict[str, Any]
    if long_form:
        item = {"version": SERVICE_VERSION, "system": system, "api_version": API_VERSION}
        item |= {**identity, "upcoming_maintenance": upcoming_maintenance, "emergency": []}
        return encode({"channel": "status", "type": "update", "data": [item]})
    item = {"api_version": API_VERSION, **identity, "system": system, "version": SERVICE_VERSION}
    return encode({"channel": "status", "data": [item], "type": "update"})


def book_snapshot(market: SimMarket, depth: int) -> bytes:
    """Return a snapshot of the best `depth` levels of both sides."""
    rows = Rows(list(market.book.bids.rows(depth)), list(market.book.asks.rows(depth)))
    return _book(market.pair, "snapshot", rows, market.book.checksum(), market.now())


def book_update(pair: Pair, step: Step, depth: int) -> bytes:
    """Return the update of a step for one depth."""
    return _book(pair, "update", step.rows[depth], step.checksum, step.timestamp_ns)


def _book(pair: Pair, kind: MessageType, rows: Rows, checksum: int, now_ns: int) -> bytes:
    item = {
        "symbol": pair.symbol,
        "bids": _levels(pair, rows.bids),
        "asks": _levels(pair, rows.asks),
        "checksum": checksum,
        "timestamp": timestamp(now_ns),
    }
    return encode({"channel": "book", "type": kind, "data": [item]})


def level3_snapshot(market: SimMarket, depth: int, *, with_time: bool) -> bytes:
    """Return a snapshot of every order in the best `depth` levels of both sides.

    Args:
        market: the market.
        depth: price levels per side.
        with_time: whether the message has a timestamp; both forms were recorded.
    """
    orders, pair = market.orders(), market.pair
    item = {
        "symbol": pair.symbol,
        "checksum": orders.checksum(),
        "bids": _queues(pair, orders.levels("bid", depth)),
        "asks": _queues(pair, orders.levels("ask", depth)),
    }
    times = {"timestamp": timestamp(market.now(), 9)} if with_time else {}
    return encode({"channel": "level3", "type": "snapshot", "data": [item | times]})


def level3_update(market: SimMarket, rows: EventRows, checksum: int) -> bytes:
    """Return an update with events of orders."""
    orders, pair = market.orders(), market.pair
    item = {
        "checksum": checksum,
        "timestamp": timestamp(orders.timestamp_ns, 9),
        "symbol": pair.symbol,
        "bids": _events(pair, rows.bids),
        "asks": _events(pair, rows.asks),
    }
    return encode({"channel": "level3", "type": "update", "data": [item]})


def _queues(pair: Pair, levels: Iterable[Level]) -> orjson.Fragment:
    orders = (_order(pair, ticks, order) for ticks, queue in levels for order in queue)
    return orjson.Fragment(f"[{','.join(orders)}]")


def _events(pair: Pair, rows: Iterable[EventRow]) -> orjson.Fragment:
    events = (
        f'{{"event":"{event.kind}",{_order(pair, ticks, event.order)[1:]}' for ticks, event in rows
    )
    return orjson.Fragment(f"[{','.join(events)}]")


def _order(pair: Pair, ticks: int, order: Resting) -> str:
    return (
        f'{{"order_id":"{order.order_id}"'
        f',"limit_price":{digits(ticks, pair.price_precision)}'
        f',"order_qty":{digits(order.lots, pair.qty_precision)}'
        f',"timestamp":"{timestamp(order.timestamp_ns, 9)}"}}'
    )


def _levels(pair: Pair, rows: Iterable[Row]) -> orjson.Fragment:
    price, qty = pair.price_precision, pair.qty_precision
    levels = (
        f'{{"price":{digits(ticks, price)},"qty":{digits(lots, qty)}}}' for ticks, lots in rows
    )
    return orjson.Fragment(f"[{','.join(levels)}]")


def ticker(market: SimMarket, kind: MessageType, now_ns: int) -> bytes:
    """Return the best prices and the 24-hour figures."""
    price, qty, day = market.pair.price_precision, market.pair.qty_precision, market.totals
    bid, ask = (row or (0, 0) for row in market.best())
    item = {
        "symbol": market.pair.symbol,
        "bid": number(bid[0], price),
        "bid_qty": number(bid[1], qty),
        "ask": number(ask[0], price),
        "ask_qty": number(ask[1], qty),
        "last": number(day.last, price),
        "volume": number(day.volume, qty),
        "vwap": number(day.vwap, price),
        "low": number(day.low, price),
        "high": number(day.high, price),
        "change": number(day.change, price),
        "change_pct": number(day.change_pct_hundredths, 2),
        "trades": day.trades,
        "timestamp": timestamp(now_ns),
    }
    return encode({"channel": "ticker", "type": kind, "data": [item]})


def trades(pair: Pair, kind: MessageType, items: Iterable[Trade]) -> bytes:
    """Return trades, oldest first."""
    data = [
        {
            "symbol": pair.symbol,
            "side": trade.side,
            "price": number(trade.ticks, pair.price_precision),
            "qty": number(trade.lots, pair.qty_precision),
            "ord_type": trade.ord_type,
            "trade_id": trade.trade_id,
            "timestamp": timestamp(trade.timestamp_ns),
        }
        for trade in items
    ]
    return encode({"channel": "trade", "type": kind, "data": data})


def candles(market: SimMarket, interval: int, kind: MessageType, now_ns: int) -> bytes:
    """Return all kept candles as a snapshot, or the latest one as an update."""
    series = market.candles(interval)
    chosen = series.all() if kind == "snapshot" else [series.latest]
    data = [_candle(market.pair, candle, interval, series.length_ns) for candle in chosen]
    head = {"channel": "ohlc", "type": kind, "timestamp": timestamp(now_ns, 9)}
    return encode({**head, "data": data})


def _candle(pair: Pair, candle: Candle, interval: int, length_ns: int) -> Mapping[str, Any]:
    price, totals = pair.price_precision, candle.totals
    return {
        "symbol": pair.symbol,
        "open": number(totals.open, price),
        "high": number(totals.high, price),
        "low": number(totals.low, price),
        "close": number(totals.last, price),
        "trades": totals.trades,
        "volume": number(totals.volume, pair.qty_precision),
        "vwap": number(totals.vwap, price),
        "interval_begin": timestamp(candle.begin_ns, 9),
        "interval": interval,
        "timestamp": timestamp(candle.begin_ns + length_ns),
    }


def instruments(pairs: Iterable[Pair], statuses: Mapping[str, str]) -> bytes:
    """Return a snapshot of reference data; only on this channel, `data` is an object."""
    pairs = list(pairs)
    names = dict.fromkeys(asset for pair in pairs for asset in (pair.base, pair.quote))
    data = {
        "assets": [_asset(name) for name in names],
        "pairs": [_pair(pair, statuses.get(pair.symbol, ONLINE)) for pair in pairs],
    }
    return encode({"channel": "instrument", "type": "snapshot", "data": data})


def instrument_update(pair: Pair, status: str) -> bytes:
    """Return an update with the reference data of one pair."""
    data: dict[str, Any] = {"assets": [], "pairs": [_pair(pair, status)]}
    return encode({"channel": "instrument", "type": "update", "data": data})


ONLINE = "online"
"""The usual status of a pair."""


FIAT = frozenset({"USD", "EUR", "GBP"})


def _asset(name: str) -> Mapping[str, Any]:
    fiat = name in FIAT
    asset: dict[str, Any] = {
        "id": name,
        "status": "enabled",
        "precision": asset_precision(name),
        "precision_display": 2 if fiat else 5,
        "borrowable": fiat,
        "collateral_value": number(1000 if fiat else 0, 3),
        "class": "currency",
    }
    return asset | ({"margin_rate": number(25_000, 6)} if fiat else {})


def asset_precision(name: str) -> int:
    """Return the decimals of an asset in ledger entries and balances."""
    return 4 if name in FIAT else 10 if name == "BTC" else 8


def _pair(pair: Pair, status: str) -> Mapping[str, Any]:
    marginable = bool(pair.leverages)
    item: dict[str, Any] = {
        "symbol": pair.symbol,
        "base": pair.base,
        "quote": pair.quote,
        "status": status,
        "qty_precision": pair.qty_precision,
        "qty_increment": number(1, pair.qty_precision),
        "price_precision": pair.price_precision,
        "cost_precision": 5,
        "marginable": marginable,
        "has_index": True,
        "ws_display_price_precision": pair.price_precision,
        "cost_min": exact(COST_MIN),
    }
    if marginable:
        item |= {"margin_initial": number(20, 2)}
        item |= {"position_limit_long": LONG_LIMIT, "position_limit_short": SHORT_LIMIT}
    tick = number(1, pair.price_precision)
    smallest = number(pair.min_lots, pair.qty_precision)
    return item | {"tick_size": tick, "price_increment": tick, "qty_min": smallest}
