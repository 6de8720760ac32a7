"""The call `OpenPositions`."""

from __future__ import annotations

from typing import Any

from ...http import HTTPAuthenticatedClient
from ...schemas.get_open_positions_request import GetOpenPositionsRequest
from ...schemas.get_open_positions_response import GetOpenPositionsResponse
from .._calls import SignedCall, four_forms, private, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs(form_data: GetOpenPositionsRequest) -> dict[str, Any]:
    return private("OpenPositions", form_data)


_parse_response = reader(GetOpenPositionsResponse.from_dict)


def _call(
    *, client: HTTPAuthenticatedClient, form_data: GetOpenPositionsRequest
) -> SignedCall[GetOpenPositionsResponse]:
    """Return the open margin positions.

    Args:
        client: makes the call.
        form_data: which positions, and whether profit and loss are calculated.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return SignedCall(client, _get_kwargs(form_data), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
