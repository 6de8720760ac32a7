"""The documents point at files and headings that exist, and name the commands that do."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from kraken_connector import exceptions, models

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
TARGET = re.compile(r"^([a-z-]+):.*## ", re.MULTILINE)


FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def without_code(text: str) -> str:
    return FENCED.sub("", text)


def code(text: str) -> str:
    return "\n".join([*FENCED.findall(text), *re.findall(r"`([^`\n]+)`", without_code(text))])


def anchors(document: Path) -> set[str]:
    """Return the names under which a renderer makes the headings of `document` reachable."""
    headings = re.findall(r"^#+ (.+)$", without_code(document.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_relative_links_lead_somewhere(document: Path) -> None:
    for found in LINK.finditer(without_code(document.read_text("utf-8"))):
        link = found[1] or found[2]
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        file = (document.parent / path) if path else document
        assert file.exists(), link
        assert not anchor or anchor in anchors(file), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_make_targets_that_are_named_exist(document: Path) -> None:
    named = set(re.findall(r"^make ([a-z-]+)", code(document.read_text("utf-8")), re.MULTILINE))
    assert named <= set(TARGET.findall((ROOT / "Makefile").read_text("utf-8")))


def test_readme_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert "make demo" in text
    assert "make test" in text


BASES = {"KrakenConnectorError", "FeedError", "ProtocolError", "RequestError", "TransportError"}
EVENTS = {name for name in models.__all__ if name.endswith("Event")}


@pytest.mark.parametrize("name", sorted({*exceptions.__all__, *EVENTS} - BASES))
def test_tables_of_errors_have_each_exception_and_event(name: str) -> None:
    text = (ROOT / "docs" / "errors.md").read_text("utf-8")
    assert f"\n| `{name}` |" in text


def test_migrating_says_first_what_to_uninstall() -> None:
    text = (ROOT / "docs" / "migrating.md").read_text("utf-8")
    first = text.partition("## ")[0]
    assert "pip uninstall --yes kraken-connector\npip install kraken-connector-rs" in first
    for module in ("api.earn", "schemas.asset_info", "utils.errors"):
        with pytest.raises(ImportError, match=r"docs/migrating\.md"):
            importlib.import_module(f"kraken_connector.{module}")
