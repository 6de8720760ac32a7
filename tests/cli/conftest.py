"""What the tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def recording() -> str:
    """Path of 510 real frames of one book, 51 seconds long; see tests/fixtures/README.md."""
    vectors = Path(__file__).parents[1] / "fixtures/vectors"
    return str(vectors / "book-replay-btcusd-2023-07-30.jsonl")
