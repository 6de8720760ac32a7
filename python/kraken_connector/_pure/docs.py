"""The docstrings of the classes, which are written in the stub of both cores."""

# ruff: noqa: PTH118, PTH120, PTH123 (pathlib is slow to import)

from __future__ import annotations

import os
import re
from inspect import getattr_static
from typing import TypeVar

T = TypeVar("T", bound=type)


def documented(cls: T) -> T:
    """Give a class and its members their docstrings."""
    for name, text in DOCS.get(cls.__name__, {}).items():
        member = getattr_static(cls, name) if name else cls
        if isinstance(member, classmethod):
            member = member.__func__
        member.__doc__ = text
    return cls


def read_docs() -> dict[str, dict[str, str]]:
    """Return the docstrings by class and member; that of the class itself has an empty name."""
    try:
        path = os.path.join(os.path.dirname(__file__), os.pardir, "_native.pyi")
        with open(path, encoding="utf-8") as file:
            stub = file.read()
    except (NameError, OSError):  # in a bundle of modules there are no docstrings
        return {}
    docs: dict[str, dict[str, str]] = {}
    owner = member = ""
    parts = stub.split('"""')[2:]  # the first docstring is that of the stub itself
    for code, text in zip(parts[::2], parts[1::2], strict=False):
        for indent, kind, name in re.findall(r"^( *)(class|def) (\w+)", code, re.MULTILINE):
            owner = name if kind == "class" else owner if indent else ""
            member = "" if kind == "class" else name
        if not member.startswith("__"):
            docs.setdefault(owner, {})[member] = text
    return docs


DOCS = read_docs()
