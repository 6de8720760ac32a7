"""The fee schedule: percent by volume of 30 days.

Source: the spec's example of `AssetPairs`. The account always pays the fees of the first tier.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from .numbers import four


class Tier(NamedTuple):
    """The fees from a volume on."""

    volume: int
    taker: str
    maker: str

    def fee(self, *, maker: bool) -> str:
        """Return the fee of a maker, or of a taker."""
        return self.maker if maker else self.taker


TIERS = (
    Tier(0, "0.26", "0.16"),
    Tier(50_000, "0.24", "0.14"),
    Tier(100_000, "0.22", "0.12"),
    Tier(250_000, "0.2", "0.1"),
    Tier(500_000, "0.18", "0.08"),
    Tier(1_000_000, "0.16", "0.06"),
    Tier(2_500_000, "0.14", "0.04"),
    Tier(5_000_000, "0.12", "0.02"),
    Tier(10_000_000, "0.1", "0"),
)


def schedule(*, maker: bool) -> list[list[Any]]:
    """Return the rows of `AssetPairs`: volume and percent as numbers."""
    return [[tier.volume, orjson.Fragment(tier.fee(maker=maker))] for tier in TIERS]


def present(*, maker: bool) -> dict[str, Any]:
    """Return the fee of a pair in `TradeVolume`: percent and volume as text."""
    first, second, last = TIERS[0], TIERS[1], TIERS[-1]
    return {
        "fee": _four(first.fee(maker=maker)),
        "minfee": _four(last.fee(maker=maker)),
        "maxfee": _four(first.fee(maker=maker)),
        "nextfee": _four(second.fee(maker=maker)),
        "tiervolume": _four(first.volume),
        "nextvolume": _four(second.volume),
        "tierfuturesvolume": _four(0),
        "nextfuturesvolume": None,
        "volumeoffset": _four(0),
    }


def tiers() -> list[dict[str, Any]]:
    """Return the tiers of `TradeVolume` with `fee_schedule`."""
    return [
        {
            "maker_fee": _four(tier.maker),
            "taker_fee": _four(tier.taker),
            "min_spot_volume": _four(tier.volume),
            "min_futures_volume": _four(0),
            "min_assets_on_platform": _four(0),
            "active": tier is TIERS[0],
        }
        for tier in TIERS
    ]


def _four(value: str | int) -> str:
    return four(Decimal(value))
