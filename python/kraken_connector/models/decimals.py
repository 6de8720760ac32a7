"""Arithmetic on prices and quantities that does not depend on the application's decimal context.

Operators on `Decimal` use the thread's context (`decimal.getcontext()`), which an application may
change: it sets the precision, and which operations raise. The functions here use their own
context, never raise, and never return NaN, which cannot be compared. They are thread-safe.

Sums and products are exact up to 300 digits, more than numbers of the exchange and checked
parameters need. A result of 1e1000 or more is infinite and one below 1e-1298 is zero, so an absurd
exponent needs no memory and raises no exception.

Comparisons, `max`, `min`, `int`, `float` and `Decimal(text)` do not use the context. A minus sign,
`abs`, `round`, `sum`, `quantize` and `normalize` do.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal

__all__ = ["EXACT", "ZERO", "add", "divide", "multiply", "subtract", "total"]

ZERO = Decimal(0)


def _context(digits: int) -> Context:
    # All settings are given: those left out would come from `decimal.DefaultContext`.
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


#: For operations without a function here. Unlike those it returns NaN for undefined results.
EXACT = _context(300)
#: A quotient may have infinitely many digits. It is rounded to Python's default precision.
_QUOTIENTS = _context(28)


def add(a: Decimal, b: Decimal) -> Decimal:
    """Return the exact sum."""
    result = EXACT.add(a, b)
    return ZERO if result.is_nan() else result


def subtract(a: Decimal, b: Decimal) -> Decimal:
    """Return the exact difference; 0 for infinity minus infinity."""
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
    """Return the exact sum of several numbers, 0 of none."""
    result = ZERO
    for number in numbers:
        result = EXACT.add(result, number)
    return ZERO if result.is_nan() else result
