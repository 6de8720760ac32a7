"""Orders under faults: whatever the client says about one is true, and none is sent twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable

import pytest
from tests.ws.helpers import BTC, connected, eventually, tokens_of

from kraken_connector.exceptions import (
    KrakenConnectorError,
    OrderOutcomeUnknown,
    TradingError,
)
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    AddOrderParams,
    ConnectionState,
    KrakenWSClient,
    TradingReply,
    WSResponse,
)

STEPS = 25
AT_ONCE = 3


def faults_of(sim: SimulatedExchange) -> list[Callable[[], object]]:
    faults = sim.faults
    return [
        lambda: None,
        faults.lose_replies,
        faults.lose_requests,
        faults.cut_before_reply,
        faults.duplicate_replies,
        faults.revoke_tokens,
        faults.refuse_tokens,
        faults.reset_connections,
        faults.close_connections,
        lambda: faults.lose_requests(cut=True),
        lambda: faults.delay_replies(0.05),
        lambda: faults.delay_requests(0.05),
        lambda: faults.strand_requests(0.05),
        lambda: faults.scatter_requests(0.05, AT_ONCE),
        lambda: faults.scatter_replies(0.05, AT_ONCE),
        faults.overtake_replies,
        faults.fail_replies,
        lambda: faults.fail_replies("EGeneral:Internal error"),
        lambda: faults.refuse_orders("EGeneral:Internal error"),
    ]


async def add(client: KrakenWSClient, name: str) -> object:
    """Return what the client says about one order."""
    params = AddOrderParams(BTC, "buy", "limit", "0.001", limit_price="1000.0", cl_ord_id=name)
    try:
        return await client.add_order(params)
    except KrakenConnectorError as error:
        return error


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_said_about_orders_is_true(seed: int) -> None:
    chance = random.Random(seed)
    said: dict[str, object] = {}
    async with SimulatedExchange(
        symbols=[BTC], rate=0, heartbeat_interval=0.05, tier="pro", seed=seed
    ) as sim:
        faults = faults_of(sim)
        options = {"token_manager": tokens_of(sim), "request_timeout": 0.15}
        async with connected(sim, max_reconnect_attempts=100, **options) as client:
            for step in range(STEPS):
                names = [f"{step}-{add}" for add in range(AT_ONCE)]
                tasks = [asyncio.create_task(add(client, name)) for name in names]
                if chance.random() < 0.5:
                    await asyncio.sleep(0)
                chance.choice(faults)()
                said.update(zip(names, await asyncio.gather(*tasks), strict=True))
                await eventually(lambda: client.state is ConnectionState.CONNECTED)
        there = {order.client_id["cl_ord_id"] for order in sim.account.orders.values()}
        arrived = Counter(
            request.params["cl_ord_id"] for request in sim.requests if request.method == "add_order"
        )
    assert set(arrived.values()) <= {1}
    for name, outcome in said.items():
        if isinstance(outcome, WSResponse):
            assert name in there
        elif isinstance(outcome, TradingError):
            assert name not in there
        elif not isinstance(outcome, OrderOutcomeUnknown):
            assert name not in arrived
    assert len(said) == STEPS * AT_ONCE
    # Some were answered, and some were not.
    assert {type(outcome) for outcome in said.values()} >= {TradingReply, OrderOutcomeUnknown}
