"""Decoding of large replies in steps, held against `json.loads`."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_connector.rest import decoding
from kraken_connector.rest.decoding import Decoding

SCALARS = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
SINGLE = [
    b"", b" ", b"{", b'{"a"', b'{"a":', b'{"a":1', b'{"a":1,', b'{"a":1,}', b"{1:2}", b"{}{}",
    b"{,}", b'{"a" : {"b" : {"c" : {"d" : 1.10}}}} ', b'{"a":1,"a":2}', b'{"a":1 "b":2}',
]  # fmt: skip


def in_steps(body: bytes) -> Any:
    decoded = Decoding(body)
    for _ in decoded:
        pass
    return decoded.document


def outcome(decode: Any, body: bytes) -> tuple[str, Any]:
    try:
        return "decoded", repr(decode(body))
    except ValueError:
        return "refused", None


@pytest.fixture
def _short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "STEP", 1)


def at_once(body: bytes) -> Any:
    return json.loads(body, parse_float=Decimal)


@pytest.mark.usefixtures("_short_steps")
class TestAgainstJson:
    @given(DOCUMENTS, st.sampled_from([None, 1]), st.sampled_from(["", " ", "\n\t\r "]))
    def test_documents(self, document: Any, indent: int | None, around: str) -> None:
        body = f"{around}{json.dumps(document, indent=indent)}{around}".encode()
        assert outcome(in_steps, body) == outcome(at_once, body)

    @given(DOCUMENTS, st.data())
    def test_broken_documents(self, document: Any, data: st.DataObject) -> None:
        text = json.dumps({"error": [], "result": document}, indent=data.draw(st.integers(0, 1)))
        at = data.draw(st.integers(0, len(text) - 1))
        cut = data.draw(st.integers(0, 3))
        middle = data.draw(st.text('{}[]",: x0', max_size=2))
        body = (text[:at] + middle + text[at + cut :]).encode()
        assert outcome(in_steps, body) == outcome(at_once, body)

    @pytest.mark.parametrize("body", SINGLE)
    def test_single_documents(self, body: bytes) -> None:
        assert outcome(in_steps, body) == outcome(at_once, body)


def test_steps_of_a_large_document_are_short() -> None:
    fees = {f"P{number}": {"fees": [["0", "0.40"]] * 40} for number in range(500)}
    body = json.dumps({"error": [], "result": {"currency": "ZUSD", "fees": fees}}).encode()
    decoded = Decoding(body)
    steps = sum(1 for _ in decoded)
    assert decoded.document == at_once(body)
    assert len(body) / decoding.STEP * 0.9 - 1 < steps <= len(body) / decoding.STEP


def test_a_document_that_is_not_text_is_refused() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        in_steps(b'{"a":"\xff"}')
