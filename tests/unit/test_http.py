"""The signed token call, against a transport without sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import pickle
import socket
import ssl
import threading
import traceback
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from kraken_connector import network
from kraken_connector.exceptions import TokenAcquisitionError
from kraken_connector.http import HTTPAuthenticatedClient, WebSocketToken
from kraken_connector.rest import KrakenRest
from kraken_connector.rest.credentials import Credentials
from kraken_connector.rest.transport import QuietProxy
from kraken_connector.security import decode_secret, sign
from kraken_connector.ws import TokenManager

SECRET = "c2VjcmV0"
GOOD = {"error": [], "result": {"token": "a-token", "expires": 900}}


class Exchange:
    """Answers token calls and keeps the requests."""

    def __init__(self, reply: Any = GOOD, status: int = 200) -> None:
        self.requests: list[httpx.Request] = []
        self.reply = reply
        self.status = status

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self.reply, Exception):
            raise self.reply
        if isinstance(self.reply, str):
            return httpx.Response(self.status, text=self.reply)
        return httpx.Response(self.status, json=self.reply)

    def client(self, **options: Any) -> HTTPAuthenticatedClient:
        return client_of(httpx_args={"transport": httpx.MockTransport(self)}, **options)


def client_of(*url: str, **options: Any) -> HTTPAuthenticatedClient:
    return HTTPAuthenticatedClient(*url, api_key="the-key", api_secret=SECRET, **options)


def client_at(server: Any, scheme: str = "http", **options: Any) -> HTTPAuthenticatedClient:
    """Return a client of a server on this machine, whatever proxies the environment names."""
    port = server.sockets[0].getsockname()[1]
    return client_of(f"{scheme}://127.0.0.1:{port}", httpx_args={"trust_env": False}, **options)


async def test_call_is_signed_over_what_is_sent() -> None:
    exchange = Exchange()
    token = await exchange.client().get_websockets_token()
    assert (token.token, token.expires) == ("a-token", 900)
    (request,) = exchange.requests
    assert str(request.url) == "https://api.kraken.com/0/private/GetWebSocketsToken"
    assert request.method == "POST"
    assert request.headers["API-Key"] == "the-key"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    body = request.content.decode()
    (nonce,) = parse_qs(body)["nonce"]
    expected = sign(decode_secret(SECRET), "/0/private/GetWebSocketsToken", nonce, body)
    assert request.headers["API-Sign"] == expected


async def test_nonces_grow_over_all_clients_of_a_key() -> None:
    exchange = Exchange()
    for client in (exchange.client(), exchange.client()):
        await client.get_websockets_token()
        await client.get_websockets_token()
    nonces = [int(parse_qs(r.content.decode())["nonce"][0]) for r in exchange.requests]
    assert nonces == sorted(set(nonces))


async def test_one_time_password_is_sent_and_signed() -> None:
    exchange = Exchange()
    await exchange.client(otp="123456").get_websockets_token()
    assert parse_qs(exchange.requests[0].content.decode())["otp"] == ["123456"]


async def test_options_of_0_2_0_reach_the_request() -> None:
    exchange = Exchange()
    await exchange.client(
        headers={"X-Mine": "1"}, cookies={"c": "2"}, base_url="https://example.test/"
    ).get_websockets_token()
    (request,) = exchange.requests
    assert request.headers["X-Mine"] == "1"
    assert request.headers["Cookie"] == "c=2"
    assert request.url.host == "example.test"


@pytest.mark.parametrize(
    ("error", "texts"),
    [
        (["EAPI:Invalid key"], ("EAPI:Invalid key",)),
        (["EAPI:Invalid key", "EGeneral:Busy"], ("EAPI:Invalid key", "EGeneral:Busy")),
        ("EAPI:Invalid key", ("EAPI:Invalid key",)),
        ([{"code": 1}], ("{'code': 1}",)),
        (["WGeneral:Deprecated", "EService:Busy"], ("EService:Busy",)),
    ],
)
async def test_each_error_of_the_exchange_is_kept(error: Any, texts: tuple[str, ...]) -> None:
    with pytest.raises(TokenAcquisitionError) as caught:
        await Exchange({"error": error}).client().get_websockets_token()
    assert vars(caught.value)["errors"] == texts
    assert vars(caught.value)["status"] == 200
    assert caught.value.venue_error == ", ".join(texts)


async def test_warning_is_logged_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    reply = {**GOOD, "error": ["WGeneral:Deprecated"]}
    token = await Exchange(reply).client().get_websockets_token()
    assert token.token == "a-token"
    assert "WGeneral:Deprecated" in caplog.records[-1].getMessage()


@pytest.mark.parametrize(
    "expires",
    [None, "soon", "", [], {}, True, 0, -1, float("inf"), float("nan"), 10**400],
)
async def test_lifetime_that_cannot_be_read_is_the_documented_one(expires: Any) -> None:
    exchange = Exchange(json.dumps({"error": [], "result": {"token": "t", "expires": expires}}))
    assert (await exchange.client().get_websockets_token()).expires == 900


async def test_lifetime_is_documented_where_it_is_missing() -> None:
    token = await Exchange({"error": [], "result": {"token": "t"}}).client().get_websockets_token()
    assert token.expires == 900


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("<html>bad gateway</html>", 502),
        ("error code: 1015", 429),
        ("[" * 200_000, 200),
        (GOOD, 503),
        ({}, 200),
        ([], 200),
        ({"error": [], "result": {}}, 200),
        ({"error": [], "result": []}, 200),
        ({"error": [], "result": {"token": ["t"]}}, 200),
    ],
)
async def test_replies_without_a_token_are_errors(reply: Any, status: int) -> None:
    with pytest.raises(TokenAcquisitionError, match=str(status)) as caught:
        await Exchange(reply, status).client().get_websockets_token()
    assert caught.value.venue_error is None
    assert vars(caught.value)["status"] == status


def variables_of(error: BaseException) -> str:
    """Return what a report with the variables of all frames of this package shows."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [f for f in frames if f.f_globals["__name__"].startswith("kraken_connector")]
    assert ours
    return "".join(repr(frame.f_locals) for frame in ours)


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        OSError("down"),
        RuntimeError("no"),
        httpx.LocalProtocolError("Illegal header value b'the-key'"),
        UnicodeEncodeError("ascii", "the-key", 0, 1, "no"),
        ExceptionGroup("several", [OverflowError("the-key")]),
    ],
)
async def test_network_failures_are_errors_without_their_request(failure: Exception) -> None:
    with pytest.raises(TokenAcquisitionError, match=r"api\.kraken\.com") as caught:
        await Exchange(failure).client().get_websockets_token()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "the-key" not in str(caught.value)
    shown = variables_of(caught.value)
    assert not any(secret in shown for secret in ("the-key", SECRET, "nonce"))


