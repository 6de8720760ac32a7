"""Which names the REST API has for the pairs and assets of the socket, and the other way round."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from math import inf
from typing import Any, Final, TypeVar

from ..exceptions import RestError
from ..loop_time import now
from ..models.rest.names import Names
from ..models.rest.row import Row
from ..slices import in_slices
from .caller import Caller, Field
from .locks import LoopLocks

__all__ = ["Symbols"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Least seconds between two readings of all pairs.
PAUSE: Final = 60.0
#: Seconds after which names are looked up again that the last reading did not have.
LONG_PAUSE: Final = 3600.0
#: Pairs whose names are learned at once.
SLICE: Final = 100
#: With it, keys and assets of a reply are those of the socket (AssetPairs; Kraken's newer OpenAPI
#: text). Its only value.
MODERN: Final[Mapping[str, Field]] = {"assetVersion": 1}


class Symbols:
    """Knows the names of pairs and assets; they are read when they are first needed.

    The API is asked for all pairs twice, with modern and with other names; both replies have the
    altname of each pair. If they cannot be read, names stay as they are received and sent.

    Args:
        caller: makes the calls.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._pairs: dict[str, str] = {}
        self._assets: dict[str, str] = {}
        #: What is sent for a symbol, and for an asset.
        self._altnames: dict[str, str] = {}
        self._asset_ids: dict[str, str] = {}
        self._strangers: set[str] = set()
        self._read_at = -inf
        self._readings = 0
        self._locks = LoopLocks()

    async def translated(
        self, build: Callable[[Names], Awaitable[T]], *, may_ask: bool = True
    ) -> T:
        """Build a result with the names of the socket.

        Args:
            build: builds it with given names.
            may_ask: whether to ask the API for names that are not known.
        """
        names, readings = self._names(), self._readings
        built = await build(names)
        if may_ask and names.unknown and await self._know(names.unknown, readings):
            built = await build(self._names())
        return built

    async def altname(self, symbol: str, asset_class: str | None = None) -> str:
        """Return what is sent for a symbol: its altname, or the symbol if that is not known.

        Args:
            symbol: the symbol.
            asset_class: `tokenized_asset` for pairs of such assets.
        """
        if symbol not in self._altnames:
            params = {**MODERN, "pair": symbol, "aclass_base": asset_class}
            try:
                await self.learn(await self._caller.public("AssetPairs", params))
            except RestError as error:
                # The exchange refuses an unknown pair in the call itself too.
                logger.info("the REST name of %s cannot be looked up: %s", symbol, error)
        return self._altnames.get(symbol, symbol)

    async def asset_id(self, asset: str) -> str:
        """Return what is sent for an asset: its id, or the asset if that is not known."""
        if asset not in self._asset_ids:
            await self._know({asset}, self._readings)
        return self._asset_ids.get(asset, asset)

    async def learn(self, result: Any) -> dict[str, Row]:
        """Record the names in a reply to `AssetPairs` with modern names.

        Returns:
            The pairs by symbol.

        Raises:
            RestError: the reply is not as documented.
        """
        rows: dict[str, Row] = {}
        async for key, row in in_slices(Row("AssetPairs", "", result).rows(), SLICE):
            symbol = _symbol(key, row)
            rows[symbol] = row
            if "/" in symbol and (altname := row.optional_text("altname")):
                self._altnames[symbol] = altname
                self._pairs[altname] = self._pairs[symbol] = symbol
        return rows

    def may_be(self, name: str, symbol: str) -> bool:
        """Return whether a name in a reply may be that of a symbol: it is no other pair's."""
        return self._pairs.get(name, symbol) == symbol

    def _names(self) -> Names:
        return Names(self._pairs, self._assets)

    async def _know(self, names: set[str], readings: int) -> bool:
        """Read all pairs because of unknown names, if that may help.

        Args:
            names: the names.
            readings: how often all pairs had been read when they were unknown.

        Returns:
            Whether the pairs were read.
        """
        async with self._locks.running():
            if self._readings > readings:
                return True  # Another call has read them meanwhile.
            pause = LONG_PAUSE if names <= self._strangers else PAUSE
            if now() < self._read_at + pause:
                return False
            self._read_at = now()
            try:
                await self._read()
            except RestError as error:
                logger.warning("names of pairs stay as the REST API sends them: %s", error)
                return False
            self._readings += 1
            self._strangers = names - self._pairs.keys() - self._assets.keys()
            return True

    async def _read(self) -> None:
        """Read the names of all pairs and their assets."""
        modern = await self.learn(await self._caller.public("AssetPairs", MODERN))
        others = Row("AssetPairs", "", await self._caller.public("AssetPairs"))
        by_altname = {row.optional_text("altname"): (symbol, row) for symbol, row in modern.items()}
        async for pair_id, row in in_slices(others.rows(), SLICE):
            symbol, new = by_altname.get(row.optional_text("altname"), (None, row))
            if symbol is None or "/" not in symbol:
                continue
            self._pairs[pair_id] = symbol
            wsname = (row.optional_text("wsname") or "").partition("/")
            for side, altname in (("base", wsname[0]), ("quote", wsname[2])):
                asset, asset_id = new.optional_text(side), row.optional_text(side)
                if asset and asset_id:
                    self._asset_ids[asset] = asset_id
                    self._assets |= {name: asset for name in (asset_id, altname, asset) if name}


def _symbol(key: str, row: Row) -> str:
    """Return the symbol of a pair in a reply with modern names.

    Some newer pairs have a key without a slash (Kraken's SDK): the symbol is made of their assets,
    if the altname is too. Otherwise the assets are no modern names either.
    """
    base, quote = row.optional_text("base"), row.optional_text("quote")
    if "/" in key or not (base and quote) or row.raw.get("altname") != f"{base}{quote}":
        return key
    return f"{base}/{quote}"
