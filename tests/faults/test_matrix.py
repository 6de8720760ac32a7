"""Each fault of the simulator: no wrong book is valid, each gap is reported, no report is lost."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests import patience, virtual
from tests.faults.scene import Scene, scene
from tests.marks import long
from tests.ws.helpers import BTC, ETH, PATIENCE, eventually

from kraken_connector._backend import ThreadReader, TlsConfig
from kraken_connector.exceptions import ConnectFailed
from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.rules import Rule
from kraken_connector.ws import (
    ConnectionState,
    KrakenWSClient,
    OHLCParams,
    StreamStaleEvent,
    TickerParams,
)

Break = Callable[[Scene], object]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One line of the matrix.

    Attributes:
        name: of the test.
        act: brings the fault about.
        causes: required in `client.gaps`; if empty, it has none unless the socket was lost.
        until: waits for the fault's effect before the exchange is well again.
        options: arguments of the client.
        repeats: whether the exchange itself repeats order reports.
    """

    name: str
    act: Break
    causes: frozenset[str] = frozenset()
    until: Callable[[Scene], object] = lambda _: True
    options: dict[str, Any] = field(default_factory=dict)
    repeats: bool = False


def fault(name: str, act: Break, *causes: str, **options: Any) -> Fault:
    """Return a line whose effect is that its causes are in `client.gaps`."""
    if "until" not in options:
        options["until"] = lambda scene: set(causes) <= scene.causes
    return Fault(name=name, act=act, causes=frozenset(causes), **options)


def reset(before: Break) -> Break:
    """Return a fault that meets a reconnecting client."""

    def act(scene: Scene) -> object:
        rule = before(scene)
        scene.sim.faults.reset_connections()
        return rule

    return act


def limit_messages(scene: Scene) -> None:
    scene.sim.message_limit = 3  # one of them is a ping


def only_pongs(scene: Scene) -> None:
    scene.sim.faults.stop_heartbeats()


def unknown_things(scene: Scene) -> None:
    for text in (
        '{"channel":"weather","type":"update","data":[{"sun":1}]}',
        '{"channel":"status","type":"update","data":[{"system":"dancing","api_version":"v2"}]}',
        '{"method":"applaud","success":true,"result":{},"time_in":"","time_out":""}',
    ):
        scene.sim.faults.send_text(text)


async def maintenance(scene: Scene) -> None:
    faults = scene.sim.faults
    faults.set_system("maintenance", upcoming_maintenance=[{"from": "now"}], connection_id=False)
    await eventually(lambda: scene.client.system_status == "maintenance")
    assert scene.client.upcoming_maintenance == [{"from": "now"}]
    faults.refuse_connections(3, status=503)
    faults.close_connections(1012, "maintenance")
    faults.set_system("online")


async def lose_update(scene: Scene) -> None:
    # Of a level that the next update says nothing about.
    (bid, bid_qty), (ask, ask_qty) = (
        side[0] for side in (scene.client.book(BTC).bids, scene.client.book(BTC).asks)
    )
    scene.sim.faults.drop_updates(BTC)
    await scene.sim.publish(BTC, bids=[(bid, bid_qty + 1)])
    await scene.sim.publish(BTC, asks=[(ask, ask_qty + 1)])


async def flood(scene: Scene) -> None:
    await scene.sim.step(BTC, 300)


async def mute_book(scene: Scene) -> None:
    """A book stops while the other one moves; only its bound shows it, and its user acts."""
    scene.sim.faults.mute_streams(channel="book", symbol=BTC)
    async with asyncio.timeout(PATIENCE):
        while not scene.streams_now[f"book {BTC}"]["is_stale"]:
            await scene.sim.step(ETH)
            await asyncio.sleep(0.02)
    assert not scene.streams_now[f"book {ETH}"]["is_stale"]
    assert scene.state(BTC) == "valid"
    await scene.client.resync(BTC)
    assert not scene.streams_now[f"book {BTC}"]["is_stale"]


