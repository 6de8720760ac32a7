"""Checks of arguments that only the unified WebSocket has."""

from __future__ import annotations

import re

from ..exceptions import InvalidParameter
from ..models.checks import check_choice, checked_text
from .constants import ASSET_CLASSES

__all__ = ["check_absent", "check_asset_class", "check_derivatives_id", "checked_unified_symbol"]

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def checked_unified_symbol(symbol: object) -> str:
    """Return the symbol of a market: `PF_XBTUSD`, `BTC/USD`, or whatever the exchange lists."""
    return checked_text("symbol", symbol)


def check_asset_class(request: str, asset_class: object) -> None:
    """Check the `asset_class` of a request for a channel or of a method."""
    allowed = ASSET_CLASSES[request]
    if asset_class is None:
        raise InvalidParameter("asset_class", f"one of {', '.join(map(repr, allowed))}", None)
    check_choice("asset_class", asset_class, allowed)


def check_absent(field: str, value: object, why: str) -> None:
    """Check that a parameter is not given.

    Raises:
        InvalidParameter: it is; the text ends with `why`.
    """
    if value is not None:
        raise InvalidParameter(field, f"absent: {why}", value)


def check_derivatives_id(field: str, order_id: str) -> None:
    """Check the `order_id` of a derivatives order (page "Cancel Order": a UUID)."""
    if not _UUID.fullmatch(order_id):
        raise InvalidParameter(field, "the UUID of a derivatives order", order_id)
