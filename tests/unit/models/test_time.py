"""RFC 3339 to integer nanoseconds, alone and through both cores."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kraken_connector.models import timestamp_ns

SECOND = 1_000_000_000
BASE = 1655107750 * SECOND

CASES = [
    ("1970-01-01T00:00:00Z", 0),
    ("2022-06-13T08:09:10Z", BASE),
    ("2022-06-13T08:09:10.1Z", BASE + 100_000_000),
    ("2022-06-13T08:09:10.123456Z", BASE + 123_456_000),
    ("2022-06-13T08:09:10.123456789Z", BASE + 123_456_789),
    ("2022-06-13T08:09:10.1234567899Z", BASE + 123_456_789),
    ("2022-06-13T08:09:10.7890123", BASE + 789_012_300),
    ("2022-06-13t08:09:10z", BASE),
    ("2022-06-13 08:09:10+00:00", BASE),
    ("2022-06-13T10:09:10+02:00", BASE),
    ("2022-06-13T06:39:10-01:30", BASE),
    ("1969-12-31T23:59:59.5Z", -500_000_000),
    ("2024-02-29T00:00:00Z", 1709164800 * SECOND),
    ("0001-01-01T00:00:00Z", -62135596800 * SECOND),
    ("9999-12-31T23:59:59.999999999Z", 253402300799_999999999),
    ("2023-02-29T00:00:00Z", None),
    ("2022-13-01T00:00:00Z", None),
    ("2022-06-13T24:00:00Z", None),
    ("2022-06-13T08:60:10Z", None),
    ("2022-06-13T08:09:60Z", None),
    ("0000-01-01T00:00:00Z", None),
    ("2022-06-13T08:09:10.Z", None),
    ("2022-06-13T08:09:10+24:00", None),
    ("2022-06-13T08:09:10+2:00", None),
    ("2022-06-13", None),
    ("2022-06-13T08:09:10ZZ", None),
    (" 2022-06-13T08:09:10Z", None),
    ("٢٠٢٢-06-13T08:09:10Z", None),
    ("2022-06-13T08:09:10Z\n", None),
    ("yesterday", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_function(text: str, expected: int | None) -> None:
    assert timestamp_ns(text) == expected


@pytest.mark.parametrize(("text", "expected"), CASES)
@pytest.mark.parametrize("level", ["message", "item"])
def test_message(core: Any, level: str, text: str, expected: int | None) -> None:
    document: dict[str, Any] = {"channel": "news", "type": "update", "data": [{}]}
    target = document if level == "message" else document["data"][0]
    target["timestamp"] = text
    message = core.parse_message(json.dumps(document))
    assert message.timestamp_ns == expected


@pytest.mark.parametrize("value", [None, 5, b"2022-06-13T08:09:10Z"])
def test_what_is_no_text(value: Any) -> None:
    assert timestamp_ns(value) is None
