"""The call `CancelOrder`."""

from __future__ import annotations

from typing import Any

from ...http import HTTPAuthenticatedClient
from ...schemas.cancel_order_request import CancelOrderRequest
from .._calls import SignedCall, four_forms, private, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs(form_data: CancelOrderRequest) -> dict[str, Any]:
    return private("CancelOrder", form_data)


_parse_response = reader(dict[str, Any])


def _call(
    *, client: HTTPAuthenticatedClient, form_data: CancelOrderRequest
) -> SignedCall[dict[str, Any]]:
    """Cancel an order, or all with the same `userref`; return the JSON object of the reply.

    Args:
        client: makes the call.
        form_data: which order.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return SignedCall(client, _get_kwargs(form_data), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
