"""The call `CancelAllOrdersAfter`."""

from __future__ import annotations

from typing import Any

from ...http import HTTPAuthenticatedClient
from ...schemas.cancel_all_orders_after_request import CancelAllOrdersAfterRequest
from ...schemas.cancel_all_orders_after_response import CancelAllOrdersAfterResponse
from .._calls import SignedCall, four_forms, private, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs(form_data: CancelAllOrdersAfterRequest) -> dict[str, Any]:
    return private("CancelAllOrdersAfter", form_data)


_parse_response = reader(CancelAllOrdersAfterResponse.from_dict)


def _call(
    *, client: HTTPAuthenticatedClient, form_data: CancelAllOrdersAfterRequest
) -> SignedCall[CancelAllOrdersAfterResponse]:
    """Set the dead man's switch of the account.

    Args:
        client: makes the call.
        form_data: its time.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return SignedCall(client, _get_kwargs(form_data), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
