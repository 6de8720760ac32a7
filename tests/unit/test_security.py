"""Signatures and nonces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kraken_connector.security import decode_secret, next_nonce, sign

VECTORS = json.loads(
    (Path(__file__).parents[1] / "fixtures/vectors/rest-signature.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_signature_is_the_documentations(case: dict[str, Any]) -> None:
    secret = decode_secret(VECTORS["private_key_base64"])
    made = sign(secret, case["uri_path"], case["nonce"], case["body"])
    assert made == case["expected_api_sign"]


def test_nonces_grow_whatever_the_clock_does(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1_000, 1_000, 500, 2_000, 2_000])
    monkeypatch.setattr("kraken_connector.security.time.time_ns", lambda: next(times))
    nonces = [next_nonce("a key of this test") for _ in range(5)]
    assert nonces == [1_000, 1_001, 1_002, 2_000, 2_001]


def test_each_key_has_its_own_nonces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kraken_connector.security.time.time_ns", lambda: 5_000_000)
    assert next_nonce("one key", "ms") == next_nonce("another key", "ms") == 5


def test_default_unit_exceeds_the_coarser_ones() -> None:
    assert next_nonce("unit", "ms") < next_nonce("unit", "us") < next_nonce("unit")


@pytest.mark.parametrize("secret", ["no base64!", "abc", "äöü"])
def test_secret_that_is_not_base64_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="base64") as caught:
        decode_secret(secret)
    assert secret not in str(caught.value)
    assert caught.value.__context__ is None
