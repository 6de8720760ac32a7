"""The names of pairs and assets: those of REST replies, and those of the socket.

The REST API calls BTC/USD `XXBTZUSD` (the pair's id) or `XBTUSD` (its altname), and BTC `XXBT`. No
rule leads from one to the other: XRP, XTZ and ZEC are modern codes, so a leading X or Z means
nothing. The names come from `AssetPairs`, which gives both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Names"]


@dataclass(frozen=True, slots=True)
class Names:
    """Translates names of REST replies to those of the socket.

    Attributes:
        pairs: the symbol by id, altname and symbol.
        assets: the asset by id, altname and asset.
        unknown: the names that were asked for and are not known.
    """

    pairs: Mapping[str, str]
    assets: Mapping[str, str]
    unknown: set[str] = field(default_factory=set)

    def symbol(self, name: str) -> str:
        """Return a pair as on the socket; an unknown name as it is.

        An unknown name has no slash, unless it is a symbol already.
        """
        known = self.pairs.get(name)
        if known is None:
            self.unknown.add(name)
        return known or name

    def asset(self, name: str) -> str:
        """Return an asset as on the socket; an unknown name as it is.

        A suffix, as of staked assets, is kept: `XXBT.S` is `BTC.S`.
        """
        code, dot, suffix = name.partition(".")
        known = self.assets.get(code)
        if known is None:
            self.unknown.add(name)
            return name
        return f"{known}{dot}{suffix}"
