"""The call `Time`."""

from __future__ import annotations

from typing import Any

from ...http import HTTPClient
from ...schemas.server_time_response import ServerTimeResponse
from .._calls import Call, four_forms, public, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs() -> dict[str, Any]:
    return public("Time")


_parse_response = reader(ServerTimeResponse.from_dict)


def _call(*, client: HTTPClient) -> Call[ServerTimeResponse]:
    """Return the time of the exchange, whole seconds.

    Args:
        client: makes the call.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return Call(client, _get_kwargs(), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
