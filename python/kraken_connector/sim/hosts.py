"""The hosts over which the exchange splits its channels, each on a port of its own."""

from __future__ import annotations

import asyncio
import ssl as tls
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .requests import Role

HostCount = Literal["one", "three"]


@dataclass(eq=False, slots=True)
class Host:
    """One listening port.

    Attributes:
        role: which channels it serves.
        port: TCP port; 0 takes a free one, and is replaced by it on listening.
        address: the IP address or name to listen on.
        ssl: TLS, if any.
        serves_rest: whether the token call is on this port too.
        is_only: whether the exchange has no other host.
        paths: the paths of its WebSocket endpoints.
    """

    role: Role
    port: int
    address: str
    ssl: tls.SSLContext | None
    serves_rest: bool = True
    is_only: bool = True
    paths: frozenset[str] = frozenset({"/", "/v2"})
    _server: asyncio.Server | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """The URL for WebSocket clients."""
        return f"{self._base('ws')}/v2"

    @property
    def rest_url(self) -> str:
        """The URL for HTTP clients, without a path."""
        return self._base("http")

    def plays(self, role: Role | None) -> bool:
        """Return whether `role` means this host; `None` means all hosts."""
        return role in (None, "all", self.role) or self.role == "all"

    async def start_serving(self, connect: Connect) -> None:
        """Listen; `connect` returns the protocol of a new connection.

        Raises:
            OSError: the address cannot be listened on.
        """
        self._server = await asyncio.get_running_loop().create_server(
            lambda: connect(self), self.address, self.port, ssl=self.ssl
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def stop_listening(self) -> None:
        """Accept no more connections; those that are open stay open."""
        if self._server is not None:
            self._server.close()

    def _base(self, scheme: str) -> str:
        secure = "s" if self.ssl else ""
        return f"{scheme}{secure}://{in_url(self.address)}:{self.port}"


Connect: TypeAlias = Callable[[Host], asyncio.BaseProtocol]


def in_url(host: str) -> str:
    """Return a host as it is written in URLs: IPv6 addresses in brackets (RFC 3986, 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def make_hosts(
    count: HostCount, role: Role, port: int, address: str, ssl: tls.SSLContext | None
) -> list[Host]:
    """Return the only host, or the public, the private and the level3 one on adjacent ports.

    Raises:
        ValueError: `role` was given for three hosts, or the ports are out of range.
    """
    most = 65_535 if count == "one" else 65_533
    if not 0 <= port <= most:
        also = "" if count == "one" else ": three hosts take the next two ports as well"
        raise ValueError(f"port must be from 0 to {most}, not {port}{also}")
    if count == "one":
        return [Host(role, port, address, ssl)]
    if role != "all":
        raise ValueError(f"role={role!r} is for one host; three hosts have a role each")
    roles: tuple[Role, ...] = ("public", "private", "level3")
    return [
        Host(each, port and port + index, address, ssl, serves_rest=index == 0, is_only=False)
        for index, each in enumerate(roles)
    ]
