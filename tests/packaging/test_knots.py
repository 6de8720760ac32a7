"""No objects are tied together behind the back of the imports.

A cycle of modules can hide: an object is given what uses it after it was made, or a module names a
class above it by a protocol that nothing else fulfils. Imports alone, those for type checkers
included, are held by `test_layers.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from tests.packaging.test_layers import ROOT, SOURCES, parse

TREES = {module: parse(module) for module in SOURCES} | {
    "_native": ast.parse((ROOT / "_native.pyi").read_text("utf-8"))
}
CLASSES = [
    node for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
]
#: What may be given to an object that exists: who waits for one answer, and a hook of `ssl`.
GIVEN_LATER = {"on_done", "sni_callback"}
#: Protocols with one implementation here: a session knows no queues, which are a layer above it.
ONCE = {"Outlet"}


def test_no_object_is_given_later_what_uses_it() -> None:
    late = {
        f"{module}: {ast.unparse(target)} = {ast.unparse(value)}"
        for module, tree in TREES.items()
        for class_ in ast.walk(tree)
        if isinstance(class_, ast.ClassDef)
        for target, value in assignments(class_)
        if target.attr not in GIVEN_LATER and gives_away(value, target, functions(class_))
    }
    assert not late


def test_every_protocol_has_several_implementations() -> None:
    """One that has a single implementation only hides its name."""
    found = {node.name: implementations(node) for node in CLASSES if is_protocol(node)}
    assert {name for name, classes in found.items() if len(classes) < 2} == ONCE


def assignments(class_: ast.ClassDef) -> Iterator[tuple[ast.Attribute, ast.expr]]:
    """Yield the assignments to attributes of other objects, and what is assigned."""
    for node in ast.walk(class_):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and ast.unparse(target.value) != "self":
                    yield target, node.value


def functions(node: ast.AST) -> set[str]:
    """Return the names of the functions in a node that can be called, no properties."""
    return {
        n.name
        for n in ast.walk(node)
        if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
        and "property" not in map(ast.unparse, n.decorator_list)
    }


def gives_away(value: ast.expr, target: ast.Attribute, methods: set[str]) -> bool:
    """Return whether a value leads back to `self`, to a function of it, or to the target."""
    if isinstance(value, ast.Call):
        makes_object = ast.unparse(value.func).rpartition(".")[2][:1].isupper()
        arguments = [*value.args, *(keyword.value for keyword in value.keywords)]
        return makes_object and any(gives_away(one, target, methods) for one in arguments)
    if isinstance(value, ast.Tuple | ast.List):
        return any(gives_away(one, target, methods) for one in value.elts)
    owners = {"self", ast.unparse(target.value)}
    if isinstance(value, ast.Attribute):
        return ast.unparse(value.value) in owners and value.attr in methods
    return isinstance(value, ast.Lambda) or ast.unparse(value) in owners


def is_protocol(class_: ast.ClassDef) -> bool:
    return "Protocol" in bases(class_)


def bases(class_: ast.ClassDef) -> set[str]:
    return {ast.unparse(base).partition("[")[0] for base in class_.bases}


@cache
def members(class_: ast.ClassDef) -> set[str]:
    """Return the names that a class and its bases of ours define, in their methods too."""
    names = {
        n.name for n in ast.walk(class_) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for node in ast.walk(class_):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.id if isinstance(node, ast.Name) else node.attr)
    inherited = [members(base) for base in CLASSES if base.name in bases(class_)]
    return names.union(*inherited)


def implementations(protocol: ast.ClassDef) -> list[str]:
    wanted = members(protocol)
    return [node.name for node in CLASSES if not is_protocol(node) and wanted <= members(node)]
