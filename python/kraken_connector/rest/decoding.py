"""Decodes JSON with exact numbers, large documents in steps.

A reply about all pairs has 3 MB, which hold an event loop for 40 ms if they are decoded at once.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from decimal import Decimal
from json import JSONDecodeError, JSONDecoder
from typing import Any

__all__ = ["Decoding"]

#: Characters of a step, about a millisecond of work.
STEP = 8_192
#: How deep objects are decoded member by member: the document, its result, and a table in it.
DEPTH = 3

_decoder = JSONDecoder(parse_float=Decimal)
_space = re.compile(r"[ \t\n\r]*")


class Decoding:
    """The decoding of a document; each step of an iteration over it is about a millisecond.

    Args:
        body: the document.

    Attributes:
        document: the document, once the iteration has ended.

    Raises:
        ValueError, ArithmeticError, RecursionError: it cannot be decoded.
    """

    def __init__(self, body: bytes) -> None:
        self.document: Any = None
        self._text = body.decode()
        self._rested_at = 0

    def __iter__(self) -> Iterator[None]:
        text = self._text
        if len(text) <= STEP:
            self.document = _decoder.decode(text)
            return
        self.document, end = yield from self._value(_after_space(text, 0), DEPTH)
        if _after_space(text, end) != len(text):
            raise JSONDecodeError("Extra data", text, end)

    def _value(self, at: int, depth: int) -> Generator[None, None, tuple[Any, int]]:
        """Decode the value at a position.

        Args:
            at: where it begins.
            depth: how deep objects are decoded member by member.

        Returns:
            The value, and where it ends.
        """
        if depth and self._text.startswith("{", at):
            return (yield from self._object(at, depth))
        value, end = _decoder.raw_decode(self._text, at)
        if end - self._rested_at >= STEP:
            self._rested_at = end
            yield
        return value, end

    def _object(self, at: int, depth: int) -> Generator[None, None, tuple[Any, int]]:
        text = self._text
        members: dict[str, Any] = {}
        at = _after_space(text, at + 1)
        if text.startswith("}", at):
            return members, at + 1
        while True:
            if not text.startswith('"', at):
                raise JSONDecodeError("Expecting the name of a member", text, at)
            name, at = _decoder.raw_decode(text, at)
            at = self._expect(":", at)
            members[name], at = yield from self._value(_after_space(text, at), depth - 1)
            at = _after_space(text, at)
            if text.startswith("}", at):
                return members, at + 1
            at = _after_space(text, self._expect(",", at))

    def _expect(self, mark: str, at: int) -> int:
        """Return the position after a mark."""
        at = _after_space(self._text, at)
        if not self._text.startswith(mark, at):
            raise JSONDecodeError(f"Expecting {mark!r}", self._text, at)
        return at + 1


def _after_space(text: str, at: int) -> int:
    found = _space.match(text, at)
    return found.end() if found else at
