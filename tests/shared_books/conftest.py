"""A file of books, and readers by both cores."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import native_core
from tests.shared_books import writer

from kraken_connector import _pure


@pytest.fixture(autouse=True, scope="session")
def _needs_the_writer() -> None:
    if sys.platform == "win32":
        pytest.skip("books are shared on Unix only")
    native_core()


@pytest.fixture
def native() -> Any:
    return native_core()


@pytest.fixture(params=["native", "pure"])
def reading(request: pytest.FixtureRequest) -> Any:
    """The core that reads."""
    return native_core() if request.param == "native" else _pure


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kraken-test"


@pytest.fixture
def start(path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start writers in processes of their own; see `writer.py`."""
    started: list[subprocess.Popen[str]] = []

    def run(how: str) -> subprocess.Popen[str]:
        started.append(writer.start(path, how))
        return started[-1]

    yield run
    for process in started:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
