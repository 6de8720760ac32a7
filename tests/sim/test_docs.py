"""Every example of docs/simulator.md runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text("utf-8")
BLOCK = re.compile(r"^(<!-- test: skip -->\n)?```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = [match[2] for match in BLOCK.finditer(TEXT) if match[1] is None]
PROGRAMS = [example for example in EXAMPLES if "asyncio.run" in example]
CONFTEST, TEST = (example for example in EXAMPLES if example not in PROGRAMS)

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda text: str(TEXT.index(text)))
def test_program_runs(program: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=50)


def test_pytest_example_passes(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TEST)
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
