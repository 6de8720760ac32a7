"""A sender and receivers over loopback, each in a process of its own."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from benches import peers
from benches.remote import Worker, WorkerError, two_processors
from benches.results import Results
from benches.targets import OLD
from benches.timing import collector_off

T = TypeVar("T")

LOOPS = ("asyncio", "uvloop", "aiofastnet")


class Setting(NamedTuple):
    """An event loop, and whether the connection has TLS."""

    loop: str
    tls: bool

    @property
    def decides(self) -> bool:
        """Whether it decides if a target is met: the default event loop does."""
        return self.loop == LOOPS[0]

    def __str__(self) -> str:
        return f"{self.loop}, {'TLS' if self.tls else 'plain'}"


SETTINGS = [Setting(loop, tls) for tls in (False, True) for loop in LOOPS]
PLAIN, TLS = (setting for setting in SETTINGS if setting.decides)


class Served(NamedTuple):
    """What one connection brought.

    Attributes:
        received: the result of the receiver.
        sent: the report of the sender.
    """

    received: Any
    sent: Any


class Link:
    """A sender, and a receiver for each client, on two processors if there are two.

    All processes trust the system's authorities and the sender's: a client with default settings
    can connect by TLS.
    """

    def __init__(self, folder: Path) -> None:
        self._receiving, sending = two_processors()
        self._sender = Worker(cpu=sending)
        self._receivers: dict[str, Worker] = {}
        address = self._sender.call("benches.sender:address")
        self._port: int = address["port"]
        self._trusted = folder / "authorities.pem"
        self._trusted.write_text(address["authority"] + _system_authorities())

    def close(self) -> None:
        for worker in (self._sender, *self._receivers.values()):
            worker.close()

    def serve(
        self,
        client: str,
        setting: Setting,
        *,
        send: tuple[str, dict[str, Any]],
        receive: tuple[str, dict[str, Any]],
    ) -> Served:
        """Let a client receive what the sender sends.

        Args:
            client: its name; each has a process of its own.
            setting: event loop and transport.
            send: a function of `benches.sender`, and its arguments but `tls`.
            receive: `module:function` for the client's process, and its arguments but `client`,
                `loop`, `port` and `tls`.
        """
        function, arguments = send
        self._sender.start(f"benches.sender:{function}", tls=setting.tls, **arguments)
        function, arguments = receive
        try:
            received = self._receiver(client).call(
                function,
                client=client,
                loop=setting.loop,
                port=self._port,
                tls=setting.tls,
                **arguments,
            )
        except WorkerError:
            with suppress(WorkerError):  # the sender fails as its client does
                self._sender.wait()
            raise
        return Served(received, self._sender.wait())

    def _receiver(self, client: str) -> Worker:
        if client not in self._receivers:
            self._receivers[client] = Worker(
                (peers.PREDECESSOR,) if client == OLD else (),
                cpu=self._receiving,
                variables={"SSL_CERT_FILE": str(self._trusted)},
            )
        return self._receivers[client]


def _system_authorities() -> str:
    """Return the certificates that Python trusts by default, as users have them."""
    context = ssl.create_default_context()
    return "".join(map(ssl.DER_cert_to_PEM_cert, context.get_ca_certs(binary_form=True)))


@contextmanager
def link() -> Iterator[Link]:
    with tempfile.TemporaryDirectory() as folder:
        made = Link(Path(folder))
        try:
            with collector_off():
                yield made
        finally:
            made.close()


def working(
    results: Results, what: str, turns: Mapping[str, Callable[[], T]]
) -> dict[str, Callable[[], T]]:
    """Return the contenders whose first turn succeeds; remark the others."""
    found = {}
    for name, turn in turns.items():
        try:
            turn()
        except WorkerError as error:
            results.add_note(f"{what}, {name}: {error}")
        else:
            found[name] = turn
    return found
