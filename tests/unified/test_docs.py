"""Every example of docs/unified.md runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "unified.md").read_text("utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda text: str(TEXT.index(text)))
def test_program_runs_and_shows_something(program: str) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        check=True,
        timeout=50,
        capture_output=True,
        text=True,
    )
    assert run.stdout.strip()
    assert not run.stderr


def test_the_programs_show_a_book_an_order_and_a_position() -> None:
    assert len(PROGRAMS) == 2
