"""The way to the exchange: addresses of a name, proxies, trust, and answers that are none.

Over real sockets. Names are resolved by the event loop of the test.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import traceback
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import trustme
from tests.marks import long
from tests.ws.helpers import BTC, NO_CERTIFICATES, PATIENCE, eventually, tls_contexts, tokens_of
from websockets.asyncio.server import ServerConnection, serve

from kraken_connector import network
from kraken_connector.exceptions import ConnectFailed, TokenAcquisitionError
from kraken_connector.http import HTTPAuthenticatedClient
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    ExecutionsParams,
    KrakenWSClient,
    TickerParams,
    TokenManager,
    WSRequest,
)

NAME = "dual.test"
#: Two addresses of this machine; the first does not answer.
MUTE, GOOD = "127.0.0.2", "127.0.0.1"
#: Long enough for a busy machine, and shorter than what a system waits for an address.
OPEN_TIMEOUT = 10.0

VARIABLES = [f"{name}_proxy" for name in ("ws", "wss", "http", "https", "socks", "all", "no")]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def resolving(base: type[asyncio.AbstractEventLoop]) -> type[asyncio.AbstractEventLoop]:
    """Return a class of event loops that know `NAME`."""

    class Loop(base):  # type: ignore[misc, valid-type]
        async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
            if host in (NAME, NAME.encode()):
                kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
                return [(*kind, (MUTE, port)), (*kind, (GOOD, port))]
            return await super().getaddrinfo(host, port, **options)

    return Loop


def run(module: str, main: Coroutine[Any, Any, None]) -> None:
    """Run on the event loop of asyncio or uvloop."""
    is_ours = module == "asyncio"
    base = asyncio.SelectorEventLoop if is_ours else pytest.importorskip("uvloop").Loop
    with asyncio.Runner(loop_factory=resolving(base)) as runner:
        runner.run(main)


def unclosed(module: str, main: Coroutine[Any, Any, None]) -> list[str]:
    """Run, and return Python's warnings of unclosed resources."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ResourceWarning)
        run(module, main)
        gc.collect()
    return [str(warning.message) for warning in caught]


on_each_loop = pytest.mark.parametrize("module", ["asyncio", *long("uvloop")])


@contextmanager
def mute(port: int) -> Iterator[None]:
    """Make a port of `MUTE` one that answers no attempt to connect: its queue is full."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((MUTE, port))
        listening.listen(0)
        queued = [socket.socket() for _ in range(4)]
        for one in queued:
            one.setblocking(False)
            one.connect_ex((MUTE, port))
        try:
            yield
        finally:
            for one in queued:
                one.close()


class Proxy:
    """A proxy that accepts CONNECT and records its targets."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.port = 0

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Proxy]:
        server = await asyncio.start_server(self._serve, GOOD, 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, *_ = head.split()
            self.requests.append(f"{method} {target}")
            if method == "CONNECT":
                host, _, port = target.rpartition(":")
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                parts = urlsplit(target)
                host, port = parts.hostname or "", str(parts.port)
            far_reader, far_writer = await asyncio.open_connection(
                GOOD if host == NAME else host, int(port)
            )
            if method != "CONNECT":
                far_writer.write(head.replace(f"http://{host}:{port}", "").encode())
            await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except OSError:
        pass
    finally:
        writer.close()


def source_of(sim: SimulatedExchange, host: str = GOOD, **options: Any) -> HTTPAuthenticatedClient:
    """Return a REST client without network settings of its own."""
    url = sim.rest_url.replace(GOOD, host)
    return HTTPAuthenticatedClient(
        url, api_key=sim.api_key, api_secret=sim.api_secret, **{"timeout": OPEN_TIMEOUT, **options}
    )


async def use(sim: SimulatedExchange, host: str = GOOD, **options: Any) -> None:
    """Subscribe to something public and something private."""
    client = KrakenWSClient(
        sim.url.replace(GOOD, host),
        open_timeout=OPEN_TIMEOUT,
        token_manager=TokenManager(source_of(sim, host)),
        **options,
    )
    async with client:
        await client.subscribe(TickerParams(symbol=[BTC]))
        await client.subscribe(ExecutionsParams())


# Addresses.


@on_each_loop
@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "tls"])
def test_next_address_is_tried_when_one_does_not_answer(module: str, is_secure: bool) -> None:
    async def main() -> None:
        server, trusting = tls_contexts(NAME) if is_secure else (None, None)
        async with SimulatedExchange(symbols=[BTC], rate=0, ssl=server) as sim:
            with mute(urlsplit(sim.url).port or 0):
                await use(sim, NAME, ssl=trusting, proxy=False)

    run(module, main())


