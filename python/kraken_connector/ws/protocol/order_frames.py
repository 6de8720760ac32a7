"""The frames of order requests, as bytes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..base.encoding import encode, encode_body
from ..token.mask import TokenMask

__all__ = ["OrderFrames"]


class OrderFrames:
    """Writes the frames; the start of a method's frames is cached until the token changes.

    Args:
        mask: hides each token in logs.
        shared: parameters that every request carries.
    """

    def __init__(self, mask: TokenMask, shared: Mapping[str, str] = MappingProxyType({})) -> None:
        self._mask = mask
        self._shared = encode_body(dict(shared))
        self._token = ""
        self._heads: dict[str, bytes] = {}

    def frame(self, method: str, token: str, body: bytes, req_id: int) -> bytes:
        """Return a request; `body` has its parameters as JSON, each with a comma before it."""
        if token != self._token:
            self._heads, self._token = {}, token
            self._mask.add(token)
        head = self._heads.get(method)
        if head is None:
            parts = method.encode(), encode(token), self._shared
            head = self._heads[method] = b'{"method":"%b","params":{"token":%b%b' % parts
        return b'%b%b},"req_id":%d}' % (head, body, req_id)
