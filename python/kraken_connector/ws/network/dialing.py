"""Connects sockets to a host, and decides by which engine they speak TLS."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl as tls
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

from ..._backend import PlainStream as NativeStream
from ..._backend import TlsConfig
from ...network import Network, roots_of
from .addresses import connect_first, lookup
from .socket_options import SocketOptions
from .streams import Line, PlainStream, Stream, TlsStream
from .transport import shake_hands

__all__ = ["Dialer", "check_engine"]

logger = logging.getLogger(__name__)

NO_PROXY: Final = (
    "local_addr, sock_options, busy_poll, quickack, resolve, receive_stamps='kernel', "
    "reader='thread' and tls_engine='rustls' need a connection without a proxy and an event loop "
    "with add_reader"
)

#: What an attempt fails with if the peer, or a machine on the way to it, cuts it off.
CUT_OFF: Final = (ConnectionResetError, BrokenPipeError)

#: The settings of rustls by those of `ssl` with the same authorities; `None` without authorities.
_configs: WeakKeyDictionary[tls.SSLContext, TlsConfig | None] = WeakKeyDictionary()


def check_engine(network: Network, options: SocketOptions) -> None:
    """Check that there is what options ask for.

    Raises:
        ValueError: there is not.
    """
    wanted = {
        "tls_engine='rustls'": options.tls_engine == "rustls",
        "receive_stamps='kernel'": options.receive_stamps == "kernel",
        "reader='thread'": options.reader == "thread",
        "quickack": options.quickack,
    }
    for name in (name for name, is_wanted in wanted.items() if is_wanted):
        if TlsConfig is None:
            raise ValueError(f"{name} needs the native core, which has no sockets on Windows")
        if network.ssl is not None or options.tls_engine == "openssl":
            raise ValueError(f"{name} cannot be had with OpenSSL, which ssl and tls_engine ask for")
    if options.is_special and isinstance(network.proxy, str) and network.proxy:
        raise ValueError(NO_PROXY)


class Dialer:
    """Connects sockets to one host, one after the other.

    A host that rustls cannot agree with is connected to again by OpenSSL, from then on at once: so
    its reason is that of Python in any case, and nobody is worse off than with Python alone. After
    a handshake that was cut off, the next attempt is by the other engine.

    Args:
        network: TLS settings.
        options: how sockets are made.
    """

    def __init__(self, network: Network, options: SocketOptions) -> None:
        self._network = network
        self._options = options
        self._needs_rustls = options.tls_engine == "rustls" or options.reader == "thread"
        self._must_be_openssl = options.tls_engine == "openssl" or network.ssl is not None
        self._needs_openssl = self._must_be_openssl
        self._has_stamps = options.receive_stamps == "kernel"
        self._native = {"quickack": options.quickack, "stamps": self._has_stamps}

    async def dial(self, host: str, port: int, *, is_secure: bool) -> Line:
        """Connect, and do the handshake.

        Raises:
            OSError: the host cannot be reached, or the handshake failed.
        """
        addresses = await lookup(host, port, self._options.addresses(host))
        context = await self._network.tls() if is_secure else None

        async def line(make: Callable[[socket.socket], Stream]) -> Line:
            connection = await connect_first(addresses, self._options)
            try:
                stream = make(connection)
                await shake_hands(connection, stream)
            except BaseException:
                connection.close()
                raise
            return Line(connection, stream, context, self._has_stamps)

        if context is None:
            return await line(self._plain)
        if (config := await self._rustls(context)) is not None:
            try:
                return await line(lambda one: config.stream(one.fileno(), host, **self._native))
            except (tls.SSLEOFError, *CUT_OFF) as error:
                # Perhaps because it was rustls, so that the next attempt is by the other engine.
                self._needs_openssl = not self._needs_rustls
                if not isinstance(error, tls.SSLEOFError):
                    raise
                raise ConnectionResetError("closed by the peer in the TLS handshake") from None
            except (tls.SSLError, ValueError) as error:
                if self._needs_rustls:
                    raise
                logger.info("rustls cannot connect to %s, OpenSSL is asked: %s", host, error)
                self._needs_openssl = True
        try:
            return await line(lambda one: TlsStream(one, context, host))
        except CUT_OFF:
            self._needs_openssl = self._must_be_openssl
            raise

    def check_absent(self) -> None:
        """Check that sockets of the event loop will do.

        Raises:
            ValueError: an option needs sockets of this class.
        """
        if self._options.is_special:
            raise ValueError(NO_PROXY)

    def _plain(self, connection: socket.socket) -> Stream:
        if NativeStream is None:
            return PlainStream(connection)
        return NativeStream(connection.fileno(), **self._native)

    async def _rustls(self, context: tls.SSLContext) -> TlsConfig | None:
        """Return the settings of rustls, `None` if OpenSSL is to be used.

        Raises:
            ssl.SSLError: OpenSSL must not be used, and there are no authorities for rustls.
        """
        if TlsConfig is None or self._needs_openssl:
            return None
        if context not in _configs:
            # Hundreds of certificates are read.
            _configs[context] = await asyncio.to_thread(_config, context)
        if _configs[context] is None and self._options.tls_engine == "rustls":
            raise tls.SSLError("rustls has no authorities to trust")
        return _configs[context]


def _config(context: tls.SSLContext) -> TlsConfig | None:
    try:
        return TlsConfig(roots_of(context))
    except ValueError as error:
        logger.info("rustls is not used, as it has no authorities to trust: %s", error)
        return None
