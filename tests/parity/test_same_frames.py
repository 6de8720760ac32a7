"""The same frame gives the same message, the same exception and the same books on both cores.

Nothing is tolerated: kinds and offsets of errors are equal too, because both cores stop at the
first byte that no JSON text could have there, and look at the protocol's rules only in valid JSON,
in a fixed order of fields.
"""

from __future__ import annotations

import re
import zlib
from typing import Any

import pytest
from benches.corpus import frames as recorded
from benches.corpus import streams
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.conftest import native_core
from tests.oracle import book_message
from tests.parity import frames, pictures

from kraken_connector import _pure as pure

#: Of a book with the one bid 1.0, 2.0.
CHECKSUM = zlib.crc32(b"1020")
#: A number of a recorded frame.
NUMBER = re.compile(rb"[:\[,]\s*(-?\d+(?:\.\d+)?)\s*[,}\]]")


def check_message(frame: Any) -> None:
    """Check that both cores return the same message, or raise the same exception."""
    expected = pictures.of_message(pure.parse_message, frame)
    assert pictures.of_message(native_core().parse_message, frame) == expected


@given(frames.any_frame)
@example(b'{"channel":"book","type":"update","data":[{"symbol":"A/B","timestamp":0.0}]}')
def test_parse_message(frame: bytes) -> None:
    check_message(frame)


@given(frames.items_frames.map(str.encode))
@settings(max_examples=settings().max_examples * 4)
def test_items(frame: bytes) -> None:
    check_message(frame)
    ours, reference = native_core().Engine(), pure.Engine()
    assert pictures.of_feed(ours, frame, 1) == pictures.of_feed(reference, frame, 1)
    assert pictures.of_engine(ours) == pictures.of_engine(reference)


@pytest.mark.parametrize("kind", sorted(recorded().keys() - {"heartbeat", "status"}))
def test_each_number_in_each_spelling(kind: str) -> None:
    frame = recorded()[kind]
    spans = [match.span(1) for match in NUMBER.finditer(frame)]
    assert spans
    for start, end in spans:
        for spelling in frames.SPELLINGS:
            for variant in (spelling.encode(), b'"%s"' % spelling.encode()):
                check_message(frame[:start] + variant + frame[end:])


@given(st.text(max_size=30) | frames.made.map(bytes.decode))
@example("\ud800")
@example('{"a":"\ud800"}')
def test_text(text: str) -> None:
    check_message(text)


@pytest.mark.parametrize(
    "end",
    [
        b'"channel":[{"a"x',
        b'"channel":"x',
        b'"method":[x',
        b'"method":{},x',
        b'"data":{"a"x',
        b'"data":{},x',
        b'"data":7,x',
        b'"data":[{"symbol":["x',
    ],
)
def test_what_a_broken_frame_was_about(end: bytes) -> None:
    """A value that came whole is not given up for another one that did not."""
    frame = b'{"channel":"book","type":"update","data":[{"symbol":"A/B"}],' + end
    engines = native_core().Engine(), pure.Engine()
    seen = []
    for engine in engines:
        for symbol in ("A/B", "C/D"):
            engine.feed(book_message(symbol, "snapshot", [("1.0", "2.0")], [], CHECKSUM))
        seen.append((pictures.of_feed(engine, frame, 1), pictures.of_engine(engine)))
    assert seen[0] == seen[1]


@given(st.lists(st.tuples(frames.any_frame, st.none() | st.integers(0, 2**62)), max_size=12))
@example([(book_message("A/B", "snapshot", [("1.0", "2.0")], [], CHECKSUM, ""), 1)])
def test_engine(feeds: list[tuple[bytes, int | None]]) -> None:
    ours, reference = native_core().Engine(), pure.Engine()
    for frame, received_ns in feeds:
        seen = pictures.of_feed(ours, frame, received_ns)
        assert seen == pictures.of_feed(reference, frame, received_ns)
        assert pictures.of_engine(ours) == pictures.of_engine(reference)


@pytest.mark.parametrize("name", sorted(streams()))
def test_streams(name: str) -> None:
    ours, reference = native_core().Engine(), pure.Engine()
    for number, frame in enumerate(streams()[name].frames):
        assert pictures.of_feed(ours, frame, number) == pictures.of_feed(reference, frame, number)
    assert pictures.of_engine(ours) == pictures.of_engine(reference)


@pytest.mark.parametrize("frame", [None, 1, 1.5, [], {}, object], ids=repr)
def test_what_is_no_frame(frame: Any) -> None:
    native = native_core()
    for ours, reference in (
        (native.parse_message, pure.parse_message),
        (native.Engine().feed, pure.Engine().feed),
    ):
        assert pictures.outcome(ours, frame) == pictures.outcome(reference, frame)
