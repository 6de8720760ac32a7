"""The call `QueryTrades`."""

from __future__ import annotations

from typing import Any

from ...http import HTTPAuthenticatedClient
from ...schemas.get_trades_info_response import GetTradesInfoResponse
from ...types import UNSET
from .._calls import SignedCall, four_forms, private, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs(*, txid: str | None = UNSET) -> dict[str, Any]:
    return private("QueryTrades", txid=txid)


_parse_response = reader(GetTradesInfoResponse.from_dict)


def _call(
    *, client: HTTPAuthenticatedClient, txid: str | None = UNSET
) -> SignedCall[GetTradesInfoResponse]:
    """Return trades of the account by id.

    Args:
        client: makes the call.
        txid: ids of trades, separated by commas, at most 20; the exchange requires it.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return SignedCall(client, _get_kwargs(txid=txid), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