async def mute_candles(scene: Scene) -> None:
    """Candles are accepted and do not come; the client subscribes again, and they do."""
    scene.sim.faults.mute_subscriptions(channel="ohlc", symbol=BTC)
    await scene.client.subscribe(OHLCParams(symbol=[BTC, ETH]))
    await eventually(lambda: scene.streams_now[f"ohlc {BTC} 1"]["age"] is not None)
    assert not scene.streams_now[f"ohlc {BTC} 1"]["is_stale"]
    (event,) = [event for event in scene.events if isinstance(event, StreamStaleEvent)]
    assert (event.channel, event.symbol, event.interval) == ("ohlc", BTC, 1)


#: Without a symbol, so that it may have been of any book.
NAMELESS = '{"channel":"book","type":"update","data":[{"bids":[],"asks":[],"checksum":0}]}'

FAULTS = [
    fault("reset", lambda s: s.sim.faults.reset_connections(), "disconnect"),
    *(
        fault(
            f"close {code}", lambda s, code=code: s.sim.faults.close_connections(code), "disconnect"
        )
        for code in (1000, 1001, 1006, 1011, 1012, 1013)
    ),
    fault("half-open", lambda s: s.sim.faults.silence_connections(), "disconnect"),
    fault("no pong", lambda s: s.sim.faults.swallow_pongs(), "disconnect"),
    fault("late pongs", lambda s: s.sim.faults.delay_pongs(0.05)),
    fault("pongs and nothing else", only_pongs, "disconnect"),
    *(
        fault(
            f"handshake {status}",
            reset(lambda s, status=status: s.sim.faults.refuse_connections(2, status=status)),
            "disconnect",
        )
        for status in (429, 502, 503, None)
    ),
    fault(
        "handshake without answer",
        reset(lambda s: s.sim.faults.ignore_connections()),
        "disconnect",
        options={"open_timeout": 0.2},
    ),
    fault("stall mid-frame", lambda s: s.sim.faults.stall_mid_frame(BTC), "disconnect"),
    fault("cut mid-frame", lambda s: s.sim.faults.cut_mid_frame(BTC), "disconnect"),
    fault(
        "cut mid-snapshot",
        reset(lambda s: s.sim.faults.cut_mid_frame(BTC, type="snapshot")),
        "disconnect",
    ),
    fault("byte by byte", lambda s: s.sim.faults.dribble_updates(BTC, 3)),
    fault("fragments", lambda s: s.sim.faults.fragment_updates(BTC, 3)),
    fault("binary frames", lambda s: s.sim.faults.binary_updates(BTC, 3)),
    fault("compressed frame", lambda s: s.sim.faults.compress_updates(BTC), "disconnect"),
    fault("64 MiB frame", lambda s: s.sim.faults.send_huge_frame(), "disconnect"),
    fault("deep nesting", lambda s: s.sim.faults.send_text("[" * 100_000), "unreadable"),
    fault("sentence of a proxy", lambda s: s.sim.faults.send_text("Bad gateway"), "unreadable"),
    fault("malformed book", lambda s: s.sim.faults.truncate_updates(BTC), "resync"),
    fault(
        "malformed executions",
        lambda s: s.sim.faults.truncate_updates(None, channel="executions"),
        "sequence",
    ),
    fault("unknown things", unknown_things),
    fault("lost update", lose_update, "resync"),
    fault("repeated update", lambda s: s.sim.faults.duplicate_updates(BTC)),
    fault("updates swapped", lambda s: s.sim.faults.swap_updates(BTC), "resync"),
    fault("wrong checksum once", lambda s: s.sim.faults.corrupt_checksums(BTC), "resync"),
    fault(
        "wrong checksum of a snapshot",
        reset(lambda s: s.sim.faults.corrupt_checksums(BTC, snapshots=True)),
        "disconnect",
        "resync",
    ),
    fault("no checksum", lambda s: s.sim.faults.lose_checksums(BTC), "resync"),
    fault(
        "no checksum of a snapshot",
        reset(lambda s: s.sim.faults.lose_checksums(BTC, type="snapshot")),
        "disconnect",
        "resync",
    ),
    fault("checksum of the wrong type", lambda s: s.sim.faults.garble_checksums(BTC), "resync"),
    fault("corrupted update", lambda s: s.sim.faults.corrupt_updates(BTC), "resync"),
    fault("book message without a name", lambda s: s.sim.faults.send_text(NAMELESS), "resync"),
    fault("crossed book", lambda s: s.sim.faults.cross_book(BTC)),
    fault(
        "lost snapshot",
        reset(lambda s: s.sim.faults.lose_snapshots(BTC)),
        "disconnect",
        "resync",
    ),
    fault(
        "lost snapshot of the account",
        reset(lambda s: s.sim.faults.lose_snapshots(None, channel="executions")),
        "disconnect",
        "resync",
    ),
    fault(
        "mute book",
        reset(lambda s: s.sim.faults.mute_subscriptions(channel="book", symbol=BTC)),
        "disconnect",
        "resync",
    ),
    fault(
        "mute account",
        reset(lambda s: s.sim.faults.mute_subscriptions(channel="executions")),
        "disconnect",
        "resync",
    ),
    fault("book that stops", mute_book, "resync", options={"stale_after": 0.3}),
    fault("mute candles", mute_candles, "resync"),
    fault("sequence jump", lambda s: s.sim.faults.skip_sequence("executions"), "sequence"),
    fault(
        "lost report",
        lambda s: s.sim.faults.drop_updates(None, channel="executions"),  # type: ignore[arg-type]
        "sequence",
    ),
    fault(
        "repeated report",
        lambda s: s.sim.faults.duplicate_updates(None, channel="executions"),  # type: ignore[arg-type]
        "sequence",
        repeats=True,
    ),
    fault("lost acks", reset(lambda s: s.sim.faults.swallow_acks(2)), "disconnect"),
    fault("late acks", reset(lambda s: s.sim.faults.delay_acks(0.1, 3)), "disconnect"),
    fault("repeated acks", reset(lambda s: s.sim.faults.duplicate_acks(3)), "disconnect"),
    fault("message limit", reset(limit_messages), "disconnect"),
    fault("status storm", lambda s: s.sim.faults.storm_status()),
    fault("maintenance", maintenance, "disconnect"),
    fault("tokens revoked", reset(lambda s: s.sim.faults.revoke_tokens()), "disconnect"),
    fault("tokens expired", reset(lambda s: s.sim.faults.expire_tokens(2)), "disconnect"),
    fault("token call reset", reset(lambda s: s.sim.faults.drop_tokens(2)), "disconnect"),
    fault("token call refused", reset(lambda s: s.sim.faults.refuse_tokens()), "disconnect"),
    fault("token call fails", reset(lambda s: s.sim.faults.fail_tokens()), "disconnect"),
    fault("token call slow", reset(lambda s: s.sim.faults.delay_tokens(0.1)), "disconnect"),
    fault("flood", flood),
]


