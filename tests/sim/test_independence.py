"""The simulator is the outside truth of the tests, so it shares no code with the client."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from kraken_connector import sim

ROOT = Path(sim.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, those of the package by their full names."""
    package = path.relative_to(ROOT.parents[1]).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield ".".join((*package[: len(package) + 1 - node.level], node.module or ""))
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_of_the_client_is_imported(path: Path) -> None:
    ours = [name for name in imported(path) if name.startswith("kraken_connector")]
    assert all(f"{name}.".startswith("kraken_connector.sim.") for name in ours)
