"""The socket: opened by `websockets`, which does TLS, proxies, the handshake and the close.

With the native core messages do not take the library's way: what a read brings goes straight from
the read buffer to the engine, and only what is no plain text frame (pings, pongs, closes,
fragments, compressed frames) goes on to the library, on frame boundaries.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import struct
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.frames import apply_mask  # type: ignore[attr-defined] # the fast one
from websockets.protocol import State

from ...network import Network
from .addresses import connect_first, lookup

if TYPE_CHECKING:
    from ..._backend import Event, Receiver

__all__ = ["DirectConnection", "FrameWriter", "open_socket"]

#: Heads of frames, by the size of what they carry (RFC 6455, section 5.2).
_SHORT, _MIDDLE, _LONG = (struct.Struct(f"!BB{size}4s").pack for size in ("", "H", "Q"))
#: Looked up once: members of an enum take their time.
OPEN = State.OPEN
#: What a socket does with the events of a read: the events, and when they were received in
#: nanoseconds since the epoch.
Take = Callable[["list[Event]", int], None]

#: Where the head of an HTTP response ends.
_END_OF_HEAD = b"\r\n\r\n"


class _QuietLogger(logging.LoggerAdapter[logging.Logger]):
    """Keeps the DEBUG records of `websockets` out of every log: they print frames with tokens."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 (the name is logging's)
        return level > logging.DEBUG and super().isEnabledFor(level)


class _Connect(connect):
    """Follows no redirect: tokens go to the host that the client was given, and to no other."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class DirectConnection(ClientConnection, asyncio.BufferedProtocol):
    """A connection whose text frames take the short way.

    It begins, and after each frame that is not plain text goes on, with the library's way, so that
    messages stay in order: `go_direct` switches when everything that took the library's way has
    been received.

    Attributes:
        failure: what `take` raised; the connection is ended then.
    """

    def __init__(
        self, receiver: Receiver, take: Take, protocol: ClientProtocol, **options: Any
    ) -> None:
        super().__init__(protocol, **options)
        self.failure: Exception | None = None
        self._receiver = receiver
        self._take = take
        self._head = bytearray()
        self._early: bytearray | None = bytearray(64 * 1024)

    def go_direct(self) -> None:
        """Take the short way from now on, if nothing is left on the library's.

        What comes after a close or an error is not to be processed (RFC 6455, sections 1.4 and
        7.1.7): the library drops it.
        """
        receiver = self._receiver
        if receiver.is_direct or self._early is not None or len(self.recv_messages.frames):
            return
        receiver.is_direct = self.protocol.state is OPEN

    def go_long(self) -> None:
        """Give text frames to the library from now on, so that the engine gets none any more."""
        self._receiver.is_direct = False

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the event loop shall read to."""
        if self._early is not None:
            return memoryview(self._early)
        # With TLS, which looks this method up only once.
        return self._receiver.get_buffer(sizehint)

    def data_received(self, data: bytes) -> None:
        """Take what an event loop read that hands over bytes all the same, as uvloop does."""
        while data:
            room = self.get_buffer(len(data))
            size = min(len(room), len(data))
            room[:size] = data[:size]
            data = data[size:]
            self.buffer_updated(size)

    def buffer_updated(self, nbytes: int) -> None:
        """Take what the event loop read."""
        if self._early is not None:
            self._handshake(bytes(self._early[:nbytes]))
            return
        try:
            rest = self._receiver.buffer_updated(nbytes, time.time_ns(), self._take)
        except Exception as error:  # noqa: BLE001 (whoever reads from this connection raises it)
            self.failure = error
            self.transport.abort()
            return
        if rest is not None:
            super().data_received(rest)

    def _handshake(self, data: bytes) -> None:
        """Give the library the head of the response; after it, frames begin.

        A response that refuses the connection goes to the library as a whole.
        """
        already = len(self._head)
        self._head += data
        end = self._head.find(_END_OF_HEAD)
        if end < 0 or not self._head.startswith(b"HTTP/1.1 101"):
            super().data_received(data)
            return
        end += len(_END_OF_HEAD)
        frames = bytes(self._head[end:])
        super().data_received(data[: end - already])
        self._early = None
        # Without a step in between, as it is wanted before every read.
        self.get_buffer = self._receiver.get_buffer  # type: ignore[method-assign]
        self._head.clear()
        self.data_received(frames)


