"""Captured files that are no part of the package: every checksum in them verifies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.outside import captures, checksums, lines

CAPTURES = captures()


@pytest.mark.skipif(not CAPTURES, reason="there are no captures: see tests/outside.py")
@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_every_checksum_verifies(core: Any, capture: Path) -> None:
    engine = core.Engine()
    frames = lines(capture)
    assert checksums(frames) > 0
    for frame in frames:
        (message,) = engine.feed(frame)
        if checksums([frame]):
            assert message.verified, frame
    counters = engine.counters()
    assert counters["verified"] == checksums(frames)
    assert (counters["mismatches"], counters["crossed"], counters["invalid_frames"]) == (0, 0, 0)
