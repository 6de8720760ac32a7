"""TLS that fails: in the handshake with Python's own errors, later as a lost connection.

By each engine, over real sockets. A front ends TLS for the simulated exchange. Its certificates are
those of private authorities, which clients trust by `SSL_CERT_FILE`, as they have no `ssl` then.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import random
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import patience
from tests.faults.scene import BOOKS, QUICK, SYMBOLS, Scene
from tests.marks import long
from tests.peers import Front, Peer
from tests.ws.helpers import BTC, PATIENCE, eventually, tokens_of
from tests.ws.test_connecting import Proxy, unclosed
from websockets.exceptions import InvalidMessage

from kraken_connector import _backend
from kraken_connector.exceptions import ConnectFailed
from kraken_connector.network import Network
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import BookParams, KrakenWSClient, TickerParams, WSRequest
from kraken_connector.ws.network.backoff import is_retryable
from kraken_connector.ws.network.dialing import Dialer
from kraken_connector.ws.network.socket_options import SocketOptions
from kraken_connector.ws.network.streams import TlsStream

HOST, ADDRESS = "exchange.test", "127.0.0.1"
ENGINES = ["openssl"] if _backend.TlsConfig is None else ["openssl", "rustls"]
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
#: Which connections are cut off: the first, of rustls, and the fourth, of OpenSSL.
CUT = (1, 4)


@cache
def authority(name: str = "ours") -> trustme.CA:
    """Return an authority; that of `ours` is the one that clients trust."""
    return trustme.CA(organization_name=name)


@cache
def trusted() -> ssl.SSLContext:
    """Return the settings of a server that clients trust."""
    return server_of(authority().issue_cert(HOST, ADDRESS))


def server_of(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture(autouse=True)
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let clients trust our authority; return the file of certificates."""
    path = tmp_path / "authorities.pem"
    authority().cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "empty"))
    return path


def client_to(front: Front, host: str = HOST, **options: Any) -> KrakenWSClient:
    """Return a client to the front by a name that only it knows."""
    defaults: dict[str, Any] = {
        "proxy": False,
        "resolve": {HOST: ADDRESS},
        "open_timeout": PATIENCE,
    }
    return KrakenWSClient(front.url("ws://-/v2", host), **{**defaults, **options})


# The handshake.


def expired() -> ssl.SSLContext:
    leaf = authority().issue_cert(HOST, not_before=NOW - 9 * DAY, not_after=NOW - DAY)
    return server_of(leaf)


def not_yet_valid() -> ssl.SSLContext:
    leaf = authority().issue_cert(HOST, not_before=NOW + DAY, not_after=NOW + 9 * DAY)
    return server_of(leaf)


def unknown_authority() -> ssl.SSLContext:
    return server_of(authority("theirs").issue_cert(HOST))


def self_signed() -> ssl.SSLContext:
    """An authority's own certificate, used as that of a server."""
    own = authority("self")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with own.cert_pem.tempfile() as certificate, own.private_key_pem.tempfile() as key:
        context.load_cert_chain(certificate, key)
    return context


def other_name() -> ssl.SSLContext:
    return server_of(authority().issue_cert("other.test"))


def other_address() -> ssl.SSLContext:
    return server_of(authority().issue_cert("127.0.0.9"))


def version(value: ssl.TLSVersion) -> ssl.SSLContext:
    context = server_of(authority().issue_cert(HOST, ADDRESS))
    context.minimum_version = context.maximum_version = value
    return context


def old_version() -> ssl.SSLContext:
    context = server_of(authority().issue_cert(HOST))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def wants_certificate(value: ssl.TLSVersion) -> ssl.SSLContext:
    context = version(value)
    context.verify_mode = ssl.CERT_REQUIRED
    authority().configure_trust(context)
    return context


async def close_at_once(peer: Peer) -> None:
    peer.socket.close()


async def close_after_hello(peer: Peer) -> None:
    await asyncio.get_running_loop().sock_recv(peer.socket, 65536)
    peer.socket.close()


