"""Frames to JSON values.

Fast decoders accept or refuse a frame; the `Scanner` reads a refused one again and reports why.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import orjson

from ..models.base import exact_number
from .scanner import MAX_DEPTH, Scanner

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_LEAF = re.compile(rb"\{\}|\[\]")


def decode(frame: bytes) -> Any:
    """Return the frame's value with numbers as `int` and `float`.

    Raises:
        LexicalError: the frame is no JSON.
    """
    try:
        value = orjson.loads(frame)
    except orjson.JSONDecodeError:
        Scanner(frame).scan()
        # The only valid JSON that orjson refuses has a number beyond every float: infinite here.
        return json.loads(frame, parse_int=_integer)
    if _too_deep(frame):
        Scanner(frame).scan()
    return value


def _integer(lexeme: str, wide: Callable[[str], Any] = float) -> Any:
    """Return an integer of 64 bits as such, a larger one as `wide`, like `orjson`."""
    if len(lexeme) > 20:
        return wide(lexeme)
    value = int(lexeme)
    return value if -(2**63) <= value < 2**64 else wide(lexeme)


def _row_integer(lexeme: str) -> Any:
    """Return an integer as `int`, or as `Decimal` if that would lose a digit or the sign."""
    return Decimal(lexeme) if lexeme == "-0" else _integer(lexeme, Decimal)


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


_exact = json.JSONDecoder(
    parse_float=str.encode,
    parse_int=str.encode,
    parse_constant=_refuse_constant,
)


def decode_exact(frame: bytes) -> Any:
    """Return the frame's value with every number as the `bytes` of the wire.

    Raises:
        LexicalError: the frame is no JSON.
    """
    try:
        text = frame.decode()
        value, end = _exact.raw_decode(text)
    except (ValueError, RecursionError):
        Scanner(frame).scan()
        return _exact.decode(frame.decode())
    # The decoder accepts two errors that only the scanner finds: half surrogate pairs and depth.
    if end < len(frame) or b"\\" in frame or _too_deep(frame):
        Scanner(frame).scan()
    return value


def decode_decimals(frame: bytes) -> Any:
    """Return the value of a frame that was checked before, with exact numbers."""
    return json.loads(frame, parse_float=exact_number, parse_int=partial(_integer, wide=Decimal))


def decode_rows(frame: bytes) -> Any:
    """Return the value of a frame that was checked before, with the exact numbers of a book."""
    return json.loads(frame, parse_float=exact_number, parse_int=_row_integer)


def _too_deep(frame: bytes) -> bool:
    """Return whether valid JSON is nested deeper than `MAX_DEPTH`: remove the innermost brackets,
    one level at a time."""
    if frame.count(b"{") + frame.count(b"[") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", frame).translate(None, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        brackets = _LEAF.sub(b"", brackets)
        if not brackets:
            return False
    return True
