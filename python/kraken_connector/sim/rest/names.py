"""The names of pairs and assets on REST.

The assets of the first years have ids with an X (coins) or a Z (currencies) in front; those of BTC
and DOGE begin with their old codes XBT and XDG. Pairs of two such assets join both ids, all other
pairs join the old codes without X and Z. Source: the spec's examples, and the names in use on the
exchange for the exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..pairs import Pair
from ..requests import Refused

UNKNOWN_PAIR = "EQuery:Unknown asset pair"
UNKNOWN_ASSET = "EQuery:Unknown asset"

OLD_CODES = {"BTC": "XBT", "DOGE": "XDG"}
OLD_COINS = frozenset({"ETC", "ETH", "LTC", "MLN", "REP", "XBT", "XDG", "XLM", "XMR", "XRP", "ZEC"})
OLD_CURRENCIES = frozenset({"AUD", "CAD", "EUR", "GBP", "JPY", "USD"})
EXCEPTIONS = {"DOGE/USD": "XDGUSD", "DOGE/EUR": "XDGEUR", "USDT/USD": "USDTZUSD"}
"""Pair ids that do not follow the rule."""


@dataclass(frozen=True, slots=True)
class PairNames:
    """The names of one pair.

    Attributes:
        key: its id, such as `XXBTZUSD`.
        altname: such as `XBTUSD`.
        wsname: of WebSocket v1, such as `XBT/USD`.
    """

    pair: Pair
    key: str
    altname: str
    wsname: str


class Names:
    """The names of the listed pairs and of all assets.

    Args:
        pairs: the listed pairs by symbol.
    """

    def __init__(self, pairs: Mapping[str, Pair]) -> None:
        self._by_symbol = {symbol: names_of(pair) for symbol, pair in pairs.items()}
        self._by_name = {
            name: names for names in self._by_symbol.values() for name in (names.altname, names.key)
        }

    def of(self, pair: Pair) -> PairNames:
        """Return the names of a pair, which need not be listed."""
        return self._by_symbol.get(pair.symbol) or names_of(pair)

    def find(self, name: str) -> PairNames:
        """Return the listed pair of an id or altname.

        Raises:
            Refused: there is none.
        """
        if name not in self._by_name:
            raise Refused(UNKNOWN_PAIR)
        return self._by_name[name]

    def find_any(self, name: str) -> PairNames:
        """Return the listed pair of an id, an altname or a symbol of the sockets.

        Raises:
            Refused: there is none.
        """
        return self._by_symbol.get(name) or self.find(name)

    def all(self) -> Iterable[PairNames]:
        """Return all listed pairs."""
        return self._by_symbol.values()


def names_of(pair: Pair) -> PairNames:
    """Return the names of a pair."""
    base, quote = altname(pair.base), altname(pair.quote)
    is_old = base in OLD_COINS and quote in OLD_CURRENCIES | OLD_COINS
    key = asset_id(pair.base) + asset_id(pair.quote) if is_old else base + quote
    key = EXCEPTIONS.get(pair.symbol, key)
    return PairNames(pair, key, base + quote, f"{base}/{quote}")


def altname(asset: str) -> str:
    """Return the old code of an asset: `XBT` for BTC."""
    return OLD_CODES.get(asset, asset)


def asset_id(asset: str) -> str:
    """Return the id of an asset: `XXBT` for BTC, `ZUSD` for USD, `SOL` for SOL."""
    code = altname(asset)
    if code in OLD_COINS:
        return f"X{code}"
    return f"Z{code}" if code in OLD_CURRENCIES else code


def asset_of(name: str) -> str:
    """Return the asset of an id or old code, as the sockets name it."""
    plain = name[1:] if name[1:] in OLD_COINS | OLD_CURRENCIES else name
    modern = {old: asset for asset, old in OLD_CODES.items()}
    return modern.get(plain, plain)
