"""Code written for kraken-connector 0.2.0 finds every public name where it was.

`surface_0_2_0.json` lists, for each name of that version's `kraken_connector.ws.__all__`, its
module, its constructor's parameters in order, its other public attributes, and enum members.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

import kraken_connector
from kraken_connector import exceptions, ws

SURFACE: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("surface_0_2_0.json").read_text(encoding="utf-8")
)

EXPECTED = sorted(SURFACE)


def of_kind(key: str) -> list[str]:
    return [name for name in EXPECTED if key in SURFACE[name]]


@pytest.mark.parametrize("name", EXPECTED)
def test_name_is_exported_from_ws_and_from_its_module(name: str) -> None:
    module = importlib.import_module(SURFACE[name]["module"])
    assert name in ws.__all__
    assert getattr(module, name) is getattr(ws, name)


@pytest.mark.parametrize("name", of_kind("parameters"))
def test_positional_parameters_keep_their_names_and_order(name: str) -> None:
    parameters = inspect.signature(getattr(ws, name)).parameters.values()
    positional = [p.name for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    old = SURFACE[name]["parameters"]
    assert positional[: len(old)] == old


@pytest.mark.parametrize("name", of_kind("attributes"))
def test_public_attributes_are_there(name: str) -> None:
    found = set(dir(getattr(ws, name)))
    assert set(SURFACE[name]["attributes"]) <= found


@pytest.mark.parametrize("name", of_kind("members"))
def test_enum_members_keep_their_values(name: str) -> None:
    found = getattr(ws, name)
    assert issubclass(found, enum.StrEnum)
    assert SURFACE[name]["members"].items() <= {m.name: m.value for m in found}.items()


@pytest.mark.parametrize("package", [kraken_connector, ws])
def test_all_is_sorted_complete_and_true(package: Any) -> None:
    exported = package.__all__
    assert list(exported) == sorted(set(exported))
    for name in exported:
        assert getattr(package, name) is not None


def test_the_package_has_all_names_of_its_modules() -> None:
    """A type checker takes them from `import *`."""
    assert {*ws.__all__, *exceptions.__all__} <= {*kraken_connector.__all__}
