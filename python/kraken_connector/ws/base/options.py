"""Timeouts and limits of a session, and checks of durations and URLs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from ...models.checks import checked_integer
from ...network import checked_url_parts

__all__ = [
    "SessionOptions",
    "check_seconds",
    "checked_bound",
    "checked_seconds",
    "checked_url",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """The options of a client that concern a connection's protocol; durations in seconds.

    `KrakenWSClient` says what they mean.

    Raises:
        TypeError, ValueError: a value is not allowed.
    """

    ping_interval: float = 10.0
    ping_timeout: float = 10.0
    heartbeat_timeout: float = 30.0
    request_timeout: float = 10.0
    resync_attempts: int = 5
    deliver_heartbeats: bool = False
    order_deadline: float = 5.0
    stale_after: float | None = None
    #: What every trading request carries besides its own parameters and the token.
    order_params: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_seconds(self, "ping_interval", "ping_timeout", "heartbeat_timeout", "request_timeout")
        checked_integer("resync_attempts", self.resync_attempts, 0)
        check_seconds(self, "order_deadline")
        if self.stale_after is not None:
            checked_bound("stale_after", self.stale_after)
        if not 0.5 <= self.order_deadline <= 60:
            raise ValueError(f"order_deadline must be 0.5 to 60 seconds, not {self.order_deadline}")


def check_seconds(options: object, *names: str) -> None:
    """Check that the named attributes are durations in seconds.

    Raises:
        TypeError, ValueError: see `checked_seconds`.
    """
    for name in names:
        checked_seconds(name, getattr(options, name))


def checked_seconds(name: str, value: object) -> float:
    """Return a duration in seconds.

    Raises:
        TypeError: it is not a number.
        ValueError: it is not positive and finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number of seconds, not {value!r}")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a positive number of seconds, not {value!r}")
    return float(value)


def checked_bound(name: str, value: object) -> float:
    """Return a duration in seconds that may be infinite.

    Raises:
        TypeError, ValueError: see `checked_seconds`.
    """
    return inf if value == inf else checked_seconds(name, value)


def checked_url(name: str, value: object) -> str:
    """Return a WebSocket URL.

    Raises:
        TypeError: it is not a string.
        ValueError: it is not a `wss://` or `ws://` URL with a host.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {value!r}")
    scheme = value.partition("://")[0].lower()
    if scheme in ("http", "https"):
        raise ValueError(f"{name} is an HTTP address: did you mean {'ws' + value[4:]!r}?")
    problem = "it must begin with wss:// or ws://"
    if scheme in ("ws", "wss"):
        try:
            parts = checked_url_parts(value)
        except ValueError as error:
            problem = str(error)
        else:
            if not parts.fragment:
                return value
            problem = "it must not have a fragment"
    raise ValueError(
        f"{name} must be a URL like 'wss://ws.kraken.com/v2', not {value!r}: {problem}"
    )
