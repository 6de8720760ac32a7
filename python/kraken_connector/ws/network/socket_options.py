"""How the sockets of a client are made."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Final, Literal, TypeAlias

from ...models.checks import check_choice, checked_integer, checked_list

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
MAX_PORT: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketOptions:
    """The options of a client that concern its sockets to the exchange.

    Args:
        tls_engine: which TLS engine is used.
        local_addr: the address to connect from.
        sock_options: options that are set before connecting, in order.
        busy_poll: microseconds, see `SO_BUSY_POLL`.
        quickack: whether to acknowledge each read at once.
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
    quickack: bool = False
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
            _check_c_int("busy_poll", self.busy_poll, 1)
        for name in ("busy_poll", "quickack"):
            if getattr(self, name) and sys.platform != "linux":
                raise ValueError(f"{name} needs Linux")
        if self.local_addr is not None:
            _check_local_addr(self.local_addr)
        for option in checked_list("sock_options", self.sock_options):
            _check_sock_option(option)
        object.__setattr__(self, "resolve", _checked_addresses(self.resolve))

    @property
    def is_special(self) -> bool:
        """Whether the sockets of event loops are not enough."""
        if self.tls_engine == "rustls" or self.sock_options:
            return True
        return self != SocketOptions(tls_engine=self.tls_engine, sock_options=self.sock_options)

    def addresses(self, host: str) -> Sequence[str]:
        """Return the given addresses of a host, empty if there are none."""
        return self.resolve.get(host.lower(), ())

    def make(self, family: int, kind: int, protocol: int) -> socket.socket:
        """Return a new socket.

        Raises:
            OSError: the system refuses an option or the local address; its text names it.
        """
        made = socket.socket(family, kind, protocol)
        try:
            made.setblocking(False)
            # Orders are small, and must not wait for the acknowledgement of what was sent before.
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.busy_poll is not None:
                with _named(f"busy_poll={self.busy_poll}"):
                    made.setsockopt(socket.SOL_SOCKET, SO_BUSY_POLL, self.busy_poll)
            for option in self.sock_options:
                with _named(f"sock_options {option}"):
                    made.setsockopt(*option)
            if self.local_addr is not None:
                with _named(f"local_addr={self.local_addr}"):
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
    if checked_integer("the port of local_addr", value[1], 0) > MAX_PORT:
        raise ValueError(f"the port of local_addr must be at most {MAX_PORT}, not {value[1]}")


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
            for part in value:
                if not isinstance(part, bytes):
                    _check_c_int(f"each number of sock_options {value}", int(part))
            return
    raise TypeError(f"sock_options must be of (level, name, value), not {value!r}")


def _check_c_int(name: str, value: Any, least: int = -(1 << 31)) -> None:
    """Check an integer that the system takes as `int`."""
    if checked_integer(name, value, least) >= 1 << 31:
        raise ValueError(f"{name} must be less than 2**31, not {value}")


def _checked_addresses(value: Any) -> dict[str, tuple[str, ...]]:
    """Return the addresses by host, as hosts are written in lower case in URLs that were read."""
    if not isinstance(value, Mapping):
        raise TypeError(f"resolve must have IP addresses by host, not {value!r}")
    checked = {}
    for host, given in value.items():
        if not isinstance(host, str) or not host or set(host) & set("/:@ "):
            raise ValueError(f"resolve must have hosts as in a URL without a port, not {host!r}")
        name = f"resolve[{host!r}]"
        addresses = (given,) if isinstance(given, str) else tuple(checked_list(name, given))
        if not addresses:
            raise ValueError(f"{name} must be an IP address or several")
        for address in addresses:
            _check_address(name, address)
        checked[host.lower()] = addresses
    return checked


@contextmanager
def _named(option: str) -> Iterator[None]:
    """Name an option in the system's error about it."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, f"{option}: {error.strerror}") from None
