"""The call `QueryOrders`."""

from __future__ import annotations

from typing import Any

from ...http import HTTPAuthenticatedClient
from ...schemas.get_orders_info_response import GetOrdersInfoResponse
from ...schemas.query_orders_info_request import QueryOrdersInfoRequest
from .._calls import SignedCall, four_forms, private, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs(form_data: QueryOrdersInfoRequest) -> dict[str, Any]:
    return private("QueryOrders", form_data)


_parse_response = reader(GetOrdersInfoResponse.from_dict)


def _call(
    *, client: HTTPAuthenticatedClient, form_data: QueryOrdersInfoRequest
) -> SignedCall[GetOrdersInfoResponse]:
    """Return orders by id, open and closed.

    Args:
        client: makes the call.
        form_data: which orders.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return SignedCall(client, _get_kwargs(form_data), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
