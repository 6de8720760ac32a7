"""No module imports a higher layer, and no modules import each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import kraken_connector

ROOT = Path(kraken_connector.__file__).parent
PACKAGE = "kraken_connector"

# Lowest first; a module may import its own layer and those before it.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("_installation", "slices"),
    ("refusals", "exceptions", "types", "models"),
    ("_native", "_pure"),
    ("_backend",),
    ("loop_time", "security", "network", "shared_books"),
    ("constants", "schemas", "utils"),
    ("rest",),
    ("resilience",),
    ("http",),
    ("api",),
    ("ws.constants", "ws.envelopes", "ws.subscribe"),
    ("ws.base",),
    ("ws.token",),
    ("ws.orders",),
    ("ws.account",),
    ("ws.protocol",),
    ("ws.delivery",),
    ("ws.network",),
    ("ws.pool",),
    ("ws.trading",),
    ("ws.by_rest",),
    ("ws.methods",),
    ("ws",),  # the client, and import paths of kraken-connector 0.2.0
    ("unified",),  # a client of other hosts, imported on demand
    ("",),  # the package itself: the public names
    ("sim",),  # shares no code with the client, see below
    ("cli",),
)
RANKS = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}
CORES = RANKS["_native"]


def module_name(path: Path) -> str:
    parts = [PACKAGE, *path.relative_to(ROOT).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def layer(module: str) -> int:
    """Return the rank of a module, by the longest name of a layer that it is in."""
    _, *parts = module.split(".")
    names = (".".join(parts[:length]) for length in range(len(parts), -1, -1))
    return next(RANKS[name] for name in names if name in RANKS)


def imported(nodes: Iterator[ast.AST], module: str) -> Iterator[str]:
    """Yield the modules of ours that the import statements among `nodes` name."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == PACKAGE)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(node, module)
            if base.split(".")[0] == PACKAGE:
                yield from (known(f"{base}.{a.name}", base) for a in node.names)


def absolute(node: ast.ImportFrom, module: str) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    up = node.level - (SOURCES[module].name == "__init__.py")
    return ".".join([*parts[: len(parts) - up], *([node.module] if node.module else [])])


def known(submodule: str, package: str) -> str:
    return submodule if submodule in SOURCES or submodule.endswith("._native") else package


def parse(module: str) -> ast.Module:
    return ast.parse(SOURCES[module].read_text(encoding="utf-8"))


@pytest.mark.parametrize("module", SOURCES)
def test_module_imports_no_higher_layer(module: str) -> None:
    higher = {n for n in imported(ast.walk(parse(module)), module) if layer(n) > layer(module)}
    assert not higher


@pytest.mark.parametrize("module", SOURCES)
def test_only_the_backend_module_imports_a_core(module: str) -> None:
    cores = {n for n in imported(ast.walk(parse(module)), module) if layer(n) == CORES}
    assert not cores or module == f"{PACKAGE}._backend" or layer(module) == CORES


@pytest.mark.parametrize("module", [name for name in SOURCES if layer(name) == RANKS["sim"]])
def test_simulator_imports_nothing_of_the_client(module: str) -> None:
    """Tests compare the client with the simulator, which must not repeat the client's errors."""
    simulator = f"{PACKAGE}.sim"
    of_client = {
        name
        for name in imported(ast.walk(parse(module)), module)
        if name != simulator and not name.startswith(f"{simulator}.")
    }
    assert not of_client


def test_imports_have_no_cycle() -> None:
    """Imports inside functions and those for type checkers count too."""
    graph = {
        module: set(imported(ast.walk(parse(module)), module)) - {module} for module in SOURCES
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))
