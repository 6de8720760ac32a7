"""The signed token call, and what tokens are good for."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.sim.client import connected, fetch_token, signed
from tests.virtual import current

from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.rest.signing import sign

VECTORS = Path(__file__).parents[1] / "fixtures" / "vectors" / "rest-signature.json"
SIGNATURES = json.loads(VECTORS.read_text())
MINUTE_NS = 60_000_000_000
START_NS = 1_790_000_000_000_000_000


@pytest.mark.parametrize("case", SIGNATURES["cases"], ids=lambda case: case["name"])
def test_signature_vectors(case: dict[str, Any]) -> None:
    """Source: the exchange's REST authentication guide, and cases derived from its rule."""
    secret = base64.b64decode(SIGNATURES["private_key_base64"])
    made = sign(secret, case["uri_path"], case["nonce"], case["body"].encode())
    assert made == case["expected_api_sign"]


async def test_every_call_gives_another_token() -> None:
    async with SimulatedExchange(rate=0) as sim, httpx.AsyncClient(trust_env=False) as http:
        answers = [(await http.post(**signed(sim, nonce))).json() for nonce in (1, 2)]
        assert [answer["error"] for answer in answers] == [[], []]
        assert answers[0]["result"]["expires"] == 900
        assert answers[0]["result"]["token"] != answers[1]["result"]["token"]
        assert (sim.rest.calls, sim.tokens.issued) == (2, 2)


async def test_json_body_is_accepted_too() -> None:
    async with SimulatedExchange(rate=0) as sim, httpx.AsyncClient(trust_env=False) as http:
        call = signed(sim, 7, **{"Content-Type": "application/json"})
        body = b'{"nonce":"7"}'
        secret = base64.b64decode(sim.api_secret)
        call["headers"]["API-Sign"] = sign(secret, "/0/private/GetWebSocketsToken", "7", body)
        assert (await http.post(**call | {"content": body})).json()["error"] == []


@pytest.mark.parametrize(
    ("nonce", "headers", "error"),
    [
        (1, {"API-Key": "somebody else"}, "EAPI:Invalid key"),
        (1, {"API-Sign": "c2lnbmF0dXJl"}, "EAPI:Invalid signature"),
        ("soon", {}, "EAPI:Invalid nonce"),
        (2**64, {}, "EAPI:Invalid nonce"),
    ],
)
async def test_wrong_calls_are_refused_with_http_200(
    nonce: int | str, headers: dict[str, str], error: str
) -> None:
    async with SimulatedExchange(rate=0) as sim, httpx.AsyncClient(trust_env=False) as http:
        response = await http.post(**signed(sim, nonce, **headers))
    assert response.status_code == 200
    assert response.json() == {"error": [error]}


@pytest.mark.parametrize("second", [5, 4])
async def test_nonce_must_increase(second: int) -> None:
    async with SimulatedExchange(rate=0) as sim, httpx.AsyncClient(trust_env=False) as http:
        await http.post(**signed(sim, 5))
        assert (await http.post(**signed(sim, second))).json() == {"error": ["EAPI:Invalid nonce"]}


async def test_other_paths_are_unknown() -> None:
    async with SimulatedExchange(rate=0) as sim, httpx.AsyncClient(trust_env=False) as http:
        response = await http.get(f"{sim.rest_url}/0/public/Nothing")
    assert response.json() == {"error": ["EGeneral:Unknown method"]}


async def test_token_calls_can_be_refused_on_command() -> None:
    async with SimulatedExchange(rate=0) as sim, httpx.AsyncClient(trust_env=False) as http:
        sim.faults.refuse_tokens("EService:Unavailable", times=2)
        errors = [(await http.post(**signed(sim, nonce))).json()["error"] for nonce in (1, 2, 3)]
    assert errors == [["EService:Unavailable"], ["EService:Unavailable"], []]


@pytest.mark.virtual_time
async def test_lockout_lasts() -> None:
    async with SimulatedExchange(rate=0, clock=current().time_ns) as sim:
        sim.faults.lock_out_tokens(900)
        assert await errors(sim, 1) == [["EGeneral:Temporary lockout"]]
        await asyncio.sleep(899)
        assert await errors(sim, 2) == [["EGeneral:Temporary lockout"]]
        await asyncio.sleep(1)
        assert await errors(sim, 3) == [[]]


@pytest.mark.virtual_time
async def test_lockout_may_be_lengthened_by_calls() -> None:
    async with SimulatedExchange(rate=0, clock=current().time_ns) as sim:
        sim.faults.lock_out_tokens(900, lengthens=True)
        for nonce in range(3):
            await asyncio.sleep(600)
            assert await errors(sim, nonce) == [["EGeneral:Temporary lockout"]]
        await asyncio.sleep(900)
        assert await errors(sim, 3) == [[]]


