"""The call `Depth`."""

from __future__ import annotations

from typing import Any

from ...http import HTTPClient
from ...schemas.order_book_response import OrderBookResponse
from .._calls import Call, four_forms, public, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs(*, pair: str, count: int | None = 100) -> dict[str, Any]:
    return public("Depth", pair=pair, count=count)


_parse_response = reader(OrderBookResponse.from_dict)


def _call(*, client: HTTPClient, pair: str, count: int | None = 100) -> Call[OrderBookResponse]:
    """Return the book of a pair, without checksum.

    Args:
        client: makes the call.
        pair: id or altname, such as `XBTUSD`.
        count: how many levels of each side, from 1 to 500.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return Call(client, _get_kwargs(pair=pair, count=count), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
