"""Hiding tokens in what the exchange sends back."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from ...models import WSErrorResponse, WSResponse

__all__ = ["TokenMask"]

#: Tokens that are hidden, the latest ones.
KEPT = 8
HIDDEN = "***"
#: What is shorter is no token of the exchange's, and may stand in any text.
LEAST = 8


class TokenMask:
    """Hides the tokens of a connection in answers and log lines.

    Whether an answer may repeat parts of its request is not documented, and the text of an answer
    goes into exceptions, events and logs.
    """

    def __init__(self) -> None:
        self._tokens: dict[str, None] = {}

    def add(self, token: str | None) -> None:
        """Hide a token from here on."""
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
        """Return an answer with its tokens hidden; the same object if it has none."""
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
