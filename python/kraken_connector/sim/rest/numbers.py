"""Numbers and times as REST writes them: money as text, times as numbers, from exact values."""

from __future__ import annotations

from decimal import Decimal

import orjson

from ..pairs import Pair

FIVE = Decimal("0.00001")
FOUR = Decimal("0.0001")
SECOND_NS = 1_000_000_000


def price(pair: Pair, value: Decimal) -> str:
    """Return a price with the pair's decimals."""
    return f"{value.quantize(Decimal(1).scaleb(-pair.price_precision)):f}"


def qty(pair: Pair, value: Decimal) -> str:
    """Return a quantity with the pair's decimals."""
    return f"{value.quantize(Decimal(1).scaleb(-pair.qty_precision)):f}"


def cost(value: Decimal) -> str:
    """Return an amount of a quote currency."""
    return f"{value.quantize(FIVE):f}"


def four(value: Decimal) -> str:
    """Return a number with four decimals, as balances in one currency and percentages have."""
    return f"{value.quantize(FOUR):f}"


def seconds(ns: int, decimals: int = 4) -> orjson.Fragment:
    """Return a time as a JSON number of seconds, cut to some decimals.

    The digits come from the integer: with nine decimals they are more than a double holds.
    """
    whole, fraction = divmod(ns, SECOND_NS)
    return orjson.Fragment(f"{whole}.{fraction:09d}"[: len(str(whole)) + 1 + decimals])
