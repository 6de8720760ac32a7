"""A plain caller of the simulated REST API over HTTPS, and tables of what its answers look like."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from tests.ws.helpers import tls_contexts

from kraken_connector.sim import SimulatedExchange

BTC = "BTC/USD"
START_NS = 1_800_000_000_123_456_789
SECOND = 1_000_000_000
SERVER, CLIENT = tls_contexts("127.0.0.1")

RICH = {"USD": 10_000_000, "BTC": 100, "ETH": 1000}
#: An order that rests far below the market.
RESTING = {
    "pair": "XBTUSD",
    "type": "buy",
    "ordertype": "limit",
    "volume": "0.5",
    "price": "80000.0",
}

Json = dict[str, Any]
#: A type, or several of which a value must have one.
Shape = Mapping[str, type | tuple[type, ...]]
NULL = type(None)


class Number(str):
    """A JSON number with a fraction, with its digits; money is text, which is no `Number`."""

    __slots__ = ()


@dataclass
class Clock:
    """The exchange's clock, which only the test moves."""

    ns: int = START_NS

    def __call__(self) -> int:
        return self.ns

    def pass_seconds(self, seconds: float) -> None:
        self.ns += int(seconds * SECOND)


def signature(secret: str, path: str, nonce: str, body: bytes) -> str:
    """Return `API-Sign`, by the rule of the exchange's guide; the first test has its example."""
    digest = hashlib.sha256(nonce.encode() + body).digest()
    signed = hmac.new(base64.b64decode(secret), path.encode() + digest, hashlib.sha512)
    return base64.b64encode(signed.digest()).decode()


class Rest:
    """Calls an exchange, with ever higher nonces."""

    def __init__(self, sim: SimulatedExchange, clock: Clock, http: httpx.AsyncClient) -> None:
        self.sim = sim
        self.clock = clock
        self.http = http
        self.nonce = 1_700_000_000_000_000

    async def public(self, name: str, **params: object) -> Json:
        """Return the result of a public call."""
        return result(await self.http.get(f"/0/public/{name}", params=params))  # type: ignore[arg-type]

    async def send(
        self,
        name: str,
        *,
        form: bool = False,
        nonce: int | str | None = None,
        headers: Mapping[str, str] | None = None,
        **params: Any,
    ) -> httpx.Response:
        """Send a private call as JSON or as a form; `close` becomes `close[...]` in forms."""
        if nonce is None:
            self.nonce += 1
            nonce = self.nonce
        given = {"nonce": nonce, **params}
        body = as_form(given) if form else json.dumps(given).encode()
        path = f"/0/private/{name}"
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        sent = {
            "API-Key": self.sim.api_key,
            "API-Sign": signature(self.sim.api_secret, path, str(nonce), body),
            "Content-Type": kind,
        }
        return await self.http.post(path, content=body, headers={**sent, **(headers or {})})

    async def call(self, name: str, *, form: bool = False, **params: Any) -> Json:
        """Return the result of a private call, which must succeed."""
        return result(await self.send(name, form=form, **params))

    async def error(self, name: str, **params: Any) -> str:
        """Return the only error of a refused call."""
        document = read(await self.send(name, **params))
        (error,) = document["error"]
        assert "result" not in document
        return str(error)

    async def place(self, **terms: Any) -> str:
        """Place `RESTING`, with other terms if given, and return its id; `None` drops a term."""
        order = {name: value for name, value in (RESTING | terms).items() if value is not None}
        (order_id,) = (await self.call("AddOrder", **order))["txid"]
        return str(order_id)


@asynccontextmanager
async def calling(**options: Any) -> AsyncIterator[Rest]:
    """Serve an exchange over HTTPS whose time and markets stand still."""
    clock = Clock()
    options = {"rate": 0, "clock": clock, "ssl": SERVER, "balances": RICH, **options}
    async with SimulatedExchange(**options) as sim:
        address = sim.rest_url
        async with httpx.AsyncClient(base_url=address, verify=CLIENT, trust_env=False) as http:
            yield Rest(sim, clock, http)


def as_form(params: Mapping[str, Any]) -> bytes:
    """Return a form: flags as `true` and `false`, objects with brackets."""
    flat: dict[str, str] = {}
    for name, value in params.items():
        if isinstance(value, dict):
            flat |= {f"{name}[{key}]": str(item) for key, item in value.items()}
        else:
            flat[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return urlencode(flat).encode()


def read(response: httpx.Response) -> Json:
    """Return the document of an answer, with the digits of its numbers."""
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    document: Json = json.loads(response.content, parse_float=Number)
    return document


def result(response: httpx.Response) -> Json:
    """Return the result of an answer without errors."""
    document = read(response)
    assert document["error"] == [], document
    found: Json = document["result"]
    return found


def check(item: Json, shape: Shape, *optional: str) -> None:
    """Check that an object has the fields of a table and their types, and no others."""
    assert set(shape) - set(optional) <= item.keys() <= set(shape)
    for name, value in item.items():
        wanted = shape[name] if isinstance(shape[name], tuple) else (shape[name],)
        assert type(value) in wanted, (name, value)  # type: ignore[operator]
