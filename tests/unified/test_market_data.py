"""Public channels over `/v2/public`."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unified.helpers import DERIVATIVES, PF, client_of, last_params, of_channel, receive
from tests.ws.helpers import PATIENCE

from kraken_connector import GapEvent
from kraken_connector.exceptions import SubscriptionError
from kraken_connector.models import InstrumentPair
from kraken_connector.sim.unified import DERIVATIVES as MARKETS
from kraken_connector.sim.unified import SimulatedUnified
from kraken_connector.unified import (
    AssetClass,
    BookParams,
    InstrumentParams,
    Level3Params,
    OHLCParams,
    TickerParams,
    TickType,
    TradeParams,
    UnifiedClient,
)


def book(*symbols: str, depth: int = 10) -> BookParams:
    return BookParams(list(symbols) or [PF], asset_class=DERIVATIVES, depth=depth)


async def test_a_derivatives_book_is_verified(sim: SimulatedUnified, client: UnifiedClient) -> None:
    await client.subscribe(book(depth=25))
    await sim.step(PF, 20)
    for _ in range(21):
        message = await of_channel(client, "book")
        assert message.verified
    ours, theirs = client.book(PF), sim.published(PF, 25)[-1]
    assert (list(ours.bids), list(ours.asks)) == (theirs.bids, theirs.asks)
    assert ours.checksum() == theirs.checksum
    assert client.connections["public"].url == sim.public_url


async def test_a_book_that_fails_its_checksum_is_resynced_with_its_class(
    sim: SimulatedUnified, client: UnifiedClient
) -> None:
    await client.subscribe(book())
    await of_channel(client, "book")
    sim.faults.corrupt_checksums(PF, 1)
    await sim.step(PF)
    message = await receive(client, lambda m: getattr(m, "type", None) == "snapshot")
    assert message.verified
    assert last_params(sim, "unsubscribe")["asset_class"] == DERIVATIVES
    assert last_params(sim, "subscribe")["asset_class"] == DERIVATIVES


PUBLIC: list[Any] = [
    book(),
    TickerParams([PF], asset_class=DERIVATIVES),
    TradeParams([PF], asset_class=DERIVATIVES, snapshot=True),
    OHLCParams([PF], asset_class=DERIVATIVES, tick_type="mark"),
    InstrumentParams(DERIVATIVES),
    Level3Params([PF], asset_class=DERIVATIVES),
]


@pytest.mark.parametrize("params", PUBLIC, ids=lambda params: params.channel)
async def test_each_public_channel_begins_ends_and_survives_a_reconnect(
    params: Any, sim: SimulatedUnified, client: UnifiedClient
) -> None:
    await client.subscribe(params)
    assert (await of_channel(client, params.channel)).type == "snapshot"
    first = last_params(sim, "subscribe")
    sim.faults.reset_connections()
    gap = await receive(client, lambda m: isinstance(m, GapEvent))
    assert gap.channels == [params.channel]
    assert last_params(sim, "subscribe") == first
    await client.unsubscribe(params)
    assert not sim.registry.all()
    assert client.subscriptions == {}


async def test_subscriptions_are_keyed_by_asset_class() -> None:
    pairs = [*MARKETS.values(), "BTC/USD"]
    async with SimulatedUnified(rate=0, symbols=pairs) as sim, client_of(sim) as client:
        await client.subscribe(book())
        await client.subscribe(BookParams(["BTC/USD"], asset_class="spot"))
        classes = [dict(key)["asset_class"] for key in client.subscriptions]
        assert classes == ["derivatives", "spot"]
        with pytest.raises(KeyError, match="PF_XBTUSD"):
            await client.unsubscribe(BookParams([PF], asset_class="spot"))
        with pytest.raises(SubscriptionError, match="has one asset_class per symbol"):
            await client.subscribe(BookParams([PF], asset_class="spot"))
        await client.unsubscribe(book())
        assert [entry.params.symbols for entry in client.subscriptions.values()] == [("BTC/USD",)]


async def test_a_channel_without_symbols_has_one_class_on_a_connection(
    sim: SimulatedUnified, client: UnifiedClient
) -> None:
    await client.subscribe(InstrumentParams(DERIVATIVES))
    sent = len(sim.requests)
    with pytest.raises(SubscriptionError, match="has one asset_class per channel"):
        await client.subscribe(InstrumentParams("spot"))
    assert len(sim.requests) == sent


async def test_candles_of_a_market_and_interval_have_one_tick_type(client: UnifiedClient) -> None:
    await client.subscribe(OHLCParams([PF], asset_class=DERIVATIVES))
    with pytest.raises(SubscriptionError, match="subscribed with tick_type trade"):
        await client.subscribe(OHLCParams([PF], asset_class=DERIVATIVES, tick_type="mark"))
    await client.subscribe(OHLCParams([PF], asset_class=DERIVATIVES, interval=5, tick_type="mark"))


async def test_reference_data_with_unknown_fields_is_kept(client: UnifiedClient) -> None:
    await client.subscribe(InstrumentParams(DERIVATIVES))
    await of_channel(client, "instrument")
    pair = client.instruments[PF]
    assert isinstance(pair, InstrumentPair)
    assert pair.extra["contract_size"] == 1
    assert pair.status is None


async def test_members_of_the_enums_are_sent_as_their_values(
    sim: SimulatedUnified, client: UnifiedClient
) -> None:
    params = OHLCParams([PF], asset_class=AssetClass.DERIVATIVES, tick_type=TickType.MARK)
    await client.subscribe(params)
    sent = last_params(sim, "subscribe")
    assert (sent["asset_class"], sent["tick_type"]) == ("derivatives", "mark")
    await client.unsubscribe(OHLCParams([PF], asset_class="derivatives", tick_type="mark"))
    assert client.subscriptions == {}


async def test_orders_can_be_cancelled_without_market_data(sim: SimulatedUnified) -> None:
    client = client_of(sim)
    await client.connect(hosts=["private"])
    assert list(client.connections) == ["private"]
    assert (await client.cancel_all()).success
    await client.disconnect()
    await client.wait_closed()


async def test_a_refused_symbol_is_named(client: UnifiedClient) -> None:
    with pytest.raises(SubscriptionError) as refused:
        await client.subscribe(book("PF_NONE"))
    assert list(refused.value.rejected) == ["PF_NONE"]


async def test_a_callback_and_iteration_work_as_on_the_spot_hosts(
    sim: SimulatedUnified, client: UnifiedClient
) -> None:
    called: list[Any] = []
    await client.subscribe(TickerParams([PF], asset_class=DERIVATIVES), callback=called.append)
    await client.subscribe(TradeParams([PF], asset_class=DERIVATIVES))
    await sim.trade(PF, "buy", "0.001")
    async for message in client:
        if getattr(message, "channel", None) == "trade":
            break
    await sim.wait_for(lambda: len(called) >= 2, PATIENCE)
    assert {message.channel for message in called} == {"ticker"}
