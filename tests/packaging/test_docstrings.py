"""`help()` shows the contract on both cores, and it is that of the stub."""

from __future__ import annotations

import ast
import inspect
import pydoc
from pathlib import Path
from typing import Any

import pytest

from kraken_connector._pure import docs

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


def test_without_the_stub_there_are_no_docstrings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(docs, "STUB", tmp_path / "_native.pyi")
    assert docs.read_docs() == {}
