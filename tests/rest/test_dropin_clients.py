"""`HTTPClient` and `HTTPAuthenticatedClient`: settings, copies, retries, secrets."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import pickle
import ssl
import traceback
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from tests.rest.dropin import NO_PROXY, DropIn, dropping_in, limit_order
from tests.ws.test_secrets import chain_of, reachable_texts

from kraken_connector import (
    HTTPAuthenticatedClient,
    HTTPClient,
    KrakenAPIError,
    ResilienceConfig,
    TokenAcquisitionError,
)
from kraken_connector.api.account_data import get_open_orders
from kraken_connector.api.market_data import get_server_time
from kraken_connector.api.trading import add_order
from kraken_connector.resilience import AsyncRetryTransport, RetryTransport

SECRET = "c2VjcmV0"
TIME = {"error": [], "result": {"unixtime": 1, "rfc1123": "then"}}
ORDERS = {"error": [], "result": {"open": {}}}
#: No certificate is checked, and loading them takes 20 ms.
QUICK: dict[str, Any] = {"verify_ssl": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}


@pytest_asyncio.fixture
async def dropin() -> AsyncIterator[DropIn]:
    async with dropping_in() as dropin:
        yield dropin


class Exchange:
    """Answers requests, or fails as it is told, and keeps them."""

    def __init__(self, reply: Any, *failures: Exception) -> None:
        self.requests: list[httpx.Request] = []
        self.reply = reply
        self.failures = list(failures)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.failures:
            raise self.failures.pop(0)
        return httpx.Response(200, json=self.reply)

    def client(self, **options: Any) -> HTTPAuthenticatedClient:
        transport = httpx.MockTransport(self)
        options = {**QUICK, "httpx_args": {"transport": transport}, **options}
        return HTTPAuthenticatedClient(api_key="the-key", api_secret=SECRET, **options)


# Settings and copies.


def test_settings_reach_the_exchange() -> None:
    exchange = Exchange(TIME)
    client = exchange.client(headers={"X-One": "1"}, cookies={"one": "1"}, timeout=3.0)
    get_server_time.sync(client=client)
    copy = client.with_headers({"X-Two": "2"}).with_cookies({"two": "2"}).with_timeout(4.0)
    get_server_time.sync(client=copy)
    first, second = exchange.requests
    assert (first.headers["X-One"], first.headers["Cookie"]) == ("1", "one=1")
    assert "X-Two" not in first.headers
    assert (second.headers["X-One"], second.headers["X-Two"]) == ("1", "2")
    assert second.headers["Cookie"] == "one=1; two=2"
    assert [r.extensions["timeout"]["read"] for r in exchange.requests] == [3.0, 4.0]


def test_call_ends_in_time_by_default() -> None:
    """In 0.2.0 there is no limit."""
    exchange = Exchange(TIME)
    get_server_time.sync(client=exchange.client())
    assert set(exchange.requests[0].extensions["timeout"].values()) == {10.0}


def test_client_that_was_set_makes_all_calls() -> None:
    """In 0.2.0 private calls do not use it."""
    exchange = Exchange(ORDERS)
    transport = httpx.MockTransport(exchange)
    client = HTTPAuthenticatedClient("https://other.test", api_key="the-key", api_secret=SECRET)
    with httpx.Client(transport=transport, base_url="https://mine.test") as mine:
        get_open_orders.sync(client=client.set_httpx_client(mine))

    async def asynchronously() -> None:
        async with httpx.AsyncClient(transport=transport, base_url="https://mine.test") as mine:
            await get_open_orders.asyncio(client=client.set_async_httpx_client(mine))

    asyncio.run(asynchronously())
    assert [request.url.host for request in exchange.requests] == ["mine.test"] * 2
    assert all(request.headers["API-Sign"] for request in exchange.requests)


def test_names_of_the_headers_can_be_changed() -> None:
    exchange = Exchange(ORDERS)
    client = exchange.client(auth_header_name="X-Key", hmac_msg_signature="X-Sign")
    get_open_orders.sync(client=client)
    (request,) = exchange.requests
    assert request.headers["X-Key"] == "the-key"
    assert request.headers["X-Sign"]


def test_one_time_password_is_sent() -> None:
    exchange = Exchange(ORDERS)
    get_open_orders.sync(client=exchange.client(otp="123456"))
    assert b"otp=123456" in exchange.requests[0].content


def test_one_client_serves_several_event_loops() -> None:
    exchange = Exchange(ORDERS)
    client = exchange.client()

    async def twice() -> set[httpx.AsyncClient]:
        async with client:
            for _ in range(2):
                await get_open_orders.asyncio(client=client)
            return {client.get_or_create_async_httpx_client() for _ in range(2)}

    (first,), (second,) = asyncio.run(twice()), asyncio.run(twice())
    assert first is not second
    assert len(exchange.requests) == 4


def test_closed_client_makes_no_calls() -> None:
    client = Exchange(TIME).client()
    with client:
        get_server_time.sync(client=client)
    with pytest.raises(RuntimeError, match="closed"):
        get_server_time.sync(client=client)


@pytest.mark.parametrize("kind", [HTTPClient, HTTPAuthenticatedClient])
@pytest.mark.parametrize("url", ["api.kraken.com", "https://", "https://x:99999"])
def test_url_is_checked(kind: type[HTTPClient], url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        kind(url)


# Retries.

NOT_SENT = [httpx.ConnectError("refused"), httpx.ConnectTimeout("late"), httpx.PoolTimeout("full")]
PERHAPS_SENT = [httpx.ReadTimeout("late"), httpx.WriteTimeout("late"), httpx.ReadError("reset")]
CONFIG = ResilienceConfig(
    max_retries=2, backoff_base=0.0, retryable_exceptions=(httpx.TransportError,)
)


async def call(module: Any, form: str, **params: Any) -> Any:
    function = getattr(module, form)
    return await function(**params) if form == "asyncio" else function(**params)


@pytest.mark.parametrize("form", ["sync", "asyncio"])
@pytest.mark.parametrize("failure", [*NOT_SENT, *PERHAPS_SENT], ids=lambda it: type(it).__name__)
async def test_public_call_is_retried(failure: Exception, form: str) -> None:
    exchange = Exchange(TIME, failure, failure)
    client = exchange.client(resilience=CONFIG)
    assert (await call(get_server_time, form, client=client)).result.unixtime == 1
    assert len(exchange.requests) == 3


@pytest.mark.parametrize("form", ["sync", "asyncio"])
@pytest.mark.parametrize("failure", PERHAPS_SENT, ids=lambda it: type(it).__name__)
async def test_order_that_may_have_been_received_is_not_sent_again(
    failure: Exception, form: str
) -> None:
    exchange = Exchange(ORDERS, failure)
    with pytest.raises(type(failure)):
        await call(
            add_order, form, client=exchange.client(resilience=CONFIG), form_data=limit_order()
        )
    assert len(exchange.requests) == 1


@pytest.mark.parametrize("form", ["sync", "asyncio"])
@pytest.mark.parametrize("failure", NOT_SENT, ids=lambda it: type(it).__name__)
async def test_private_call_that_was_not_sent_is_retried(failure: Exception, form: str) -> None:
    exchange = Exchange(ORDERS, failure)
    await call(get_open_orders, form, client=exchange.client(resilience=CONFIG))
    assert len(exchange.requests) == 2


async def test_order_is_placed_once_when_its_reply_is_lost(dropin: DropIn) -> None:
    dropin.sim.faults.drop_calls(calls=("AddOrder",), carried_out=True)
    client = dropin.client_of(resilience=CONFIG)
    async with client:
        with pytest.raises(httpx.TransportError):
            await dropin.call("trading.add_order", client=client, form_data=limit_order())
        orders = await dropin.call("account_data.get_open_orders", client=client)
    assert len(orders.result.open_.additional_keys) == 1


def test_client_of_httpx_has_retries_and_its_settings() -> None:
    proxy = "http://user:the-password@127.0.0.1:9"
    client = HTTPClient(resilience=CONFIG, httpx_args={"proxy": proxy}, **QUICK)
    assert isinstance(client.get_or_create_httpx_client()._transport, RetryTransport)
    asynchronous = client.get_or_create_async_httpx_client()
    assert isinstance(asynchronous._transport, AsyncRetryTransport)


@pytest.mark.parametrize("form", ["sync", "asyncio"])
async def test_requests_are_logged(form: str, caplog: pytest.LogCaptureFixture) -> None:
    """In 0.2.0 each logged request fails: its hooks fit no version of httpx."""
    config = ResilienceConfig(enable_logging=True, log_level=logging.WARNING)
    heard: list[str] = []

    def hear(request: httpx.Request) -> None:
        heard.append(request.method)

    async def hear_async(request: httpx.Request) -> None:
        heard.append(request.method)

    hooks = {"request": [hear_async if form == "asyncio" else hear]}
    args = {"transport": httpx.MockTransport(Exchange(TIME)), "event_hooks": hooks}
    client = HTTPClient("https://me:hush@x.test", resilience=config, httpx_args=args, **QUICK)
    await call(get_server_time, form, client=client)
    own = [r.getMessage() for r in caplog.records if r.name.startswith("kraken_connector")]
    assert own == ["HTTP GET https://x.test/0/public/Time", own[1]]
    assert own[1].endswith("/0/public/Time: 200")
    assert heard == ["GET"]


# Secrets.


@pytest.mark.parametrize("form", ["sync", "asyncio"])
@pytest.mark.parametrize("fault", ["drop", "hang", "unreadable", "illegal"])
async def test_no_secret_is_in_an_exception(dropin: DropIn, fault: str, form: str) -> None:
    client = dropin.client_of(otp="987123")
    if fault == "drop":
        dropin.sim.faults.drop_calls()
    elif fault == "hang":
        dropin.sim.faults.hang_calls()
        client = client.with_timeout(0.05)
    elif fault == "unreadable":
        dropin.sim.faults.garble_calls("no json")
    else:
        client = client.with_headers({"X-Private": "hush\nhush"})
    with pytest.raises((httpx.HTTPError, ValueError)) as caught:
        await dropin.call("account_data.get_open_orders", form, client=client)
    await client.aclose()
    client.close()
    shown = reachable_texts(caught.value)
    for link in chain_of(caught.value):
        report = traceback.TracebackException.from_exception(link, capture_locals=True)
        shown += "".join(report.format())
    for secret in (dropin.sim.api_key, dropin.sim.api_secret, "987123", "API-Sign", "hush"):
        assert secret not in shown
    assert caught.value.__traceback__ is not None


@pytest.mark.parametrize("form", ["sync", "asyncio"])
async def test_no_secret_is_logged(
    dropin: DropIn, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    dropin.sim.faults.drop_calls(2)
    client = dropin.client_of(resilience=ResilienceConfig(max_retries=1, enable_logging=True))
    path = "websockets_authentication.get_websockets_token"
    for _ in range(2):
        with contextlib.suppress(httpx.HTTPError):
            await dropin.call(path, form, client=client)
    token = (await dropin.call(path, form, client=client)).result.token
    await client.aclose()
    client.close()
    assert "/0/private/GetWebSocketsToken" in caplog.text
    for secret in (dropin.sim.api_key, dropin.sim.api_secret, token, "nonce="):
        assert secret not in caplog.text


async def test_cancelled_call_has_no_secret_in_its_frames(dropin: DropIn) -> None:
    dropin.sim.faults.hang_calls()
    task = asyncio.create_task(dropin.call("account_data.get_open_orders"))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = "".join(report.format())
    for secret in (dropin.sim.api_key, dropin.sim.api_secret, "API-Sign", "nonce="):
        assert secret not in shown


def test_key_that_the_exchange_repeats_is_hidden() -> None:
    client = Exchange({"error": ["EAPI:Invalid key:the-key"]}).client()
    with pytest.raises(KrakenAPIError) as caught:
        get_open_orders.sync(client=client)
    assert caught.value.errors == ["EAPI:Invalid key:<key>"]
    assert "the-key" not in reachable_texts(caught.value)


# httpcore leaves the socket to the garbage collector when a SOCKS proxy refuses.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("form", ["sync", "asyncio"])
@pytest.mark.parametrize("resilience", [None, CONFIG])
async def test_password_of_a_proxy_is_not_logged(
    form: str, resilience: ResilienceConfig | None, caplog: pytest.LogCaptureFixture
) -> None:
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
    proxy = f"socks5h://user:the-password@127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = HTTPClient(
        "http://exchange.test", resilience=resilience, httpx_args={"proxy": proxy}, **QUICK
    )
    call = getattr(get_server_time, form)
    with pytest.raises(httpx.HTTPError):
        await (call(client=client) if form == "asyncio" else asyncio.to_thread(call, client=client))
    server.close()
    await client.aclose()
    gc.collect()
    assert caplog.records
    assert "the-password" not in caplog.text


def test_secrets_are_in_no_repr_and_no_pickle() -> None:
    client = Exchange(ORDERS).client(headers={"X-Private": "hush"})
    copy = client.with_headers({"X-Other": "hush"})
    for one in (client, copy, client.credentials):
        assert "the-key" not in repr(one)
        assert SECRET not in repr(one)
        assert "hush" not in repr(one)
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(one)


async def test_token_is_in_no_repr_and_no_pickle(dropin: DropIn) -> None:
    path = "websockets_authentication.get_websockets_token"
    reply = await dropin.call(path, "asyncio_detailed")
    token = reply.parsed.result.token
    assert token.encode() in reply.content
    assert token not in repr(reply)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(reply.parsed)
    with pytest.raises(TypeError):
        pickle.dumps(reply)


async def test_token_call_of_a_copy_has_the_settings_of_the_copy(dropin: DropIn) -> None:
    assert (await dropin.client.get_websockets_token()).token
    late = dropin.client.with_timeout(1e-9)
    with pytest.raises(TokenAcquisitionError, match="no reply within 0 s"):
        await late.get_websockets_token()
    await late.aclose()


def test_public_calls_by_httpx_arguments_only() -> None:
    transport = httpx.MockTransport(Exchange(TIME))
    client = HTTPClient(httpx_args={**NO_PROXY, "transport": transport}, **QUICK)
    assert get_server_time.sync_detailed(client=client).parsed is not None
