"""Reads the reply to a REST call: its result, or why there is none.

A reply is `{"error": [...], "result": ...}` with status 200 even if the call was refused; a call
succeeded if `error` is empty (docs.kraken.com, guide "Spot REST Introduction"). Gateways in front
of the exchange answer with another status and without JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..exceptions import RestError
from ..slices import in_slices
from .decoding import Decoding
from .transport import HttpReply

__all__ = ["Reply", "read_reply"]


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to a successful call.

    Attributes:
        result: its `result`; numbers are `int` and exact `Decimal`.
        warnings: its texts that begin with `W`.
    """

    # It may hold a token.
    result: Any
    warnings: tuple[str, ...]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(warnings={self.warnings!r})"


async def read_reply(call: str, reply: HttpReply) -> Reply:
    """Return the result of a call.

    Args:
        call: the name of the call, such as `OpenOrders`.
        reply: what was received.

    Raises:
        RestError: the call was refused, or the reply cannot be read.
    """
    document = await _document(reply.body)
    texts = _texts(document.get("error")) if document is not None else []
    errors = tuple(text for text in texts if not text.startswith("W"))
    if errors:
        raise RestError(call, errors=errors, status=reply.status, retry_after=reply.retry_after)
    problem = None
    if reply.status != 200:
        problem = f"HTTP status {reply.status}"
    elif document is None:
        problem = f"the reply is not a JSON object: {_described(reply.body)}"
    elif document.get("result") is None:
        problem = "the reply has neither an error nor a result"
    if problem is not None or document is None:
        raise RestError(call, problem or "", status=reply.status, retry_after=reply.retry_after)
    return Reply(document["result"], tuple(texts))


async def _document(body: bytes) -> dict[str, Any] | None:
    """Return a JSON object with exact numbers; `None` if a body is not one."""
    try:
        decoding = Decoding(body)
        async for _ in in_slices(decoding, 1):
            pass
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return decoding.document if isinstance(decoding.document, dict) else None


def _texts(error: Any) -> list[str]:
    """Return the texts of a reply's `error`, which is documented as a list."""
    if not error:
        return []
    return [str(text) for text in error] if isinstance(error, list) else [str(error)]


def _described(body: bytes) -> str:
    """Describe a body that is not JSON. Only pages are shown, as other text may hold a token."""
    if not body:
        return "it is empty"
    is_page = body.lstrip().startswith(b"<")
    return repr(body[:60].decode("utf-8", "replace")) if is_page else f"{len(body)} bytes"
