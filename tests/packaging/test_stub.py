"""The pure core has the names and parameters that `_native.pyi` promises, and no others.

The extension itself is compared with the stub by stubtest, in `make check`.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import kraken_connector
from kraken_connector import _pure

#: What only the extension has: without it the WebSocket library reads frames, and `socket` and
#: `ssl` of Python are the streams.
NATIVE_ONLY = {"PlainStream", "Receiver", "ThreadReader", "TlsConfig", "TlsStream"}

STUB = ast.parse(Path(kraken_connector.__file__).with_name("_native.pyi").read_text("utf-8"))
DEFINED = {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}
#: What only types know of: the common part of the books.
BASES = {"BookHandle"}
CLASSES = {name: node for name, node in DEFINED.items() if name not in NATIVE_ONLY | BASES}
FUNCTIONS = {node.name: node for node in STUB.body if isinstance(node, ast.FunctionDef)}


def members(name: str) -> Iterator[ast.FunctionDef]:
    """Yield the methods and properties of a class of the stub, those of its bases included."""
    for base in DEFINED[name].bases:
        base_name = ast.unparse(base).partition("[")[0]
        if base_name in DEFINED:
            yield from members(base_name)
    yield from (node for node in DEFINED[name].body if isinstance(node, ast.FunctionDef))


METHODS = [(name, node) for name in CLASSES for node in members(name)]


def is_property(node: ast.FunctionDef) -> bool:
    return any(ast.unparse(d) == "property" for d in node.decorator_list)


def stub_parameters(node: ast.FunctionDef) -> list[tuple[str, bool]]:
    """Return the parameters' names and whether each has a default, `self` or `cls` left out."""
    arguments = node.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    with_default = len(names) - len(arguments.defaults)
    positional = [(name, index >= with_default) for index, name in enumerate(names)]
    keyword = [
        (a.arg, d is not None)
        for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    return [p for p in (*positional, *keyword) if p[0] not in {"self", "cls"}]


def real_parameters(function: Any) -> Iterator[tuple[str, bool]]:
    for p in inspect.signature(function).parameters.values():
        if p.name not in {"self", "cls"} and p.kind is not p.VAR_KEYWORD:
            yield p.name, p.default is not p.empty


def test_pure_core_exports_exactly_the_stubs_names() -> None:
    assert set(_pure.__all__) == CLASSES.keys() | FUNCTIONS.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_has_the_stubs_parameters(name: str) -> None:
    assert list(real_parameters(getattr(_pure, name))) == stub_parameters(FUNCTIONS[name])


@pytest.mark.parametrize(("owner", "node"), METHODS, ids=[f"{o}.{n.name}" for o, n in METHODS])
def test_member_is_what_the_stub_says(owner: str, node: ast.FunctionDef) -> None:
    found = inspect.getattr_static(getattr(_pure, owner), node.name)
    if is_property(node):
        assert not callable(found)
    elif node.name == "__new__":
        assert list(real_parameters(getattr(_pure, owner))) == stub_parameters(node)
    else:
        assert list(real_parameters(getattr(getattr(_pure, owner), node.name)))[
            : len(stub_parameters(node))
        ] == stub_parameters(node)


@pytest.mark.parametrize("name", CLASSES)
def test_class_has_no_public_member_that_the_stub_lacks(name: str) -> None:
    promised = {n.name for n in members(name)}
    real = getattr(_pure, name)
    inherited = dir(Mapping) if issubclass(real, Mapping) else ()
    assert {n for n in dir(real) if not n.startswith("_")} <= promised.union(inherited)
