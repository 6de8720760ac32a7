"""The call `GetWebSocketsToken`."""

from __future__ import annotations

from typing import Any

from ...http import HTTPAuthenticatedClient
from ...schemas.get_websockets_token_response import GetWebsocketsTokenResponse
from .._calls import SignedCall, four_forms, private, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs() -> dict[str, Any]:
    return private("GetWebSocketsToken")


_parse_response = reader(GetWebsocketsTokenResponse.from_dict)


def _call(*, client: HTTPAuthenticatedClient) -> SignedCall[GetWebsocketsTokenResponse]:
    """Return a token for private channels; a `TokenManager` keeps one up to date.

    Args:
        client: makes the call.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return SignedCall(client, _get_kwargs(), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
