"""A server that answers REST calls as a test says, on a real socket or in virtual time."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from kraken_connector import KrakenRest

SECRET = "dGhlLXByaXZhdGUta2V5"
#: Calls of one key share their rate limit and their nonces, so each server has a key of its own.
_NUMBERS = itertools.count(1)

Json = dict[str, Any]

#: Close the connection without an answer, or never answer.
CLOSE, SILENCE = object(), object()


@dataclass(frozen=True)
class Page:
    """An answer that is no envelope of the exchange."""

    status: int
    body: str = "<html>bad gateway</html>"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Late:
    """An answer that takes a while.

    Attributes:
        seconds: how long.
        answer: the answer.
    """

    seconds: float
    answer: Any


@dataclass(frozen=True)
class Call:
    """A call as it arrived.

    Attributes:
        name: such as `OpenOrders`.
        params: its query or form.
        at: the time of the event loop.
        headers: the headers, names in lower case.
        body: the body.
    """

    name: str
    params: dict[str, str]
    at: float
    headers: dict[str, str]
    body: str


#: Two pairs, with the fields that names come from: docs.kraken.com, "Get Tradable Asset Pairs".
PAIRS = {
    "XXBTZUSD": {"altname": "XBTUSD", "wsname": "XBT/USD", "base": "XXBT", "quote": "ZUSD"},
    "XETHXXBT": {"altname": "ETHXBT", "wsname": "ETH/XBT", "base": "XETH", "quote": "XXBT"},
    "XTZUSD": {"altname": "XTZUSD", "wsname": "XTZ/USD", "base": "XTZ", "quote": "ZUSD"},
}
MODERN_PAIRS = {
    "BTC/USD": {"altname": "XBTUSD", "wsname": "XBT/USD", "base": "BTC", "quote": "USD"},
    "ETH/BTC": {"altname": "ETHXBT", "wsname": "ETH/XBT", "base": "ETH", "quote": "BTC"},
    "XTZ/USD": {"altname": "XTZUSD", "wsname": "XTZ/USD", "base": "XTZ", "quote": "USD"},
}


def asset_pairs(call: Call) -> Json:
    """Return what AssetPairs answers."""
    pairs: Json = MODERN_PAIRS if call.params.get("assetVersion") == "1" else PAIRS
    if (wanted := call.params.get("pair")) is None:
        return pairs
    return {pair: pairs[pair] for pair in wanted.split(",") if pair in pairs}


class Server:
    """Answers calls.

    Attributes:
        calls: what arrived, in order.
        url: scheme, host and port.
        api_key: the public key of its clients.
        answers: by name, what is answered: a list gives one answer to each call and repeats its
            last; a function is called with each. The result of a call, a text of an error, bytes, a
            `Page`, `Late`, `CLOSE` or `SILENCE`.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: dict[str, Any] = {"AssetPairs": asset_pairs}
        self.url = ""
        self.api_key = f"the-public-key-{next(_NUMBERS)}"
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def named(self, name: str) -> list[Call]:
        """Return the calls of a name."""
        return [call for call in self.calls if call.name == name]

    @property
    def names(self) -> list[str]:
        """The names of the calls in order, without those for names of pairs."""
        return [call.name for call in self.calls if call.name != "AssetPairs"]

    def client(self, **options: Any) -> KrakenRest:
        """Return a client with a key."""
        keys = {"api_key": self.api_key, "api_secret": SECRET, "base_url": self.url, "proxy": False}
        return KrakenRest(**{**keys, **options})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task: Any = asyncio.current_task()
        self._connections[task] = writer
        try:
            while (call := await read_call(reader)) is not None:
                self.calls.append(call)
                answer = self._answer(call)
                if isinstance(answer, Late):
                    await asyncio.sleep(answer.seconds)
                    answer = answer.answer
                if answer is SILENCE:
                    await reader.read()
                if answer is SILENCE or answer is CLOSE:
                    return
                writer.write(encoded(answer))
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
            del self._connections[task]

    async def close(self) -> None:
        """Close the connections that are open."""
        for writer in self._connections.values():
            writer.transport.abort()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _answer(self, call: Call) -> Any:
        answer = self.answers[call.name]
        if isinstance(answer, list):
            number = len(self.named(call.name)) - 1
            return answer[min(number, len(answer) - 1)]
        return answer(call) if isinstance(answer, Callable) else answer  # type: ignore[arg-type]


async def read_call(reader: asyncio.StreamReader) -> Call | None:
    """Read one request; `None` at the end of the connection."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
    target = urlsplit(first.split(" ")[1])
    params = (
        dict(parse_qsl(target.query or body, keep_blank_values=True, strict_parsing=True))
        if (target.query or body)
        else {}
    )
    name = target.path.rpartition("/")[2]
    return Call(name, params, asyncio.get_running_loop().time(), headers, body)


def encoded(answer: Any) -> bytes:
    """Return the bytes of an answer."""
    page = answer if isinstance(answer, Page) else Page(200, enveloped(answer))
    body = page.body.encode()
    headers = {"Content-Length": len(body), "Content-Type": "application/json", **page.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {page.status} Status\r\n{lines}\r\n".encode() + body


def enveloped(answer: Any) -> str:
    """Return a result in the exchange's envelope, an error text as such; bytes as they are."""
    if isinstance(answer, bytes):
        return answer.decode()
    if isinstance(answer, str):
        return json.dumps({"error": [answer]})
    return json.dumps({"error": [], "result": answer})


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """Run a server."""
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        await server.close()
