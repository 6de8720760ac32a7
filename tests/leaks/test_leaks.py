"""What is made of frames is let go again; each case runs in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import native_core

pytest.importorskip("resource", reason="this system does not report the memory of a process")

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
#: A leak of one small object a frame is megabytes in so many rounds.
ROUNDS = {"native": 600, "pure": 240}
#: Bytes that the allocators may still take after the first third of the rounds.
SLACK = 1024 * 1024


def probe(backend: str, scenario: str) -> dict[str, int]:
    command = [sys.executable, "-m", "tests.leaks.probe", backend, scenario]
    done = subprocess.run(
        [*command, str(ROUNDS[backend])], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    "scenario", ["feed_and_decode", "read_books", "keep_orders", "fail", "drop_unread"]
)
def test_memory_stays_flat(core: Any, scenario: str) -> None:
    backend = core.__name__.rpartition("._")[2]
    if backend == "native":
        native_core()
    found = probe(backend, scenario)
    assert found["grown"] < SLACK
    # A leak is one reference in each of the two thirds that are counted; caches take fewer.
    assert found["singletons"] < ROUNDS[backend] // 2
