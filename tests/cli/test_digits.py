"""Numbers keep the digits of the wire and line up."""

from __future__ import annotations

from decimal import Decimal

import pytest

from kraken_connector.cli import digits


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Decimal("0.18967500"), "0.18967500"),
        (Decimal("1E-8"), "0.00000001"),
        (Decimal("886110000000.00"), "886110000000.00"),
        (None, "-"),
    ],
)
def test_plain_shows_every_digit_and_no_exponent(number: Decimal | None, text: str) -> None:
    assert digits.plain(number) == text


def test_aligned_puts_decimal_points_into_one_column() -> None:
    assert digits.aligned(["83744.2", "0.0000112345", "-1", "-"]) == [
        "83744.2         ",
        "    0.0000112345",
        "   -1           ",
        "    -           ",
    ]


def test_aligned_of_nothing_is_nothing() -> None:
    assert digits.aligned([]) == []


@pytest.mark.parametrize(
    ("number", "end"),
    [("0.00100000", 5), ("4.00000000", 1), ("0.12345678", 10), ("1500", 4), ("10.0", 2)],
)
def test_significant_ends_before_trailing_zeros_of_a_fraction(number: str, end: int) -> None:
    assert digits.significant(number) == end


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (None, "-"),
        (850, "0.8 us"),
        (10_400, "10 us"),
        (1_234_000, "1.2 ms"),
        (250_000_000, "250 ms"),
        (4_001_000_000, "4.0 s"),
    ],
)
def test_duration_picks_a_unit(ns: float | None, text: str) -> None:
    assert digits.duration(ns) == text


def test_counts_and_rates_are_readable() -> None:
    assert digits.count(1_234_567) == "1,234,567"
    assert digits.rate(1234.4) == "1,234/s"
    assert digits.rate(2.34) == "2.3/s"
    assert digits.clock(75.9) == "01:15"
