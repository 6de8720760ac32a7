"""Public calls: status, time, pairs and market data.

Source: docs.kraken.com, REST API, market data.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import ROUND_UP, Decimal
from email.utils import format_datetime
from typing import Any

from ..book import Row
from ..encode import timestamp
from ..market import SimMarket, Trade
from ..messages import ONLINE
from ..pairs import COST_MIN, LONG_LIMIT, SHORT_LIMIT, Pair
from ..requests import Refused
from ..statistics import INTERVALS, Candle
from ..trading.refusals import bad
from . import fees, forms, numbers
from .call import Call
from .forms import Params
from .names import UNKNOWN_PAIR, PairNames, asset_id
from .numbers import SECOND_NS
from .venue import Venue

MOST_CANDLES = 720
MOST_TRADES = 1000
DEFAULT_DEPTH = 100
MOST_LEVELS = 500
SHORT_QTY = Decimal("0.001")
"""Quantities of `Depth` are shortened, as in the spec's example."""
CURSOR_FROM = 10**12
"""A `since` below is in seconds, any other in nanoseconds."""
NO_STATUS = frozenset({"KEEP/EUR"})
"""Pairs without `status`, which the exchange left out for some."""


def _system_status(venue: Venue, params: Params) -> Any:
    return {
        "status": venue.settings.system,
        "timestamp": timestamp(venue.clock(), 0),
        "upcoming_maintenance": list(venue.settings.upcoming_maintenance),
        "emergency": [],
    }


def _time(venue: Venue, params: Params) -> Any:
    seconds = venue.clock() // SECOND_NS
    return {
        "unixtime": seconds,
        "rfc1123": format_datetime(datetime.fromtimestamp(seconds, UTC)),
    }


# Pairs.


def _asset_pairs(venue: Venue, params: Params) -> Any:
    modern = "assetVersion" in params
    wanted = params.get("pair")
    found = venue.names.all() if wanted is None else map(venue.names.find_any, wanted)
    is_tokenized = params.get("aclass_base", "currency") == "tokenized_asset"
    parts = _PARTS[params.get("info", "info")]
    return {
        names.pair.symbol if modern else names.key: {
            name: value
            for name, value in _pair(venue, names, params, modern=modern).items()
            if parts is None or name in parts
        }
        for names in found
        if names.pair.is_tokenized == is_tokenized
        and params.get("execution_venue", "international") == "international"
    }


_PARTS: dict[str, frozenset[str] | None] = {
    "info": None,
    "leverage": frozenset({"leverage_buy", "leverage_sell"}),
    "fees": frozenset({"fees", "fees_maker", "fee_volume_currency"}),
    "margin": frozenset({"margin_call", "margin_level"}),
}
"""The fields of each `info`; `None` is all."""


def _pair(venue: Venue, names: PairNames, params: Params, *, modern: bool) -> dict[str, Any]:
    pair = names.pair
    status = venue.markets.statuses.get(pair.symbol, ONLINE)
    limits = {"long_position_limit": LONG_LIMIT, "short_position_limit": SHORT_LIMIT}
    level = "margin_level" if params.get("info") == "margin" else "margin_stop"
    return {
        "altname": names.altname,
        "wsname": names.wsname,
        "aclass_base": "tokenized_asset" if pair.is_tokenized else "currency",
        "base": pair.base if modern else asset_id(pair.base),
        "aclass_quote": "currency",
        "quote": pair.quote if modern else asset_id(pair.quote),
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": pair.price_precision,
        "lot_decimals": pair.qty_precision,
        "lot_multiplier": 1,
        "leverage_buy": list(pair.leverages),
        "leverage_sell": list(pair.leverages),
        "fees": fees.schedule(maker=False),
        "fees_maker": fees.schedule(maker=True),
        "fee_volume_currency": "USD" if modern else "ZUSD",
        "margin_call": 80,
        level: 40,
        "ordermin": _short(pair.qty(pair.min_lots)),
        "costmin": _short(COST_MIN),
        "tick_size": _short(pair.price(1)),
        **({} if pair.symbol in NO_STATUS and status == ONLINE else {"status": status}),
        **(limits if pair.leverages else {}),
        "execution_venue": "international",
    }


def _short(value: Decimal) -> str:
    return f"{value.normalize():f}"


# Market data.


def _depth(venue: Venue, params: Params) -> Any:
    names, market = _market(venue, params)
    count = params.get("count", DEFAULT_DEPTH)
    if not 1 <= count <= MOST_LEVELS:
        raise bad("count")
    now = venue.clock() // SECOND_NS
    sides = {"asks": market.book.asks, "bids": market.book.bids}
    rows = {
        side: [_level(names.pair, row, now) for row in ladder.rows(count)]
        for side, ladder in sides.items()
    }
    return {_key(names, params): rows}


