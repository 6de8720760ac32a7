"""The call `TradeBalance`."""

from __future__ import annotations

from typing import Any

from ...http import HTTPAuthenticatedClient
from .._calls import SignedCall, four_forms, private, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs() -> dict[str, Any]:
    return private("TradeBalance")


_parse_response = reader(dict[str, Any])


def _call(*, client: HTTPAuthenticatedClient) -> SignedCall[dict[str, Any]]:
    """Return equity and margin of the account, as the JSON object of the reply.

    Args:
        client: makes the call.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return SignedCall(client, _get_kwargs(), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
