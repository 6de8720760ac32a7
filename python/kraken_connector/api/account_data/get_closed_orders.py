"""The call `ClosedOrders`."""

from __future__ import annotations

from typing import Any

from ...http import HTTPAuthenticatedClient
from ...schemas.get_closed_orders_response import GetClosedOrdersResponse
from .._calls import SignedCall, four_forms, private, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs() -> dict[str, Any]:
    return private("ClosedOrders")


_parse_response = reader(GetClosedOrdersResponse.from_dict)


def _call(*, client: HTTPAuthenticatedClient) -> SignedCall[GetClosedOrdersResponse]:
    """Return the 50 orders that ended last.

    Args:
        client: makes the call.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return SignedCall(client, _get_kwargs(), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
