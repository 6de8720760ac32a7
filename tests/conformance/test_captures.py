"""Captured files that are no part of the package: every book in them must verify.

`KRAKEN_CONNECTOR_CAPTURES` names a folder of `*.jsonl`, one frame a line, bare or as `frame`,
`raw` or `message` of an object around it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = os.environ.get("KRAKEN_CONNECTOR_CAPTURES")
FILES = sorted(Path(FOLDER).rglob("*.jsonl")) if FOLDER else []
WRAPPERS = ("frame", "raw", "message")


def frames(path: Path) -> Iterator[str]:
    """Yield the frames of a file with their numbers untouched."""
    for line in path.read_text().splitlines():
        try:
            document = json.loads(line)
        except ValueError:
            continue
        inner = next((document[key] for key in WRAPPERS if key in document), None)
        if isinstance(inner, str):
            yield inner
        elif inner is None:
            yield line
        else:
            yield inner_text(line)


def inner_text(line: str) -> str:
    """Cut the inner object out of the line: decoding and encoding it would change numbers."""
    start = line.index("{", min(at for key in WRAPPERS if (at := line.find(f'"{key}"')) >= 0))
    _, end = json.JSONDecoder().raw_decode(line, start)
    return line[start:end]


@pytest.mark.skipif(not FILES, reason="KRAKEN_CONNECTOR_CAPTURES names no folder with *.jsonl")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_book_verifies(core: Any, path: Path) -> None:
    engine = core.Engine()
    events = [event for frame in frames(path) for event in engine.feed(frame)]
    refused = [event for event in events if type(event).__name__ == "BookChecksumEvent"]
    assert refused == []
    assert engine.counters()["invalid_frames"] == 0
