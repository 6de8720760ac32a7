"""What the tests of the session and its parts share."""

from __future__ import annotations

import pytest
from tests.unit.ws.rig import Bench


@pytest.fixture
def bench() -> Bench:
    """A session with a socket and a clock that stands."""
    return Bench().open()