async def test_client_without_a_key_says_what_is_missing() -> None:
    with pytest.raises(TokenAcquisitionError, match="api_key"):
        await HTTPAuthenticatedClient().get_websockets_token()


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": "only"},
        {"api_secret": SECRET},
        {"base_url": "api.kraken.com"},
        {"base_url": "https://api.kraken.com:99999"},
        {"base_url": "https://api.kraken.com:x"},
        {"base_url": "https://"},
        {"base_url": f"https://{'a' * 64}.com"},
        {"base_url": "https://[bad"},
        {"api_key": "the\u200bkey", "api_secret": SECRET},
        {"nonce_unit": "minutes"},
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"api_|base_url|nonce_unit"):
        HTTPAuthenticatedClient(**options)


@pytest.mark.parametrize(
    ("key", "secret"),
    [("key\u200bof-mine", SECRET), ("key-of-mine", "secret-no-base64"), ("key-of-mine", "")],
)
def test_error_about_a_key_shows_it_nowhere(key: str, secret: str) -> None:
    with pytest.raises(ValueError, match="api_") as caught:
        HTTPAuthenticatedClient(api_key=key, api_secret=secret).check_secret()
    shown = str(caught.value) + variables_of(caught.value)
    assert key not in shown
    assert repr(key)[1:-1] not in shown
    assert not secret or secret not in shown


