"""Checks of arguments."""

from __future__ import annotations

import math

import pytest

from kraken_connector.models.checks import checked_integer
from kraken_connector.ws.base.options import checked_seconds, checked_url


def test_durations_are_positive_finite_numbers() -> None:
    assert checked_seconds("wait", 5) == 5.0
    for value in (0, -0.5, math.nan, math.inf):
        with pytest.raises(ValueError, match="wait"):
            checked_seconds("wait", value)
    for wrong in ("5", None, True):
        with pytest.raises(TypeError, match="wait"):
            checked_seconds("wait", wrong)


def test_counts_are_integers() -> None:
    assert checked_integer("many", 0, 0) == 0
    with pytest.raises(ValueError, match="at least 1"):
        checked_integer("many", 0, 1)
    for wrong in (1.0, "1", True):
        with pytest.raises(TypeError, match="many"):
            checked_integer("many", wrong, 0)


@pytest.mark.parametrize("url", ["wss://ws.kraken.com/v2", "ws://[::1]:8080", "ws://localhost"])
def test_websocket_urls_pass(url: str) -> None:
    assert checked_url("url", url) == url


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("https://ws.kraken.com/v2", "wss://ws.kraken.com/v2"),
        ("http://localhost:1", "ws://localhost:1"),
        ("ws.kraken.com/v2", "wss://"),
        ("wss://", "wss://"),
        ("", "wss://"),
        ("wss://ws.kraken.com:99999/v2", "port"),
        ("wss://ws.kraken.com:x/v2", "port"),
        ("wss://ws.kraken.com:/v2", "port"),
        ("wss://[bad/v2", "host"),
        ("wss://a..b/v2", "host"),
        (f"wss://{'a' * 64}.com/v2", "host"),
        ("wss://me@ws.kraken.com/v2", "password"),
        ("wss://ws.kraken.com/v2#part", "fragment"),
        ("wss://ws.kraken.com/v2\n", "space"),
    ],
)
def test_other_urls_are_refused_with_a_hint(url: str, hint: str) -> None:
    with pytest.raises(ValueError, match="url") as caught:
        checked_url("url", url)
    assert hint in str(caught.value)
