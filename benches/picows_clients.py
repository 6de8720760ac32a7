"""What a user of picows writes: the frame's bytes to `orjson.loads`, a book of two dicts.

As its documentation recommends: a listener whose `on_ws_frame` decodes a view of the frame, without
a copy, and `send` from within it. picows uses the transports of aiofastnet, which is installed with
it, unless it is told otherwise.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from benches.targets import PICOWS_ASYNCIO
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

if TYPE_CHECKING:
    from benches.receivers import Job
    from benches.taps import Tap


class Messages(WSListener):
    """Passes every message after the reply to the subscription."""

    def __init__(self, job: Job, on_message: Callable[[Any], None]) -> None:
        self._job = job
        self._then = on_message

    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.send(WSMsgType.TEXT, self._job.request)
        self._on_message: Callable[[Any], None] = self._skip_ack

    def _skip_ack(self, _: Any) -> None:
        self._on_message = self._then

    def on_ws_frame(self, _: WSTransport, frame: WSFrame) -> None:
        self._on_message(orjson.loads(frame.get_payload_as_memoryview()))


async def receive_messages(job: Job, tap: Tap) -> None:
    """Receive messages until the tap has all."""
    transport = await connect(job, lambda: Messages(job, tap.on_message))
    await tap.done
    await disconnect(transport)
    assert tap.last["channel"] == "book"


class Book:
    """Quantities by price, as floats, at most `depth` levels a side; checksums are not verified."""

    __slots__ = ("asks", "bids", "depth", "updates")

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}
        self.updates = 0

    def apply(self, message: Any) -> None:
        """Apply a snapshot or an update."""
        if message["type"] == "snapshot":
            self.bids.clear()
            self.asks.clear()
        for data in message["data"]:
            bids, asks = self.bids, self.asks
            _apply(bids, data["bids"])
            _apply(asks, data["asks"])
            if len(bids) > self.depth:
                for price in sorted(bids)[: -self.depth]:
                    del bids[price]
            if len(asks) > self.depth:
                for price in sorted(asks)[self.depth :]:
                    del asks[price]
        self.updates += 1


def _apply(side: dict[float, float], levels: Any) -> None:
    for level in levels:
        if level["qty"]:
            side[level["price"]] = level["qty"]
        else:
            side.pop(level["price"], None)


class BookKeeper(WSListener):
    """Subscribes to a book and keeps it.

    Attributes:
        book: the book.
    """

    def __init__(self, job: Job) -> None:
        self.book = Book(job.book.depth)
        self._request = job.request

    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.send(WSMsgType.TEXT, self._request)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        message = orjson.loads(frame.get_payload_as_memoryview())
        if message.get("channel") != "book":
            self.on_reply(message)
            return
        self.book.apply(message)
        if message["type"] == "update":
            self.on_update(transport)
        else:
            self.on_snapshot()

    def on_snapshot(self) -> None:
        """Handle the snapshot, which is in the book."""

    def on_update(self, transport: WSTransport) -> None:
        """Handle an update, which is in the book."""

    def on_reply(self, reply: Any) -> None:
        """Handle the reply to a request."""


async def connect(job: Job, listener: Callable[[], WSListener]) -> WSTransport:
    """Connect to the job's host, with TLS settings that the process makes once."""
    transport, _ = await ws_connect(
        listener,
        job.url,
        ssl_context=_tls() if job.tls else None,
        use_aiofastnet=job.client != PICOWS_ASYNCIO,
    )
    return transport


async def disconnect(transport: WSTransport) -> None:
    transport.disconnect()
    async with asyncio.timeout(5):
        await transport.wait_disconnected()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
