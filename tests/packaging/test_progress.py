"""A command that takes long shows its steps and the time, and all of its output if it fails."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PROGRESS = Path(__file__).parents[2] / "packaging/progress.py"


def run(script: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, PROGRESS, sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_steps_are_shown_and_the_rest_is_not() -> None:
    done = run("print('Looking in links: x'); print('   Compiling pyo3 v0.25.0')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "  Compiling pyo3 v0.25.0\n", "")


def test_all_output_follows_a_failure() -> None:
    done = run("import sys; print('first', flush=True); sys.exit('second')")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "first\nsecond\n")


def test_the_time_is_shown_where_nothing_else_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(PROGRESS.parent)
    progress = importlib.import_module("progress")
    monkeypatch.setattr(progress, "SILENCE", 0.001)
    assert progress.run([sys.executable, "-c", "import time; time.sleep(0.2)"]) == 0
    assert "  0 s\n" in capsys.readouterr().out