async def open_socket(
    url: str,
    *,
    network: Network,
    max_frame_size: int,
    open_timeout: float,
    close_timeout: float,
    receiver: Receiver | None,
    take: Take,
) -> ClientConnection:
    """Open a socket. Pings are the session's business, so the library sends none.

    Args:
        url: where to.
        network: TLS settings and proxy.
        max_frame_size: longest message, bytes.
        open_timeout: longest wait, seconds.
        close_timeout: longest wait for the closing handshake, seconds.
        receiver: reads frames, with the native core; without it messages come from `recv` alone.
        take: gets the events that `receiver` reads.

    Raises:
        TimeoutError: it took longer than `open_timeout`.
        Exception: none came about. What is raised depends on the event loop, on the proxy and on
            what was answered.
    """
    options: dict[str, Any] = {}
    if receiver is not None:
        options["create_connection"] = functools.partial(DirectConnection, receiver, take)
    try:
        async with asyncio.timeout(open_timeout):
            return await _Connect(
                url,
                compression=None,
                max_size=max_frame_size,
                max_queue=1024,
                ping_interval=None,
                open_timeout=None,
                close_timeout=close_timeout,
                logger=_QuietLogger(logging.getLogger(__name__)),
                **options,
                **await _route(url, network),
            )
    except TimeoutError as error:
        raise TimeoutError(str(error) or f"not open within {open_timeout:g} s") from error


async def _route(url: str, network: Network) -> dict[str, Any]:
    """Return the options by which `connect` takes the right way.

    Names with several addresses are resolved here: event loops other than that of asyncio try one
    address after the other, each for as long as the system does, and asyncio does so by default.

    Raises:
        OSError, ValueError: there is no way.
    """
    parts = urlsplit(url)
    is_secure = parts.scheme == "wss"
    options: dict[str, Any] = {"ssl": await network.tls()} if is_secure else {}
    options["proxy"] = proxy = network.proxy_for(url)
    if proxy is not None:
        return options | await _route_to_proxy(proxy, network)
    addresses = await lookup(parts.hostname or "", parts.port or (443 if is_secure else 80))
    if len(addresses) > 1:
        options["sock"] = await connect_first(addresses)
    return options


async def _route_to_proxy(proxy: str, network: Network) -> dict[str, Any]:
    """Return the options for a proxy. The library connects to it, so it is given its address."""
    parts = urlsplit(proxy)
    host = parts.hostname or ""
    options: dict[str, Any] = {"proxy": proxy}
    if parts.scheme == "https":
        options["proxy_ssl"] = await network.tls()
        options["proxy_server_hostname"] = host
    addresses = await lookup(host, parts.port or (443 if parts.scheme == "https" else 80))
    if len(addresses) > 1:
        with await connect_first(addresses) as trial:
            address = trial.getpeername()[0]
        user, at, _ = parts.netloc.rpartition("@")
        place = f"[{address}]" if ":" in address else address
        port = "" if parts.port is None else f":{parts.port}"
        options["proxy"] = parts._replace(netloc=f"{user}{at}{place}{port}").geturl()
    return options


class FrameWriter:
    """Writes text frames in the very step of the caller, for one socket.

    `socket.send` does the same by way of a coroutine, a frame object and a queue of its own. What
    is written here is what it would write: a whole, masked text frame (RFC 6455, section 5.2).
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._masks = _masks()

    def write(self, payload: bytes) -> bool:
        """Write a text frame.

        Returns:
            False when the socket is closing or its peer is too slow; nothing was written then.
        """
        socket = self._socket
        transport = socket.transport
        if socket.paused or socket.protocol.state is not OPEN or transport.is_closing():
            return False
        size = len(payload)
        mask = next(self._masks)
        if size < 126:
            head = _SHORT(0x81, 0x80 | size, mask)
        elif size < 1 << 16:
            head = _MIDDLE(0x81, 0xFE, size, mask)
        else:
            head = _LONG(0x81, 0xFF, size, mask)
        transport.write(head + apply_mask(payload, mask))
        return True


def _masks() -> Iterator[bytes]:
    """Make masks that nobody can foresee, as section 5.3 asks for."""
    while True:
        pool = os.urandom(4096)
        for place in range(0, len(pool), 4):
            yield pool[place : place + 4]
