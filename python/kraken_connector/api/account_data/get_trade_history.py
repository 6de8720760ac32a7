"""The call `TradesHistory`."""

from __future__ import annotations

from typing import Any

from ...http import HTTPAuthenticatedClient
from ...schemas.get_trade_history_response import GetTradeHistoryResponse
from .._calls import SignedCall, four_forms, private, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs() -> dict[str, Any]:
    return private("TradesHistory")


_parse_response = reader(GetTradeHistoryResponse.from_dict)


def _call(*, client: HTTPAuthenticatedClient) -> SignedCall[GetTradeHistoryResponse]:
    """Return the last 50 trades of the account.

    Args:
        client: makes the call.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return SignedCall(client, _get_kwargs(), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
