"""How the sockets of a client are made."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final, Literal, TypeAlias

from ...models.checks import check_choice, checked_integer

__all__ = ["LocalAddr", "ReadBy", "ReceiveStamps", "SockOption", "SocketOptions", "TlsEngine"]

TlsEngine: TypeAlias = Literal["auto", "openssl", "rustls"]
ReadBy: TypeAlias = Literal["loop", "thread"]
ReceiveStamps: TypeAlias = Literal["user", "kernel"]
#: An address of this machine, and a port, 0 for any.
LocalAddr: TypeAlias = tuple[str, int]
#: Level, name and value, as for `socket.setsockopt`.
SockOption: TypeAlias = tuple[int, int, int | bytes]

#: Microseconds that a read may poll the network card; Linux, `socket(7)`.
SO_BUSY_POLL: Final = 46


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketOptions:
    """The options of a client that concern its sockets to the exchange.

    Args:
        tls_engine: which TLS engine is used.
        local_addr: the address to connect from.
        sock_options: options that are set before connecting, in order.
        busy_poll: microseconds, see `SO_BUSY_POLL`.
        resolve: IP addresses by host, instead of those of the system.
        receive_stamps: whose clock says when data was received.
        reader: who reads.
        cpu: the processor that reading threads run on.

    Raises:
        TypeError, ValueError: a value is not valid.
    """

    tls_engine: TlsEngine = "auto"
    local_addr: LocalAddr | None = None
    sock_options: Sequence[SockOption] = ()
    busy_poll: int | None = None
    resolve: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    receive_stamps: ReceiveStamps = "user"
    reader: ReadBy = "loop"
    cpu: int | None = None

    def __post_init__(self) -> None:
        check_choice("tls_engine", self.tls_engine, ("auto", "openssl", "rustls"))
        check_choice("receive_stamps", self.receive_stamps, ("user", "kernel"))
        check_choice("reader", self.reader, ("loop", "thread"))
        if self.cpu is not None:
            _check_cpu(self.cpu, self.reader)
        if self.busy_poll is not None:
            checked_integer("busy_poll", self.busy_poll, 1)
            if sys.platform != "linux":
                raise ValueError("busy_poll needs Linux")
        if self.local_addr is not None:
            _check_local_addr(self.local_addr)
        for option in self.sock_options:
            _check_sock_option(option)
        for host, addresses in self.resolve.items():
            for address in (addresses,) if isinstance(addresses, str) else addresses:
                _check_address(f"resolve[{host!r}]", address)

    @property
    def is_special(self) -> bool:
        """Whether the sockets of event loops are not enough."""
        return self.tls_engine == "rustls" or self != SocketOptions(tls_engine=self.tls_engine)

    def addresses(self, host: str) -> tuple[str, ...]:
        """Return the given addresses of a host, empty if there are none."""
        found = self.resolve.get(host, ())
        return (found,) if isinstance(found, str) else tuple(found)

    def make(self, family: int, kind: int, protocol: int) -> socket.socket:
        """Return a new socket.

        Raises:
            OSError: the system refuses an option or the local address.
        """
        made = socket.socket(family, kind, protocol)
        try:
            made.setblocking(False)
            # Orders are small, and must not wait for the acknowledgement of what was sent before.
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.busy_poll is not None:
                made.setsockopt(socket.SOL_SOCKET, SO_BUSY_POLL, self.busy_poll)
            for level, name, value in self.sock_options:
                made.setsockopt(level, name, value)
            if self.local_addr is not None:
                made.bind(self.local_addr)
        except BaseException:
            made.close()
            raise
        return made


def _check_cpu(cpu: Any, reader: ReadBy) -> None:
    checked_integer("cpu", cpu, 0)
    if reader != "thread":
        raise ValueError("cpu needs reader='thread'")
    if sys.platform != "linux":
        raise ValueError("cpu needs Linux")
    if cpu not in (available := os.sched_getaffinity(0)):
        names = ", ".join(map(str, sorted(available)))
        raise ValueError(f"cpu must be a processor of this process ({names}), not {cpu}")


def _check_local_addr(value: Any) -> None:
    if not (isinstance(value, tuple) and len(value) == 2):
        raise TypeError(f"local_addr must be an address and a port, not {value!r}")
    _check_address("local_addr", value[0])
    checked_integer("the port of local_addr", value[1], 0)


def _check_address(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be an IP address, not {value!r}")
    try:
        ip_address(value)
    except ValueError:
        raise ValueError(f"{name} must be an IP address, not {value!r}") from None


def _check_sock_option(value: Any) -> None:
    match value:
        case (int(), int(), int() | bytes()):
            return
    raise TypeError(f"sock_options must be of (level, name, value), not {value!r}")
