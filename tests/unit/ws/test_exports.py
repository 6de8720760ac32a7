"""All public classes can be imported from `kraken_connector.ws`."""

from __future__ import annotations

import builtins
import functools
import inspect
import re
import typing

import pytest

from kraken_connector import exceptions, ws
from kraken_connector.ws import KrakenWSClient

PUBLIC = [name for name in dir(KrakenWSClient) if not name.startswith("_")]


def classes_in(hint: object) -> set[type]:
    """Return the classes of this package that an annotation names."""
    found = set().union(*map(classes_in, typing.get_args(hint)), set())
    is_ours = isinstance(hint, type) and hint.__module__.startswith("kraken_connector.")
    return found | ({hint} if is_ours and isinstance(hint, type) else set())


def returned_by(name: str) -> object:
    member = inspect.getattr_static(KrakenWSClient, name)
    if isinstance(member, functools.cached_property):
        function: typing.Any = member.func
    else:
        function = member.fget if isinstance(member, property) else inspect.unwrap(member)
    return typing.get_type_hints(function).get("return")


@pytest.mark.parametrize("name", PUBLIC)
def test_classes_that_a_method_returns_are_exported(name: str) -> None:
    for found in classes_in(returned_by(name)):
        assert getattr(ws, found.__name__, None) is found, f"{name} returns {found.__name__}"


def documented_errors(name: str) -> list[str]:
    text = inspect.getdoc(inspect.getattr_static(KrakenWSClient, name)) or ""
    section = text.partition("Raises:\n")[2]
    lines = re.findall(r"^    ([A-Z][A-Za-z, ]*):", section, re.MULTILINE)
    return [error for line in lines for error in line.split(", ")]


@pytest.mark.parametrize("name", PUBLIC)
def test_exceptions_that_a_method_documents_can_be_imported(name: str) -> None:
    for error in documented_errors(name):
        modules = (ws, exceptions, builtins)
        assert any(hasattr(module, error) for module in modules), f"{name} raises {error}"


def test_documented_exceptions_are_found() -> None:
    assert {"SubscriptionError", "RequestTimeout"} <= set(documented_errors("subscribe"))
    assert classes_in(returned_by("subscribe"))


@pytest.mark.parametrize("name", ["Exposure", "Fill", "Order", "Placement", "Protection", "Tier"])
def test_what_is_met_on_the_way_is_exported(name: str) -> None:
    assert name in ws.__all__
