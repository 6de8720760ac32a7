"""NOTICES has the licences of all crates in a built extension."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
#: Licences that ask for their source, or that of the whole, to be given away.
COPYLEFT = re.compile(r"GPL|AGPL|SSPL|MPL|EUPL")


@pytest.fixture
def notices() -> ModuleType:
    if shutil.which("cargo") is None:
        pytest.skip("cargo is needed")
    spec = importlib.util.spec_from_file_location("notices", ROOT / "packaging" / "notices.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_notices_are_about_the_crates_of_the_lock_file(notices: ModuleType) -> None:
    crates = notices.crates()
    text = (ROOT / "NOTICES").read_text()
    assert len(crates) > 5
    assert re.findall(r"^(\S+ v[\d.]+)\n=+\n(.*)$", text, re.MULTILINE) == list(crates.items())
    assert [crate for crate, licence in crates.items() if COPYLEFT.search(licence)] == []
