"""A slow, strict JSON reader that reports what is wrong with a frame, and where.

It stops at the first byte that no JSON text could have there, as the native core does, and keeps
what it read until then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

#: Arrays and objects may be nested this deep.
MAX_DEPTH = 64

_SPACE = re.compile(rb"[ \t\n\r]*")
#: The number grammar of RFC 8259.
NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
#: Every proper beginning of a number, to distinguish a cut number from a wrong one.
_NUMBER_HEAD = re.compile(rb"-?(?:(?:0|[1-9][0-9]*)(?:\.(?:[0-9]+(?:[eE][+-]?)?)?|[eE][+-]?)?)?")
_PLAIN_TEXT = re.compile(rb'[^"\\\x00-\x1f]*')
_ESCAPE = re.compile(rb"""\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})""")
_ESCAPE_HEAD = re.compile(rb"\\(?:u[0-9a-fA-F]{0,3})?")
_HIGH_SURROGATE = re.compile(rb"\\u[dD][89abAB]")
_LOW_SURROGATE = re.compile(rb"\\u[dD][c-fC-F]")
_WORDS = {b"t": (b"true", True), b"f": (b"false", False), b"n": (b"null", None)}
_NUMBER_FIRST = frozenset(bytes([byte]) for byte in b"-0123456789")


class LexicalError(ValueError):
    """A frame that is not JSON; `kind` is one of `ParseError.KINDS`."""

    def __init__(self, kind: str, offset: int) -> None:
        self.kind = kind
        self.offset = offset
        super().__init__(kind, offset)


class Node:
    """A value with its offset; `value` is a `dict` or `list` of further nodes, a
    `str`, a number's `bytes`, or `None`, `True`, `False`."""

    __slots__ = ("offset", "value")

    def __init__(self, offset: int, value: Any) -> None:
        self.offset = offset
        self.value = value

    def find(self, path: Sequence[str | int]) -> Node:
        """Return the node at the end of `path`."""
        node = self
        for key in path:
            node = node.value[key]
        return node

    def plain(self) -> Any:
        """Return the value without offsets, numbers as `bytes`."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


class Scanner:
    """A strict JSON reader (RFC 8259) with offsets, which keeps the values before an error."""

    def __init__(self, frame: bytes) -> None:
        self._frame = frame
        self._at = 0
        self._depth = 0
        self._roots: list[Node] = []

    @property
    def root(self) -> Node | None:
        """The outermost value; after an error, its part before the error."""
        return self._roots[0] if self._roots else None

    def scan(self) -> Node:
        """Read the whole frame.

        Raises:
            LexicalError: at the first byte that no JSON text could have there.
        """
        self._skip_space()
        if self._at == len(self._frame):
            raise LexicalError("empty", 0)
        self._value(self._roots.append)
        self._skip_space()
        if self._at < len(self._frame):
            raise LexicalError("trailing", self._at)
        return self._roots[0]

    def _skip_space(self) -> None:
        self._at = _SPACE.match(self._frame, self._at).end()  # type: ignore[union-attr]

    def _peek(self) -> bytes:
        """Return the next byte that is no white space, without consuming it."""
        self._skip_space()
        if self._at == len(self._frame):
            raise LexicalError("truncated", self._at)
        return self._frame[self._at : self._at + 1]

    def _value(self, put: Callable[[Node], None]) -> None:
        """Read one value; `put` gets its node: before its content that of the frame itself, of
        `data` and of entries of arrays, since a part of these is kept."""
        first = self._peek()
        node = Node(self._at, None)
        if first == b"{":
            self._nested(put, node, {}, b"}", self._member)
        elif first == b"[":
            self._nested(put, node, [], b"]", self._element)
        else:
            node.value = self._scalar(first)
            put(node)

    def _scalar(self, first: bytes) -> object:
        if first == b'"':
            return self._string()
        if first in _WORDS:
            return self._word(*_WORDS[first])
        if first in _NUMBER_FIRST:
            return self._take(NUMBER, _NUMBER_HEAD)
        raise LexicalError("syntax", self._at)

    def _nested(
        self,
        put: Callable[[Node], None],
        node: Node,
        entries: Any,
        closing: bytes,
        take: Callable[..., None],
    ) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise LexicalError("depth", self._at)
        node.value = entries
        put(node)
        self._at += 1
        if self._peek() != closing:
            take(entries)
            while self._peek() == b",":
                self._at += 1
                take(entries)
            self._expect(closing)
        else:
            self._at += 1
        self._depth -= 1

    def _element(self, entries: list[Node]) -> None:
        self._value(entries.append)

    def _member(self, entries: dict[str, Node]) -> None:
        if self._peek() != b'"':
            raise LexicalError("syntax", self._at)
        key = self._string()
        self._expect(b":")
        put = partial(entries.__setitem__, key)
        if key == "data" and self._peek() == b"[":
            self._value(put)
        else:
            whole: list[Node] = []
            self._value(whole.append)
            put(whole[0])

    def _expect(self, byte: bytes) -> None:
        if self._peek() != byte:
            raise LexicalError("syntax", self._at)
        self._at += 1

    def _word(self, word: bytes, value: object) -> object:
        for byte in word:
            if self._at == len(self._frame):
                raise LexicalError("truncated", self._at)
            if self._frame[self._at] != byte:
                raise LexicalError("syntax", self._at)
            self._at += 1
        return value

    def _string(self) -> str:
        """Read a string, checking escapes and UTF-8 on the way."""
        start = self._at
        self._at += 1
        while (byte := self._string_part()) != b'"':
            if byte != b"\\":
                raise LexicalError("syntax", self._at)
            self._escape()
        self._at += 1
        return str(json.loads(self._frame[start : self._at]))

    def _string_part(self) -> bytes:
        """Skip ordinary characters and return the byte after them."""
        part = _PLAIN_TEXT.match(self._frame, self._at).group()  # type: ignore[union-attr]
        try:
            part.decode()
        except UnicodeDecodeError as error:
            raise LexicalError("encoding", self._at + error.start) from None
        self._at += len(part)
        if self._at == len(self._frame):
            raise LexicalError("truncated", self._at)
        return self._frame[self._at : self._at + 1]

    def _escape(self) -> None:
        """Skip one escape; the halves of a surrogate pair are a character only together."""
        start = self._at
        code = self._take(_ESCAPE, _ESCAPE_HEAD)
        if _LOW_SURROGATE.match(code):
            raise LexicalError("syntax", start)
        if not _HIGH_SURROGATE.match(code):
            return
        begin = self._frame[self._at : self._at + 2]
        if begin in (b"", b"\\"):
            raise LexicalError("truncated", len(self._frame))
        if begin != b"\\u" or not _LOW_SURROGATE.match(self._take(_ESCAPE, _ESCAPE_HEAD)):
            raise LexicalError("syntax", start)

    def _take(self, whole: re.Pattern[bytes], head: re.Pattern[bytes]) -> bytes:
        """Consume what `whole` matches; `head` matches every beginning of it, to distinguish a cut
        token from a wrong one."""
        match = whole.match(self._frame, self._at)
        stop = head.match(self._frame, self._at).end()  # type: ignore[union-attr]
        if match is None or stop > match.end():
            raise LexicalError("truncated" if stop == len(self._frame) else "syntax", stop)
        self._at = match.end()
        return match.group()
