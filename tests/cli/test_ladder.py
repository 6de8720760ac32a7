"""One book as a ladder."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cli.books import book, levels, orders, plain

from kraken_connector.cli.ladder import (
    ASCII,
    UNICODE,
    Glyphs,
    bar,
    height,
    ladder,
    least_width,
    queue_bar,
)
from kraken_connector.cli.views import BookView


def test_asks_stand_above_bids_with_the_best_of_both_beside_the_spread() -> None:
    lines = plain(ladder(book(), width=30, levels=10))
    assert len(lines) == height(10)
    assert lines[0].startswith("BTC/USD")
    assert lines[10].startswith("100.1 ")
    assert lines[11].startswith("─ spread 0.1 ─ 10.00 bp ─")
    assert lines[12].startswith("100.0 ")
    assert lines[1].startswith("101.0 ")
    assert lines[-1].startswith(" 99.1 ")


def test_every_digit_is_shown_and_points_line_up() -> None:
    bids = ((Decimal("9.9"), Decimal("0.10000000")), (Decimal("9.8"), Decimal("1234.00000000")))
    lines = plain(ladder(book(bids=bids), width=40, levels=2))
    assert lines[-2:] == [
        "  9.9    0.10000000 ".ljust(20) + lines[-2][20:],
        "  9.8 1234.00000000 ".ljust(20) + lines[-1][20:],
    ]


@pytest.mark.parametrize("width", [16, 17, 22, 30, 48, 80])
@pytest.mark.parametrize("levels_shown", [1, 3, 10, 25])
def test_every_line_has_exactly_the_given_width(width: int, levels_shown: int) -> None:
    lines = plain(ladder(book(), width=width, levels=levels_shown))
    assert {len(line) for line in lines} == {width}
    assert len(lines) == height(levels_shown)


def test_the_least_width_cuts_no_digit() -> None:
    view = book()
    lines = plain(ladder(view, width=least_width(view.widths), levels=10))
    assert lines[10] == "100.1 0.50000000"


def test_bars_grow_away_from_the_spread_and_the_larger_side_fills_them() -> None:
    view = book(bids=levels("100.0", "-0.1", "1.00000000"))
    lines = plain(ladder(view, width=40, levels=10))
    bars = [line.count("█") for line in lines]
    assert bars[12:] == sorted(bars[12:])
    assert lines[-1].endswith("█")
    assert bars[1] in (bars[-1] // 2, bars[-1] // 2 + 1)


def test_wide_ladders_show_totals() -> None:
    lines = plain(ladder(book(), width=60, levels=10))
    assert lines[12].split()[:3] == ["100.0", "0.50000000", "0.50000000"]
    assert lines[-1].split()[:3] == ["99.1", "0.50000000", "5.00000000"]


def test_title_counts_what_was_verified_and_what_was_not() -> None:
    title = ladder(book(verified=1234, mismatches=2), width=40, levels=1)[0].plain
    assert title == "BTC/USD" + "✓ 1,234 ✗ 2".rjust(33)
    assert "✗" not in ladder(book(), width=40, levels=1)[0].plain


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (16, "BTC/USD"),
        (20, "BTC/USD  5/25"),
        (26, "BTC/USD  5/25  100.1"),
        (33, "BTC/USD  5/25  100.1  0.3 s"),
        (47, "BTC/USD  5 of 25 levels  last 100.1  0.3 s"),
        (60, "BTC/USD  5 of 25 levels  last 100.1  0.3 s ago"),
    ],
)
def test_title_says_as_much_as_there_is_room_for(width: int, words: str) -> None:
    view = book(subscribed=25, last=Decimal("100.1"), last_side="sell", age=0.31)
    title = ladder(view, width=width, levels=5)[0].plain
    assert title == f"{words:<{width - 3}}✓ 7"


def test_title_does_not_count_levels_when_all_of_them_are_shown() -> None:
    assert "of" not in ladder(book(subscribed=10), width=60, levels=10)[0].plain


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("awaiting_snapshot", "waiting for a snapshot"),
        ("stale", "checksum failed, resync"),
        ("quarantined", "quarantined"),
    ],
)
def test_a_book_that_is_not_valid_shows_why_and_no_price(state: str, words: str) -> None:
    lines = plain(ladder(BookView("BTC/USD", state), width=40, levels=5))
    assert words in "".join(lines)
    assert not any(line.strip() for line in [*lines[1:6], *lines[7:]])


def test_an_empty_side_is_drawn_empty() -> None:
    lines = plain(ladder(book(asks=()), width=30, levels=10))
    assert not "".join(lines[1:11]).strip()
    assert lines[11].startswith("─ spread - ─")
    assert lines[12].startswith("100.0 ")


def test_ascii_glyphs_draw_ascii_only() -> None:
    lines = plain(ladder(book(), width=60, levels=10, glyphs=ASCII))
    assert "".join(lines).isascii()
    assert "#" in lines[-1]


def test_orders_of_a_level_stand_behind_each_other_with_their_number() -> None:
    lines = plain(ladder(orders(), width=42, levels=2))
    assert lines[2] == "100.1 1.00000000   3 █████▊█▊███████████▊ "[:42]
    assert lines[3].startswith("─ spread 0.1 ─ 10.00 bp ─ 12 orders ─")


def test_every_other_order_has_another_color() -> None:
    (_, _, line, *_) = ladder(orders(), width=42, levels=2)
    colors = [str(span.style) for span in line.spans if str(span.style).startswith("color")]
    assert colors == ["color(52)", "color(88)", "color(52)"]


def test_the_smallest_order_is_still_seen() -> None:
    dust = (Decimal("0.00000001"), Decimal("1.00000000"))
    lines = plain(ladder(orders(bid_queues=(dust, dust)), width=60, levels=2))
    assert " 2 ▏███" in lines[4]


@pytest.mark.parametrize("width", [16, 17, 20, 22, 26, 30, 48, 80])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_ladders_of_orders_have_exactly_the_given_width(width: int, glyphs: Glyphs) -> None:
    lines = plain(ladder(orders(), width=width, levels=3, glyphs=glyphs))
    assert {len(line) for line in lines} == {width}
    assert len(lines) == height(3)
    assert lines[3].startswith("100.1 1.00000000")
    assert glyphs is UNICODE or "".join(lines).isascii()


@given(
    st.lists(st.decimals("0.00000001", 10, places=8), min_size=1, max_size=40),
    st.integers(1, 60),
)
def test_a_queue_fills_its_width_at_most(quantities: list[Decimal], width: int) -> None:
    line = queue_bar(tuple(quantities), sum(quantities, Decimal(0)), width, "green", UNICODE)
    assert len(line) == width


@given(st.decimals(0, 1, places=4), st.integers(1, 60))
def test_a_bar_fills_its_share(share: Decimal, width: int) -> None:
    drawn = bar(share, width, UNICODE)
    filled = drawn.rstrip()
    eighths = sum(UNICODE.eighths.index(character) for character in filled)
    assert len(drawn) == width
    assert eighths == round(share * width * 8)
