"""How many ladders fit, and how the screen around them looks."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tests.cli.books import book, levels, plain

from kraken_connector.cli.ladder import ASCII, UNICODE, height
from kraken_connector.cli.picture import BookPicture, Moment
from kraken_connector.cli.screen import Ladders, grid
from kraken_connector.cli.status import LatencyView, Status
from kraken_connector.cli.views import BookView

STATUS = Status(
    "kraken-ws demo",
    "simulated exchange",
    "native",
    elapsed=12,
    seconds=30,
    messages=12_345,
    per_second=400,
    verified=12_345,
    latency=LatencyView(95_000, 1_200_000, 3_000_000, {16: 900, 17: 90, 20: 1}),
)
PAIRS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD", "DOGE/USD", "VET/USD", "PEPE/USD")
BOOKS = [book(symbol) for symbol in PAIRS]


class Still:
    """A source that never changes."""

    def __init__(self, books: list[BookView], status: Status = STATUS) -> None:
        self._books, self._status = books, status

    def books(self) -> list[BookView]:
        return self._books

    def status(self) -> Status:
        return self._status


def screen(books: list[BookView], width: int, lines: int, status: Status = STATUS) -> list[str]:
    picture = BookPicture(Still(books, status), UNICODE)
    return plain(picture.screen(picture.capture(), width, lines))


@given(st.integers(1, 12), st.integers(1, 25), st.integers(10, 240), st.integers(4, 80))
def test_a_grid_fits(books: int, depth: int, width: int, lines: int) -> None:
    fit = grid(books, depth, least=16, width=width, lines=lines)
    assert 1 <= fit.levels <= depth
    assert fit.rows * height(fit.levels) <= lines or fit.rows == fit.levels == 1
    assert fit.columns * fit.width + (fit.columns - 1) * 2 <= width or fit.columns == 1


def test_three_books_of_ten_levels_fit_into_80_by_24() -> None:
    lines = screen(BOOKS[:3], 80, 24)
    assert len(lines) == 24
    assert max(map(len, lines)) == 80
    assert [lines[1].count(view.symbol) for view in BOOKS[:3]] == [1, 1, 1]
    assert lines[11].count("100.1 0.50000000") == 3
    assert lines[22].count("99.1 0.50000000") == 3


def test_the_line_above_and_the_line_below_show_everything_at_80_columns() -> None:
    lines = screen(BOOKS[:3], 80, 24)
    assert lines[0].startswith("kraken-ws demo  simulated exchange")
    assert lines[0].endswith("native core  ● connected  00:12 / 00:30")
    assert lines[-1] == "12,345 messages 400/s  ✓ 12,345 verified  ✗ 0  p50 95 us p99 1.2 ms"


@pytest.mark.parametrize("width", [28, 45, 50, 60, 70])
def test_narrow_lines_keep_the_command_the_state_and_failed_checksums(width: int) -> None:
    lines = screen(BOOKS[:1], width, 10, replace(STATUS, mismatches=17))
    if width >= 45:
        assert lines[0].startswith("kraken-ws demo ")
    assert lines[0].endswith("● connected  00:12 / 00:30")
    assert "✗ 17" in lines[-1]
    assert "✓ 12,345" in lines[-1]


def test_the_line_above_shows_the_keys_rather_than_the_core(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kraken_connector.cli.status.can_read", lambda: True)
    assert "  ? help  " in screen(BOOKS[:1], 80, 24)[0]
    assert "native core" not in screen(BOOKS[:1], 80, 24)[0]
    assert re.search(r"\? help .* native core", screen(BOOKS[:1], 120, 24)[0])


def test_a_tall_wide_screen_holds_two_rows_of_books() -> None:
    lines = screen(BOOKS, 160, 50)
    assert sum(line.startswith("100.1 ") for line in lines) == 2
    assert all(any(symbol in line for line in lines) for symbol in PAIRS)


def test_spare_lines_show_more_about_each_book_and_the_latency() -> None:
    lines = screen(BOOKS[:3], 160, 50)
    rows = [line for line in lines if " valid " in line]
    assert [row.split()[0] for row in rows] == list(PAIRS[:3])
    assert any("latency" in line and "mismatches" in line for line in lines[1:-1])
    assert any(line.endswith(" 900") for line in lines)


@pytest.mark.parametrize(("width", "lines"), [(20, 8), (40, 12), (16, 5), (200, 60), (80, 24)])
@pytest.mark.parametrize("number", [0, 1, 3, 8])
def test_no_screen_overflows(width: int, lines: int, number: int) -> None:
    drawn = screen(BOOKS[:number], width, lines)
    assert len(drawn) == lines
    assert max(map(len, drawn)) <= width


def test_columns_do_not_jump_when_numbers_become_shorter() -> None:
    ladders = Ladders(ASCII)
    long = book(bids=levels("100.0", "-0.1", "5000.00000000"))
    before = plain(ladders.lines([long], width=30, lines=22))
    after = plain(ladders.lines([book()], width=30, lines=22))
    assert before[12].rindex(".") == after[12].rindex(".")


def test_books_without_room_are_counted() -> None:
    lines = screen(BOOKS, 80, 12)
    shown = int(re.search(r"  (\d) of 8 books, ", lines[0])[1])  # type: ignore[index]
    assert shown == sum("".join(lines[1:]).count(symbol) for symbol in PAIRS)


def test_books_without_room_are_a_shift_away() -> None:
    picture = BookPicture(Still(BOOKS), UNICODE)
    drawn = [
        plain(picture.screen(picture.capture(), 80, 12, shift))[1].split()[0]
        for shift in (0, 1, 7, 8)
    ]
    assert drawn == [PAIRS[0], PAIRS[1], PAIRS[7], PAIRS[0]]
    assert drawn[-1] == plain(picture.screen(picture.capture(), 80, 12, -8))[1].split()[0]


def test_books_that_all_fit_stand_still() -> None:
    picture = BookPicture(Still(BOOKS[:2]), UNICODE)
    assert plain(picture.screen(picture.capture(), 80, 24, 1))[1].startswith(PAIRS[0])


def test_the_table_of_a_screen_shows_the_last_trade_and_the_age() -> None:
    books = [book(last=Decimal("100.1"), last_side="buy", age=75.2), book("ETH/USD")]
    lines = screen(books, 160, 50)
    (heading,) = [line for line in lines if "last trade" in line]
    assert "updated" in heading
    (row,) = [line for line in lines if line.startswith("BTC/USD  valid")]
    assert re.search(r" 100\.1 +75 s", row)


def test_letters_of_two_columns_move_nothing() -> None:
    picture = BookPicture(Still([book("币安人生/USD", subscribed=25), *BOOKS[:2]]), UNICODE)
    drawn = picture.screen(picture.capture(), 160, 50)
    assert {line.cell_len for line in drawn[1:23] if line.plain} == {160}
    rows = [line for line in drawn if " valid " in line.plain]
    assert {cell_len(row.plain.partition("valid")[0]) for row in rows} == {14}


def test_a_mismatch_a_lost_connection_and_a_notice_are_seen() -> None:
    status = replace(
        STATUS,
        state="reconnecting",
        system="maintenance",
        mismatches=1,
        reconnects=2,
        gaps=1,
        notice="gap of 1.5 s (disconnect)",
    )
    wide = screen(BOOKS[:3], 160, 24, status)
    assert "● reconnecting maintenance  2 reconnects, 1 gap" in wide[0]
    assert "✗ 1 mismatch" in wide[-1]
    assert wide[-1].endswith("gap of 1.5 s (disconnect)")
    assert screen(BOOKS[:3], 80, 24, status)[-1] == "gap of 1.5 s (disconnect)"


def test_the_plain_line_is_ascii_and_complete() -> None:
    books = [book(), BookView("ETH/USD", "stale")]
    line = BookPicture(Still(books), UNICODE).line(Moment(STATUS, books))
    assert line.isascii()
    assert line == (
        "00:12  12345 messages  400/s  verified 12345  mismatches 0  "
        "latency p50 95 us p99 1.2 ms  BTC/USD 100.0/100.1  ETH/USD stale"
    )
