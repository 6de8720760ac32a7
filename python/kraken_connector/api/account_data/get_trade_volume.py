"""The call `TradeVolume`."""

from __future__ import annotations

from typing import Any

from ...http import HTTPAuthenticatedClient
from ...schemas.trade_volume_response import TradeVolumeResponse
from .._calls import SignedCall, four_forms, private, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs() -> dict[str, Any]:
    return private("TradeVolume")


_parse_response = reader(TradeVolumeResponse.from_dict)


def _call(*, client: HTTPAuthenticatedClient) -> SignedCall[TradeVolumeResponse]:
    """Return the account's volume of the last 30 days.

    Args:
        client: makes the call.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return SignedCall(client, _get_kwargs(), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