#: Engines of TLS that this core has.
ENGINES = ["openssl", "rustls"] if TlsConfig is not None else ["openssl"]


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The arguments of a scene with TLS, whose authority clients trust by default."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    return {"exchange": {"ssl": theirs}, "tls": ours}


@pytest.mark.parametrize("way", ["virtual", *long("plain")])
@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_fault(fault: Fault, way: str) -> None:
    run = virtual.run if way == "virtual" else patience.run
    run(play(fault))


@pytest.mark.parametrize("engine", long(*ENGINES))
@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_fault_behind_tls(fault: Fault, engine: str, secure: dict[str, Any]) -> None:
    patience.run(play(fault, tls_engine=engine, **secure))


#: One fault of each kind that a reading thread has to do with.
READ = {
    "reset",
    "close 1012",
    "cut mid-frame",
    "byte by byte",
    "fragments",
    "malformed book",
    "updates swapped",
    "wrong checksum once",
    "sequence jump",
    "lost acks",
}


@pytest.mark.skipif(ThreadReader is None, reason="needs threads of the native core")
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=fault.name, marks=[pytest.mark.long] * (fault.name not in READ))
        for fault in FAULTS
    ],
)
def test_fault_with_a_reading_thread(fault: Fault) -> None:
    patience.run(play(fault, reader="thread"))


