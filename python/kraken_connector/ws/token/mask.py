"""Hiding tokens in the texts that the exchange returns."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from ...models import WSErrorResponse, WSResponse

__all__ = ["TokenMask"]

#: The number of tokens, the latest ones, that are hidden.
KEPT = 8
HIDDEN = "***"
#: Shorter texts are not hidden: Kraken's tokens are longer, and they may occur in any text.
LEAST = 8


class TokenMask:
    """Hides the tokens of a connection in replies and log lines.

    Kraken does not document whether a reply may repeat parts of its request, and the text of a
    reply is shown in exceptions, events and logs.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, None] = {}

    def add(self, token: str | None) -> None:
        """Hide a token from now on."""
        if token and len(token) >= LEAST:
            self._tokens.pop(token, None)
            self._tokens[token] = None
            if len(self._tokens) > KEPT:
                del self._tokens[next(iter(self._tokens))]

    def text(self, text: str) -> str:
        """Return a text with its tokens hidden."""
        for token in self._tokens:
            text = text.replace(token, HIDDEN)
        return text

    def reply(self, reply: WSResponse | WSErrorResponse) -> WSResponse | WSErrorResponse:
        """Return a reply with its tokens hidden; the same object if it has none."""
        if not self._tokens:
            return reply
        values = {field.name: getattr(reply, field.name) for field in fields(reply)}
        if not any(token in str(values) for token in self._tokens):
            return reply
        return reply.__replace__(**{name: self._hidden(value) for name, value in values.items()})

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self._hidden(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._hidden(item) for item in value]
        return value
