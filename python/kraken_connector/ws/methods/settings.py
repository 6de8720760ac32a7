"""The client's settings as read-only attributes, as in kraken-connector 0.2.0."""

from __future__ import annotations

from ..base.options import SessionOptions
from ..network.connection import ConnectionOptions

__all__ = ["Settings"]


class Settings:
    """Constructor arguments of `KrakenWSClient`; they cannot be changed afterwards."""

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
        """Longest wait for a pong, seconds."""
        return self._session_options.ping_timeout

    @property
    def heartbeat_timeout(self) -> float:
        """Seconds of silence after which the client reconnects."""
        return self._session_options.heartbeat_timeout

    @property
    def request_timeout(self) -> float:
        """Longest wait for the answer to a request, seconds."""
        return self._session_options.request_timeout

    @property
    def backoff_base(self) -> float:
        """First pause before reconnecting, seconds."""
        return self._connection_options.backoff_base

    @property
    def backoff_max(self) -> float:
        """Longest pause before reconnecting, seconds."""
        return self._connection_options.backoff_max

    @property
    def max_reconnect_attempts(self) -> int:
        """Attempts to reconnect in a row before the client gives up."""
        return self._connection_options.max_reconnect_attempts