@pytest.mark.parametrize(("key", "secret"), [(b"key-of-mine", SECRET), ("key-of-mine", b"c2Vj")])
def test_key_that_is_no_string_is_shown_nowhere(key: Any, secret: Any) -> None:
    with pytest.raises(TypeError, match="must be a string, not bytes") as caught:
        HTTPAuthenticatedClient(api_key=key, api_secret=secret)
    shown = str(caught.value) + variables_of(caught.value)
    assert "key-of-mine" not in shown
    assert "c2Vj" not in shown


async def test_secret_that_is_not_base64_is_refused_when_it_is_needed() -> None:
    secret = "secret-" + "no-base64"
    client = HTTPAuthenticatedClient(api_key="the-key", api_secret=secret)
    with pytest.raises(TokenAcquisitionError, match="api_secret is not base64") as caught:
        await client.get_websockets_token()
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    # This test's own frame has it.
    assert "".join(report.format()).count(secret) == 1


def test_secret_that_is_not_base64_is_refused_at_once_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KRAKEN_CONNECTOR_API_KEY", "the-key")
    monkeypatch.setenv("KRAKEN_CONNECTOR_API_SECRET", "no base64")
    with pytest.raises(ValueError, match="api_secret is not base64"):
        TokenManager.from_env()
    with pytest.raises(ValueError, match="api_secret is not base64"):
        KrakenRest("the-key", "no base64")


def test_key_instead_of_the_url_is_not_shown() -> None:
    with pytest.raises(ValueError, match="base_url") as caught:
        HTTPAuthenticatedClient("the-key-of-mine")
    assert "the-key-of-mine" not in str(caught.value)


@pytest.mark.parametrize("is_late", [False, True])
async def test_call_that_is_cancelled_has_no_key_in_its_variables(is_late: bool) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    client = client_at(server, otp="123987")
    call = asyncio.create_task(client.get_websockets_token())
    try:
        if is_late:
            async with asyncio.timeout(0.05):
                await call
        else:
            await asyncio.sleep(0.05)
            call.cancel()
            await call
        raise AssertionError("the call ended")
    except (TimeoutError, asyncio.CancelledError) as error:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)
    finally:
        server.close()
    shown = "".join(report.format())
    assert "get_websockets_token" in shown
    for secret in ("the-key", SECRET, "123987", "nonce=", "API-Sign"):
        assert secret not in shown


async def test_answer_says_when_to_come_back() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        headers = [("Retry-After", "soon"), ("Retry-After", "120")]
        return httpx.Response(429, headers=headers, text="error code: 1015")

    client = client_of(httpx_args={"transport": httpx.MockTransport(refuse)})
    with pytest.raises(TokenAcquisitionError) as caught:
        await client.get_websockets_token()
    assert (caught.value.status, caught.value.retry_after) == (429, 120)
    with pytest.raises(TokenAcquisitionError) as caught:
        await Exchange("", 503).client().get_websockets_token()
    assert (caught.value.status, caught.value.retry_after) == (503, None)


class Stream:
    """What a request opened."""

    is_open = True

    async def aclose(self) -> None:
        self.is_open = False


