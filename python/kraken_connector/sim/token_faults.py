"""What goes wrong with tokens and the REST call that hands them out, on command."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from .http import HttpResponse
from .tokens import Alteration, refusal

if TYPE_CHECKING:
    from .server import SimulatedExchange

Fate: TypeAlias = Literal["answered", "dropped", "hung"]


class TokenFaults(ABC):
    """The part of the fault menu that is about tokens."""

    def __init__(self, exchange: SimulatedExchange) -> None:
        self._exchange = exchange
        self._dropped_token_calls = 0
        self._hung_token_calls = 0
        self.token_delay = 0.0
        self.token_drip = 0.0

    @abstractmethod
    def _note(self, event: str, detail: str = "") -> None: ...

    def revoke_tokens(self) -> None:
        """Make all tokens handed out so far worthless."""
        self._note("revoke_tokens")
        self._exchange.tokens.revoke_all()

    def expire_tokens(self, times: int = 1) -> None:
        """Hand out tokens next that expired before anybody could use them."""
        self._note("expire_tokens", f"times={times}")
        self._exchange.tokens.expire_next(times)

    def drop_tokens(self, times: int = 1) -> None:
        """Reset the connections of the next token calls instead of answering."""
        self._note("drop_tokens", f"times={times}")
        self._dropped_token_calls = times

    def hang_tokens(self, times: int = 1) -> None:
        """Never answer the next token calls; their connections stay open."""
        self._note("hang_tokens", f"times={times}")
        self._hung_token_calls = times

    def refuse_tokens(self, error: str = "EAPI:Rate limit exceeded", times: int = 1) -> None:
        """Answer the next token calls with an error, such as `EAPI:Invalid nonce`."""
        self._note("refuse_tokens", error)
        self._exchange.rest.answer_next(refusal(error), times)

    def lock_out_tokens(self, seconds: float = 900.0, *, lengthens: bool = False) -> None:
        """Answer token calls with `EGeneral:Temporary lockout` for a while.

        Args:
            seconds: for how long; about 15 minutes is what is told of the exchange.
            lengthens: whether each call meanwhile begins it anew.
        """
        self._note("lock_out_tokens", str(seconds))
        self._exchange.rest.lock_out(seconds, lengthens=lengthens)

    def fail_tokens(
        self,
        status: int = 502,
        times: int = 1,
        *,
        body: bytes = b"upstream is not available",
        content_type: str = "text/plain",
    ) -> None:
        """Answer the next token calls with an HTTP status and no JSON, as a gateway does.

        Args:
            status: such as 429, with the body `error code: 1015`, or 503 with a page of HTML.
            times: how many calls.
            body: of the response.
            content_type: of the body.
        """
        self._note("fail_tokens", str(status))
        self._exchange.rest.answer_next(HttpResponse(status, body, content_type), times)

    def alter_tokens(
        self, times: int = 1, *, warnings: Sequence[str] = (), **result: object
    ) -> None:
        """Hand out tokens in answers that look otherwise.

        Args:
            times: how many.
            warnings: texts such as `WGeneral:Danger` that stand in `error` beside the result.
            result: keys that are added or replaced: `expires=None`.
        """
        self._note("alter_tokens", " ".join(result))
        self._exchange.rest.alter_next(Alteration(warnings, result), times)

    def delay_tokens(self, seconds: float) -> None:
        """Answer token calls late, until `clear()`."""
        self._note("delay_tokens", str(seconds))
        self.token_delay = seconds

    def drip_tokens(self, seconds: float) -> None:
        """Send the bodies of answers one byte at a time, `seconds` apart, until `clear()`."""
        self._note("drip_tokens", str(seconds))
        self.token_drip = seconds

    # What the exchange asks.

    def token_fate(self) -> Fate:
        """Return what becomes of a token call, and count it."""
        if self._dropped_token_calls > 0:
            self._dropped_token_calls -= 1
            return "dropped"
        if self._hung_token_calls > 0:
            self._hung_token_calls -= 1
            return "hung"
        return "answered"

    def _clear_tokens(self) -> None:
        """Let the next token calls go right."""
        self._dropped_token_calls = self._hung_token_calls = 0
        self.token_delay = self.token_drip = 0.0
        self._exchange.rest.clear_refusals()
        self._exchange.tokens.expire_next(0)
