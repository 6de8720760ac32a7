"""The client's page, "Automatic reconnection"."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from typing import Any

import pytest
from tests.ws.helpers import (
    BTC,
    ETH,
    SOL,
    client_of,
    connected,
    eventually,
    find,
    find_channel,
    find_type,
    requests_of,
    tls_contexts,
    tokens_of,
)
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from kraken_connector.exceptions import BookNotReady, ConnectFailed, ConnectionLost, NotConnected
from kraken_connector.http import WebSocketToken
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    BalancesParams,
    BookParams,
    ConnectionState,
    ExecutionsParams,
    GapEvent,
    KrakenWSClient,
    SequenceGapEvent,
    TickerParams,
    TokenManager,
    TradeParams,
    WSRequest,
)
from kraken_connector.ws.network import connection
from kraken_connector.ws.network.backoff import ConnectBudget


async def reconnected(sim: SimulatedExchange, client: KrakenWSClient, times: int = 1) -> None:
    """Wait until the client has a new connection and everything replayed."""
    await sim.wait_for(lambda: sim.connections_total > times)
    await eventually(
        lambda: (
            client.state is ConnectionState.CONNECTED
            and all(entry.confirmed for entry in client.subscriptions.values())
        )
    )


async def collect(client: KrakenWSClient, messages: list[Any]) -> None:
    """Iterate to the end."""
    async with asyncio.timeout(10):
        async for message in client:
            messages.append(message)  # noqa: PERF401 (all that came before an exception)


class Budget(ConnectBudget):
    """Counts connections to the simulated exchange as if they went to the real one."""

    def reserve(self, url: str, now: float) -> float:
        return super().reserve("wss://ws.kraken.com/v2", now)


def reset(sim: SimulatedExchange) -> None:
    sim.faults.reset_connections()


def close(sim: SimulatedExchange) -> None:
    sim.faults.close_connections(1001, "going away")


def break_frames(sim: SimulatedExchange) -> None:
    sim.faults.send_bytes(b"\xff\xff\xff\xff")


@pytest.mark.parametrize("fail", [reset, close, break_frames])
async def test_network_errors_lead_to_a_new_connection(
    sim: SimulatedExchange, fail: Callable[[SimulatedExchange], None]
) -> None:
    async with connected(sim) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        fail(sim)
        await reconnected(sim, client)
        assert len(sim.connections) == 1


async def test_missing_pong_leads_to_a_new_connection(sim: SimulatedExchange) -> None:
    async with connected(sim, ping_interval=0.02, ping_timeout=0.05) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        sim.faults.swallow_pongs(1)
        await reconnected(sim, client)
        await sim.wait_for(lambda: len(sim.connections) == 1)


async def test_silence_leads_to_a_new_connection(sim: SimulatedExchange) -> None:
    async with connected(sim, heartbeat_timeout=0.2) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        sim.faults.silence_connections()
        await reconnected(sim, client)


async def test_all_tracked_channels_are_subscribed_again_in_batches(
    sim: SimulatedExchange,
) -> None:
    async with connected(sim, token_manager=tokens_of(sim)) as client:
        await client.subscribe(TickerParams(symbol=[BTC], event_trigger="bbo"))
        await client.subscribe(TickerParams(symbol=[ETH], event_trigger="bbo"))
        await client.subscribe(BookParams(symbol=[BTC], depth=25))
        await client.subscribe(TradeParams(symbol=[SOL], snapshot=True))
        await client.subscribe(BalancesParams(snapshot=True))
        reset(sim)
        await reconnected(sim, client)
        replayed = [r for r in sim.requests if r.connection == 2 and r.method == "subscribe"]
        assert {r.channel: (r.symbols, r.params.get("depth")) for r in replayed} == {
            "ticker": ((BTC, ETH), None),
            "book": ((BTC,), 25),
            "trade": ((SOL,), None),
            "balances": ((), None),
        }
        assert len(replayed) == 4


async def test_subscription_made_while_the_connection_is_down_is_replayed_with_the_others(
    sim: SimulatedExchange,
) -> None:
    async with connected(sim) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        sim.faults.refuse_connections(times=3)
        reset(sim)
        await eventually(lambda: client.state is ConnectionState.RECONNECTING)
        result = await client.subscribe(TickerParams(symbol=[ETH]))
        assert result.symbols == [ETH]
        assert [r.symbols for r in requests_of(sim) if r.connection == 2] == [(BTC, ETH)]


async def test_raw_requests_are_refused_while_the_connection_is_down(
    sim: SimulatedExchange,
) -> None:
    async with connected(sim, backoff_base=30.0, backoff_max=30.0) as client:
        reset(sim)
        await eventually(lambda: client.state is ConnectionState.RECONNECTING)
        with pytest.raises(NotConnected, match="reconnecting"):
            await client.send(WSRequest("ping"))


async def test_token_is_invalidated_and_fetched_again(sim: SimulatedExchange) -> None:
    async with connected(sim, token_manager=tokens_of(sim)) as client:
        await client.subscribe(ExecutionsParams(snap_orders=True))
        assert sim.tokens.issued == 1
        reset(sim)
        await reconnected(sim, client)
        assert sim.tokens.issued == 2
        first, second = (r.params["token"] for r in sim.requests if r.channel == "executions")
        assert first != second


async def test_token_call_that_fails_on_reconnect_is_repeated(sim: SimulatedExchange) -> None:
    async with connected(sim, token_manager=tokens_of(sim)) as client:
        await client.subscribe(ExecutionsParams(snap_orders=True))
        sim.faults.refuse_tokens("EService:Unavailable")
        reset(sim)
        await reconnected(sim, client)
        assert sim.rest.calls == 3


async def test_sequences_restart(sim: SimulatedExchange) -> None:
    async with connected(sim, token_manager=tokens_of(sim)) as client:
        await client.subscribe(ExecutionsParams(snap_orders=True))
        for _ in range(2):
            await sim.account.place(BTC, "buy", "0.1", limit_price="100")
        reset(sim)
        await reconnected(sim, client)
        await sim.account.place(BTC, "buy", "0.1", limit_price="101")
        seen: list[Any] = []
        await find(
            client,
            lambda m: (
                seen.append(m)
                or (
                    getattr(m, "channel", "") == "executions"
                    and any(item.limit_price == 101 for item in m.data)
                )
            ),
        )
        assert not [m for m in seen if isinstance(m, SequenceGapEvent)]


async def test_books_are_not_readable_until_a_new_snapshot_verified(
    sim: SimulatedExchange,
) -> None:
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        held = client.book(BTC)
        await eventually(lambda: held.is_valid)
        sim.faults.refuse_connections(times=None)
        reset(sim)
        await eventually(lambda: client.state is ConnectionState.RECONNECTING)
        with pytest.raises(BookNotReady):
            _ = held.best_bid
        sim.faults.clear()
        await eventually(lambda: held.is_valid)
        assert client.book(BTC) is held
        assert held.bids == sim.published(BTC)[-1].bids


async def test_iteration_blocks_while_reconnecting(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC]))
        snapshots = asyncio.create_task(_count_snapshots(client, 2))
        await eventually(lambda: not client.stats()["queued"])
        sim.faults.refuse_connections(times=2)
        reset(sim)
        await asyncio.wait_for(snapshots, 10)


async def _count_snapshots(client: KrakenWSClient, wanted: int) -> None:
    count = 0
    async for message in client:
        count += getattr(message, "channel", "") == "book" and message.type == "snapshot"  # type: ignore[union-attr]
        if count == wanted:
            return
    raise AssertionError("iteration ended")


async def test_zero_attempts_disable_reconnecting(sim: SimulatedExchange) -> None:
    async with connected(sim, max_reconnect_attempts=0) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        await eventually(lambda: client.stats()["queued"] == 2)
        reset(sim)
        await eventually(lambda: client.state is ConnectionState.DISCONNECTED)
        messages: list[Any] = []
        with pytest.raises(ConnectionLost):
            await collect(client, messages)
        kinds = [getattr(m, "channel", type(m).__name__) for m in messages]
        assert sorted(kinds) == ["GapEvent", "status", "ticker"]
        with pytest.raises(ConnectionLost):
            await client.receive()
        with pytest.raises(RuntimeError):
            await client.subscribe(TickerParams(symbol=[ETH]))
    assert sim.connections_total == 1


async def test_client_gives_up_when_its_attempts_run_out(sim: SimulatedExchange) -> None:
    async with connected(sim, max_reconnect_attempts=3) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        sim.faults.refuse_connections(times=None, status=502)
        reset(sim)
        await eventually(lambda: client.state is ConnectionState.RECONNECTING)
        waiting = asyncio.create_task(client.subscribe(TickerParams(symbol=[ETH])))
        with pytest.raises(ConnectFailed) as caught:
            await collect(client, [])
        assert client.state is ConnectionState.DISCONNECTED
        with pytest.raises(ConnectFailed):
            await client.receive()
        assert caught.value.attempts == 3
        assert "502" in caught.value.reason
        with pytest.raises(ConnectionError):
            await waiting
        assert client.gaps[-1].end_ns is None
        assert [entry.event for entry in sim.log].count("refused_connection") == 3


async def test_client_that_gave_up_keeps_its_subscriptions(sim: SimulatedExchange) -> None:
    tokens = tokens_of(sim)
    async with connected(sim, max_reconnect_attempts=0, token_manager=tokens) as client:
        await client.subscribe(BookParams(symbol=[BTC]), overflow="block")
        await client.subscribe(ExecutionsParams())
        book = client.book(BTC)
        await eventually(lambda: book.is_valid)
        for _ in range(2):
            reset(sim)
            await eventually(lambda: client.state is ConnectionState.DISCONNECTED)
            assert not book.is_valid
            queued = client.stats()["queues"]["private"]["queued"]
            assert queued > 0
            await client.connect()
            await client.subscribe(BookParams(symbol=[BTC]), overflow="block")
            await eventually(lambda: book.is_valid)
            await sim.wait_subscribed("executions")
            await eventually(lambda: client.gaps[-1].end_ns is not None)
            assert client.stats()["queues"]["private"]["queued"] > queued
        gaps = [(gap.cause, gap.channels, gap.end_ns is None) for gap in client.gaps]
        assert gaps == [("disconnect", ["book", "executions"], is_open) for is_open in (1, 0, 1, 0)]
        starts = [gap.start_ns for gap in client.gaps]
        assert starts[0] == starts[1] < starts[2] == starts[3]


async def test_client_that_cannot_connect_again_can_try_once_more(sim: SimulatedExchange) -> None:
    async with connected(sim, max_reconnect_attempts=0) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        reset(sim)
        await eventually(lambda: client.state is ConnectionState.DISCONNECTED)
        sim.faults.refuse_connections(status=502)
        with pytest.raises(ConnectFailed):
            await client.connect()
        await client.connect()
        await sim.wait_subscribed("ticker", BTC)
        await client.disconnect()
        await client.connect()
        assert client.subscriptions == {}


async def test_caller_decides_what_is_worth_another_attempt(sim: SimulatedExchange) -> None:
    def patient_with_502(error: BaseException) -> bool:
        return "502" in str(error)

    async with connected(sim, retryable=patient_with_502) as client:
        sim.faults.refuse_connections(times=2, status=502)
        reset(sim)
        await sim.wait_for(lambda: sim.connections_total == 2)
        sim.faults.refuse_connections(times=None, status=403)
        reset(sim)
        await eventually(lambda: client.state is ConnectionState.DISCONNECTED)
        messages: list[Any] = []
        with pytest.raises(ConnectFailed, match="403"):
            await collect(client, messages)
        assert messages


async def test_token_that_cannot_be_fetched_never_ends_the_client(sim: SimulatedExchange) -> None:
    manager = tokens_of(sim)
    async with connected(sim, token_manager=manager, max_reconnect_attempts=1) as client:
        await client.subscribe(ExecutionsParams())
        await client.subscribe(TickerParams(symbol=[BTC]))
        sim.faults.refuse_tokens("EAPI:Invalid key", times=1)
        for _ in range(3):
            before = sim.connections_total
            reset(sim)
            await sim.wait_for(lambda before=before: sim.connections_total > before)
            await eventually(lambda: sim.registry.count("ticker", BTC))
            await eventually(lambda: manager.next_call_in > 0)
        # `executions` is missing, the ticker is subscribed.
        assert client.state is ConnectionState.RECONNECTING
        # One for the first connection, and the refused one.
        assert sim.rest.calls == 2


async def test_iteration_ends_quietly_only_for_the_user_who_disconnects(
    sim: SimulatedExchange,
) -> None:
    async with connected(sim) as client:
        iterating = asyncio.create_task(collect(client, []))
        await asyncio.sleep(0)
        await client.disconnect()
        await iterating
    async with connected(sim, max_reconnect_attempts=1) as client:
        iterating = asyncio.create_task(collect(client, []))
        sim.faults.refuse_connections(times=None)
        reset(sim)
        with pytest.raises(ConnectFailed, match="503"):
            await iterating


async def test_close_code_of_a_policy_is_final(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        sim.faults.close_connections(1008, "policy violation")
        with pytest.raises(ConnectionLost, match="policy violation") as caught:
            await collect(client, [])
        assert caught.value.code == 1008
    assert sim.connections_total == 1


async def test_caller_may_go_on_after_a_close_code_of_a_policy(sim: SimulatedExchange) -> None:
    async with connected(sim, retryable=lambda error: True) as client:
        sim.faults.close_connections(1008, "policy violation")
        await reconnected(sim, client)


@pytest.mark.virtual_time
async def test_attempts_that_are_given_up_use_no_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "connect_budget", Budget(limit=1, window=60.0))
    async with SimulatedExchange(rate=0) as sim:
        async with connected(sim) as client:
            pass
        for _ in range(5):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await client.connect()
        async with asyncio.timeout(60):
            await client.connect()
        await client.disconnect()


async def ended(client: KrakenWSClient) -> Exception | None:
    """Wait until a client is disconnected, and return why it was."""
    try:
        await client.wait_closed()
    except (ConnectFailed, ConnectionLost) as error:
        return error
    return None


async def test_program_with_callbacks_alone_learns_of_the_end(sim: SimulatedExchange) -> None:
    received: list[Any] = []
    client = client_of(sim, on_message=received.append)
    assert await ended(client) is None
    await client.connect()
    waiting = [asyncio.create_task(ended(client)) for _ in range(2)]
    await asyncio.sleep(0)
    sim.faults.refuse_connections(times=None, status=403)
    reset(sim)
    for error in [*(await asyncio.gather(*waiting)), await ended(client)]:
        assert isinstance(error, ConnectFailed)
        assert error.status == 403
    # After connecting again it is not at its end.
    sim.faults.clear()
    await client.connect()
    again = asyncio.create_task(ended(client))
    await asyncio.sleep(0.01)
    assert not again.done()
    await client.disconnect()
    assert await again is None
    assert await ended(client) is None


async def test_wait_for_the_end_ends_when_no_connection_comes_about(
    sim: SimulatedExchange,
) -> None:
    client = client_of(sim)
    sim.faults.refuse_connections(times=None)
    connecting = asyncio.create_task(client.connect())
    await asyncio.sleep(0)
    waiting = asyncio.create_task(ended(client))
    with pytest.raises(ConnectFailed):
        await connecting
    assert await waiting is None


@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 1013, 3000, 4000])
async def test_other_close_codes_lead_to_a_new_connection(
    sim: SimulatedExchange, code: int
) -> None:
    async with connected(sim) as client:
        sim.faults.close_connections(code, "go")
        await reconnected(sim, client)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_handshake_that_is_refused_for_good_is_not_tried_again(
    sim: SimulatedExchange, status: int
) -> None:
    async with connected(sim) as client:
        sim.faults.refuse_connections(times=None, status=status)
        reset(sim)
        with pytest.raises(ConnectFailed) as caught:
            await collect(client, [])
        assert (caught.value.status, caught.value.attempts) == (status, 1)


@pytest.mark.virtual_time
async def test_pause_that_a_refusal_names_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    tried: list[float] = []

    async def refuse(*_: Any, **__: Any) -> Any:
        tried.append(loop.time())
        raise InvalidStatus(Response(429, "", Headers({"Retry-After": "120"})))

    async with SimulatedExchange(rate=0) as sim, connected(sim) as client:
        monkeypatch.setattr(connection, "open_socket", refuse)
        reset(sim)
        await eventually(lambda: len(tried) == 3, 1000)
        assert client.state is ConnectionState.RECONNECTING
    pauses = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert all(120 <= pause < 121 for pause in pauses)


@pytest.mark.parametrize("has_subscription", [False, True])
@pytest.mark.virtual_time
async def test_socket_that_soon_ends_again_and_again_gets_longer_pauses(
    has_subscription: bool,
) -> None:
    opened: list[float] = []
    now = asyncio.get_running_loop().time
    options = {"backoff_base": 0.5, "backoff_max": 30.0}
    async with SimulatedExchange(rate=0) as sim, connected(sim, **options) as client:

        async def end_each() -> None:
            for count in itertools.count(1):
                await sim.wait_for(lambda count=count: sim.connections_total >= count)
                opened.append(now())
                await asyncio.sleep(1)
                sim.faults.close_connections(1013, "try again later")

        ending = asyncio.create_task(end_each())
        if has_subscription:
            await client.subscribe(TickerParams(symbol=[BTC]))
        await asyncio.sleep(1000)
        ending.cancel()
        # The socket outlives the longest pause, so the next pause is short again.
        await eventually(lambda: client.state is ConnectionState.CONNECTED, 100)
        await asyncio.sleep(31)
        count, then = sim.connections_total, now()
        reset(sim)
        await sim.wait_for(lambda: sim.connections_total > count)
        assert now() - then < 1
    # 0.5 s, doubling up to 30 s, less a half at most.
    pauses = [later - earlier for earlier, later in itertools.pairwise(opened)]
    assert all(pause >= 15 for pause in pauses[7:])
    assert len(opened) < 75


async def test_refused_token_is_replaced_with_eager_tasks(sim: SimulatedExchange) -> None:
    class AtOnce:
        async def get_websockets_token(self) -> WebSocketToken:
            return WebSocketToken(sim.tokens.issue(), 900)

    factory = getattr(asyncio, "eager_task_factory", None)
    if factory is None:
        pytest.skip("needs Python 3.12")
    asyncio.get_running_loop().set_task_factory(factory)
    sim.tokens.expire_next()
    async with connected(sim, token_manager=TokenManager(AtOnce())) as client:
        await client.subscribe(ExecutionsParams())
        sim.tokens.expire_next()
        reset(sim)
        await reconnected(sim, client)
        assert sim.tokens.issued == 4
        sim.faults.refuse_connections(times=None, status=404)
        reset(sim)
        with pytest.raises(ConnectFailed):
            await collect(client, [])
        sim.faults.clear()
        await client.connect()
        await eventually(lambda: client.state is ConnectionState.CONNECTED)


async def test_success_resets_the_attempts(sim: SimulatedExchange) -> None:
    async with connected(sim, max_reconnect_attempts=2) as client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        for times in range(1, 5):
            reset(sim)
            await reconnected(sim, client, times)
            await find_type(client, GapEvent)


async def test_waiting_request_fails_when_the_connection_is_lost(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        sim.faults.swallow_acks(1)
        waiting = asyncio.create_task(client.subscribe(TickerParams(symbol=[BTC])))
        await sim.wait_for(lambda: sim.requests[-1:] and sim.requests[-1].method == "subscribe")
        reset(sim)
        with pytest.raises(ConnectionError, match="lost"):
            await waiting
        await sim.wait_for(lambda: sim.connections_total == 2)
        await client.subscribe(TickerParams(symbol=[BTC]))


async def test_gap_is_reported_to_the_consumer_and_kept(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        await client.subscribe(BookParams(symbol=[BTC, ETH]))
        reset(sim)
        gap = await find_type(client, GapEvent)
        assert (gap.cause, gap.channels, gap.symbols) == ("disconnect", ["book"], [BTC, ETH])
        assert gap.end_ns is not None
        assert gap.end_ns > gap.start_ns
        assert client.gaps == [gap]


async def test_untrusted_certificate_is_not_tried_again() -> None:
    server, trusting = tls_contexts("127.0.0.1")
    async with SimulatedExchange(symbols=[BTC], rate=0, ssl=server) as sim:
        with pytest.raises(ConnectFailed, match="certificate"):
            async with connected(sim):
                pass
        async with connected(sim, ssl=trusting) as client:
            await client.subscribe(TickerParams(symbol=[BTC]))
            assert (await find_channel(client, "ticker")).symbol == BTC


async def test_reconnecting_is_logged_with_its_reason(
    sim: SimulatedExchange, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="kraken_connector"):
        async with connected(sim) as client:
            await client.subscribe(TickerParams(symbol=[BTC]))
            close(sim)
            await reconnected(sim, client)
    assert any("going away" in record.getMessage() for record in caplog.records)


@pytest.mark.virtual_time
async def test_clients_of_a_process_share_what_the_exchange_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "connect_budget", Budget(limit=3, window=600))
    loop = asyncio.get_running_loop()
    start = loop.time()
    async with SimulatedExchange(rate=0) as sim, connected(sim) as one, connected(sim) as other:
        sim.faults.reset_connections()
        await sim.wait_for(lambda: sim.connections_total == 3)
        await sim.wait_for(lambda: sim.connections_total == 4, timeout=1000)
        assert loop.time() - start >= 600
        for client in (one, other):
            await eventually(lambda client=client: client.state is ConnectionState.CONNECTED)
