"""The seed corpus of each target, made of the fixtures of the tests."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

FIXTURES = Path(__file__).parents[1] / "tests" / "fixtures"
#: Frames of the recorded session that one seed of the engine holds: a snapshot and some updates.
SESSION = 40


def write(target: str, folder: Path) -> None:
    """Put the seeds of `target` into `folder`, under names that go by their content."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS[target]():
        (folder / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)


def frames() -> Iterator[bytes]:
    """Give every frame of the fixtures, the recorded session only in part."""
    for path in sorted(FIXTURES.rglob("*")):
        if path.suffix in (".json", ".jsonl", ".txt"):
            yield from path.read_bytes().splitlines()[:SESSION]


def sessions() -> Iterator[bytes]:
    """Give frames one by one, and files as the frames of one connection."""
    yield from frames()
    for path in sorted(FIXTURES.rglob("*.jsonl")):
        yield b"\n".join(path.read_bytes().splitlines()[:SESSION])


def numbers() -> Iterator[bytes]:
    """Give every number of the fixtures, and spellings that they do not have."""
    found = {number for frame in frames() for number in re.findall(rb"-?\d[\d.eE+-]*", frame)}
    yield from sorted(found)
    yield from (b"0", b"-0", b"-0.0", b"1e-08", b"1.50E+3", b"9" * 38, b"1e38", b"5e-324", b"1e400")


def websocket_frames() -> Iterator[bytes]:
    """Give frames of every length form and kind behind a size limit."""
    limit = (2000).to_bytes(2, "big")
    for payload in frames():
        size = len(payload)
        header = bytes([size]) if size < 126 else b"\x7e" + (size % 65536).to_bytes(2, "big")
        yield limit + b"\x81" + header + payload[:600] + b"\x89\x00"
    yield limit + b"\x81\x7f" + (3).to_bytes(8, "big") + b"abc\x88\x02\x03\xe8"
    yield limit + b"\x01\x01a\x80\x01b\x82\x01c\xc1\x01d\x8a\x01e"


def books() -> Iterator[bytes]:
    """Give bytes to make messages of; their meaning is up to the target."""
    for seed in range(8):
        yield b"".join(hashlib.sha256(bytes([seed, block])).digest() for block in range(16))


SEEDS = {
    "parse_any_bytes": sessions,
    "parse_against_serde_json": frames,
    "book_against_btreemap": books,
    "level3_against_model": books,
    "decimal_round_trip": numbers,
    "websocket_frames": websocket_frames,
}
