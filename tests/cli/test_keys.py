"""Keys and the page that explains them."""

from __future__ import annotations

import pytest
from tests.cli.books import plain

from kraken_connector.cli.help import help_lines
from kraken_connector.cli.keys import keys_of


@pytest.mark.parametrize(
    ("typed", "keys"),
    [
        ("q?", ["q", "?"]),
        ("\x1b[A\x1b[B\x1b[C\x1b[D", ["up", "down", "right", "left"]),
        ("\x1bOA", ["up"]),
        ("\x1b[1;5Cq", ["q"]),
        ("\x1b[6~q", ["q"]),
        ("\x1b", ["\x1b"]),
        ("\x1b[", []),
        ("\n", ["\n"]),
        ("", []),
    ],
)
def test_control_sequences_are_arrows_or_nothing(typed: str, keys: list[str]) -> None:
    assert list(keys_of(typed)) == keys


@pytest.mark.parametrize("width", [12, 40, 80, 200])
@pytest.mark.parametrize("lines", [1, 10, 24, 60])
def test_the_page_fits(width: int, lines: int) -> None:
    drawn = plain(help_lines(width, lines))
    assert len(drawn) <= lines
    assert max(map(len, drawn)) <= width


def test_the_page_fits_80_by_24_as_a_whole() -> None:
    assert len(help_lines(80, 100)) <= 24
    text = " ".join(plain(help_lines(80, 24)))
    for word in ("q ", "arrows", "verified", "mismatches", "latency", "gaps", "levels", "last"):
        assert word in text