def _level(pair: Pair, row: Row, now: int) -> list[Any]:
    """Return a row of `Depth`: its price has five decimals, or more if the pair has more."""
    ticks, lots = row
    unit = Decimal(1).scaleb(-max(5, pair.price_precision))
    price, qty = pair.price(ticks).quantize(unit), pair.qty(lots).quantize(SHORT_QTY, ROUND_UP)
    return [f"{price:f}", f"{qty:f}", now]


def _ohlc(venue: Venue, params: Params) -> Any:
    names, market = _market(venue, params)
    interval = params.get("interval", 1)
    if interval not in INTERVALS:
        raise bad("interval")
    since_ns = params.get("since", 0) * SECOND_NS
    candles = market.candles(interval).all()
    rows = [_candle(names.pair, one) for one in candles if one.begin_ns > since_ns]
    # The last candle is still running; `since` with the one before returns it again.
    last = candles[-2].begin_ns // SECOND_NS
    return {_key(names, params): rows[-MOST_CANDLES:], "last": last}


def _candle(pair: Pair, candle: Candle) -> list[Any]:
    totals = candle.totals
    prices = (totals.open, totals.high, totals.low, totals.last, totals.vwap)
    volume = numbers.qty(pair, pair.qty(totals.volume))
    texts = [numbers.price(pair, pair.price(ticks)) for ticks in prices]
    return [candle.begin_ns // SECOND_NS, *texts, volume, totals.trades]


def _trades(venue: Venue, params: Params) -> Any:
    names, market = _market(venue, params)
    count = params.get("count", MOST_TRADES)
    if not 1 <= count <= MOST_TRADES:
        raise bad("count")
    history = list(market.history)
    if "since" in params:
        since = params["since"]
        since_ns = since * SECOND_NS if since < CURSOR_FROM else since
        page = _first([trade for trade in history if trade.timestamp_ns > since_ns], count)
    else:
        page = history[-count:]
    last = str(page[-1].timestamp_ns) if page else ""
    return {_key(names, params): [_trade(names.pair, one) for one in page], "last": last}


def _first(trades: Sequence[Trade], count: int) -> Sequence[Trade]:
    """Return the first trades, at most `count` of them, so that a cursor loses none.

    The cursor is a time, so trades of the same time are on one page; only if there are more than
    `count` of these is the page longer.
    """
    end = count
    while 0 < end < len(trades) and trades[end - 1].timestamp_ns == trades[end].timestamp_ns:
        end -= 1
    if not end:
        end = sum(trade.timestamp_ns == trades[0].timestamp_ns for trade in trades)
    return trades[:end]


def _trade(pair: Pair, trade: Trade) -> list[Any]:
    return [
        numbers.price(pair, pair.price(trade.ticks)),
        numbers.qty(pair, pair.qty(trade.lots)),
        numbers.seconds(trade.timestamp_ns, 9),
        trade.side[0],
        trade.ord_type[0],
        "",
        trade.trade_id,
    ]


def _market(venue: Venue, params: Params) -> tuple[PairNames, SimMarket]:
    """Return the market of a call, which must say so if the asset is tokenized."""
    forms.require(params, "pair")
    names = venue.names.find(params["pair"])
    if names.pair.is_tokenized != (params.get("asset_class") == "tokenized_asset"):
        raise Refused(UNKNOWN_PAIR)
    return names, venue.markets.market(names.pair.symbol)


def _key(names: PairNames, params: Params) -> str:
    return names.pair.symbol if "assetVersion" in params else names.key


MARKET_DATA = {
    "pair": forms.text,
    "asset_class": forms.choice("tokenized_asset"),
    "assetVersion": forms.choice("1"),
}
CALLS = {
    "SystemStatus": Call(_system_status),
    "Time": Call(_time),
    "AssetPairs": Call(
        _asset_pairs,
        {
            "pair": forms.listed,
            "info": forms.choice(*_PARTS),
            "aclass_base": forms.choice("currency", "tokenized_asset"),
            "country_code": forms.text,
            "execution_venue": forms.choice("international", "bitnomial_exchange"),
            "assetVersion": forms.choice("1"),
        },
    ),
    "Depth": Call(_depth, {**MARKET_DATA, "count": forms.count}),
    "OHLC": Call(_ohlc, {**MARKET_DATA, "interval": forms.count, "since": forms.count}),
    "Trades": Call(_trades, {**MARKET_DATA, "since": forms.count, "count": forms.count}),
}
