"""`client.load_fees`, over real HTTPS.

The fees of the exchange are those of the spec's example of `AssetPairs`: takers pay 0.26 %, makers
0.16 %, and 0.24 % and 0.14 % from a volume of 50,000 on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.ws.helpers import BTC, ETH, RICH, tls_contexts

from kraken_connector.exceptions import InvalidParameter, RestError
from kraken_connector.rest import KrakenRest
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import AddOrderParams, InstrumentParams, KrakenWSClient, TokenManager

TAKER, MAKER = Decimal("0.26"), Decimal("0.16")


@asynccontextmanager
async def exchange(
    *, has_key: bool = True, **options: Any
) -> AsyncIterator[tuple[SimulatedExchange, KrakenWSClient]]:
    """An exchange with TLS, and a client of it that is not connected."""
    server, trust = tls_contexts("localhost", "127.0.0.1")
    plan: dict[str, Any] = {"symbols": [BTC, ETH, "KEEP/EUR"], "rate": 0, "balances": RICH}
    async with SimulatedExchange(ssl=server, rest_limits=False, **{**plan, **options}) as sim:
        key = (sim.api_key, sim.api_secret) if has_key else ()
        async with KrakenRest(*key, base_url=sim.rest_url, ssl=trust, proxy=False) as rest:
            tokens = TokenManager(rest) if has_key else None
            yield sim, KrakenWSClient(sim.url, rest=rest, token_manager=tokens, ssl=trust)


def calls_of(sim: SimulatedExchange, name: str) -> list[Any]:
    return [call for call in sim.rest.journal if call.name == name]


async def test_fees_of_the_account() -> None:
    async with exchange() as (_, client):
        loaded = await client.load_fees([BTC])
        fees = client.instruments.fees[BTC]
        assert loaded == {BTC: fees}
        assert not fees.is_list_price
        assert (fees.maker.percent, fees.taker.percent) == (MAKER, TAKER)
        assert (fees.maker.next_percent, fees.taker.next_percent) == (
            Decimal("0.14"),
            Decimal("0.24"),
        )
        assert fees.taker.next_volume == 50_000
        assert (fees.volume, fees.currency) == (0, "USD")
        assert fees.schedule == ()
        assert {ETH, "KEEP/EUR"}.isdisjoint(client.instruments.fees)


async def test_volume_of_thirty_days() -> None:
    async with exchange() as (sim, client):
        order = await sim.account.place(BTC, "buy", "0.1", limit_price="80000.0")
        await sim.account.fill(order, "0.1", "80000.0")
        fees = (await client.load_fees([BTC]))[BTC]
        assert fees.volume == 8000


async def test_schedule_has_all_tiers() -> None:
    async with exchange() as (_, client):
        tiers = (await client.load_fees([BTC, ETH], schedule=True))[ETH].schedule
        assert [tier.is_active for tier in tiers] == [True] + [False] * 8
        assert (tiers[0].maker_percent, tiers[-1].taker_percent) == (MAKER, Decimal("0.1"))


async def test_maker_may_get_a_rebate() -> None:
    def rebate(result: Any) -> Any:
        result["fees_maker"]["XXBTZUSD"]["fee"] = "-0.0050"
        return result

    async with exchange() as (sim, client):
        sim.faults.rewrite_calls(rebate, calls=("TradeVolume",))
        assert (await client.load_fees([BTC]))[BTC].maker.percent == Decimal("-0.0050")


async def test_pair_without_makers_has_one_fee() -> None:
    """Page "Get Trade Volume": such a pair is in `fees` only."""
    async with exchange() as (sim, client):
        sim.faults.rewrite_calls(
            lambda result: result | {"fees_maker": None}, calls=("TradeVolume",)
        )
        fees = (await client.load_fees([BTC]))[BTC]
        assert fees.maker is fees.taker
        assert fees.maker.percent == TAKER


async def test_margin_rules() -> None:
    async with exchange() as (sim, client):
        sim.faults.alter_calls(
            None, calls=("AssetPairs",), lot_multiplier=1000, long_position_limit=2**40
        )
        await client.load_fees([BTC, "KEEP/EUR"])
        margin = client.instruments.margin[BTC]
        # Raised to 20 in August 2026.
        assert margin.leverage_buy[-1] == margin.leverage_sell[-1] == 20
        assert (margin.margin_call, margin.margin_stop) == (80, 40)
        assert margin.long_position_limit == 2**40
        assert (margin.cost_precision, margin.lot_multiplier) == (5, 1000)
        assert margin.status == "online"
        without = client.instruments.margin["KEEP/EUR"]
        assert without.leverage_buy == ()
        assert without.short_position_limit is None


async def test_without_a_key_they_are_list_prices() -> None:
    async with exchange(has_key=False) as (sim, client):
        fees = (await client.load_fees([BTC]))[BTC]
        assert fees.is_list_price
        assert (fees.maker.percent, fees.taker.percent) == (MAKER, TAKER)
        assert (fees.taker.next_percent, fees.taker.next_volume) == (Decimal("0.24"), 50_000)
        assert (fees.maker.min_percent, fees.maker.max_percent) == (0, MAKER)
        assert (fees.volume, fees.currency) == (None, "USD")
        assert len(sim.rest.journal) == 1


async def test_list_prices_need_not_be_sorted() -> None:
    async with exchange(has_key=False) as (sim, client):
        sim.faults.alter_calls(calls=("AssetPairs",), fees=[[50, 0.2], [0, 0.3]], fees_maker=[])
        fees = (await client.load_fees([BTC]))[BTC]
        assert fees.taker.percent == Decimal("0.3")
        assert fees.maker == fees.taker


async def test_when_they_were_read_and_that_they_stay() -> None:
    async with exchange() as (sim, client):
        began = datetime.now(UTC)
        await client.load_fees([BTC])
        at = client.instruments.fees.loaded_at(BTC)
        assert began <= at <= datetime.now(UTC)
        assert client.instruments.margin.loaded_at(BTC) >= began
        sim.faults.refuse_calls("EGeneral:Permission denied", None, calls=("TradeVolume",))
        with pytest.raises(RestError, match="Permission denied"):
            await client.load_fees([BTC, ETH])
        assert client.instruments.fees.loaded_at(BTC) == at
        assert list(client.instruments.margin) == [BTC]
        assert repr(client.instruments.fees) == "<Loaded fees: 1 pairs>"


async def test_what_was_not_read_is_said() -> None:
    client = KrakenWSClient()
    with pytest.raises(KeyError, match=r"fees of BTC/USD are not loaded: call client.load_fees"):
        client.instruments.fees[BTC]
    with pytest.raises(KeyError, match="margin rules of BTC/USD are not loaded"):
        client.instruments.margin.loaded_at(BTC)
    assert client.instruments.fees.get(BTC) is None


async def test_pair_that_is_not_listed_is_named() -> None:
    async with exchange() as (_, client):
        with pytest.raises(InvalidParameter, match=r"\['NOT/LISTED'\]"):
            await client.load_fees([BTC, "NOT/LISTED"])
        assert BTC not in client.instruments.fees


@pytest.mark.parametrize("has_key", [True, False])
async def test_fee_that_was_not_told_is_an_error(has_key: bool) -> None:
    async with exchange(has_key=has_key) as (sim, client):
        call = "TradeVolume" if has_key else "AssetPairs"
        value: Any = None if has_key else []
        sim.faults.alter_calls(None, calls=(call,), fees=value)
        with pytest.raises(RestError, match=f"{call} failed: the reply has no fee of {BTC}"):
            await client.load_fees([BTC])
        assert BTC not in client.instruments.margin


async def test_requests_are_of_a_hundred_pairs_at_most() -> None:
    async with exchange(symbols=250) as (sim, client):
        symbols = sim.symbols
        loaded = await client.load_fees(symbols)
        assert list(loaded) == symbols
        for name in ("AssetPairs", "TradeVolume"):
            sizes = [
                len(one.params["pair"].split(","))
                for one in calls_of(sim, name)
                if "pair" in one.params
            ]
            assert sizes == [100, 100, 50]


async def test_all_pairs_by_default() -> None:
    async with exchange() as (sim, client):
        loaded = await client.load_fees()
        assert set(loaded) == set(sim.symbols)
        assert client.instruments.fees == loaded


async def test_tokenized_pairs() -> None:
    async with exchange(symbols=[BTC, "AAPLx/USD"]) as (_, client):
        loaded = await client.load_fees([BTC, "AAPLx/USD"])
        assert loaded["AAPLx/USD"].taker.percent == TAKER


async def test_stream_of_instruments_is_as_before() -> None:
    async with exchange() as (_, client):
        await client.load_fees([BTC])
        assert len(client.instruments) == 0
        async with client:
            await client.subscribe(InstrumentParams())
            assert set(client.instruments) == {BTC, ETH, "KEEP/EUR"}
            assert client.instruments[BTC].price_increment == pytest.approx(0.1)
            await client.add_order(AddOrderParams(BTC, "buy", "limit", "1", limit_price="100.0"))
            assert BTC in client.instruments.fees


async def test_fees_of_the_documented_example() -> None:
    """The spec's example of `TradeVolume`, whose schema spells some fields with underscores."""
    spelled = {"fee": "0.1000", "min_fee": "0.1000", "max_fee": "0.2600", "next_fee": None}
    volume = {"next_volume": None, "tier_volume": "10000000.0000"}

    def rewrite(result: Any) -> Any:
        result["volume"] = "200709587.4223"
        return result | {"fees": {"XXBTZUSD": spelled | volume}}

    async with exchange() as (sim, client):
        sim.faults.rewrite_calls(rewrite, calls=("TradeVolume",))
        fees = (await client.load_fees([BTC]))[BTC]
        assert fees.volume == Decimal("200709587.4223")
        assert (fees.taker.percent, fees.taker.next_percent) == (Decimal("0.1"), None)
        assert (fees.taker.tier_volume, fees.taker.next_volume) == (10_000_000, None)
