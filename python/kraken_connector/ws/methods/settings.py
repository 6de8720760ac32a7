"""What a client was made with, to be read: names that kraken-connector 0.2.0 has."""

from __future__ import annotations

from ..base.options import SessionOptions
from ..network.connection import ConnectionOptions

__all__ = ["Settings"]


class Settings:
    """The arguments of a client that 0.2.0 shows as attributes; here they cannot be changed."""

    _url: str
    _session_options: SessionOptions
    _connection_options: ConnectionOptions

    @property
    def url(self) -> str:
        """The WebSocket endpoint of public market data."""
        return self._url

    @property
    def ping_interval(self) -> float:
        """Seconds between pings."""
        return self._session_options.ping_interval

    @property
    def ping_timeout(self) -> float:
        """Seconds until a ping must be answered."""
        return self._session_options.ping_timeout

    @property
    def heartbeat_timeout(self) -> float:
        """Seconds of silence until a connection counts as dead."""
        return self._session_options.heartbeat_timeout

    @property
    def request_timeout(self) -> float:
        """Seconds until a request must be answered."""
        return self._session_options.request_timeout

    @property
    def backoff_base(self) -> float:
        """Seconds of the first pause before reconnecting."""
        return self._connection_options.backoff_base

    @property
    def backoff_max(self) -> float:
        """Seconds of the longest pause before reconnecting."""
        return self._connection_options.backoff_max

    @property
    def max_reconnect_attempts(self) -> int:
        """Attempts to reconnect in a row until the client gives up."""
        return self._connection_options.max_reconnect_attempts