async def errors(sim: SimulatedExchange, *nonces: int) -> list[list[str]]:
    async with httpx.AsyncClient(trust_env=False) as http:
        return [(await http.post(**signed(sim, nonce))).json()["error"] for nonce in nonces]


async def test_token_comes_with_a_warning_and_no_expiry() -> None:
    async with SimulatedExchange(rate=0) as sim, httpx.AsyncClient(trust_env=False) as http:
        sim.faults.alter_tokens(warnings=["WGeneral:Danger"], expires=None)
        answer = (await http.post(**signed(sim, 1))).json()
        assert answer["error"] == ["WGeneral:Danger"]
        assert answer["result"]["token"]
        assert answer["result"]["expires"] is None
        assert (await http.post(**signed(sim, 2))).json()["result"]["expires"] == 900


@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (429, b"error code: 1015", "text/plain"),
        (520, b"<html><body>Web server returned an unknown error</body></html>", "text/html"),
    ],
)
async def test_gateway_answers_instead_of_the_exchange(
    status: int, body: bytes, content_type: str
) -> None:
    async with SimulatedExchange(rate=0) as sim, httpx.AsyncClient(trust_env=False) as http:
        sim.faults.fail_tokens(status, body=body, content_type=content_type)
        response = await http.post(**signed(sim, 1))
        assert (response.status_code, response.content) == (status, body)
        assert response.headers["content-type"] == content_type
        assert (await http.post(**signed(sim, 2))).json()["error"] == []


@pytest.mark.virtual_time
async def test_body_drips() -> None:
    async with SimulatedExchange(rate=0) as sim, httpx.AsyncClient(trust_env=False) as http:
        sim.faults.drip_tokens(1.0)
        before = current().time()
        assert (await http.post(**signed(sim, 1), timeout=2)).json()["error"] == []
        assert current().time() - before > 60
        sim.faults.clear()
        assert (await http.post(**signed(sim, 2))).json()["error"] == []
        assert current().time() - before < 120


@pytest.mark.virtual_time
async def test_call_hangs() -> None:
    async with SimulatedExchange(rate=0) as sim, httpx.AsyncClient(trust_env=False) as http:
        sim.faults.hang_tokens()
        with pytest.raises(httpx.ReadTimeout):
            await http.post(**signed(sim, 1), timeout=600)
        assert (await http.post(**signed(sim, 2))).json()["error"] == []


async def test_unused_token_expires() -> None:
    now = START_NS
    async with SimulatedExchange(rate=0, clock=lambda: now) as sim, connected(sim) as client:
        token = await fetch_token(sim)
        now += 15 * MINUTE_NS
        request = {"method": "subscribe", "params": {"channel": "balances", "token": token}}
        assert (await client.answer(request))["error"] == "ESession:Invalid session"


async def test_token_in_use_does_not_expire_on_its_connection() -> None:
    now = START_NS
    async with (
        SimulatedExchange(rate=0, clock=lambda: now) as sim,
        connected(sim) as client,
        connected(sim) as stranger,
    ):
        token = await fetch_token(sim)
        await client.subscribe("balances", token=token)
        now += 60 * MINUTE_NS
        request = {"method": "subscribe", "params": {"channel": "executions", "token": token}}
        assert (await client.answer(request))["success"]
        assert (await stranger.answer(request))["error"] == "ESession:Invalid session"


async def test_token_expires_once_its_subscriptions_are_gone() -> None:
    now = START_NS
    async with SimulatedExchange(rate=0, clock=lambda: now) as sim, connected(sim) as client:
        token = await fetch_token(sim)
        await client.subscribe("balances", token=token)
        params = {"channel": "balances", "token": token}
        assert (await client.answer({"method": "unsubscribe", "params": params}))["success"]
        now += 15 * MINUTE_NS
        answer = await client.answer({"method": "subscribe", "params": params})
        assert answer["error"] == "ESession:Invalid session"


async def test_tokens_can_be_revoked() -> None:
    async with SimulatedExchange(rate=0) as sim, connected(sim) as client:
        token = await fetch_token(sim)
        sim.faults.revoke_tokens()
        request = {"method": "subscribe", "params": {"channel": "balances", "token": token}}
        assert (await client.answer(request))["error"] == "ESession:Invalid session"


def test_secret_must_be_base64() -> None:
    with pytest.raises(ValueError, match="base64"):
        SimulatedExchange(api_secret="not base64!")
