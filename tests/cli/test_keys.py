"""Keys and the page that explains them."""

from __future__ import annotations

import pytest
from tests.cli.books import plain

from kraken_connector.cli.help import help_lines
from kraken_connector.cli.keys import keys_of
from kraken_connector.cli.ladder import ASCII, UNICODE


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
    drawn = plain(help_lines(width, lines, 0, UNICODE)[0])
    assert len(drawn) <= lines
    assert max(map(len, drawn)) <= width


def test_the_page_fits_80_by_24_as_a_whole() -> None:
    assert len(help_lines(80, 100, 0, UNICODE)[0]) <= 24
    text = " ".join(plain(help_lines(80, 24, 0, UNICODE)[0]))
    for word in ("q ", "arrows", "✓ verified", "✗ mismatches", "p99", "10/25", "gaps", "ticker"):
        assert word in text


def test_arrows_lead_to_the_rest_of_a_page_that_does_not_fit() -> None:
    top, above = help_lines(40, 10, 0, ASCII)
    assert above == 0
    down, above = help_lines(40, 10, 3, ASCII)
    assert (above, plain(down)[:2]) == (3, plain(top)[:2])
    assert plain(down)[2:] == plain(help_lines(40, 100, 0, ASCII)[0])[5:13]
    end, above = help_lines(40, 10, 1000, ASCII)
    assert plain(end)[-1] == plain(help_lines(40, 100, 0, ASCII)[0])[-1]
    assert help_lines(40, 10, above, ASCII) == (end, above)