@on_each_loop
def test_next_address_is_tried_when_one_refuses(module: str) -> None:
    async def main() -> None:
        async with SimulatedExchange(symbols=[BTC], rate=0) as sim:
            await use(sim, NAME, proxy=False)

    run(module, main())


@on_each_loop
@pytest.mark.parametrize("is_secure", [False, True], ids=["http", "https"])
def test_next_address_of_a_proxy_is_tried(module: str, is_secure: bool) -> None:
    async def main() -> None:
        server, trusting = tls_contexts(NAME, GOOD)
        async with (
            SimulatedExchange(symbols=[BTC], rate=0, ssl=server) as sim,
            Proxy().serving(server if is_secure else None) as proxy,
        ):
            scheme = "https" if is_secure else "http"
            with mute(proxy.port):
                await use(sim, ssl=trusting, proxy=f"{scheme}://{NAME}:{proxy.port}")
            assert set(proxy.requests) == {f"CONNECT {urlsplit(sim.url).netloc}"}
            assert len(proxy.requests) == 2

    run(module, main())


@on_each_loop
def test_no_answer_from_any_address_is_one_error(module: str) -> None:
    async def main() -> None:
        with socket.socket() as nobody:
            nobody.bind((GOOD, 0))
            port = nobody.getsockname()[1]
            with pytest.raises(ConnectFailed) as caught:
                await KrakenWSClient(f"ws://{NAME}:{port}", proxy=False).connect()
            assert MUTE in caught.value.reason
            assert GOOD in caught.value.reason

    run(module, main())


@on_each_loop
@pytest.mark.parametrize("turns", range(0, 24, 2))
def test_attempt_that_is_cancelled_leaves_no_socket(module: str, turns: int) -> None:
    async def main() -> None:
        server, trusting = tls_contexts(NAME)
        async with SimulatedExchange(symbols=[BTC], rate=0, ssl=server) as sim:
            url = sim.url.replace(GOOD, NAME)
            client = KrakenWSClient(url, ssl=trusting, proxy=False)
            connecting = asyncio.create_task(client.connect())
            for _ in range(turns):
                await asyncio.sleep(0)
            connecting.cancel()
            await asyncio.wait([connecting])
            await client.disconnect()

    assert unclosed(module, main()) == []


# Proxies of the environment.


@pytest.mark.parametrize("name", VARIABLES[:-1])
@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_environments_proxy_is_not_for_this_machine(
    sim: SimulatedExchange, monkeypatch: pytest.MonkeyPatch, name: str, scheme: str
) -> None:
    monkeypatch.setenv(name, f"{scheme}://127.0.0.1:9")
    await use(sim)
    await use(sim, "localhost")


