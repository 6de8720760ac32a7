"""Account channels over `/v2/private`: positions, margin, ledgers, preferences, balances."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.unified.helpers import (
    PF,
    client_of,
    last_params,
    limit_order,
    of_channel,
    receive,
)
from tests.ws.helpers import PATIENCE

from kraken_connector import GapEvent, SequenceGapEvent
from kraken_connector.exceptions import SubscriptionError, TradingError
from kraken_connector.sim.unified import SimulatedUnified
from kraken_connector.unified import (
    BalancesParams,
    ExecutionsParams,
    LedgersMessage,
    LedgersParams,
    MarginMessage,
    MarginParams,
    PositionsMessage,
    PositionsParams,
    PreferencesMessage,
    PreferencesParams,
    SetPreferenceParams,
    UnifiedClient,
)

ACCOUNT: list[Any] = [
    PositionsParams(),
    MarginParams(),
    LedgersParams(),
    PreferencesParams(),
    BalancesParams(),
    ExecutionsParams("derivatives"),
]


async def bought(sim: SimulatedUnified, client: UnifiedClient, qty: str = "0.01") -> None:
    """Buy a perpetual future."""
    reply = await client.add_order(limit_order(qty))
    sim.unified.fill(reply.order.order_id)


@pytest.mark.parametrize("params", ACCOUNT, ids=lambda params: params.channel)
async def test_each_account_channel_begins_ends_and_survives_a_reconnect(
    params: Any, sim: SimulatedUnified, client: UnifiedClient
) -> None:
    await client.subscribe(params)
    first = last_params(sim, "subscribe")
    assert client.connections["private"].url == sim.private_url
    if params.channel != "ledgers":
        await of_channel(client, params.channel)
    sim.faults.reset_connections()
    gap = await receive(client, lambda m: isinstance(m, GapEvent))
    assert gap.channels == [params.channel]
    assert last_params(sim, "subscribe") == first
    if params.channel != "ledgers":
        await of_channel(client, params.channel)
    await client.unsubscribe(params)
    assert not sim.registry.all()


async def test_positions_begin_with_all_and_go_on_with_the_changed_ones(
    sim: SimulatedUnified, client: UnifiedClient
) -> None:
    await bought(sim, client)
    await client.subscribe(PositionsParams())
    (position,) = PositionsMessage.of(await of_channel(client, "positions")).futures
    assert (position.symbol, position.size) == (PF, Decimal("0.01"))
    assert position.entry_price == 1000
    await bought(sim, client, "0.02")
    update = await of_channel(client, "positions")
    assert update.type == "update"
    assert PositionsMessage.of(update).futures[0].size == Decimal("0.03")


async def test_margin_figures_of_positions_come_on_request(
    sim: SimulatedUnified, client: UnifiedClient
) -> None:
    await bought(sim, client)
    await client.subscribe(PositionsParams(with_margin=True))
    (position,) = PositionsMessage.of(await of_channel(client, "positions")).futures
    assert position.extra["initial_margin"] == Decimal("12.5")


async def test_positions_that_do_not_fit_are_asked_for_again() -> None:
    async with SimulatedUnified(rate=0, most_positions=0) as sim, client_of(sim) as client:
        await bought(sim, client)
        await client.subscribe(PositionsParams())
        message = await of_channel(client, "positions")
        assert PositionsMessage.of(message).is_too_large
        assert client.state == "connected"
        sim.unified._most_positions = 1
        await client.unsubscribe(PositionsParams())
        await client.subscribe(PositionsParams())
        assert not PositionsMessage.of(await of_channel(client, "positions")).is_too_large


async def test_margin_has_two_sections_and_neither_is_a_snapshot(
    sim: SimulatedUnified, client: UnifiedClient
) -> None:
    await client.subscribe(MarginParams())
    first, second = [MarginMessage.of(await of_channel(client, "margin")) for _ in range(2)]
    assert (first.type, second.type) == ("multi_collateral", "single_collateral")
    await bought(sim, client)
    update = MarginMessage.of(await of_channel(client, "margin"))
    assert update.type == "multi_collateral"
    assert str(update.fields[0]["initial_margin"]) == "0.20"
    assert client.stats()["connections"][sim.private_url]["resyncs"] == 0


async def test_ledger_numbers_count_per_connection_not_per_subscription(
    sim: SimulatedUnified, client: UnifiedClient
) -> None:
    await client.subscribe(LedgersParams())
    await bought(sim, client)
    numbers = [(await of_channel(client, "ledgers")).sequence for _ in range(2)]
    await client.unsubscribe(LedgersParams())
    await client.subscribe(LedgersParams())
    await bought(sim, client)
    numbers += [(await of_channel(client, "ledgers")).sequence for _ in range(2)]
    assert numbers == [1, 2, 3, 4]
    assert client.gaps == []


async def test_a_lost_ledger_entry_is_reported_and_the_stream_goes_on(
    sim: SimulatedUnified, client: UnifiedClient
) -> None:
    await client.subscribe(LedgersParams())
    await bought(sim, client)
    await of_channel(client, "ledgers")
    sim.ledger_gap(3)
    subscribes = sum(request.method == "subscribe" for request in sim.requests)
    await bought(sim, client)
    event = await receive(client, lambda m: isinstance(m, SequenceGapEvent))
    assert (event.channel, event.expected, event.received) == ("ledgers", 3, 6)
    message = await of_channel(client, "ledgers")
    assert LedgersMessage.of(message).entries[0].extra["symbol"] == PF
    (gap,) = client.gaps
    assert (gap.cause, gap.channels) == ("sequence", ["ledgers"])
    assert gap.start_ns <= (gap.end_ns or 0)
    # Subscribing again would bring no entry back, and lose those that come meanwhile.
    assert sum(request.method == "subscribe" for request in sim.requests) == subscribes
    assert client.state == "connected"


async def test_ledger_numbers_start_anew_on_a_new_connection(
    sim: SimulatedUnified, client: UnifiedClient
) -> None:
    await client.subscribe(LedgersParams())
    await bought(sim, client)
    await of_channel(client, "ledgers")
    await of_channel(client, "ledgers")
    sim.faults.reset_connections()
    await receive(client, lambda m: isinstance(m, GapEvent))
    await bought(sim, client)
    assert (await of_channel(client, "ledgers")).sequence == 1
    assert [gap.cause for gap in client.gaps] == ["disconnect"]


async def test_the_permission_to_trade_futures_is_followed(
    sim: SimulatedUnified, client: UnifiedClient
) -> None:
    await client.subscribe(PreferencesParams())
    assert PreferencesMessage.of(await of_channel(client, "preferences")).permission == "enabled"
    sim.unified.set_permission("reduce_only")
    update = await of_channel(client, "preferences")
    assert (update.type, PreferencesMessage.of(update).permission) == ("update", "reduce_only")


async def test_preferences_that_are_not_available_yet_can_be_asked_for_again(
    sim: SimulatedUnified, client: UnifiedClient
) -> None:
    sim.unified.has_preferences = False
    with pytest.raises(SubscriptionError, match="not available yet, try again later"):
        await client.subscribe(PreferencesParams())
    sim.unified.has_preferences = True
    await client.subscribe(PreferencesParams())
    assert PreferencesMessage.of(await of_channel(client, "preferences")).permission == "enabled"


@pytest.mark.parametrize("channel", ["positions", "margin"])
async def test_a_connection_has_one_subscription_of_it(
    channel: str, sim: SimulatedUnified, client: UnifiedClient
) -> None:
    params: Any = PositionsParams() if channel == "positions" else MarginParams()
    await client.subscribe(params)
    sent = len(sim.requests)
    await client.subscribe(params)
    assert len(sim.requests) == sent
    if channel == "positions":
        with pytest.raises(SubscriptionError, match="one with_margin per channel"):
            await client.subscribe(PositionsParams(with_margin=True))
        assert len(sim.requests) == sent


async def test_a_lost_ack_is_taken_for_the_subscription_that_it_was(
    sim: SimulatedUnified,
) -> None:
    """`Already subscribed to margin channel` says that it is done."""
    async with client_of(sim, request_timeout=0.3) as client:
        await client.subscribe(BalancesParams())
        sim.faults.swallow_acks(1)
        with pytest.raises(TimeoutError):
            await client.subscribe(MarginParams())
        await sim.wait_for(lambda: sim.registry.count("margin") == 0, PATIENCE)
        await client.subscribe(MarginParams())


async def test_balances_are_those_of_the_spot_hosts(client: UnifiedClient) -> None:
    await client.track_balances()
    await client.subscribe(BalancesParams())
    await of_channel(client, "balances")
    assert client.balances["USD"] == 100_000


async def test_leverage_is_set_and_refused_with_the_text_of_the_page(
    sim: SimulatedUnified, client: UnifiedClient
) -> None:
    reply = await client.set_preference(SetPreferenceParams(PF, "2.5"))
    assert reply.success
    assert sim.unified.leverage == {PF: Decimal("2.5")}
    await client.set_preference(SetPreferenceParams(PF, None))
    assert sim.unified.leverage == {PF: None}
    with pytest.raises(TradingError, match=r"Unknown 'params\.leverage_mode\.symbol'"):
        await client.set_preference(SetPreferenceParams("PF_NONE", 2))
    with pytest.raises(TradingError, match="Leverage exceeds the market's margin schedule"):
        await client.set_preference(SetPreferenceParams(PF, 1000))


async def test_a_revoked_token_is_replaced_for_subscriptions_and_orders(
    sim: SimulatedUnified, client: UnifiedClient
) -> None:
    await client.subscribe(PreferencesParams())
    sim.faults.revoke_tokens()
    await client.subscribe(MarginParams())
    assert sim.tokens.issued == 2
    sim.faults.revoke_tokens()
    await client.cancel_all()
    assert sim.tokens.issued == 3


async def test_no_token_is_in_the_log_of_a_refusal(
    sim: SimulatedUnified, client: UnifiedClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await client.subscribe(PreferencesParams())
    token = sim.requests[-1].params["token"]
    sim.unified.has_preferences = False
    await client.unsubscribe(PreferencesParams())
    with pytest.raises(SubscriptionError) as refused:
        await client.subscribe(PreferencesParams())
    with pytest.raises(TradingError) as rejected:
        await client.set_preference(SetPreferenceParams("PF_NONE", 2))
    assert token not in caplog.text + repr(refused.value) + repr(rejected.value)
