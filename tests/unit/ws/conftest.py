"""The fixture of the tests of the session and its parts."""

from __future__ import annotations

import pytest
from tests.unit.ws.rig import Bench


@pytest.fixture
def bench() -> Bench:
    """A session with a socket and a clock that only the test moves."""
    return Bench().open()
