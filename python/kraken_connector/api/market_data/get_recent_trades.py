"""The call `Trades`."""

from __future__ import annotations

from typing import Any

from ...http import HTTPClient
from ...schemas.recent_trades_response import RecentTradesResponse
from ...types import UNSET
from .._calls import Call, four_forms, public, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs(
    *, pair: str, since: str | None = UNSET, count: int | None = 1000
) -> dict[str, Any]:
    return public("Trades", pair=pair, since=since, count=count)


_parse_response = reader(RecentTradesResponse.from_dict)


def _call(
    *, client: HTTPClient, pair: str, since: str | None = UNSET, count: int | None = 1000
) -> Call[RecentTradesResponse]:
    """Return trades of a pair, oldest first.

    Args:
        client: makes the call.
        pair: id or altname, such as `XBTUSD`.
        since: the `last` of an earlier reply; the newest trades without it.
        count: how many, from 1 to 1000.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return Call(client, _get_kwargs(pair=pair, since=since, count=count), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
