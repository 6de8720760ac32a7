"""The signed token call, against a transport without sockets."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from kraken_connector.exceptions import TokenAcquisitionError
from kraken_connector.http import HTTPAuthenticatedClient
from kraken_connector.security import decode_secret, sign

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
        return HTTPAuthenticatedClient(
            api_key="the-key",
            api_secret=SECRET,
            httpx_args={"transport": httpx.MockTransport(self)},
            **options,
        )


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


async def test_errors_of_the_exchange_are_kept_verbatim() -> None:
    exchange = Exchange({"error": ["EAPI:Invalid nonce"]})
    with pytest.raises(TokenAcquisitionError) as caught:
        await exchange.client().get_websockets_token()
    assert caught.value.venue_error == "EAPI:Invalid nonce"


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        ("<html>bad gateway</html>", 502),
        (GOOD, 503),
        ({}, 200),
        ([], 200),
        ({"error": [], "result": {}}, 200),
        ({"error": [], "result": []}, 200),
    ],
)
async def test_replies_without_a_token_are_errors(reply: Any, status: int) -> None:
    with pytest.raises(TokenAcquisitionError, match=str(status)) as caught:
        await Exchange(reply, status).client().get_websockets_token()
    assert caught.value.venue_error is None


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), OSError("down")]
)
async def test_network_failures_are_errors_without_their_request(failure: Exception) -> None:
    with pytest.raises(TokenAcquisitionError, match=r"api\.kraken\.com") as caught:
        await Exchange(failure).client().get_websockets_token()
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_client_without_a_key_says_what_is_missing() -> None:
    with pytest.raises(TokenAcquisitionError, match="api_key"):
        await HTTPAuthenticatedClient().get_websockets_token()


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": "only"},
        {"api_secret": SECRET},
        {"base_url": "api.kraken.com"},
        {"nonce_unit": "minutes"},
    ],
)
def test_wrong_arguments_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"api_|base_url|nonce_unit"):
        HTTPAuthenticatedClient(**options)
