"""What is wrong with a message that is valid JSON."""

from __future__ import annotations

from collections.abc import Sequence


class Defect(Exception):
    """Content that the protocol does not allow, at `path` in the frame."""

    def __init__(self, kind: str, path: Sequence[str | int]) -> None:
        self.kind = kind
        self.path = path
        super().__init__(kind, path)
