"""Calls that need no key: the state of the exchange, pairs, and market data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Literal, TypeAlias, TypeVar

from ..exceptions import InvalidParameter
from ..models.checks import check_choice, checked_integer, checked_list, checked_symbol
from ..models.rest.market import AssetPair, Candles, Depth, PublicTrades, ServerTime, SystemStatus
from ..models.rest.row import Row
from ..slices import in_slices
from .bounds import Moment, cursor_text, seconds_text
from .caller import Field
from .calls import Calls
from .symbols import MODERN

__all__ = ["PublicCalls"]

T = TypeVar("T")

PairInfo: TypeAlias = Literal["info", "leverage", "fees", "margin"]
AssetClass: TypeAlias = Literal["tokenized_asset"]

#: Minutes (page "Get OHLC Data").
INTERVALS: Final = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
#: Pages "Get Recent Trades" and "Get Order Book".
MOST_TRADES: Final = 1000
MOST_LEVELS: Final = 500
#: Pairs that are read at once.
SLICE: Final = 10


class PublicCalls(Calls):
    """Calls that need no key."""

    async def system_status(self) -> SystemStatus:
        """Return the state of the exchange, its maintenance and its incidents.

        Raises:
            RestError: the call failed.
        """
        result = await self._caller.public("SystemStatus")
        return SystemStatus.read(Row("SystemStatus", "", result))

    async def server_time(self) -> ServerTime:
        """Return the clock of the exchange, in whole seconds.

        Raises:
            RestError: the call failed.
        """
        return ServerTime.read(Row("Time", "", await self._caller.public("Time")))

    async def asset_pairs(
        self,
        symbols: Sequence[str] | None = None,
        *,
        info: PairInfo = "info",
        asset_class: AssetClass | None = None,
        country_code: str | None = None,
        execution_venue: str | None = None,
    ) -> dict[str, AssetPair]:
        """Return pairs by symbol, with their rules, leverage and list prices.

        Args:
            symbols: which pairs; all by default.
            info: `info` for all fields, or only `leverage`, `fees` or `margin`.
            asset_class: `tokenized_asset` for pairs of such assets.
            country_code: only pairs that are open there, as `US`, `GB`.
            execution_venue: only pairs of a venue: `international` or `bitnomial_exchange`.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid.
            RestError: the call failed.
        """
        check_choice("info", info, ("info", "leverage", "fees", "margin"))
        names = None if symbols is None else checked_list("symbols", symbols)
        if names is not None and not names:
            raise InvalidParameter("symbols", "a list that is not empty, or None for all", names)
        params: dict[str, Field] = {
            **MODERN,
            "pair": None if names is None else ",".join(map(checked_symbol, names)),
            "info": None if info == "info" else info,
            "aclass_base": asset_class,
            "country_code": country_code,
            "execution_venue": execution_venue,
        }
        rows = await self._symbols.learn(await self._caller.public("AssetPairs", params))
        pairs = in_slices(rows.items(), SLICE)
        return {symbol: AssetPair.read(row, symbol) async for symbol, row in pairs}

    async def ohlc(
        self,
        symbol: str,
        interval: int = 1,
        since: Moment | None = None,
        *,
        asset_class: AssetClass | None = None,
    ) -> Candles:
        """Return the last candles of a pair; the exchange keeps 720 of each interval.

        Args:
            symbol: the pair.
            interval: 1, 5, 15, 30, 60, 240, 1440, 10080 or 21600 minutes.
            since: only candles from then on: `Candles.last`, seconds since the epoch, or a
                `datetime` with a time zone.
            asset_class: `tokenized_asset` for a pair of such assets.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid.
            RestError: the call failed.
        """
        if interval not in INTERVALS:
            expected = f"one of {', '.join(map(str, INTERVALS))}"
            raise InvalidParameter("interval", expected, interval)
        begin = None if since is None else seconds_text("since", since)
        params: dict[str, Field] = {"interval": interval, "since": begin}
        return await self._market("OHLC", symbol, asset_class, params, Candles.read)

    async def trades(
        self,
        symbol: str,
        since: str | Moment | None = None,
        count: int = MOST_TRADES,
        *,
        asset_class: AssetClass | None = None,
    ) -> PublicTrades:
        """Return trades of a pair, the last ones or those after a time.

        Args:
            symbol: the pair.
            since: `PublicTrades.last` for the trades after those; or seconds or nanoseconds since
                the epoch, or a `datetime` with a time zone.
            count: how many at most, 1 to 1000.
            asset_class: `tokenized_asset` for a pair of such assets.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid.
            RestError: the call failed.
        """
        _check_count(count, MOST_TRADES)
        begin = since if since is None or isinstance(since, str) else cursor_text("since", since)
        params: dict[str, Field] = {"since": begin, "count": count}
        return await self._market("Trades", symbol, asset_class, params, PublicTrades.read)

    async def depth(
        self, symbol: str, count: int = 100, *, asset_class: AssetClass | None = None
    ) -> Depth:
        """Return a picture of an order book, which cannot be joined with the channel `book`.

        Args:
            symbol: the pair.
            count: levels of each side, 1 to 500.
            asset_class: `tokenized_asset` for a pair of such assets.

        Raises:
            TypeError, InvalidParameter: a parameter is not valid.
            RestError: the call failed.
        """
        _check_count(count, MOST_LEVELS)
        return await self._market("Depth", symbol, asset_class, {"count": count}, Depth.read)

    async def _market(
        self,
        call: str,
        symbol: str,
        asset_class: AssetClass | None,
        params: dict[str, Field],
        read: Callable[[Row, str, str], Awaitable[T]],
    ) -> T:
        """Make a call about one pair."""
        checked_symbol(symbol)
        sent = await self._symbols.altname(symbol, asset_class)
        about: dict[str, Field] = {**MODERN, "pair": sent, "asset_class": asset_class}
        result = await self._caller.public(call, about | params)
        row = Row(call, "", result)
        return await read(row, self._key(row, symbol), symbol)

    def _key(self, row: Row, symbol: str) -> str:
        """Return the key of the pair in a reply about one pair.

        Raises:
            RestError: there is none, or it is another pair.
        """
        keys = [key for key in row.raw if key != "last"]
        if len(keys) != 1 or not self._symbols.may_be(keys[0], symbol):
            row.refuse(None, f"an object with one pair, {symbol}", keys)
        return keys[0]


def _check_count(count: Any, most: int) -> None:
    if not 1 <= checked_integer("count", count) <= most:
        raise InvalidParameter("count", f"1 to {most}", count)
