"""What is in the pure wheel and in the sdist, and that all of it carries Cargo.toml's version."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from importlib.metadata import version
from pathlib import Path

import pytest

import kraken_connector

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "python"
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["package"]["version"]
INFO = f"kraken_connector_rs-{VERSION}.dist-info"


def build(hook: str, directory: Path) -> Path:
    """Let the build backend make a distribution, as pip and `build` do."""
    code = f"import build_backend as b; b.{hook}({str(directory)!r})"
    environment = {**os.environ, "KRAKEN_CONNECTOR_BUILD": "pure", "PYTHONPATH": "packaging"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
    (made,) = directory.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("build_wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def wheel_files(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def metadata(wheel_files: dict[str, bytes]) -> Message:
    return Parser().parsestr(wheel_files[f"{INFO}/METADATA"].decode())


@pytest.fixture(scope="module")
def sdist_files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    with tarfile.open(build("build_sdist", tmp_path_factory.mktemp("sdist"))) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def test_versions_are_cargos() -> None:
    assert kraken_connector.__version__ == VERSION
    assert version("kraken-connector-rs") == VERSION


def test_wheel_is_for_every_python_and_platform(wheel: Path) -> None:
    assert wheel.name == f"kraken_connector_rs-{VERSION}-py3-none-any.whl"


def test_wheel_holds_the_package_and_nothing_else(wheel_files: dict[str, bytes]) -> None:
    package = {
        path.relative_to(SOURCES).as_posix()
        for path in (SOURCES / "kraken_connector").rglob("*")
        if path.suffix in {".py", ".pyi", ".typed", ".h"}
    }
    package.add("kraken_connector/py.typed")
    info = {
        "METADATA",
        "RECORD",
        "WHEEL",
        "entry_points.txt",
        "licenses/LICENSE",
        "licenses/NOTICES",
    }
    assert set(wheel_files) == package | {f"{INFO}/{name}" for name in info}


def test_wheel_record_is_true(wheel_files: dict[str, bytes]) -> None:
    for line in wheel_files[f"{INFO}/RECORD"].decode().splitlines():
        name, digest, size = line.rsplit(",", 2)
        if name == f"{INFO}/RECORD":
            continue
        found = base64.urlsafe_b64encode(hashlib.sha256(wheel_files[name]).digest())
        assert digest == "sha256=" + found.rstrip(b"=").decode()
        assert int(size) == len(wheel_files[name])


def test_wheel_metadata_is_complete(metadata: Message) -> None:
    assert metadata["Name"] == "kraken-connector-rs"
    assert metadata["Version"] == VERSION
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert set(metadata.get_all("Provides-Extra") or []) == {"cli", "dev", "test"}
    assert "kraken-connector" in str(metadata.get_payload())


def test_wheel_installs_the_command(wheel_files: dict[str, bytes]) -> None:
    text = wheel_files[f"{INFO}/entry_points.txt"].decode()
    assert "kraken-ws = kraken_connector.cli:main" in text


@pytest.mark.parametrize(
    "name",
    [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "NOTICES",
        "Makefile",
        "README.md",
        "packaging/build_backend.py",
        "pyproject.toml",
        "python/kraken_connector/_native.pyi",
        "python/kraken_connector/_pure/__init__.py",
        "rust/build.rs",
        "rust/src/lib.rs",
        "tests/packaging/test_distributions.py",
    ],
)
def test_sdist_holds_what_both_builds_and_the_tests_need(name: str, sdist_files: set[str]) -> None:
    assert name in sdist_files


def test_sdist_holds_no_build_product(sdist_files: set[str]) -> None:
    products = (".so", ".pyd", ".pyc", ".whl", ".rlib")
    assert not {name for name in sdist_files if name.endswith(products)}
