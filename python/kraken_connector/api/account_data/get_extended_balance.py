"""The call `BalanceEx`."""

from __future__ import annotations

from typing import Any

from ...http import HTTPAuthenticatedClient
from ...schemas.get_extended_balance_response import GetExtendedBalanceResponse
from .._calls import SignedCall, four_forms, private, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs() -> dict[str, Any]:
    return private("BalanceEx")


_parse_response = reader(GetExtendedBalanceResponse.from_dict)


def _call(*, client: HTTPAuthenticatedClient) -> SignedCall[GetExtendedBalanceResponse]:
    """Return the balances of the account, with what is reserved by orders.

    Args:
        client: makes the call.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return SignedCall(client, _get_kwargs(), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
