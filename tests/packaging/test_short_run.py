"""`make test` leaves out no promise of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
#: A whole module or test; a parameter of a test may well be long.
LONG = re.compile(r"^(?:pytestmark\b.*|@)pytest\.mark\.long\b", re.MULTILINE)


@pytest.mark.parametrize(
    "promises",
    ["conformance/*.py", "docs/*.py", "faults/test_matrix.py", "parity/*.py", "ws/test_page_*.py"],
)
def test_no_promise_is_only_in_the_long_run(promises: str) -> None:
    paths = list(TESTS.glob(promises))
    assert paths
    assert [path.name for path in paths if LONG.search(path.read_text("utf-8"))] == []
