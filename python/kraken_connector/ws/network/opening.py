"""Opens a WebSocket, by a transport of our own; through a proxy by that of the event loop."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from ...network import Network
from .addresses import connect_first, lookup
from .bypass import OnEvents
from .dialing import Dialer
from .transport import SocketTransport, can_watch_sockets
from .websocket import DirectConnection, MakeBypass

if TYPE_CHECKING:
    from ..._backend import Receiver

__all__ = ["open_socket"]

#: Messages that wait in `websockets` before it stops reading.
MAX_QUEUE = 1024


class _QuietLogger(logging.LoggerAdapter[logging.Logger]):
    """Drops the DEBUG records of `websockets`, which show frames with tokens."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 (the name is logging's)
        return level > logging.DEBUG and super().isEnabledFor(level)


class _Connect(connect):
    """Follows no redirect: tokens go to the host that the client was given, and to no other."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def open_socket(
    url: str,
    *,
    network: Network,
    dialer: Dialer,
    max_frame_size: int,
    open_timeout: float,
    close_timeout: float,
    receiver: Receiver | None,
    on_events: OnEvents,
    make_bypass: MakeBypass | None = None,
) -> ClientConnection:
    """Open a socket. The library sends no pings, as the session does.

    Args:
        url: WebSocket endpoint.
        network: TLS settings and proxy.
        dialer: connects sockets where there is no proxy.
        max_frame_size: longest message, bytes.
        open_timeout: longest wait, seconds.
        close_timeout: longest wait for the closing handshake, seconds.
        receiver: reads text frames, with the native core; without it all messages come from `recv`.
        on_events: called with the events of text frames that bypass the library.
        make_bypass: makes the way past the library; by default the event loop reads.

    Raises:
        TimeoutError: opening took longer than `open_timeout`.
        Exception: the socket cannot be opened. The type depends on the event loop, the proxy and
            the response.
    """
    create: Callable[..., ClientConnection] = ClientConnection
    if receiver is not None:
        create = functools.partial(DirectConnection, receiver, on_events, make_bypass)
    options = _Options(create, max_frame_size, close_timeout)
    try:
        async with asyncio.timeout(open_timeout):
            if network.proxy_for(url) is None and can_watch_sockets(asyncio.get_running_loop()):
                return await _open(url, dialer, options)
            dialer.check_absent()
            return await _open_by_loop(url, network, options)
    except TimeoutError as error:
        raise TimeoutError(str(error) or f"not open within {open_timeout:g} s") from error


@dataclass(frozen=True, slots=True)
class _Options:
    """How a WebSocket is to be.

    Attributes:
        create: makes the connection of `websockets`.
        max_size: longest message, bytes.
        close_timeout: longest wait for the closing handshake, seconds.
    """

    create: Callable[..., ClientConnection]
    max_size: int
    close_timeout: float

    @property
    def logger(self) -> _QuietLogger:
        """What `websockets` logs to."""
        return _QuietLogger(logging.getLogger(__name__))


async def _open(url: str, dialer: Dialer, options: _Options) -> ClientConnection:
    """Open a WebSocket by a transport of our own."""
    uri = parse_uri(url)
    protocol = ClientProtocol(uri, max_size=options.max_size, logger=options.logger)
    line = await dialer.dial(uri.host, uri.port, is_secure=uri.secure)
    websocket = options.create(
        protocol, ping_interval=None, close_timeout=options.close_timeout, max_queue=MAX_QUEUE
    )
    if line.has_stamps and isinstance(websocket, DirectConnection):
        websocket.stamped = line.stream
    transport = SocketTransport(line, websocket)
    try:
        await websocket.handshake()
    except BaseException:
        transport.abort()
        raise
    return websocket


async def _open_by_loop(url: str, network: Network, options: _Options) -> ClientConnection:
    """Open a WebSocket by a transport of the event loop: through a proxy, or on Windows."""
    return await _Connect(
        url,
        compression=None,
        max_size=options.max_size,
        max_queue=MAX_QUEUE,
        ping_interval=None,
        open_timeout=None,
        close_timeout=options.close_timeout,
        logger=options.logger,
        create_connection=options.create,  # type: ignore[arg-type] # a function will do
        **await _route(url, network),
    )


async def _route(url: str, network: Network) -> dict[str, Any]:
    """Return the options of `connect` for TLS, proxy and address.

    Names with several addresses are resolved here, because event loops wait for the system's
    timeout before they try the next address.

    Raises:
        OSError, ValueError: the host cannot be reached.
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
    """Return the options for a proxy, with the name in its URL replaced by its best address."""
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
        name = f"[{address}]" if ":" in address else address
        port = "" if parts.port is None else f":{parts.port}"
        options["proxy"] = parts._replace(netloc=f"{user}{at}{name}{port}").geturl()
    return options
