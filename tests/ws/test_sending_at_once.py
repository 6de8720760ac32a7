"""`PreparedAmend.send`, `PreparedCancel.send` and `place`: sent within the call, without a task."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.ws.helpers import BTC, connected, eventually, tokens_of

from kraken_connector.exceptions import (
    ConnectionLost,
    InvalidParameter,
    NotConnected,
    OrderCheckFailed,
    OrderOutcomeUnknown,
    RateLimitExceeded,
    TradingError,
)
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    AddOrderParams,
    BookParams,
    ConnectionState,
    InstrumentParams,
    KrakenWSClient,
)
from kraken_connector.ws.network.websocket import FrameWriter

AMEND, CANCEL, ADD = b'"amend_order"', b'"cancel_order"', b'"add_order"'


def limit(**options: Any) -> AddOrderParams:
    return AddOrderParams(BTC, "buy", "limit", "0.10", limit_price="100.0", **options)


def prices(sim: SimulatedExchange) -> list[str]:
    """Return the prices of the amends that the exchange has received."""
    amends = (dict(request.params) for request in sim.requests if request.method == "amend_order")
    return [str(params["limit_price"]) for params in amends]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The frames that were given to sockets."""
    frames: list[bytes] = []
    write = FrameWriter.write

    def recorded(self: FrameWriter, payload: bytes) -> bool:
        taken = write(self, payload)
        if taken:
            frames.append(payload)
        return taken

    monkeypatch.setattr(FrameWriter, "write", recorded)
    return frames


@asynccontextmanager
async def trader(sim: SimulatedExchange, **options: Any) -> AsyncIterator[KrakenWSClient]:
    """Connect a client that has an order, `mine`, and so a token."""
    async with connected(sim, token_manager=tokens_of(sim), **options) as client:
        await client.add_order(limit(cl_ord_id="mine"))
        yield client


async def test_requests_are_written_before_the_call_returns(
    sim: SimulatedExchange, written: list[bytes]
) -> None:
    async with trader(sim) as client:
        amended = client.prepare_amend(cl_ord_id="mine").send(limit_price="101.0")
        assert AMEND in written[-1]
        assert (await amended).typed.cl_ord_id == "mine"
        assert str(client.orders["mine"].limit_price) == "101.0"
        placement = client.place(limit(cl_ord_id="other"))
        assert ADD in written[-1]
        assert (await placement).order is client.orders["other"]
        cancelled = client.prepare_cancel(cl_ord_id="mine").send()
        assert CANCEL in written[-1]
        assert (await cancelled).result == {"cl_ord_id": "mine"}


async def test_callback_amends_at_each_message(
    sim: SimulatedExchange, written: list[bytes]
) -> None:
    replies: list[asyncio.Future[Any]] = []
    async with trader(sim) as client:
        amend = client.prepare_amend(cl_ord_id="mine")

        def on_book(_: object) -> None:
            if len(replies) < 3 and all(reply.done() for reply in replies):
                replies.append(amend.send(limit_price=f"{101 + len(replies)}.0"))
                assert AMEND in written[-1]

        await client.subscribe(BookParams(symbol=[BTC]), callback=on_book)
        for count in (2, 3):
            await asyncio.wait(replies)
            await sim.step(BTC)
            await eventually(lambda count=count: len(replies) == count)  # type: ignore[misc]
        assert all(reply.success for reply in await asyncio.gather(*replies))
        assert prices(sim) == ["101.0", "102.0", "103.0"]
        assert client.stats()["callback_errors"] == 0


async def test_request_waits_for_the_answer_to_the_last_one(
    sim: SimulatedExchange, written: list[bytes]
) -> None:
    async with trader(sim) as client:
        amend = client.prepare_amend(cl_ord_id="mine")
        first, second = amend.send(limit_price="101.0"), amend.send(limit_price="102.0")
        assert sum(AMEND in frame for frame in written) == 1
        assert (await second).success
        assert first.done()
        assert prices(sim) == ["101.0", "102.0"]
        assert str(client.orders["mine"].limit_price) == "102.0"


async def test_request_waits_for_the_first_token(sim: SimulatedExchange) -> None:
    async with connected(sim, token_manager=tokens_of(sim)) as client:
        placement = client.place(limit(cl_ord_id="mine"))
        assert client.orders["mine"].status == "sending"
        assert (await placement).success


