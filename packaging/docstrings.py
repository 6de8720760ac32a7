"""Give both cores the docstrings of the stub, which is where they are written.

`python packaging/docstrings.py` writes `rust/src/python/docs.rs` and
`python/kraken_connector/_pure/docs.py` from `python/kraken_connector/_native.pyi`. With `--check`
it writes nothing and fails where one of them is not up to date.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
STUB = ROOT / "python/kraken_connector/_native.pyi"
#: The owner of what is in no class.
MODULE = ""
#: What only the extension has.
NATIVE_ONLY = frozenset({"Receiver"})

Docs = dict[str, dict[str, str]]

RUST = """\
//! The docstrings of the classes; `packaging/docstrings.py` writes this file from the stub.

/// The docstring of a member; of the class itself with an empty name.
macro_rules! doc {{
{arms}}}
"""
PYTHON = '''\
"""The docstrings of the classes; `packaging/docstrings.py` writes this file from the stub."""

from __future__ import annotations

from inspect import getattr_static
from typing import TypeVar

T = TypeVar("T", bound=type)


def documented(cls: T) -> T:
    """Give a class and its members their docstrings."""
    for name, text in DOCS[cls.__name__].items():
        member = getattr_static(cls, name) if name else cls
        if isinstance(member, classmethod):
            member = member.__func__
        member.__doc__ = text
    return cls


#: Docstrings by class and member; that of the class itself has an empty name.
DOCS: dict[str, dict[str, str]] = {{
{classes}}}
'''


def docs_of(stub: str) -> Docs:
    """Return the docstrings of a stub by class and member."""
    docs: Docs = {MODULE: {}}
    for node in ast.parse(stub).body:
        if isinstance(node, ast.ClassDef):
            docs[node.name] = {"": ast.get_docstring(node) or ""}
            members = [member for member in node.body if isinstance(member, ast.FunctionDef)]
            docs[node.name] |= {
                member.name: ast.get_docstring(member) or ""
                for member in members
                if not member.name.startswith("__")
            }
        elif isinstance(node, ast.FunctionDef):
            docs[MODULE][node.name] = ast.get_docstring(node) or ""
    return docs


def rust(docs: Docs) -> str:
    """Return the source with the docstrings for the native core."""
    arms = [
        f'    ("{owner}" "{name}") => {{\n        {_raw(text)}\n    }};\n'
        for owner, members in docs.items()
        for name, text in members.items()
    ]
    return RUST.format(arms="".join(arms))


def _raw(text: str) -> str:
    """Return a raw string literal."""
    return f'r#"{text}"#' if '"' in text else f'r"{text}"'


def python(docs: Docs) -> str:
    """Return the source with the docstrings for the pure core."""
    classes = [
        f'    "{owner}": {{\n{_entries(members)}    }},\n'
        for owner, members in docs.items()
        if owner not in {MODULE, *NATIVE_ONLY}
    ]
    return PYTHON.format(classes="".join(classes))


def _entries(members: dict[str, str]) -> str:
    return "".join(f'        "{name}": """\\\n{text}""",\n' for name, text in members.items())


def main() -> int:
    docs = docs_of(STUB.read_text("utf-8"))
    stale = []
    for path, source in (
        (ROOT / "rust/src/python/docs.rs", rust(docs)),
        (ROOT / "python/kraken_connector/_pure/docs.py", python(docs)),
    ):
        if not path.exists() or path.read_text("utf-8") != source:
            stale.append(path)
            if "--check" not in sys.argv[1:]:
                path.write_text(source, "utf-8")
    for path in stale:
        print(f"docstrings: {path.relative_to(ROOT)} was not up to date")
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
