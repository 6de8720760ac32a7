"""Parameters of tests that are only run by `make test-all`."""

from __future__ import annotations

from typing import Any

import pytest


def long(*values: Any) -> list[Any]:
    """Mark values of a parameter as `long`; the others hold the same promise in the short run."""
    return [pytest.param(value, marks=pytest.mark.long) for value in values]
