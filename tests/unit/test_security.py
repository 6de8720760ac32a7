"""Signatures and nonces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from kraken_connector.security import (
    checked_key,
    decode_secret,
    get_nonce,
    next_nonce,
    sign,
    sign_message,
)

VECTORS = json.loads(
    (Path(__file__).parents[1] / "fixtures/vectors/rest-signature.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_signature_is_the_documentations(case: dict[str, Any]) -> None:
    secret = decode_secret(VECTORS["private_key_base64"])
    made = sign(secret, case["uri_path"], case["nonce"], case["body"])
    assert made == case["expected_api_sign"]


FORMS = [case for case in VECTORS["cases"] if case["body"].startswith("nonce=")]


@pytest.mark.parametrize("case", FORMS, ids=lambda case: case["name"])
def test_signature_of_a_form_is_the_documentations(case: dict[str, Any]) -> None:
    form = dict(parse_qsl(case["body"]))
    made = sign_message(VECTORS["private_key_base64"], form, case["uri_path"])
    assert made == case["expected_api_sign"]


def test_nonces_of_0_2_0_are_microseconds_and_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kraken_connector.security.time.time_ns", lambda: 4_000_000_000_000_000_000)
    first = get_nonce()
    assert (first, get_nonce()) == (4_000_000_000_000_000, first + 1)


def test_nonces_grow_whatever_the_clock_does(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1_000, 1_000, 500, 2_000, 2_000])
    monkeypatch.setattr("kraken_connector.security.time.time_ns", lambda: next(times))
    nonces = [next_nonce("a key of this test", "ns") for _ in range(5)]
    assert nonces == [1_000, 1_001, 1_002, 2_000, 2_001]


def test_each_key_has_its_own_nonces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kraken_connector.security.time.time_ns", lambda: 5_000_000)
    assert next_nonce("one key", "ms") == next_nonce("another key", "ms") == 5


def test_default_unit_is_that_of_0_2_0(monkeypatch: pytest.MonkeyPatch) -> None:
    # Its `get_nonce` returns `int(time.time() * 1_000_000)`.
    monkeypatch.setattr("kraken_connector.security.time.time_ns", lambda: 1_700_000_000_123_456_789)
    assert next_nonce("of this test") == 1_700_000_000_123_456


def test_finer_units_exceed_the_coarser_ones() -> None:
    assert next_nonce("unit", "ms") < next_nonce("unit", "us") < next_nonce("unit", "ns")


@pytest.mark.parametrize("secret", ["no base64!", "abc", "äöü"])
def test_secret_that_is_not_base64_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="base64") as caught:
        decode_secret(secret)
    assert secret not in str(caught.value)
    assert caught.value.__context__ is None


def test_blanks_around_a_key_are_dropped() -> None:
    assert checked_key(" the-key\r\n") == "the-key"
    assert decode_secret("c2VjcmV0\n") == b"secret"
    assert checked_key(None) == checked_key("\n") == ""


@pytest.mark.parametrize("key", ["the\u200bkey", "\ufeffthe-key", "the key", "the\nkey", "kéy"])
def test_key_that_no_header_can_hold_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="api_key") as caught:
        checked_key(key)
    assert key not in str(caught.value)
    assert caught.value.__context__ is None
