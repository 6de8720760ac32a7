"""The call `AddOrder`."""

from __future__ import annotations

from typing import Any

from ...constants.trading import Trigger
from ...http import HTTPAuthenticatedClient
from ...schemas.add_order_request import AddOrderRequest
from ...schemas.add_order_response import AddOrderResponse
from .._calls import SignedCall, four_forms, private, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs(form_data: AddOrderRequest) -> dict[str, Any]:
    kwargs = private("AddOrder", form_data)
    if kwargs["data"].get("trigger") == Trigger.LAST:
        # It is the default of orders with a trigger, and others are refused with one.
        del kwargs["data"]["trigger"]
    return kwargs


_parse_response = reader(AddOrderResponse.from_dict)


def _call(
    *, client: HTTPAuthenticatedClient, form_data: AddOrderRequest
) -> SignedCall[AddOrderResponse]:
    """Place an order.

    The order may be in the market if it returns `None` or raises an exception, except for a
    `KrakenAPIError` whose `is_certain` is set.

    Args:
        client: makes the call.
        form_data: the order.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return SignedCall(client, _get_kwargs(form_data), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
