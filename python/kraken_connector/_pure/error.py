"""Errors of messages that are valid JSON."""

from __future__ import annotations

from collections.abc import Sequence


class ContentError(Exception):
    """Content that the protocol does not allow, at `path` in the frame."""

    def __init__(self, kind: str, path: Sequence[str | int]) -> None:
        self.kind = kind
        self.path = path
        super().__init__(kind, path)
