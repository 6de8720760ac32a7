"""What `import kraken_connector` loads, offers and refuses."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import kraken_connector

PACKAGE = Path(kraken_connector.__file__).parent
BACKENDS = ["pure", *(["native"] if find_spec("kraken_connector._native") else [])]


def run(code: str, path: Path = PACKAGE.parent, **environment: str) -> str:
    """Run `code` in a new interpreter that finds the package in `path`; return what it prints."""
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


# What is loaded, and when.

HEAVY = (
    "asyncio",
    "h11",
    "httpx",
    "importlib.metadata",
    "ssl",
    "websockets",
    "kraken_connector.ws",
)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "statement",
    [
        "import kraken_connector",
        "from kraken_connector import Engine, OrderBook, backend, parse_message",
        "from kraken_connector import BookLevel, ChecksumError, GapEvent",
        "from kraken_connector import models",
    ],
)
def test_core_and_models_load_no_client(statement: str, backend: str) -> None:
    code = f"{statement}; import sys; print([m for m in {HEAVY} if m in sys.modules])"
    assert run(code, KRAKEN_CONNECTOR_BACKEND=backend) == "[]"


def test_package_alone_loads_no_core() -> None:
    code = (
        "import kraken_connector, sys; kraken_connector.__all__; dir(kraken_connector)\n"
        "print([m for m in sys.modules if m.startswith('kraken_connector.')])"
    )
    assert run(code) == "['kraken_connector._installation']"


def test_http_client_is_loaded_without_the_websocket_client() -> None:
    code = (
        "from kraken_connector import HTTPAuthenticatedClient\n"
        "import sys; print('kraken_connector.ws' in sys.modules)"
    )
    assert run(code) == "False"


@pytest.mark.parametrize("module", ["exceptions", "http", "models", "security", "types", "ws"])
def test_module_is_an_attribute_of_the_package(module: str) -> None:
    code = f"import kraken_connector; print(kraken_connector.{module}.__name__)"
    assert run(code) == f"kraken_connector.{module}"


def test_star_import_brings_the_public_names() -> None:
    code = (
        "from kraken_connector import *\nimport kraken_connector\n"
        "print(set(kraken_connector.__all__) - set(globals()))"
    )
    assert run(code) == "set()"


@pytest.mark.parametrize("name", kraken_connector.__all__)
def test_public_name_is_that_of_its_module(name: str) -> None:
    value = getattr(kraken_connector, name)
    assert getattr(kraken_connector.ws, name, value) is value
    assert getattr(kraken_connector.exceptions, name, value) is value
    assert getattr(kraken_connector, name) is value


def test_dir_shows_the_public_names_only() -> None:
    kraken_connector.KrakenWSClient  # noqa: B018 (loads what dir must not show)
    assert dir(kraken_connector) == sorted(kraken_connector.__all__)


def test_class_of_the_package_can_be_pickled() -> None:
    for kind in (kraken_connector.BookLevel, kraken_connector.ChecksumError):
        assert pickle.loads(pickle.dumps(kind)) is kind


def test_unknown_name_is_an_ordinary_error() -> None:
    assert not hasattr(kraken_connector, "Enigne")
    with pytest.raises(ImportError, match="cannot import name 'Enigne'"):
        from kraken_connector import Enigne  # type: ignore[attr-defined]  # noqa: F401, PLC0415


# What only kraken-connector 0.2.0 has.


@pytest.mark.parametrize(
    "statement",
    [
        "import kraken_connector.api.earn",
        "import kraken_connector.api.funding.withdraw_funds",
        "import kraken_connector.schemas.asset_info",
        "import kraken_connector.schemas.websockets",
        "from kraken_connector.api import subaccounts",
        "from kraken_connector.api.account_data import get_ledgers",
        "from kraken_connector.api.earn.list_strategies import sync",
        "from kraken_connector.constants.earn import AutoCompoundType",
        "from kraken_connector.constants.account_data import ReportType",
        "from kraken_connector.schemas import AssetInfo",
        "from kraken_connector.schemas.asset_info import AssetInfo",
        "from kraken_connector.utils.errors import build_event_error_msg",
    ],
)
def test_what_only_the_other_package_has_says_what_to_use(statement: str) -> None:
    with pytest.raises(ImportError) as caught:
        exec(statement)
    text = str(caught.value)
    assert "kraken-connector-rs has no kraken_connector." in text
    assert "docs/migrating.md" in text
    assert "virtual environment of its own" in text
    assert "python-kraken-sdk" in text


def test_modules_of_others_are_found_and_missed_as_before() -> None:
    code = (
        "import kraken_connector.api, kraken_connector.schemas, importlib.util, colorsys\n"
        "print(importlib.util.find_spec('kraken_connector_of_mine'), colorsys.__name__)"
    )
    assert run(code) == "None colorsys"


@pytest.mark.parametrize(
    "name", ["api", "constants.account_data", "exceptions", "http", "schemas", "types"]
)
def test_other_names_of_these_modules_are_ordinary_errors(name: str) -> None:
    module = import_module(f"kraken_connector.{name}")
    assert not hasattr(module, "Nothing")


# Both distributions in one environment.


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder that has the package, without the extension, as a site-packages has it."""
    leave_out = shutil.ignore_patterns("_native.*so", "_native.*pyd", "__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "kraken_connector", ignore=leave_out)
    (tmp_path / "kraken_connector_rs-1.0.0.dist-info").mkdir()
    return tmp_path


IMPORT = """\
try:
    import kraken_connector
except ImportError as error:
    print(error)
else:
    print('ok')
"""


def test_package_alone_is_accepted(copied: Path) -> None:
    assert run(IMPORT, copied) == "ok"


@pytest.mark.parametrize(
    "metadata", ["kraken_connector-0.2.0.dist-info", "kraken_connector-9.egg-info"]
)
def test_mixed_installation_is_found_at_import(copied: Path, metadata: str) -> None:
    (copied / metadata).mkdir()
    said = run(IMPORT, copied)
    assert "pip uninstall --yes kraken-connector kraken-connector-rs" in said
    assert "pip install kraken-connector-rs" in said
    assert str(copied) in said


def test_command_line_finds_a_mixed_installation_when_the_other_came_last(copied: Path) -> None:
    (copied / "kraken_connector-0.2.0.dist-info").mkdir()
    (copied / "kraken_connector/__init__.py").write_text("")  # the other's
    code = (
        "from kraken_connector.cli import main\n"
        "try:\n    main()\nexcept SystemExit as e:\n    print(e)"
    )
    assert "pip uninstall --yes kraken-connector kraken-connector-rs" in run(code, copied)


def test_package_in_an_archive_is_accepted(copied: Path) -> None:
    archive = shutil.make_archive(str(copied / "zipped"), "zip", copied, "kraken_connector")
    assert run("import kraken_connector; print('ok')", Path(archive)) == "ok"
