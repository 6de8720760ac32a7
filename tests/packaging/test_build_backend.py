"""Which core gets built, and that a native build never turns into a pure one by itself."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    path = ROOT / "packaging" / "build_backend.py"
    spec = importlib.util.spec_from_file_location("build_backend", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("KRAKEN_CONNECTOR_BUILD", raising=False)
    return module


def put_cargo(monkeypatch: pytest.MonkeyPatch, directory: Path, script: str | None) -> None:
    """Make `directory` all that is on PATH, with a stand-in for cargo in it if `script`."""
    if script is not None:
        cargo = directory / "cargo"
        cargo.write_text(f"#!/bin/sh\n{script}\n")
        cargo.chmod(0o755)
    monkeypatch.setenv("PATH", str(directory))


NEW = "echo 'cargo 9.99.0 (0000000 2099-01-01)'"
OLD = "echo 'cargo 1.63.0 (0000000 2022-01-01)'"


def test_auto_means_pure_without_cargo(
    backend: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put_cargo(monkeypatch, tmp_path, None)
    assert backend.get_requires_for_build_wheel() == [backend.HATCHLING]
    assert "pure-Python core" in backend.announcement()


@posix_only
def test_auto_means_native_with_cargo(
    backend: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put_cargo(monkeypatch, tmp_path, NEW)
    assert backend.get_requires_for_build_wheel() == [backend.MATURIN]
    assert backend.announcement() == "kraken-connector: native core, built with cargo 9.99.0"


@posix_only
def test_pure_is_built_in_spite_of_cargo_when_selected(
    backend: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put_cargo(monkeypatch, tmp_path, NEW)
    monkeypatch.setenv("KRAKEN_CONNECTOR_BUILD", "pure")
    assert backend.get_requires_for_build_editable() == [backend.HATCHLING]
    assert "KRAKEN_CONNECTOR_BUILD" in backend.announcement()


@posix_only
@pytest.mark.parametrize("script", [OLD, "exit 1", "echo nonsense"])
def test_unusable_cargo_is_an_error_that_names_the_way_out(
    backend: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str
) -> None:
    put_cargo(monkeypatch, tmp_path, script)
    with pytest.raises(SystemExit, match="KRAKEN_CONNECTOR_BUILD=pure"):
        backend.build_wheel(str(tmp_path))


def test_native_without_cargo_is_an_error_that_names_the_way_out(
    backend: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put_cargo(monkeypatch, tmp_path, None)
    monkeypatch.setenv("KRAKEN_CONNECTOR_BUILD", "native")
    with pytest.raises(SystemExit, match="KRAKEN_CONNECTOR_BUILD=pure"):
        backend.build_wheel(str(tmp_path))


@posix_only
@pytest.mark.parametrize("hook", ["build_wheel", "build_editable"])
def test_failed_native_build_does_not_fall_back(
    backend: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hook: str
) -> None:
    def fail(directory: str, settings: object) -> str:
        raise SystemExit(1)

    maturin = ModuleType("maturin")
    setattr(maturin, hook, fail)
    monkeypatch.setitem(sys.modules, "maturin", maturin)
    put_cargo(monkeypatch, tmp_path, NEW)
    with pytest.raises(SystemExit, match="KRAKEN_CONNECTOR_BUILD=pure"):
        getattr(backend, hook)(str(tmp_path))


@pytest.mark.parametrize("wanted", ["rust", "", "PURE"])
def test_unknown_choice_is_refused(
    backend: ModuleType, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    monkeypatch.setenv("KRAKEN_CONNECTOR_BUILD", wanted)
    with pytest.raises(SystemExit, match="'auto', 'native' or 'pure'"):
        backend.get_requires_for_build_wheel()


@posix_only
def test_a_build_with_profile_names_its_missing_tool(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "packaging"))
    profile_guided = importlib.import_module("profile_guided")
    put_cargo(monkeypatch, tmp_path, None)
    rustc = tmp_path / "rustc"
    rustc.write_text(f"#!/bin/sh\necho {tmp_path}/lib\n")
    rustc.chmod(0o755)
    with pytest.raises(SystemExit, match="rustup component add llvm-tools"):
        profile_guided.build(lambda directory: directory, str(tmp_path))
