"""A plain client of the simulated exchange, and readers of what it gets."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import websockets
from tests.oracle import SIDES, OracleBook
from websockets.asyncio.client import ClientConnection, connect

from kraken_connector.sim import SimulatedExchange

TOKEN_PATH = "/0/private/GetWebSocketsToken"
PATIENCE = 10.0

Message = dict[str, Any]


class Client:
    """One WebSocket connection; fractions stay text, so that tests can compare their digits."""

    def __init__(self, socket: ClientConnection, greeting: Message) -> None:
        self.socket = socket
        self.greeting = greeting

    async def send(self, request: Message | str) -> None:
        await self.socket.send(request if isinstance(request, str) else json.dumps(request))

    async def request(self, method: str, *, req_id: int | None = None, **params: Any) -> None:
        number = {} if req_id is None else {"req_id": req_id}
        await self.send({"method": method, "params": params, **number})

    async def receive(self) -> Message:
        async with asyncio.timeout(PATIENCE):
            message: Message = json.loads(await self.socket.recv(), parse_float=str)
        return message

    async def find(self, wanted: Callable[[Message], bool]) -> Message:
        async with asyncio.timeout(PATIENCE):
            while not wanted(message := await self.receive()):
                pass
        return message

    async def answer(self, request: Message | str) -> Message:
        """Send a request and return the first message that is an answer."""
        await self.send(request)
        return await self.find(lambda message: "method" in message)

    async def subscribe(self, channel: str, symbol: str | None = None, **params: Any) -> Message:
        """Subscribe, expect the ack and return the snapshot."""
        symbols = {} if symbol is None else {"symbol": [symbol]}
        await self.request("subscribe", channel=channel, **symbols, **params)
        ack = await self.find(lambda message: "method" in message)
        assert ack["success"], ack
        return await self.find(lambda message: message.get("channel") == channel)

    async def updates(self, channel: str, count: int) -> list[Message]:
        """Return the next messages of one channel."""
        return [
            await self.find(lambda message: message.get("channel") == channel) for _ in range(count)
        ]

    def leave(self) -> None:
        """Reset the connection, where a closing handshake would wait for what is unread."""
        self.socket.transport.abort()

    async def closed(self) -> websockets.ConnectionClosed:
        """Wait for the end of the connection and return how it came."""
        try:
            await self.find(lambda _: False)
        except websockets.ConnectionClosed as closed:
            return closed
        raise AssertionError("unreachable")


@asynccontextmanager
async def connected(
    sim: SimulatedExchange,
    *,
    url: str | None = None,
    context: ssl.SSLContext | None = None,
    **options: Any,
) -> AsyncIterator[Client]:
    """Connect, to the public host by default, and receive the status message."""
    options = {"proxy": None, "ssl": context, "max_size": None, **options}
    async with connect(url or sim.url, **options) as socket:
        yield Client(socket, json.loads(await socket.recv()))


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[tuple[SimulatedExchange, Client]]:
    """Connect to an exchange that moves only by `step`, and sends no heartbeats."""
    options = {"rate": 0, "heartbeat_interval": 0, **options}
    async with SimulatedExchange(**options) as sim, connected(sim) as client:
        yield sim, client


@asynccontextmanager
async def reading() -> AsyncIterator[tuple[SimulatedExchange, Client, BookReader]]:
    """Connect to such an exchange, and subscribe to a book."""
    async with serving() as (sim, client):
        reader = BookReader(10)
        reader.read(await client.subscribe("book", "BTC/USD"))
        yield sim, client, reader


def without_times(answer: Message) -> Message:
    """Return an answer without the times that it must have."""
    assert answer.keys() >= {"time_in", "time_out"}
    return {key: value for key, value in answer.items() if not key.startswith("time_")}


class BookReader:
    """Keeps books as a client must and checks every checksum with text and `zlib`."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.books: dict[str, OracleBook] = {}

    def read(self, message: Message) -> OracleBook:
        """Apply one book message and check it."""
        (item,) = message["data"]
        if message["type"] == "snapshot":
            self.books[item["symbol"]] = OracleBook(self.depth)
        book = self.books[item["symbol"]]
        for side in SIDES:
            book.apply(side, [(row["price"], row["qty"]) for row in item[side]])
        book.cut()
        assert book.checksum() == item["checksum"], message
        return book


def signed(sim: SimulatedExchange, nonce: int | str, **changes: str) -> dict[str, Any]:
    """Return the arguments of a signed token call; `changes` replaces headers."""
    body = f"nonce={nonce}"
    digest = hashlib.sha256(f"{nonce}{body}".encode()).digest()
    secret = base64.b64decode(sim.api_secret)
    signature = hmac.digest(secret, TOKEN_PATH.encode() + digest, "sha512")
    headers = {
        "API-Key": sim.api_key,
        "API-Sign": base64.b64encode(signature).decode(),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return {"url": sim.rest_url + TOKEN_PATH, "content": body, "headers": headers | changes}


async def fetch_token(sim: SimulatedExchange, nonce: int = 1) -> str:
    """Fetch a token as a client does."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = (await http.post(**signed(sim, nonce))).json()
    assert answer["error"] == [], answer
    token: str = answer["result"]["token"]
    return token
