"""The hosts that the exchange splits its channels over, each on a port of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

from .connection import Connection
from .requests import Role

if TYPE_CHECKING:
    from .server import SimulatedExchange

HostCount = Literal["one", "three"]


class Host:
    """One listening port.

    Args:
        exchange: what answers.
        role: which channels it serves.
        port: TCP port; 0 takes a free one.

    Attributes:
        port: the real one while it listens.
    """

    def __init__(self, exchange: SimulatedExchange, role: Role, port: int) -> None:
        self.role = role
        self.port = port
        self._exchange = exchange
        self._server: asyncio.Server | None = None

    @property
    def serves_rest(self) -> bool:
        """Whether the token call is here too: on the public host, or on the only one."""
        return self is self._exchange.hosts[0]

    @property
    def url(self) -> str:
        """Where WebSocket clients connect."""
        return f"{self._address('ws')}/v2"

    @property
    def rest_url(self) -> str:
        """Where HTTP clients connect, without a path."""
        return self._address("http")

    def plays(self, role: Role | None) -> bool:
        """Tell whether `role` means this host; `None` means all hosts."""
        return role in (None, "all", self.role) or self.role == "all"

    async def start_serving(self) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be listened on.
        """
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._exchange, self),
            self._exchange.host,
            self.port,
            ssl=self._exchange.ssl,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def stop_listening(self) -> None:
        """Take no new connections; those that are open stay."""
        if self._server is not None:
            self._server.close()

    def _address(self, scheme: str) -> str:
        secure = "s" if self._exchange.ssl else ""
        return f"{scheme}{secure}://{in_url(self._exchange.host)}:{self.port}"


def in_url(host: str) -> str:
    """Return a host as URLs have it: IPv6 addresses stand in brackets (RFC 3986, 3.2.2)."""
    return f"[{host}]" if ":" in host else host


def hosts_of(exchange: SimulatedExchange, count: HostCount, role: Role, port: int) -> list[Host]:
    """Return the only host, or the public, the private and the level3 one on adjacent ports.

    Raises:
        ValueError: three hosts leave no choice of `role`, or there are no such ports.
    """
    most = 65_535 if count == "one" else 65_533
    if not 0 <= port <= most:
        also = "" if count == "one" else ": three hosts take the next two ports as well"
        raise ValueError(f"port must be from 0 to {most}, not {port}{also}")
    if count == "one":
        return [Host(exchange, role, port)]
    if role != "all":
        raise ValueError(f"role={role!r} is for one host; three hosts have a role each")
    roles: tuple[Role, ...] = ("public", "private", "level3")
    return [Host(exchange, each, port and port + number) for number, each in enumerate(roles)]