async def reset_after_hello(peer: Peer) -> None:
    await asyncio.get_running_loop().sock_recv(peer.socket, 65536)
    peer.reset()


def saying(text: bytes) -> Callable[[Peer], Awaitable[None]]:
    async def say(peer: Peer) -> None:
        await asyncio.get_running_loop().sock_recv(peer.socket, 65536)
        await peer.send_raw(text)
        peer.socket.shutdown(socket.SHUT_WR)
        await peer.receive_all()

    return say


async def corrupt(peer: Peer) -> None:
    peer.pieces = flip
    await peer.handshake()


def flip(sent: bytes) -> Iterable[bytes]:
    """Change a bit in the middle of what is sent."""
    middle = len(sent) // 2
    return [sent[:middle], bytes([sent[middle] ^ 4]) if sent else b"", sent[middle + 1 :]]


@dataclass(frozen=True)
class Refusal:
    """A handshake that fails.

    Attributes:
        context: makes the settings of the server.
        answer: what it does instead of the handshake.
        is_about_trust: whether it is the certificate, so that trying again makes no sense.
        is_disputed: whether OpenSSL is asked about it after rustls.
    """

    context: Callable[[], ssl.SSLContext] = trusted
    answer: Callable[[Peer], Awaitable[None]] = Peer.handshake
    is_about_trust: bool = False
    is_disputed: bool = True


untrusted = partial(Refusal, is_about_trust=True)
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

