"""A release is complete, has nothing else in it, and is what its tag says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

VERSION = "1.2.3"
PLATFORM_TAGS = {
    "macosx_arm64": "macosx_11_0_arm64",
    "macosx_x86_64": "macosx_10_12_x86_64",
    "manylinux_aarch64": "manylinux_2_17_aarch64.manylinux2014_aarch64",
    "manylinux_x86_64": "manylinux2014_x86_64.manylinux_2_17_x86_64",
    "musllinux_aarch64": "musllinux_1_2_aarch64",
    "musllinux_x86_64": "musllinux_1_2_x86_64",
    "win_amd64": "win_amd64",
}


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    path = Path(__file__).parents[2] / "packaging" / "check_release.py"
    spec = importlib.util.spec_from_file_location("check_release", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def names() -> list[str]:
    pythons = ["cp311-cp311", "cp312-cp312", "cp313-cp313", "cp314-cp314", "cp314-cp314t"]
    stem = f"kraken_connector_rs-{VERSION}"
    native = [f"{stem}-{p}-{on}.whl" for p in pythons for on in PLATFORM_TAGS.values()]
    return [*native, f"{stem}-py3-none-any.whl", f"{stem}.tar.gz"]


def test_complete_release_is_accepted(checker: ModuleType, names: list[str]) -> None:
    assert checker.complaints(names, VERSION, f"v{VERSION}") == []


def test_missing_file_is_named(checker: ModuleType, names: list[str]) -> None:
    for name in names:
        rest = [other for other in names if other != name]
        assert checker.complaints(rest, VERSION, None) == [
            f"missing: {checker.kind(name, VERSION)}"
        ]


@pytest.mark.parametrize(
    "name",
    [
        "kraken_connector_rs-1.2.2.tar.gz",
        "kraken_connector_rs-1.2.3-cp310-cp310-win_amd64.whl",
        "kraken_connector_rs-1.2.3-cp311-cp311-win_arm64.whl",
        "kraken_connector_rs-1.2.3-cp311-abi3-win_amd64.whl",
        "kraken_connector_rs-1.2.3-cp311-cp311-linux_x86_64.whl",
        "notes.txt",
    ],
)
def test_unexpected_file_is_named(checker: ModuleType, names: list[str], name: str) -> None:
    assert [line.split(":")[0] for line in checker.complaints([*names, name], VERSION, None)] == [
        "unexpected"
    ]


def test_second_wheel_of_a_kind_is_named(checker: ModuleType, names: list[str]) -> None:
    second = f"kraken_connector_rs-{VERSION}-cp311-cp311-macosx_10_15_x86_64.whl"
    assert checker.complaints([*names, second], VERSION, None) == ["twice: cp311-macosx_x86_64"]


def test_tag_of_another_version_is_refused(checker: ModuleType, names: list[str]) -> None:
    (line,) = checker.complaints(names, VERSION, "v1.2.4")
    assert "v1.2.4" in line
    assert VERSION in line