async def test_environments_proxy_is_used_for_other_hosts(
    sim: SimulatedExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Proxy().serving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        client = KrakenWSClient(sim.url.replace(GOOD, NAME))
        async with client:
            await client.subscribe(TickerParams(symbol=[BTC]))
        await source_of(sim, NAME).get_websockets_token()
        assert [line.split()[0] for line in proxy.requests] == ["CONNECT", "POST"]


async def test_explicit_proxy_holds_for_sockets_and_tokens_on_this_machine_too(
    sim: SimulatedExchange,
) -> None:
    async with Proxy().serving() as proxy:
        await use(sim, proxy=f"http://127.0.0.1:{proxy.port}")
        assert [line.split()[0] for line in proxy.requests] == ["CONNECT", "POST"]


async def test_proxy_of_the_http_client_goes_before_that_of_the_client(
    sim: SimulatedExchange,
) -> None:
    async with Proxy().serving() as proxy:
        own = {"proxy": f"http://127.0.0.1:{proxy.port}"}
        manager = TokenManager(source_of(sim, httpx_args=own))
        KrakenWSClient(sim.url, token_manager=manager, proxy="http://127.0.0.1:9")
        await manager.get_token()
        assert len(proxy.requests) == 1


@pytest.mark.parametrize("scheme", network.PROXY_SCHEMES)
async def test_proxy_that_cannot_be_used_is_an_error_of_ours(
    sim: SimulatedExchange, scheme: str
) -> None:
    proxy = f"{scheme}://me:hush@127.0.0.1:9"
    client = KrakenWSClient(sim.url, proxy=proxy)
    with pytest.raises(ConnectFailed) as caught:
        await client.connect()
    assert "hush" not in str(caught.value)
    manager = TokenManager(source_of(sim))
    KrakenWSClient(sim.url, proxy=proxy, token_manager=manager)
    with pytest.raises(TokenAcquisitionError) as caught:
        await manager.get_token()
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("value", ["ftp://me:hush@host:1", "http://me:hush@host:99999", "http://"])
async def test_environments_proxy_that_is_none_is_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(ConnectFailed, match="HTTPS_PROXY is not the URL of a proxy") as caught:
        await KrakenWSClient("wss://exchange.test").connect()
    assert "hush" not in str(caught.value)
    source = HTTPAuthenticatedClient("https://exchange.test", api_key="k", api_secret="c2VjcmV0")
    with pytest.raises(TokenAcquisitionError, match="HTTPS_PROXY is not the URL") as caught:
        await source.get_websockets_token()
    assert "hush" not in str(caught.value)


# Certificates.


async def test_tls_settings_of_the_client_hold_for_tokens() -> None:
    server, trusting = tls_contexts(GOOD)
    async with SimulatedExchange(symbols=[BTC], rate=0, ssl=server) as sim:
        await use(sim, ssl=trusting)
        with pytest.raises(TokenAcquisitionError, match="CERTIFICATE_VERIFY_FAILED"):
            await source_of(sim).get_websockets_token()


async def test_tls_settings_of_the_http_client_go_before_those_of_the_client() -> None:
    server, trusting = tls_contexts(GOOD)
    async with SimulatedExchange(symbols=[BTC], rate=0, ssl=server) as sim:
        manager = tokens_of(sim, tls=trusting)
        KrakenWSClient(sim.url, token_manager=manager, ssl=NO_CERTIFICATES)
        await manager.get_token()


async def test_one_default_serves_sockets_and_tokens(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(GOOD).configure_cert(server)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    made: list[ssl.SSLContext] = []
    make = ssl.create_default_context

    def record(*args: Any, **options: Any) -> ssl.SSLContext:
        made.append(make(*args, **options))
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", record)
    monkeypatch.setattr(httpx, "create_ssl_context", record)
    async with SimulatedExchange(symbols=[BTC], rate=0, ssl=server) as sim:
        for _ in range(3):
            await use(sim)
    assert len(made) == 1


async def test_certificates_that_are_not_there_are_an_error_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/authority.pem")
    client = KrakenWSClient("wss://127.0.0.1:9")
    with pytest.raises(ConnectFailed, match="SSL_CERT_FILE is '/nowhere"):
        await client.connect()
    source = HTTPAuthenticatedClient("https://127.0.0.1:9", api_key="k", api_secret="c2VjcmV0")
    with pytest.raises(TokenAcquisitionError, match="SSL_CERT_FILE is"):
        await source.get_websockets_token()


async def test_settings_of_plain_sockets_are_kept(sim: SimulatedExchange) -> None:
    await use(sim, ssl=NO_CERTIFICATES)


def test_certificates_of_certifi_stand_in_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def empty() -> ssl.SSLContext:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    monkeypatch.setattr(ssl, "create_default_context", empty)
    monkeypatch.setattr(network, "_has_certificates", lambda context: False)
    assert network._load(None, None).cert_store_stats()["x509_ca"] > 50
    monkeypatch.setattr(network, "_has_certificates", lambda context: True)
    assert network._load(None, None).cert_store_stats()["x509_ca"] == 0


@pytest.mark.parametrize(
    ("name", "is_found"),
    [("0a775a30.0", True), ("README", False), ("java", False), ("our-authority.pem", False)],
)
def test_folder_of_certificates_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, is_found: bool
) -> None:
    (tmp_path / name).touch()
    paths = ssl.get_default_verify_paths()._replace(capath=str(tmp_path))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
    assert network._has_certificates(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) is is_found


# Invalid responses.

ANSWERS: dict[str, bytes] = {
    "nothing": b"",
    "garbage": b"\x16\x03\x01\x02\x00\x01" * 20,
    "no status": b"HTTP/1.1 \r\n\r\n",
    "odd status": b"HTTP/1.1 9999 what\r\n\r\n",
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18,
    "other protocol": b"SSH-2.0-OpenSSH_9.9\r\n",
    "no header": b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
    "large header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000 + b"\r\n\r\n",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
    "no upgrade": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "HTML": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>",
    "not UTF-8": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe",
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: minus\r\n\r\n{}",
    "short body": b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n{}",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "charset": b"HTTP/1.1 200 OK\r\nContent-Type: a/b; charset=x\r\nContent-Length: 2\r\n\r\n{}",
    "large body": b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"[" * 9_000_000,
    "wrong accept": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n",
    "redirect to no host": b"HTTP/1.1 302 Found\r\nLocation: //[bad\r\n\r\n",
    "redirect to no label": b"HTTP/1.1 302 Found\r\nLocation: ws://a..b/\r\n\r\n",
    "redirect to a long label": b"HTTP/1.1 302 Found\r\nLocation: ws://" + b"a" * 64 + b"/\r\n\r\n",
    "redirect to no port": b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:99999/\r\n\r\n",
    "redirect to a page": b"HTTP/1.1 302 Found\r\nLocation: https://portal.test/\r\n\r\n",
    "redirect to itself": b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n",
}


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[int]:
    """Answer each connection so; the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(65536)
            writer.write(answer)
            await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, GOOD, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize("answer", ANSWERS)
async def test_answer_that_is_none_is_an_error_of_ours(answer: str) -> None:
    async with answering(ANSWERS[answer]) as port:
        client = KrakenWSClient(f"ws://{GOOD}:{port}", open_timeout=OPEN_TIMEOUT)
        with pytest.raises(ConnectFailed):
            await client.connect()
        for follow in (False, True):
            source = HTTPAuthenticatedClient(
                f"http://{GOOD}:{port}",
                api_key="the-key",
                api_secret="c2VjcmV0",
                follow_redirects=follow,
            )
            with pytest.raises(TokenAcquisitionError) as caught:
                await source.get_websockets_token()
            assert "the-key" not in str(caught.value)
        secure = KrakenWSClient(f"wss://{GOOD}:{port}", open_timeout=OPEN_TIMEOUT)
        with pytest.raises(ConnectFailed):
            await secure.connect()
        by_proxy = KrakenWSClient(
            "ws://exchange.test", proxy=f"http://{GOOD}:{port}", open_timeout=OPEN_TIMEOUT
        )
        with pytest.raises(ConnectFailed):
            await by_proxy.connect()


@pytest.mark.parametrize(("value", "least"), [("120", 120.0), ("soon", 0.0), ("99999", 900.0)])
async def test_refusal_says_when_to_come_back(
    sim: SimulatedExchange, monkeypatch: pytest.MonkeyPatch, value: str, least: float
) -> None:
    answer = f"HTTP/1.1 429 Too Many Requests\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n"
    async with answering(answer.encode()) as port:
        with pytest.raises(ConnectFailed) as caught:
            await KrakenWSClient(f"ws://{GOOD}:{port}").connect()
        assert caught.value.status == 429
        assert (caught.value.retry_after or 0.0) == least


async def test_redirect_is_not_followed(sim: SimulatedExchange) -> None:
    answer = f"HTTP/1.1 307 Elsewhere\r\nLocation: {sim.url}\r\n\r\n"
    async with answering(answer.encode()) as port:
        with pytest.raises(ConnectFailed) as caught:
            await KrakenWSClient(f"ws://{GOOD}:{port}").connect()
        assert caught.value.status == 307
    assert sim.connections_total == 0


async def test_pause_that_is_named_twice_is_the_longer_one() -> None:
    head = "HTTP/1.1 503 X\r\nRetry-After: soon\r\nRetry-After: 60\r\nRetry-After: 5\r\n\r\n"
    async with answering(head.encode()) as port:
        with pytest.raises(ConnectFailed) as caught:
            await KrakenWSClient(f"ws://{GOOD}:{port}").connect()
        assert caught.value.retry_after == 60


SCHEMES = ["http", "https", "socks5h"]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("answer", [b"HTTP/1.1 407 No\r\n\r\n", b"\x05\x02", b""])
async def test_password_of_a_proxy_is_in_no_report(
    caplog: pytest.LogCaptureFixture, scheme: str, answer: bytes
) -> None:
    caplog.set_level(1)

    async def fail(port: int) -> str:
        client = KrakenWSClient(
            "ws://exchange.test",
            proxy=f"{scheme}://user:the-password@{GOOD}:{port}",
            open_timeout=OPEN_TIMEOUT,
        )
        with pytest.raises(ConnectFailed) as caught:
            await client.connect()
        error = caught.value
        assert error.__cause__ is not None
        trace = error.__traceback__
        assert trace is not None
        # The first frame is that of this test.
        report = traceback.TracebackException(
            type(error), error, trace.tb_next, capture_locals=True
        )
        return "".join(report.format())

    async with answering(answer) as port:
        assert "the-password" not in await fail(port)
    assert "the-password" not in caplog.text


# Leaving.


@on_each_loop
def test_exchange_that_reads_nothing_does_not_delay_disconnect(module: str) -> None:
    async def main() -> None:
        leaving = asyncio.Event()

        async def read_nothing(connection: ServerConnection) -> None:
            connection.transport.pause_reading()
            await leaving.wait()

        with socket.create_server((GOOD, 0)) as listening:
            # Sockets that it accepts have it too.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            async with serve(
                read_nothing, sock=listening, max_size=None, close_timeout=0.1
            ) as server:
                client = KrakenWSClient(
                    f"ws://{GOOD}:{listening.getsockname()[1]}", close_timeout=0.1
                )
                await client.connect()
                # More than the system's buffers hold, in small parts.
                for _ in range(40):
                    await client.send(WSRequest("anything", {"text": "x" * 2**18}))
                    await asyncio.sleep(0.005)
                try:
                    async with asyncio.timeout(PATIENCE):
                        await client.disconnect()
                finally:
                    leaving.set()
                    server.close()

    assert unclosed(module, main()) == []


# Cancelled token calls.


@on_each_loop
@pytest.mark.parametrize("turns", range(0, 40, 2))
def test_token_call_that_is_cancelled_leaves_no_socket(module: str, turns: int) -> None:
    async def main() -> None:
        server, trusting = tls_contexts(GOOD)
        async with SimulatedExchange(symbols=[BTC], rate=0, ssl=server) as sim:
            source = source_of(sim, verify_ssl=trusting)
            await source.get_websockets_token()
            call = asyncio.create_task(source.get_websockets_token())
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
            await eventually(lambda: not sim.connections, PATIENCE)

    assert unclosed(module, main()) == []


# Threads.


async def test_token_manager_of_another_thread_says_so(sim: SimulatedExchange) -> None:
    manager = TokenManager(source_of(sim))
    await manager.get_token()

    def elsewhere(call: Callable[[], Coroutine[Any, Any, str]]) -> str:
        return asyncio.run(call())

    with pytest.raises(TokenAcquisitionError, match="another thread"):
        await asyncio.to_thread(elsewhere, manager.get_token)


def test_token_manager_serves_one_event_loop_after_the_other() -> None:
    async def main(manager: TokenManager | None) -> TokenManager:
        async with SimulatedExchange(symbols=[BTC], rate=0) as sim:
            manager = manager or TokenManager(source_of(sim))
            await manager.get_token()
            return manager

    asyncio.run(main(asyncio.run(main(None))))
