"""Connecting to a name with several addresses (RFC 8305, "Happy Eyeballs")."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Final

from .socket_options import SocketOptions

__all__ = ["connect_first", "lookup"]

#: Seconds until the next address is tried while one does not answer (section 8).
ATTEMPT_DELAY = 0.25

DEFAULTS: Final = SocketOptions()

#: Family, type, protocol and address, as `getaddrinfo` returns them.
Address = tuple[Any, Any, int, str, tuple[Any, ...]]


async def lookup(host: str, port: int, given: Sequence[str] = ()) -> list[Address]:
    """Return the addresses of a host in the order in which to try them.

    This is the system's order (RFC 6724) with address families alternating (RFC 8305, section 4).

    Args:
        host: a name or an address.
        port: the port.
        given: addresses to use instead of those of the system.

    Raises:
        OSError: the name cannot be resolved.
    """
    if known := [one for name in given or (host,) if (one := _address(name, port)) is not None]:
        return known
    loop = asyncio.get_running_loop()
    found: list[Address] = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    families: dict[Any, deque[Address]] = {}
    for address in dict.fromkeys(found):
        families.setdefault(address[0], deque()).append(address)
    order: list[Address] = []
    while families:
        for family in list(families):
            order.append(families[family].popleft())
            if not families[family]:
                del families[family]
    return order


def _address(host: str, port: int) -> Address | None:
    """Return the address if `host` is one, so that no thread is needed; `None` for a name."""
    try:
        version = ip_address(host).version
    except ValueError:
        return None
    if version == 4:
        return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port)
    if "%" in host:
        return None  # The system knows the number of the interface.
    return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0)


async def connect_first(
    addresses: Sequence[Address], options: SocketOptions = DEFAULTS
) -> socket.socket:
    """Return a socket that is connected to the first address that answers.

    Args:
        addresses: the addresses.
        options: how sockets are made.

    The next address is tried when one has failed, or has not answered for `ATTEMPT_DELAY` seconds.

    Raises:
        OSError: all addresses failed; its text has the reasons if there are several.
    """
    untried = deque(addresses)
    attempts: set[asyncio.Task[socket.socket]] = set()
    errors: list[BaseException] = []
    winner: socket.socket | None = None
    try:
        while (untried or attempts) and winner is None:
            if untried:
                attempts.add(asyncio.create_task(_connect(untried.popleft(), options)))
            delay = ATTEMPT_DELAY if untried else None
            done, attempts = await asyncio.wait(
                attempts, timeout=delay, return_when=asyncio.FIRST_COMPLETED
            )
            for attempt in done:
                if (error := attempt.exception()) is not None:
                    errors.append(error)
                elif winner is None:
                    winner = attempt.result()
                else:
                    attempt.result().close()
    finally:
        for attempt in attempts:
            attempt.add_done_callback(_close)
            attempt.cancel()
    if winner is None:
        if len(errors) == 1:
            raise errors[0]
        problems = dict.fromkeys(str(error) or type(error).__name__ for error in errors)
        raise OSError("; ".join(problems))
    return winner


async def _connect(address: Address, options: SocketOptions) -> socket.socket:
    *kind, _, peer = address
    connection = options.make(*kind)
    try:
        await asyncio.get_running_loop().sock_connect(connection, peer)
    except BaseException:
        connection.close()
        raise
    return connection


def _close(attempt: asyncio.Task[socket.socket]) -> None:
    """Close the socket of an attempt that is no longer needed."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
