"""What can change while an exchange runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Settings:
    """How an exchange behaves; `SimulatedExchange` describes those that are its arguments.

    Attributes:
        system: the system status.
        shows_connection_ids: whether status messages carry a connection id.
        upcoming_maintenance: the maintenance that status messages announce.
    """

    ack_first: bool
    reply_first: bool
    message_limit: int | None
    heartbeat_interval: float
    idle_seconds: float | None
    send_buffer_limit: int
    texts: Mapping[str, str]
    system: str = "online"
    shows_connection_ids: bool = True
    upcoming_maintenance: Sequence[object] = ()

    def text(self, error: str) -> str:
        """Return the wording of an error text on this exchange."""
        return self.texts.get(error, error)