@pytest.mark.parametrize("failure", [None, httpx.ProxyError("no"), asyncio.CancelledError()])
async def test_what_a_call_opened_is_closed_when_it_fails(
    failure: BaseException | None,
) -> None:
    opened = Stream()

    class Transport(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            trace = request.extensions["trace"]
            await trace("socks.connect_tcp.complete", {"return_value": opened})
            if failure is not None:
                raise failure
            return httpx.Response(200, json=GOOD)

    client = client_of(httpx_args={"transport": Transport()})
    with contextlib.suppress(TokenAcquisitionError, asyncio.CancelledError):
        await client.get_websockets_token()
    assert opened.is_open is (failure is None)


def test_password_of_a_proxy_is_shown_nowhere() -> None:
    proxy = QuietProxy("socks5h://user:pass%20word@127.0.0.1:1080")
    assert proxy.raw_auth == (b"user", b"pass word")
    assert "word" not in repr(proxy) + repr(proxy.raw_auth)
    assert QuietProxy("socks5h://127.0.0.1:1080").raw_auth is None


@pytest.mark.parametrize("url", ["socks5h://user:the-password@{}", "http://user:the-password@{}"])
async def test_call_by_a_proxy_logs_no_password(caplog: pytest.LogCaptureFixture, url: str) -> None:
    if url.startswith("socks"):
        pytest.importorskip("socksio")

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The way of SOCKS to want a password, and to refuse it (RFC 1929).
        await reader.read(65536)
        writer.write(b"\x05\x02")
        await reader.read(65536)
        writer.write(b"\x01\x01")
        writer.close()

    caplog.set_level(1)
    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = url.format(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    client = client_of("http://exchange.test", httpx_args={"proxy": url}, timeout=0.5)
    with pytest.raises(TokenAcquisitionError) as caught:
        await client.get_websockets_token()
    server.close()
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "the-password" not in caplog.text
    # This test's own frame has it.
    assert "the-password" not in "".join(report.format()).replace(url, "")


async def test_key_that_the_exchange_repeats_is_not_shown() -> None:
    exchange = Exchange({"error": ["EAPI:Invalid key:the-key"]})
    with pytest.raises(TokenAcquisitionError) as caught:
        await exchange.client().get_websockets_token()
    assert "the-key" not in repr(vars(caught.value)) + str(caught.value)


def test_blanks_around_the_keys_are_dropped() -> None:
    signed = [
        Credentials(f"the-key{blank}", f"{blank}{SECRET}{blank}").request("/0/private/X", "1", {})
        for blank in ("", " ", "\n")
    ]
    assert [request.headers["API-Key"] for request in signed] == ["the-key"] * 3
    assert signed[0] == signed[1] == signed[2]


@pytest.mark.parametrize("blank", ["\u200b", "\ufeff", "\u2060", "\xa0", "\x00", "\u00e9"])
@pytest.mark.parametrize("pattern", ["{}key", "k{}ey", "key{}"])
def test_characters_that_no_key_has_are_named_by_their_position(blank: str, pattern: str) -> None:
    text = pattern.format(blank)
    if text.strip() == "key":
        return
    with pytest.raises(ValueError, match="api_key has") as caught:
        HTTPAuthenticatedClient(api_key=text, api_secret=SECRET)
    assert text not in str(caught.value)
    client = HTTPAuthenticatedClient(api_key="key", api_secret=f"{SECRET[:4]}{blank}{SECRET[4:]}")
    with pytest.raises(ValueError, match="api_secret is not"):
        client.check_secret()


async def test_blanks_around_the_one_time_password_are_dropped() -> None:
    exchange = Exchange()
    await exchange.client(otp=" 123456\n").get_websockets_token()
    assert parse_qs(exchange.requests[0].content.decode())["otp"] == ["123456"]


async def test_reply_without_end_is_not_read_to_its_end() -> None:
    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b"[" * 65536

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Endless())

    client = client_of(httpx_args={"transport": httpx.MockTransport(answer)})
    with pytest.raises(TokenAcquisitionError, match="no token in the reply"):
        await client.get_websockets_token()


def test_user_name_in_the_url_is_not_shown() -> None:
    client = HTTPAuthenticatedClient("https://me:hush@gateway.test:8443/kraken/")
    assert repr(client) == "HTTPAuthenticatedClient(base_url='https://gateway.test:8443')"
    assert client.base_url == "https://me:hush@gateway.test:8443/kraken"


def test_half_made_client_has_a_repr() -> None:
    half = HTTPAuthenticatedClient.__new__(HTTPAuthenticatedClient)
    assert repr(half) == "HTTPAuthenticatedClient(base_url=None)"


def test_token_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(WebSocketToken("the-token", 900))


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "socks://127.0.0.1:9"])
async def test_proxy_that_cannot_be_used_is_an_error_like_any_other(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    client = client_of("http://127.0.0.1:9")
    with pytest.raises(TokenAcquisitionError, match=r"cannot reach http://127.0.0.1:9: \w+: ."):
        await client.get_websockets_token()


# The event loop, and time.


async def test_certificates_are_loaded_once_and_not_by_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[int] = []
    load = network._load

    def record(*variables: str | None) -> ssl.SSLContext:
        threads.append(threading.get_ident())
        return load(*variables)

    monkeypatch.setattr(network, "_load", record)
    monkeypatch.setattr(network, "_defaults", {})
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        client = client_at(SimpleNamespace(sockets=[nobody]), "https")
        calls = [client.get_websockets_token() for _ in range(5)]
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, TokenAcquisitionError) for result in results)
    (thread,) = threads
    assert thread != threading.get_ident()


