"""The listed markets: derivatives under the exchange's own names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..encode import encode
from ..pairs import Pair

DERIVATIVES: dict[str, Pair] = {
    pair.symbol: pair
    for pair in (
        Pair("PF_XBTUSD", 0, 4, 83_744, 2_000),
        Pair("PF_ETHUSD", 1, 3, 30_264, 3_000),
        Pair("FI_XBTUSD_261225", 1, 0, 837_442, 500),
    )
}
"""A perpetual and a dated future among them; precisions are made up."""


def class_of(symbol: str) -> str:
    """Return the asset class of a symbol: spot symbols have a slash (inferred)."""
    return "spot" if "/" in symbol else "derivatives"


def instruments(pairs: Mapping[str, Pair], asset_class: str) -> bytes:
    """Return the snapshot of `instrument`.

    The fields of derivatives were not read. Those here are of the REST list that the channel
    replaces, in the spelling of the WebSocket.
    """
    listed = [pair for pair in pairs.values() if class_of(pair.symbol) == asset_class]
    row = _spot if asset_class == "spot" else _derivative
    data = {"assets": [], "pairs": [row(pair) for pair in listed]}
    return encode({"channel": "instrument", "type": "snapshot", "data": data})


def _spot(pair: Pair) -> dict[str, Any]:
    return {
        "symbol": pair.symbol,
        "base": pair.base,
        "quote": pair.quote,
        "status": "online",
        "price_precision": pair.price_precision,
        "qty_precision": pair.qty_precision,
    }


def _derivative(pair: Pair) -> dict[str, Any]:
    return {
        "symbol": pair.symbol,
        "type": "flexible_futures" if pair.symbol.startswith("PF_") else "futures_inverse",
        "underlying": "rr_xbtusd",
        "tradeable": True,
        "tick_size": float(pair.price(1)),
        "contract_size": 1,
        "max_position_size": 1_000_000,
        "margin_levels": [{"contracts": 0, "initial_margin": 0.02, "maintenance_margin": 0.01}],
    }
