"""Which new connections are refused."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus

from .hosts import Host
from .observe import Journal
from .requests import Role


@dataclass(slots=True)
class Refusal:
    """A fault on new connections.

    Attributes:
        status: HTTP status of the handshake; `None` resets the TCP connection instead.
        times: how many more connections are refused.
        until: event loop time at which it ends.
        host: the host that refuses; `None` is all of them.
    """

    status: HTTPStatus | None
    times: float
    until: float
    host: Role | None

    def meets(self, host: Host) -> bool:
        """Return whether a new connection to a host is refused."""
        in_force = self.times > 0 and asyncio.get_running_loop().time() < self.until
        return in_force and host.plays(self.host)


class Admission:
    """Decides whether a new connection is accepted. Each method counts the refusals it returns.

    Args:
        journal: records the refusals.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._refusals: dict[Role | None, Refusal] = {}
        self._ignored: dict[Role | None, float] = {}

    def refuse(self, refusal: Refusal) -> None:
        """Put a refusal in force; it replaces the last one for the same host."""
        self._refusals[refusal.host] = refusal

    def ignore(self, times: float, host: Role | None) -> None:
        """Leave WebSocket handshakes to a host unanswered."""
        self._ignored[host] = times

    def clear(self) -> None:
        """Accept all new connections."""
        self._refusals.clear()
        self._ignored.clear()

    def resets(self, host: Host) -> bool:
        """Return whether to reset a new TCP connection."""
        return self._refusal(host, by_status=False) is not None

    def ignores_handshake(self, host: Host) -> bool:
        """Return whether to leave a WebSocket handshake unanswered."""
        for role, left in self._ignored.items():
            if left > 0 and host.plays(role):
                self._ignored[role] -= 1
                self._journal.add("ignored_handshake")
                return True
        return False

    def handshake_status(self, host: Host) -> HTTPStatus | None:
        """Return the HTTP status that refuses a WebSocket handshake, if any."""
        refusal = self._refusal(host, by_status=True)
        return None if refusal is None else refusal.status

    def _refusal(self, host: Host, *, by_status: bool) -> Refusal | None:
        for refusal in self._refusals.values():
            if (refusal.status is not None) == by_status and refusal.meets(host):
                refusal.times -= 1
                self._journal.add("refused_connection")
                return refusal
        return None