async def test_one_http_client_serves_an_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[httpx.AsyncClient] = []
    make = httpx.AsyncClient

    def record(**options: Any) -> httpx.AsyncClient:
        made.append(make(**options))
        return made[-1]

    monkeypatch.setattr("kraken_connector.rest.transport.httpx.AsyncClient", record)
    async with Exchange().client() as client:
        for _ in range(3):
            await client.get_websockets_token()
        await asyncio.to_thread(asyncio.run, client.get_websockets_token())
        assert len(made) == 2
    assert made[0].is_closed
    await client.get_websockets_token()
    assert len(made) == 3


@pytest.mark.virtual_time
async def test_timeout_is_for_the_whole_request() -> None:
    class Drip(asyncio.Protocol):
        """Answers, a byte each half second."""

        def connection_made(self, transport: Any) -> None:
            transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
            self.drip(transport)

        def drip(self, transport: Any) -> None:
            if not transport.is_closing():
                transport.write(b" ")
                asyncio.get_running_loop().call_later(0.5, self.drip, transport)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Drip, "127.0.0.1", 0)
    for timeout, total in ((2.0, 2.0), (httpx.Timeout(1.0), 4.0), (None, 10.0)):
        client = client_at(server, timeout=timeout)
        start = loop.time()
        with pytest.raises(TokenAcquisitionError, match=f"no reply within {total:g} s"):
            await client.get_websockets_token()
        assert loop.time() - start == pytest.approx(total, abs=0.01)


async def test_handshake_that_hangs_leaves_no_open_socket() -> None:
    ends: list[bytes] = []
    ended = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            ends.append(await reader.read())
        writer.close()
        ended.set()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    client = client_at(server, "https", timeout=0.1)
    gc.disable()
    try:
        with pytest.raises(TokenAcquisitionError, match="no reply"):
            await client.get_websockets_token()
        # The other end sees it, without help from the garbage collector.
        await asyncio.wait_for(ended.wait(), 10)
    finally:
        gc.enable()
        server.close()


async def test_no_connection_stays_open() -> None:
    ended = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"nonce=")
        body = json.dumps(GOOD).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await reader.read()
        writer.close()
        ended.set()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    client = client_at(server)
    assert (await client.get_websockets_token()).token == "a-token"
    await asyncio.wait_for(ended.wait(), 10)
    server.close()


@pytest.mark.parametrize("token", ["", " ", "a b", "a\n", "a\u0000", "\ud800", "é", 5, None, ["a"]])
async def test_what_cannot_be_a_token_is_none(token: Any) -> None:
    exchange = Exchange({"error": [], "result": {"token": token, "expires": 900}})
    if token == "\ud800":
        exchange = Exchange('{"error":[],"result":{"token":"\\ud800","expires":900}}')
    with pytest.raises(TokenAcquisitionError, match="no token in the reply"):
        await exchange.client().get_websockets_token()
