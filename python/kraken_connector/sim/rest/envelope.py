"""Answers of REST calls: `{"error":[...],"result":...}`, with HTTP 200 even for errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from ..http import Fate, HttpResponse

NOTHING: Final = object()
"""The result of an answer without one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call is answered with.

    Attributes:
        errors: texts; empty on success, warnings (`W...`) aside.
        result: of any shape that is JSON; `NOTHING` leaves it out, as refusals do.
        response: what is sent instead of the JSON document, as gateways do.
        fate: what happens to the connection.
        delay: seconds until it is sent.
        drip: seconds between two bytes of its body.
    """

    errors: Sequence[str | None] = ()
    result: Any = NOTHING
    response: HttpResponse | None = None
    fate: Fate = "answered"
    delay: float = 0.0
    drip: float = 0.0

    @property
    def is_success(self) -> bool:
        """Whether the call was carried out and answered with its result."""
        return self.response is None and self.result is not NOTHING

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        result = {} if self.result is NOTHING else {"result": self.result}
        return {"error": list(self.errors), **result}

    def http(self) -> HttpResponse:
        """Return the HTTP response."""
        response = self.response or HttpResponse(200, encoded(self.document()))
        return response._replace(fate=self.fate, delay=self.delay, drip=self.drip)


def refusal(error: str | None) -> Answer:
    """Return the answer to a refused call, which has no result."""
    return Answer((error,))


def encoded(document: Any) -> bytes:
    """Return a JSON document; keys of any type become text."""
    return orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)
