"""`KRAKEN_CONNECTOR_BACKEND` chooses the core; a broken extension never falls back in silence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import pytest

import kraken_connector

PACKAGE = Path(kraken_connector.__file__).parent
BUILT_IN_RUST = find_spec("kraken_connector._native") is not None
needs_extension = pytest.mark.skipif(not BUILT_IN_RUST, reason="installed without the Rust core")

PRINT_BACKEND = "import kraken_connector; print(kraken_connector.backend())"


def run(
    code: str, backend: str | None, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `code` in a new interpreter that imports the package from `path`, if given."""
    environment = {k: v for k, v in os.environ.items() if k != "KRAKEN_CONNECTOR_BACKEND"}
    if backend is not None:
        environment["KRAKEN_CONNECTOR_BACKEND"] = backend
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def without_extension(tmp_path: Path) -> Path:
    """A copy of the package that has no extension module."""
    leave_out = shutil.ignore_patterns("_native.*so", "_native.*pyd", "__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "kraken_connector", ignore=leave_out)
    return tmp_path


@pytest.fixture
def with_broken_extension(without_extension: Path) -> Path:
    """A copy of the package whose extension module cannot be loaded."""
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    (without_extension / f"kraken_connector/_native{suffix}").write_bytes(b"no extension module")
    return without_extension


def test_pure_is_imported_when_selected() -> None:
    assert run(PRINT_BACKEND, "pure").stdout.strip() == "pure"


@needs_extension
@pytest.mark.parametrize("wanted", ["native", "auto", None])
def test_native_is_given_when_there(wanted: str | None) -> None:
    assert run(PRINT_BACKEND, wanted).stdout.strip() == "native"


@pytest.mark.parametrize("wanted", ["auto", None])
def test_auto_falls_back_when_the_extension_is_absent(
    wanted: str | None, without_extension: Path
) -> None:
    assert run(PRINT_BACKEND, wanted, without_extension).stdout.strip() == "pure"


def test_native_fails_when_the_extension_is_absent(without_extension: Path) -> None:
    answer = run(PRINT_BACKEND, "native", without_extension)
    assert answer.returncode != 0
    assert "_native" in answer.stderr


@pytest.mark.parametrize("wanted", ["auto", "native"])
def test_broken_extension_raises(wanted: str, with_broken_extension: Path) -> None:
    answer = run(PRINT_BACKEND, wanted, with_broken_extension)
    assert answer.returncode != 0
    assert "ImportError" in answer.stderr


def test_pure_does_not_touch_a_broken_extension(with_broken_extension: Path) -> None:
    assert run(PRINT_BACKEND, "pure", with_broken_extension).stdout.strip() == "pure"


@pytest.mark.parametrize("wanted", ["rust", "", "PURE"])
def test_unknown_name_is_refused_with_the_choices(wanted: str) -> None:
    answer = run(PRINT_BACKEND, wanted)
    assert answer.returncode != 0
    assert "KRAKEN_CONNECTOR_BACKEND" in answer.stderr
    assert "'auto', 'native' or 'pure'" in answer.stderr


@pytest.mark.parametrize("backend", ["pure", pytest.param("native", marks=needs_extension)])
def test_only_the_chosen_core_is_loaded(backend: str) -> None:
    other = {"pure": "_native", "native": "_pure"}[backend]
    code = f"import sys, kraken_connector.ws; print('kraken_connector.{other}' in sys.modules)"
    assert run(code, backend).stdout.strip() == "False"


def test_library_does_not_need_the_command_lines_packages() -> None:
    code = (
        "import sys; sys.modules['rich'] = sys.modules['typer'] = None\n"
        "import kraken_connector.ws, kraken_connector.sim"
    )
    assert run(code, "pure").stderr == ""
