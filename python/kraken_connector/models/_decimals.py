"""Arithmetic on prices, quantities and counts that the application's decimal context cannot change.

Operators on `Decimal` round to the precision of the thread's context (`decimal.getcontext()`) and
raise where it says so. An application may set both. The functions here have a context of their
own, never raise, and never return NaN, which cannot be compared. They are safe in every thread.

Sums and products are exact up to 300 digits, more than the numbers of the exchange and of checked
parameters need. A result of 1e1000 or more is infinite and one below 1e-1298 is zero, so that an
absurd exponent costs neither memory nor an exception.

Comparisons, `max`, `min`, `int`, `float` and `Decimal(text)` need no context. A minus sign, `abs`,
`round`, `sum`, `quantize` and `normalize` do.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal

__all__ = ["EXACT", "ZERO", "add", "divide", "multiply", "subtract", "total"]

ZERO = Decimal(0)


def _context(digits: int) -> Context:
    # Each setting is given, as those left out come from `decimal.DefaultContext`.
    return Context(
        prec=digits,
        rounding=ROUND_HALF_EVEN,
        Emin=-999,
        Emax=999,
        capitals=1,
        clamp=0,
        flags=[],
        traps=[],
    )


#: For operations that have no function here; unlike them it gives NaN for what has no value.
EXACT = _context(300)
#: A quotient need not end. It has as many digits as Python gives it by default.
_QUOTIENTS = _context(28)


def add(a: Decimal, b: Decimal) -> Decimal:
    """Return the exact sum."""
    result = EXACT.add(a, b)
    return ZERO if result.is_nan() else result


def subtract(a: Decimal, b: Decimal) -> Decimal:
    """Return the exact difference; 0 for infinity less infinity."""
    result = EXACT.subtract(a, b)
    return ZERO if result.is_nan() else result


def multiply(a: Decimal, b: Decimal) -> Decimal:
    """Return the exact product; 0 for infinity times 0."""
    result = EXACT.multiply(a, b)
    return ZERO if result.is_nan() else result


def divide(a: Decimal, b: Decimal) -> Decimal:
    """Return the quotient with 28 digits, the last one rounded half to even.

    Returns:
        The quotient. A number divided by 0 is infinite; 0 divided by 0, and infinity divided by
        infinity, are 0.
    """
    result = _QUOTIENTS.divide(a, b)
    return ZERO if result.is_nan() else result


def total(numbers: Iterable[Decimal]) -> Decimal:
    """Return the exact sum of any count of numbers, 0 of none."""
    result = ZERO
    for number in numbers:
        result = EXACT.add(result, number)
    return ZERO if result.is_nan() else result
