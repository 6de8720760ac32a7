"""The call `AssetPairs`."""

from __future__ import annotations

from typing import Any

from ...constants.market_data import TradableAssetPairInfo
from ...http import HTTPClient
from ...schemas.get_tradable_asset_pairs_response import GetTradableAssetPairsResponse
from ...types import UNSET
from .._calls import Call, four_forms, public, reader

__all__ = ["asyncio", "asyncio_detailed", "sync", "sync_detailed"]


def _get_kwargs(
    *, pair: str | None = UNSET, info: TradableAssetPairInfo | None = TradableAssetPairInfo.INFO
) -> dict[str, Any]:
    return public("AssetPairs", pair=pair, info=info)


_parse_response = reader(GetTradableAssetPairsResponse.from_dict)


def _call(
    *,
    client: HTTPClient,
    pair: str | None = UNSET,
    info: TradableAssetPairInfo | None = TradableAssetPairInfo.INFO,
) -> Call[GetTradableAssetPairsResponse]:
    """Return the trading rules of pairs.

    Args:
        client: makes the call.
        pair: pairs, separated by commas; all without it.
        info: which fields are asked for.

    Raises:
        KrakenAPIError: the exchange refused it.
        httpx.HTTPError, InvalidResponseModel: there is no reply, or none that can be read.
    """
    return Call(client, _get_kwargs(pair=pair, info=info), _parse_response)


sync, sync_detailed, asyncio, asyncio_detailed = four_forms(_call)
