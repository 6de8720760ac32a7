"""Checks of the arguments that a client is made with."""

from __future__ import annotations

import math
from urllib.parse import urlsplit

__all__ = ["checked_count", "checked_seconds", "checked_url"]


def checked_seconds(name: str, value: object) -> float:
    """Return a duration in seconds.

    Raises:
        TypeError: it is no number.
        ValueError: it is not positive and finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number of seconds, not {value!r}")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a positive number of seconds, not {value!r}")
    return float(value)


def checked_count(name: str, value: object, least: int) -> int:
    """Return an integer.

    Raises:
        TypeError: it is none.
        ValueError: it is less than `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an integer, not {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
    return value


def checked_url(name: str, value: object) -> str:
    """Return a WebSocket URL.

    Raises:
        TypeError: it is no string.
        ValueError: it is no `wss://` or `ws://` URL with a host.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {value!r}")
    parts = urlsplit(value)
    if parts.scheme in ("http", "https"):
        right = value.replace("http", "ws", 1)
        raise ValueError(f"{name} is an HTTP address: did you mean {right!r}?")
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f"{name} must be a URL like 'wss://ws.kraken.com/v2', not {value!r}")
    return value