async def test_errors_are_those_of_a_call(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        await client.subscribe(InstrumentParams())
        await eventually(lambda: BTC in client.instruments)
        amend = client.prepare_amend(cl_ord_id="mine")
        with pytest.raises(InvalidParameter, match="order_qty"):
            amend.send(order_qty=0)
        with pytest.raises(OrderCheckFailed, match="limit_price"):
            await amend.send(limit_price="0.00000001")
        with pytest.raises(TradingError):
            await client.prepare_amend(cl_ord_id="another").send(limit_price="101.0")
        assert prices(sim) == ["101.0"]
        await client.disconnect()
        with pytest.raises(NotConnected):
            await amend.send(limit_price="102.0")


async def test_lost_reply_leaves_the_outcome_unknown(sim: SimulatedExchange) -> None:
    async with trader(sim, request_timeout=0.3) as client:
        sim.faults.lose_replies(1, method="amend_order")
        with pytest.raises(OrderOutcomeUnknown) as caught:
            await client.prepare_amend(cl_ord_id="mine").send(limit_price="101.0")
        assert caught.value.orders == (client.orders["mine"],)


@pytest.mark.parametrize("policy", ["report", "wait", "refuse"])
async def test_requests_are_counted_under_each_policy(sim: SimulatedExchange, policy: Any) -> None:
    async with trader(sim, rate_policy=policy) as client:
        before = client.rate_counter.count(BTC)
        assert (await client.prepare_amend(cl_ord_id="mine").send(limit_price="101.0")).success
        # An amend of an order younger than five seconds costs 1 and 3 (page "Spot trading rate
        # limits").
        assert round(client.rate_counter.count(BTC) - before) == 4


async def test_no_room_in_the_rate_limit(sim: SimulatedExchange) -> None:
    async with trader(sim, rate_policy="refuse") as client:
        amend = client.prepare_amend(cl_ord_id="mine")
        refused = None
        for number in range(100):
            try:
                await amend.send(limit_price=f"{100 + number % 7}.5")
            except RateLimitExceeded as error:
                refused = error
                break
        assert refused is not None
        assert refused.method == "amend_order"


async def test_request_that_was_not_written_is_withdrawn_when_it_is_cancelled(
    sim: SimulatedExchange, written: list[bytes]
) -> None:
    async with trader(sim) as client:
        before = client.rate_counter.count(BTC)
        connection = client._trader.connection
        assert connection is not None
        assert connection._socket is not None
        connection._socket.pause_writing()
        # The library takes the first frame and holds it.
        held = client.prepare_cancel(cl_ord_id="another").send()
        await eventually(lambda: not connection.session.outgoing)
        count = len(written)
        amended = client.prepare_amend(cl_ord_id="mine").send(limit_price="101.0")
        assert amended.cancel()
        await asyncio.sleep(0)
        assert not connection.session.outgoing
        assert not client.orders["mine"].is_busy
        connection._socket.resume_writing()
        with pytest.raises(TradingError, match="Unknown order"):
            await held
        assert prices(sim) == []
        assert len(written) == count
        assert client.rate_counter.count(BTC) <= before


async def test_cancelled_reply_still_updates_the_order(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        client.prepare_amend(cl_ord_id="mine").send(limit_price="101.0").cancel()
        await eventually(lambda: str(client.orders["mine"].limit_price) == "101.0")


async def test_request_ends_in_the_step_in_which_its_reply_is_cancelled(
    sim: SimulatedExchange,
) -> None:
    async with trader(sim) as client:
        before = client.rate_counter.count(BTC)
        reply = client.prepare_amend(cl_ord_id="mine").send(limit_price="101.0")
        reply.cancel()
        assert client._trader.connection is not None
        trading = client._trader.connection.session.trading
        trading.connection_lost(ConnectionLost("wss://x", "lost"))
        await asyncio.sleep(0)
        assert reply.cancelled()
        assert not trading._out
        assert round(client.rate_counter.count(BTC) - before) == 4


async def test_error_that_nobody_asks_for_is_logged(
    sim: SimulatedExchange, caplog: pytest.LogCaptureFixture
) -> None:
    async with trader(sim) as client:
        with caplog.at_level(logging.ERROR, "asyncio"):
            reply = client.prepare_amend(cl_ord_id="another").send(limit_price="101.0")
            await eventually(reply.done)
            del reply
            gc.collect()
        assert "never retrieved" in caplog.text
        caplog.clear()
        with caplog.at_level(logging.ERROR, "asyncio"):
            order = client.place(
                AddOrderParams(BTC, "buy", "limit", "1e6", limit_price="1e6")
            ).order
            assert order is not None
            await eventually(lambda: order.is_done)
            gc.collect()
        assert isinstance(order.error, TradingError)
        # The order has it too.
        assert "never retrieved" not in caplog.text


async def test_lost_connection_fails_what_waits(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        sim.faults.reset_connections()
        await eventually(lambda: client.state is not ConnectionState.CONNECTED)
        with pytest.raises(NotConnected):
            await client.prepare_amend(cl_ord_id="mine").send(limit_price="101.0")


def test_no_event_loop_runs() -> None:
    amend = KrakenWSClient().prepare_amend(order_id="O1")
    with pytest.raises(RuntimeError, match="no running event loop"):
        amend.send(limit_price="101.0")
