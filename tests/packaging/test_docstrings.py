"""`help()` shows the contract of every public name, on both cores that of the stub."""

from __future__ import annotations

import ast
import inspect
import pydoc
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import kraken_connector
from kraken_connector import models, sim, unified
from kraken_connector._pure import docs
from kraken_connector.sim import unified as simulated_unified

from .test_stub import CLASSES, FUNCTIONS, METHODS

MEMBERS = [(owner, node) for owner, node in METHODS if not node.name.startswith("__")]


def text_of(node: Any) -> str:
    text = ast.get_docstring(node)
    assert text, f"{node.name} has no docstring"
    return text


@pytest.mark.parametrize(
    ("owner", "node"), MEMBERS, ids=lambda value: getattr(value, "name", value)
)
def test_members_have_the_stubs_docstring(core: Any, owner: str, node: Any) -> None:
    member = inspect.getattr_static(getattr(core, owner), node.name)
    assert inspect.getdoc(getattr(member, "__func__", member)) == text_of(node)


@pytest.mark.parametrize("name", CLASSES)
def test_classes_have_the_stubs_docstring(core: Any, name: str) -> None:
    assert inspect.getdoc(getattr(core, name)) == text_of(CLASSES[name])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_have_the_stubs_docstring(core: Any, name: str) -> None:
    assert inspect.getdoc(getattr(core, name)) == text_of(FUNCTIONS[name])


def test_help_shows_a_method(core: Any) -> None:
    shown = pydoc.render_doc(core.Engine.feed, renderer=pydoc.plaintext)
    assert "received_ns" in shown
    assert "Read one text frame" in shown


def public_objects(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield the classes and functions of a module, and what the classes have of this package."""
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value):
            yield name, value
            yield from members_of(value)
        elif inspect.isroutine(value):
            yield name, value


def members_of(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties of a class that this package defines."""
    owners = [base for base in cls.__mro__ if base.__module__.startswith("kraken_connector")]
    for name in {name for owner in owners for name in vars(owner) if not name.startswith("_")}:
        member = inspect.getattr_static(cls, name)
        member = getattr(member, "__func__", member)
        if isinstance(member, property) or inspect.isroutine(member):
            # `getdoc` of the class's attribute finds the text of a base class.
            shown = member if isinstance(member, property) else getattr(cls, name)
            yield f"{cls.__name__}.{name}", shown


MODULES = [kraken_connector, models, sim, unified, simulated_unified]


@pytest.mark.parametrize("module", MODULES, ids=lambda it: it.__name__)
def test_every_public_name_has_a_docstring(module: ModuleType) -> None:
    objects = list(public_objects(module))
    assert len(objects) > 20
    assert [name for name, value in objects if not inspect.getdoc(value)] == []


def test_without_the_stub_there_are_no_docstrings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(docs, "__file__", str(tmp_path / "docs.py"))
    assert docs.read_docs() == {}
    monkeypatch.delattr(docs, "__file__")
    assert docs.read_docs() == {}