REFUSALS = {
    "expired": untrusted(expired),
    "not yet valid": untrusted(not_yet_valid),
    "unknown authority": untrusted(unknown_authority),
    "self-signed": untrusted(self_signed),
    "other name": untrusted(other_name),
    "other address": untrusted(other_address),
    "old version": Refusal(old_version),
    "wants a certificate": Refusal(partial(wants_certificate, V12)),
    "closed at once": Refusal(answer=close_at_once, is_disputed=False),
    "closed after the hello": Refusal(answer=close_after_hello, is_disputed=False),
    "reset": Refusal(answer=reset_after_hello, is_disputed=False),
    "no TLS": Refusal(answer=saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
    "alert": Refusal(answer=saying(b"\x15\x03\x03\x00\x02\x02\x28")),
    "another protocol": Refusal(answer=saying(b"SSH-2.0-OpenSSH_9.9\r\n")),
    "corrupted": Refusal(answer=corrupt),
}


async def failure_of(client: KrakenWSClient) -> ConnectFailed:
    with pytest.raises(ConnectFailed) as caught:
        await client.connect()
    await client.disconnect()
    return caught.value


def look_of(failure: ConnectFailed) -> tuple[type[BaseException | None], str, str]:
    """Return what a user sees of a failure."""
    cause = failure.__cause__
    assert cause is not None
    return type(cause), failure.reason, str(cause)


@pytest.mark.parametrize("name", REFUSALS)
async def test_handshake_fails_by_the_error_of_python_with_each_engine(name: str) -> None:
    refusal = REFUSALS[name]
    front = Front(refusal.context())
    front.answer = refusal.answer
    async with front.serving():
        openssl = await failure_of(client_to(front, tls_engine="openssl"))
        assert front.attempts == 1
        auto = client_to(front)
        assert look_of(await failure_of(auto)) == look_of(openssl)
        first = 2 if refusal.is_disputed and len(ENGINES) > 1 else 1
        assert front.attempts == 1 + first
        # It is remembered who is asked: an exchange that fails is not dialled twice each time.
        assert look_of(await failure_of(auto)) == look_of(openssl)
        assert front.attempts == 2 + first
    assert is_retryable(openssl.__cause__ or openssl) is not refusal.is_about_trust


@pytest.mark.skipif("rustls" not in ENGINES, reason="needs the native core")
@pytest.mark.parametrize("name", REFUSALS)
async def test_rustls_alone_fails_by_errors_of_the_same_classes(name: str) -> None:
    refusal = REFUSALS[name]
    front = Front(refusal.context())
    front.answer = refusal.answer
    async with front.serving():
        failure = await failure_of(client_to(front, tls_engine="rustls"))
        assert front.attempts == 1
    cause = failure.__cause__
    assert isinstance(cause, ssl.SSLError if refusal.is_disputed else ConnectionResetError)
    assert isinstance(cause, ssl.SSLCertVerificationError) is refusal.is_about_trust
    assert is_retryable(cause) is not refusal.is_about_trust
    assert failure.reason


@pytest.mark.parametrize("engine", [*ENGINES, "auto"])
async def test_handshake_that_stalls_ends_in_time(engine: str) -> None:
    async def say_nothing(peer: Peer) -> None:
        await peer.receive()
        await asyncio.get_running_loop().sock_recv(peer.socket, 1)

    async def stop_half_way(peer: Peer) -> None:
        peer.pieces = lambda sent: [sent[:100]]
        await peer.handshake()

    for answer in (say_nothing, stop_half_way):
        front = Front(trusted())
        front.answer = answer
        async with front.serving():
            client = client_to(front, tls_engine=engine, open_timeout=0.2)
            failure = await failure_of(client)
            assert look_of(failure) == (
                TimeoutError,
                "not open within 0.2 s",
                "not open within 0.2 s",
            )
            assert front.attempts <= 1


@pytest.mark.parametrize("engine", [*ENGINES, "auto"])
async def test_certificate_that_a_server_asks_for_too_late_is_an_error(engine: str) -> None:
    """With TLS 1.3 a client believes that the handshake is done (RFC 8446, section 4.4.2.4)."""
    front = Front(wants_certificate(V13))
    async with front.serving():
        client = client_to(front, tls_engine=engine)
        first = look_of(await failure_of(client))
        second = look_of(await failure_of(client))
        assert front.attempts == 2
        assert first == second
        assert issubclass(first[0], InvalidMessage)


# The handshake that succeeds.


def expired_authority(trust: Path) -> ssl.SSLContext:
    """Return the settings of a server whose authority is trusted and has expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "old authority")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - 9 * DAY)
        .not_valid_after(NOW - DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(Encoding.PEM)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    trust.write_bytes(pem + authority().cert_pem.bytes())
    return server_of(trustme.CA.from_pem(pem, secret).issue_cert(HOST, not_before=NOW - DAY))


def only_for_openssl() -> ssl.SSLContext:
    """Settings without a cipher suite that rustls has, which are those with AEAD."""
    context = version(V12)
    context.set_ciphers("ECDHE+AES:!AESGCM:!SHA1")
    return context


async def is_welcome(front: Front, client: KrakenWSClient) -> int:
    """Use a client, and return how often it was accepted for that."""
    before = front.attempts
    async with client:
        await client.subscribe(TickerParams(symbol=[BTC]))
    return front.attempts - before


@asynccontextmanager
async def fronted(context: ssl.SSLContext) -> AsyncIterator[Front]:
    async with (
        SimulatedExchange(symbols=[BTC], rate=0) as sim,
        Front(context).serving(sim.url) as front,
    ):
        yield front


@pytest.mark.parametrize("engine", [*ENGINES, "auto"])
@pytest.mark.parametrize("tls", [V12, V13], ids=["1.2", "1.3"])
async def test_versions_of_tls_are_spoken(engine: str, tls: ssl.TLSVersion) -> None:
    async with fronted(version(tls)) as front:
        assert await is_welcome(front, client_to(front, tls_engine=engine)) == 1


async def test_exchange_that_rustls_cannot_talk_to_is_reached_as_before(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "kraken_connector")
    async with fronted(only_for_openssl()) as front:
        assert await is_welcome(front, client_to(front, tls_engine="openssl")) == 1
        client = client_to(front)
        assert await is_welcome(front, client) == len(ENGINES)
        assert await is_welcome(front, client) == 1
        if len(ENGINES) > 1:
            with pytest.raises(ConnectFailed):
                await is_welcome(front, client_to(front, tls_engine="rustls"))
    told = [one.message for one in caplog.records if "OpenSSL is asked" in one.message]
    assert len(told) == len(ENGINES) - 1
    assert all(HOST in text for text in told)


@pytest.mark.skipif(len(ENGINES) < 2, reason="needs rustls")
async def test_exchange_that_cuts_off_the_hello_of_rustls_is_reached_next() -> None:
    accepted = 0

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        if accepted in CUT:
            await reader.read(1)
            writer.transport.abort()
        else:
            await writer.start_tls(trusted())
            await reader.read()
            writer.close()

    dialer = Dialer(Network(proxy=False), SocketOptions())
    engines = []
    async with await asyncio.start_server(cut, ADDRESS, 0) as server:
        port = server.sockets[0].getsockname()[1]
        for attempt in range(1, 7):
            try:
                line = await dialer.dial(ADDRESS, port, is_secure=True)
            except ConnectionResetError:
                assert attempt in CUT
            else:
                engines.append("openssl" if isinstance(line.stream, TlsStream) else "rustls")
                line.connection.close()
    assert accepted == 6
    assert engines == ["openssl", "openssl", "rustls", "rustls"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the command openssl")
@pytest.mark.parametrize("engine", [*ENGINES, "auto"])
async def test_authorities_of_a_folder_are_trusted(
    engine: str, trust: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trust.parent / "empty"
    await asyncio.to_thread(shutil.move, trust, folder / "one.pem")
    await asyncio.to_thread(subprocess.run, ["openssl", "rehash", folder], check=True)
    monkeypatch.delenv("SSL_CERT_FILE")
    async with fronted(trusted()) as front:
        assert await is_welcome(front, client_to(front, tls_engine=engine)) == 1


async def test_own_settings_are_those_of_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    context = ssl.create_default_context()
    authority().configure_trust(context)
    async with fronted(only_for_openssl()) as front:
        assert await is_welcome(front, client_to(front, ssl=context)) == 1
        assert await is_welcome(front, client_to(front, ssl=context, tls_engine="openssl")) == 1
    with pytest.raises(ValueError, match=r"tls_engine='rustls' (cannot be had|needs)"):
        client_to(front, ssl=context, tls_engine="rustls")


async def test_client_without_authorities_trusts_nobody(trust: Path) -> None:
    leaf = authority().issue_cert(HOST)
    leaf.cert_chain_pems[0].write_to_path(str(trust))  # of no authority
    async with Front(trusted()).serving() as front:
        openssl = look_of(await failure_of(client_to(front, tls_engine="openssl")))
        assert openssl[0] is ssl.SSLCertVerificationError
        assert look_of(await failure_of(client_to(front))) == openssl
        assert front.attempts == 2
        if len(ENGINES) > 1:
            alone = await failure_of(client_to(front, tls_engine="rustls"))
            assert "no authorities" in alone.reason
            assert front.attempts == 2


async def test_authority_that_has_expired_is_not_trusted(trust: Path) -> None:
    """As by OpenSSL, which looks at its dates; RFC 5280, section 6.1, does not ask for it."""
    context = expired_authority(trust)
    async with fronted(context) as front:
        openssl = look_of(await failure_of(client_to(front, tls_engine="openssl")))
        assert openssl[0] is ssl.SSLCertVerificationError
        assert look_of(await failure_of(client_to(front))) == openssl


async def test_authority_below_another_is_trusted_alone_only_if_python_does(trust: Path) -> None:
    """OpenSSL wants the whole chain, unless it is told otherwise, as by Python since 3.13."""
    child = authority().create_child_ca()
    child.cert_pem.write_to_path(str(trust))
    partial_chains = ssl.create_default_context().verify_flags & ssl.VERIFY_X509_PARTIAL_CHAIN
    async with fronted(server_of(child.issue_cert(HOST))) as front:
        for engine in ("openssl", "auto"):
            client = client_to(front, tls_engine=engine)
            if partial_chains:
                assert await is_welcome(front, client) == 1
            else:
                failure = await failure_of(client)
                assert isinstance(failure.__cause__, ssl.SSLCertVerificationError)


# Cancelling.


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("make", [trusted, unknown_authority], ids=["trusted", "not trusted"])
@pytest.mark.parametrize("loop", ["asyncio", *long("uvloop")])
def test_attempt_that_is_cancelled_at_any_step_leaves_nothing(
    loop: str, make: Callable[[], ssl.SSLContext], engine: str
) -> None:
    async def connect() -> None:
        async with fronted(make()) as front:
            for turns in range(0, 60, 2):
                client = client_to(front, tls_engine="auto" if engine == "rustls" else engine)
                connecting = asyncio.create_task(client.connect())
                for _ in range(turns):
                    await asyncio.sleep(0)
                connecting.cancel()
                await asyncio.wait([connecting])
                await client.disconnect()

    assert unclosed(loop, connect()) == []


# The stream.


@asynccontextmanager
async def stage(way: str, context: ssl.SSLContext | None = None) -> AsyncIterator[Stage]:
    """Watch two books and an account by an engine, or by the event loop's TLS in a proxy's tunnel.

    Whatever happens, a valid book is one that was published, and it has a connection.
    """
    async with (
        SimulatedExchange(symbols=list(SYMBOLS), rate=0, heartbeat_interval=0.05) as sim,
        Front(context or trusted()).serving(sim.url) as front,
        Proxy().serving() as proxy,
    ):
        options: dict[str, Any] = {"tls_engine": way, "resolve": {HOST: ADDRESS}, "proxy": False}
        host = HOST
        if way == "proxy":
            options, host = {"proxy": f"http://{ADDRESS}:{proxy.port}"}, ADDRESS
        client = KrakenWSClient(
            front.url(sim.url, host),
            auth_url=front.url(sim.auth_url, host),
            token_manager=tokens_of(sim),
            backoff_base=0.001,
            backoff_max=0.01,
            **{**QUICK, **options},
        )
        scene = Scene(sim, client, BOOKS)
        async with client:
            consuming = asyncio.create_task(scene.consume())
            await scene.begin()
            yield Stage(scene, front)
        await consuming
    assert scene.errors == []
    assert scene.valid_reads > 0


@dataclass(frozen=True)
class Stage:
    """A scene and the front before its exchange."""

    scene: Scene
    front: Front


WAYS = [*ENGINES, "proxy"]
Fault = Callable[[Peer], Awaitable[object]]


async def flip_a_bit(peer: Peer) -> None:
    peer.pieces = flip
    await peer.send(b"\x81\x7f not what was sent")


async def end_tcp(peer: Peer) -> None:
    peer.socket.shutdown(socket.SHUT_WR)


async def reset(peer: Peer) -> None:
    peer.reset_at_end()
    peer.socket.shutdown(socket.SHUT_RD)  # So the front sees an end, and closes.


async def cut_a_record(peer: Peer) -> None:
    await peer.send_raw(b"\x17\x03\x03\x01\x00" + bytes(100))
    peer.socket.shutdown(socket.SHUT_WR)


async def stall_in_a_record(peer: Peer) -> None:
    await peer.send_raw(b"\x17\x03\x03\x40\x00" + bytes(100))
    peer.pieces = lambda _: []


async def fall_silent(peer: Peer) -> None:
    peer.pieces = lambda _: []


def raw(text: bytes) -> Fault:
    async def send(peer: Peer) -> None:
        await peer.send_raw(text)

    return send


FAULTS: dict[str, Fault] = {
    "alert": Peer.send_alert,
    "close_notify": Peer.send_close_notify,
    "half close": Peer.send_eof,
    "end of TCP": end_tcp,
    "reset": reset,
    "flipped bit": flip_a_bit,
    "forged record": raw(b"\x17\x03\x03\x00\x40" + bytes(64)),
    "forged close_notify": raw(b"\x15\x03\x03\x00\x02\x01\x00"),
    "no TLS": raw(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"),
    "a frame without TLS": raw(b"\x81\x02{}"),
    "record too long": raw(b"\x17\x03\x03\x48\x01" + bytes(20_000)),
    "cut record": cut_a_record,
    "stalled record": stall_in_a_record,
    "silence": fall_silent,
}
SLOW = ["stalled record", "silence"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", [*sorted(FAULTS.keys() - SLOW), *long(*SLOW)])
async def test_fault_in_the_stream_is_a_lost_connection(name: str, way: str) -> None:
    async with stage(way) as on:
        scene, front = on.scene, on.front
        await scene.move()
        assert scene.causes == set()
        (peer,) = front.peers
        await FAULTS[name](peer)
        await eventually(lambda: scene.causes == {"disconnect"})
        await scene.recovered()
        await scene.move()
        await scene.recovered()
        await scene.check_reports()
        assert front.attempts == 2


def crumbs(sent: bytes) -> Iterable[bytes]:
    return (sent[i : i + 1] for i in range(len(sent)))


def pieces(sent: bytes) -> Iterable[bytes]:
    """Cut at random: within headers, within records, and after several."""
    chance = random.Random(sent[-8:])
    start = 0
    while start < len(sent):
        size = chance.choice([1, 2, 4, 5, 6, 100, 1500, 16_389, 70_000])
        yield sent[start : start + size]
        start += size


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cut", [crumbs, pieces])
@pytest.mark.parametrize("tls", [V12, V13], ids=["1.2", "1.3"])
async def test_records_may_come_in_any_pieces(
    tls: ssl.TLSVersion, cut: Callable[[bytes], Iterable[bytes]], way: str
) -> None:
    async with stage(way, version(tls)) as on:
        scene, front = on.scene, on.front
        (peer,) = front.peers
        peer.pieces = cut
        for _ in range(4):
            await scene.move(steps=8)
            await scene.recovered()
        await eventually(lambda: scene.received == scene.sent)
        assert scene.causes == set()
        assert front.attempts == 1


@pytest.mark.parametrize("way", ENGINES)
async def test_long_messages_of_many_records_arrive_whole(way: str) -> None:
    async with fronted(trusted()) as front:
        front.pieces = pieces
        async with client_to(front, tls_engine=way) as client:
            await client.subscribe(BookParams(symbol=[BTC], depth=1000))
            await eventually(lambda: client.book(BTC).is_valid)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.long
async def test_exchange_that_ends_its_half_and_reads_no_more_is_left(way: str) -> None:
    async with stage(way) as on:
        scene, front = on.scene, on.front
        (peer,) = front.peers
        peer.reading.clear()
        for _ in range(20):
            await scene.client.send(WSRequest("anything", {"text": "x" * 2**19}))
            await asyncio.sleep(0)
        await peer.send_eof()
        await eventually(lambda: scene.causes == {"disconnect"})
        peer.reading.set()
        await scene.recovered()
        assert front.attempts == 2


#: Names of faults that come one after the other.
scripts = st.lists(st.sampled_from(sorted(FAULTS.keys() - SLOW)), min_size=1, max_size=6)
#: The engine, and whether records come in pieces.
setups = st.tuples(st.sampled_from(ENGINES), st.booleans())


def run_faults(script: list[str], setup: tuple[str, bool]) -> None:
    """Let faults happen in a row, whose client trusts the exchange by default."""
    with pytest.MonkeyPatch.context() as patch, authority().cert_pem.tempfile() as path:
        patch.setenv("SSL_CERT_FILE", path)
        patience.run(_faults_in_a_row(script, *setup))


async def _faults_in_a_row(script: list[str], engine: str, is_cut: bool) -> None:
    async with stage(engine) as on:
        scene, front = on.scene, on.front
        for count, name in enumerate(script, 2):
            (peer,) = front.peers
            if is_cut:
                front.pieces = peer.pieces = pieces
            await scene.move()
            await FAULTS[name](peer)
            await eventually(lambda count=count: front.attempts == count and front.peers)
            await scene.recovered()
        await scene.move()
        await scene.recovered()
        await scene.check_reports()
        assert scene.causes == {"disconnect"}
        assert front.attempts == len(script) + 1


@pytest.mark.long
@settings(
    max_examples=settings().max_examples // 10,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(script=scripts, setup=setups)
def test_faults_in_a_row(script: list[str], setup: tuple[str, bool]) -> None:
    run_faults(script, setup)
