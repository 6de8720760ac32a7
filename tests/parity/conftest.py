"""Both cores side by side."""

from __future__ import annotations

import pytest
from tests.conftest import native_core


@pytest.fixture(autouse=True, scope="session")
def _needs_both_cores() -> None:
    native_core()