async def play(fault: Fault, **options: Any) -> None:
    """Let one fault happen, and see what is promised."""
    async with scene(**{**options, **fault.options}) as stage:
        await stage.move()
        broken = fault.act(stage)
        if isinstance(broken, Awaitable):
            await broken
        if fault.name != "pongs and nothing else":
            await stage.move()
        await eventually(partial(fault.until, stage))
        if isinstance(broken, Rule):
            await eventually(lambda: broken.fired)
        stage.sim.faults.clear()
        await stage.recovered()
        await stage.move()
        await stage.recovered()
        assert {stage.state(symbol) for symbol in (BTC, ETH)} == {"valid"}
        assert fault.causes <= stage.causes
        if not fault.causes and not stage.reconnects:
            assert stage.causes == set()
        await eventually(lambda: stage.sent[-1] in stage.received)
        await stage.check_reports(may_repeat=fault.repeats)


async def test_checksum_wrong_for_ever_ends_in_quarantine_and_an_alarm() -> None:
    async with scene(resync_attempts=2) as stage:
        stage.sim.faults.corrupt_checksums(BTC, None, snapshots=True)
        stage.sim.faults.corrupt_checksums(BTC)
        await stage.move()
        await eventually(lambda: stage.state(BTC) == "quarantined")
        await stage.recovered()
        assert any(gap.end_ns is None and gap.symbols == [BTC] for gap in stage.client.gaps)
        stage.sim.faults.clear()
        await stage.client.resync(BTC)
        await stage.move()
        assert stage.state(BTC) == "valid"


async def test_symbol_refused_in_a_replay_is_given_up_and_can_be_released() -> None:
    async with scene() as stage:
        stage.sim.faults.refuse_symbols(ETH)
        stage.sim.faults.reset_connections()
        await eventually(lambda: stage.state(ETH) == "quarantined")
        await stage.recovered()
        assert stage.state(BTC) == "valid"
        stage.sim.faults.clear()
        await stage.client.resync(ETH)
        await stage.move()
        assert stage.state(ETH) == "valid"


async def test_several_faults_at_once() -> None:
    async with scene() as stage:
        for _ in range(3):
            faults = stage.sim.faults
            faults.lose_snapshots(BTC)
            faults.corrupt_checksums(ETH)
            faults.delay_acks(0.05, 2)
            faults.reset_connections()
            await stage.move()
            faults.drop_updates(BTC)
            faults.skip_sequence("executions")
            await stage.move()
            await asyncio.wait_for(stage.recovered(), 20)
        stage.sim.faults.clear()
        await stage.recovered()
        await stage.move()
        await stage.check_reports()


async def test_flood_costs_market_data_and_no_report() -> None:
    async with scene(message_queue_max=8) as stage:
        await stage.client.subscribe(TickerParams(symbol=[BTC], event_trigger="bbo"))
        stage.reading.clear()
        for _ in range(10):
            await stage.move(50)
        await eventually(lambda: stage.client.stats()["dropped"] > 0)
        stage.reading.set()
        await eventually(lambda: stage.received == stage.sent)
        await eventually(lambda: stage.causes == {"overflow"})
        (channels,) = {tuple(gap.channels) for gap in stage.client.gaps}
        assert channels == ("ticker",)


async def test_private_queue_that_overflows_costs_no_connection_and_is_recorded() -> None:
    async with scene(private_queue_max=4) as stage:
        stage.reading.clear()
        for _ in range(5):
            await stage.move()
        await eventually(lambda: stage.client.stats()["dropped"])
        await stage.move()
        stage.reading.set()
        await stage.recovered()
        await eventually(lambda: stage.causes == {"overflow", "resync"})
        assert stage.reconnects == 0
        await stage.move()
        await eventually(lambda: stage.sent[-1] in stage.received)
        await stage.check_reports()


