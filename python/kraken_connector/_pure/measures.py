"""Measures of a book in floats, which never go back into a book. The order of operations is part of
the contract: the native core has the same."""

from __future__ import annotations

from collections.abc import Iterable

#: Price and quantity.
Level = tuple[float, float]


def microprice(best_bid: Level, best_ask: Level) -> float:
    """Return the mean of both prices, each weighted with the quantity of the other side."""
    (bid, bid_qty), (ask, ask_qty) = best_bid, best_ask
    return (bid * ask_qty + ask * bid_qty) / (bid_qty + ask_qty)


def imbalance(bid_qty: float, ask_qty: float) -> float:
    """Return the difference of two quantities as a share of their sum, from -1 to 1."""
    return (bid_qty - ask_qty) / (bid_qty + ask_qty)


def cumulative_qty(levels: Iterable[Level]) -> float:
    """Return the sum of the quantities of some levels."""
    # Not `sum`, whose rounding depends on the version of Python.
    total = 0.0
    for _, qty in levels:
        total += qty
    return total


def weighted_price(levels: Iterable[Level]) -> float | None:
    """Return the average price of some levels, weighted with their quantities; `None` without
    levels."""
    value = total = 0.0
    for price, qty in levels:
        value += price * qty
        total += qty
    return value / total if total > 0 else None
