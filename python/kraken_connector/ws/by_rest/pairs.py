"""Reads pairs and their fees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NoReturn

from ...exceptions import InvalidParameter, RestError
from ...models.rest.account import PairFee, TradeVolume
from ...models.rest.market import AssetPair, ListedFee
from ...rest.client import KrakenRest
from ...rest.public import AssetClass
from ..account.fees import TradingFees

__all__ = ["listed_pairs", "pairs_with_fees"]

#: Pairs of one call. No page has a limit; this keeps a request below 2 kB.
PAIRS_PER_CALL: Final = 100
CLASSES: Final[tuple[AssetClass | None, ...]] = (None, "tokenized_asset")
UNKNOWN_PAIR: Final = "EQuery:Unknown asset pair"


async def listed_pairs(rest: KrakenRest, symbols: Sequence[str]) -> dict[str, AssetPair]:
    """Return those of some pairs that the exchange lists.

    Raises:
        RestError: a call failed.
    """
    found: dict[str, AssetPair] = {}
    for asset_class in CLASSES:
        names = [one for one in symbols if _is_tokenized(one) == (asset_class is not None)]
        for some in _parts(names):
            found |= await _listed(rest, some, asset_class)
    return {symbol: found[symbol] for symbol in symbols if symbol in found}


async def _listed(
    rest: KrakenRest, symbols: Sequence[str], asset_class: AssetClass | None
) -> dict[str, AssetPair]:
    try:
        return await rest.asset_pairs(symbols, asset_class=asset_class)
    except RestError as error:
        if error.code != UNKNOWN_PAIR:
            raise
    # The exchange refuses a call for one unknown pair, and does not say which.
    return {} if len(symbols) == 1 else await rest.asset_pairs(asset_class=asset_class)


async def pairs_with_fees(
    rest: KrakenRest, symbols: Sequence[str] | None, *, schedule: bool
) -> tuple[dict[str, AssetPair], dict[str, TradingFees]]:
    """Return pairs and their fees, both by symbol.

    Args:
        rest: makes the calls; without an API key the fees are list prices.
        symbols: which pairs; `None` for all.
        schedule: whether to return all tiers.

    Raises:
        InvalidParameter: the exchange does not list one of the pairs.
        RestError: a call failed, or the reply has no fee of one of `symbols`.
    """
    if symbols is None:
        pairs = await rest.asset_pairs()
    else:
        pairs = await listed_pairs(rest, symbols)
        if missing := [symbol for symbol in symbols if symbol not in pairs]:
            raise InvalidParameter("symbols", "pairs that the exchange lists", missing)
    fees: dict[str, TradingFees] = {}
    if rest.has_key:
        for some in _parts(list(pairs)):
            fees |= _fees(some, await rest.trade_volume(some, fee_schedule=schedule))
    else:
        fees |= {symbol: found for symbol in pairs if (found := _list_price(pairs[symbol]))}
    for symbol in symbols or ():
        if symbol not in fees:
            _refuse(symbol, "TradeVolume" if rest.has_key else "AssetPairs")
    return pairs, fees


def _fees(symbols: Sequence[str], reply: TradeVolume) -> dict[str, TradingFees]:
    """Return the account's fees; pairs without a fee for makers have one fee for all."""
    return {
        symbol: TradingFees(
            symbol,
            maker=reply.fees_maker.get(symbol, taker),
            taker=taker,
            is_list_price=False,
            volume=reply.volume,
            currency=reply.currency,
            schedule=reply.schedules[symbol].tiers if symbol in reply.schedules else (),
        )
        for symbol in symbols
        if (taker := reply.fees.get(symbol)) is not None
    }


def _list_price(pair: AssetPair) -> TradingFees | None:
    """Return the public fees of a pair for an account without volume."""
    if not pair.fees:
        return None
    taker = _first_step(pair.fees)
    return TradingFees(
        pair.symbol,
        maker=_first_step(pair.fees_maker) if pair.fees_maker else taker,
        taker=taker,
        is_list_price=True,
        volume=None,
        currency=pair.fee_volume_currency,
    )


def _first_step(steps: Sequence[ListedFee]) -> PairFee:
    """Return the fee of the lowest volume of a price list."""
    first, *others = sorted(steps, key=lambda step: step.volume)
    percents = [step.percent for step in steps]
    return PairFee(
        percent=first.percent,
        min_percent=min(percents),
        max_percent=max(percents),
        next_percent=others[0].percent if others else None,
        tier_volume=first.volume,
        next_volume=others[0].volume if others else None,
        raw={},
    )


def _is_tokenized(symbol: str) -> bool:
    """Return whether the base is a tokenized asset, whose name ends in a small x: `TSLAx/USD`."""
    return symbol.partition("/")[0].endswith("x")


def _parts(symbols: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(symbols), PAIRS_PER_CALL):
        yield symbols[first : first + PAIRS_PER_CALL]


def _refuse(symbol: str, call: str) -> NoReturn:
    raise RestError(call, f"the reply has no fee of {symbol}", status=200, kind="other")