@pytest.mark.parametrize("engine", [*ENGINES, "auto"])
async def test_failing_tls_handshake_is_tried_again(engine: str, secure: dict[str, Any]) -> None:
    async with scene(tls_engine=engine, **secure) as stage:
        stage.sim.faults.break_tls(2)
        stage.sim.faults.reset_connections()
        await eventually(lambda: stage.reconnects == 1)
        await stage.recovered()
        await eventually(lambda: stage.causes == {"disconnect"})
        await stage.move()
        await eventually(lambda: stage.sent[-1] in stage.received)
        await stage.check_reports()


async def test_name_that_cannot_be_resolved_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    resolve, refused = loop.getaddrinfo, 0

    async def fail_twice(host: Any, *args: Any, **options: Any) -> Any:
        nonlocal refused
        if host == "localhost" and stage_is_ready and refused < 2:
            refused += 1
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return await resolve(host, *args, **options)

    stage_is_ready = False
    monkeypatch.setattr(loop, "getaddrinfo", fail_twice)
    async with scene(exchange={"host": "localhost"}) as stage:
        stage_is_ready = True
        stage.sim.faults.reset_connections()
        await eventually(lambda: stage.reconnects == 1)
        await stage.recovered()
        await eventually(lambda: stage.causes == {"disconnect"})
        assert refused == 2


#: The causes in `client.gaps` by policy, when the exchange is faster than the consumer.
FLOODED: dict[str, set[str]] = {
    "drop_oldest": {"overflow"},
    "conflate": set(),
    "block": set(),
    "disconnect": {"overflow"},
}


@pytest.mark.parametrize("overflow", FLOODED)
@pytest.mark.virtual_time
async def test_flood_at_ten_times_the_consumers_speed(overflow: Any) -> None:
    async with scene(message_queue_max=8) as stage:
        ticker = TickerParams(symbol=[BTC], event_trigger="bbo")
        await stage.client.subscribe(ticker, overflow=overflow)
        stage.pace = 0.1
        for _ in range(600):
            await stage.sim.step(BTC)
            await asyncio.sleep(0.01)
            stage.check_books()
        stage.pace = 0.0
        await stage.recovered()
        await stage.move()
        await eventually(lambda: stage.sent[-1] in stage.received)
        assert stage.received == stage.sent or "executions" in {
            channel for gap in stage.client.gaps for channel in gap.channels
        }
        await eventually(lambda: not stage.client.stats()["waiting"])
        stats = stage.client.stats()
        # With "block", reading may have paused for long enough to be recorded.
        assert stage.causes - {"pause"} == FLOODED[overflow]
        assert stats["dropped"] == sum(gap.dropped for gap in stage.client.gaps)
        assert (stats["conflated"] > 0) == (overflow == "conflate")


@pytest.mark.parametrize("reason", ["name", "tls"])
async def test_connection_that_cannot_be_opened_is_reported(
    reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unknown_host(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with SimulatedExchange(rate=0) as sim:
        url = sim.url
        if reason == "tls":
            url = url.replace("ws://", "wss://")
        else:
            url = url.replace("127.0.0.1", "exchange.invalid")
            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown_host)
        client = KrakenWSClient(url, proxy=False, open_timeout=0.5)
        with pytest.raises(ConnectFailed):
            await client.connect()
        assert client.state is ConnectionState.DISCONNECTED


@pytest.mark.virtual_time
async def test_client_comes_back_gently_after_maintenance() -> None:
    async with scene(maintenance_pause=5.0) as stage:
        loop = asyncio.get_running_loop()
        for system, least, most in (("maintenance", 5.0, 11.0), ("online", 0.0, 1.0)):
            stage.sim.faults.set_system(system, connection_id=system == "online")
            await eventually(lambda system=system: stage.client.system_status == system)
            lost, before = loop.time(), stage.reconnects
            stage.sim.faults.close_connections(1012)
            await eventually(lambda before=before: stage.reconnects > before, 60)
            assert least <= loop.time() - lost <= most
        await stage.recovered()
