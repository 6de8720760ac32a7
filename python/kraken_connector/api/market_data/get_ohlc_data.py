"""The call `OHLC`."""

from __future__ import annotations

from typing import Any

from ...constants.market_data import OHLCDataInterval
from ...http import HTTPClient
from ...schemas.ohlc_response import OhlcResponse
from ...types import UNSET
from .._calls import Call, four_forms, public, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs(
    *,
    pair: str,
    interval: OHLCDataInterval | None = OHLCDataInterval.ONE_MINUTE,
    since: int | None = UNSET,
) -> dict[str, Any]:
    return public("OHLC", pair=pair, interval=interval, since=since)


_parse_response = reader(OhlcResponse.from_dict)


def _call(
    *,
    client: HTTPClient,
    pair: str,
    interval: OHLCDataInterval | None = OHLCDataInterval.ONE_MINUTE,
    since: int | None = UNSET,
) -> Call[OhlcResponse]:
    """Return candles of a pair; the last one is not complete.

    Args:
        client: makes the call.
        pair: id or altname, such as `XBTUSD`.
        interval: the length of a candle.
        since: the `last` of an earlier reply.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return Call(client, _get_kwargs(pair=pair, interval=interval, since=since), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
