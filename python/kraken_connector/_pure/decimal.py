"""Prices and quantities as integers: the digits of the wire, never a binary float.

A number is a pair of mantissa and scale: `0.0270` is 270 at scale 4. The trailing zeros count,
since the exchange's checksum is computed over the digits that it sends.
"""

from __future__ import annotations

from decimal import Decimal

#: A mantissa has at most this many digits and a number at most this many decimals. The
#: exchange sends far fewer; the bound keeps an absurd exponent from filling the memory.
MAX_DIGITS = 38
_LIMIT = 10**MAX_DIGITS


class NumberError(ValueError):
    """A number out of the bounds of prices and quantities."""


def parse_number(lexeme: bytes) -> tuple[int, int]:
    """Return mantissa and scale of a JSON number.

    Zero has neither sign nor exponent: `-0.0` is 0 at scale 1, and `0e-8` is 0 at scale 0, as it
    has no digits after the point.

    Raises:
        NumberError: it is negative or has more than `MAX_DIGITS` digits or decimals.
    """
    whole, _, fraction = lexeme.partition(b".")
    try:
        mantissa = int(whole + fraction)
    except ValueError:
        return _parse_exponent(lexeme)
    if len(lexeme) > MAX_DIGITS or mantissa <= 0:
        _check(lexeme, mantissa, len(fraction))
    return mantissa, len(fraction)


def _parse_exponent(lexeme: bytes) -> tuple[int, int]:
    """Expand `1.5e-07` to (15, 8): zeros that an exponent hides count like written ones."""
    base, _, exponent = lexeme.lower().partition(b"e")
    whole, _, fraction = base.partition(b".")
    try:
        mantissa, scale = int(whole + fraction), len(fraction)
        if mantissa:
            scale -= int(exponent)
    except ValueError:
        raise NumberError(lexeme) from None
    if abs(scale) > MAX_DIGITS:
        raise NumberError(lexeme)
    if scale < 0:
        mantissa, scale = mantissa * 10**-scale, 0
    _check(lexeme, mantissa, scale)
    return mantissa, scale


def _check(lexeme: bytes, mantissa: int, scale: int) -> None:
    if mantissa < 0 or mantissa >= _LIMIT or scale > MAX_DIGITS:
        raise NumberError(lexeme)


def rescale(mantissa: int, scale: int, wanted: int) -> int:
    """Return the mantissa at the larger scale `wanted`.

    Raises:
        NumberError: it has more than `MAX_DIGITS` digits there.
    """
    padded: int = mantissa * 10 ** (wanted - scale)
    if padded >= _LIMIT:
        raise NumberError(mantissa, scale, wanted)
    return padded


def to_decimal(mantissa: int, scale: int) -> Decimal:
    """Return the exact `Decimal`, whatever the precision of the decimal context."""
    return Decimal(f"{mantissa}E-{scale}")
