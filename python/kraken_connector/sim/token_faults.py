"""Faults on tokens and on the REST call that issues them."""

from __future__ import annotations

from collections.abc import Sequence

from .active_rules import ActiveRules
from .http import HttpResponse, ResponseFaults
from .tokens import Alteration, RestApi, Tokens, refusal


class TokenFaults(ActiveRules):
    """Faults on tokens and on the REST call that issues them."""

    def __init__(self, tokens: Tokens, rest: RestApi, response_faults: ResponseFaults) -> None:
        self._tokens = tokens
        self._rest = rest
        self._response_faults = response_faults

    def revoke_tokens(self) -> None:
        """Make all tokens issued so far invalid."""
        self._log("revoke_tokens")
        self._tokens.revoke_all()

    def expire_tokens(self, times: int = 1) -> None:
        """Issue tokens next that have already expired."""
        self._log("expire_tokens", f"times={times}")
        self._tokens.expire_next(times)

    def drop_tokens(self, times: int = 1) -> None:
        """Reset the connections of the next token calls instead of answering."""
        self._log("drop_tokens", f"times={times}")
        self._response_faults.dropped = times

    def hang_tokens(self, times: int = 1) -> None:
        """Leave the next token calls unanswered; their connections stay open."""
        self._log("hang_tokens", f"times={times}")
        self._response_faults.hung = times

    def refuse_tokens(self, error: str = "EAPI:Rate limit exceeded", times: int = 1) -> None:
        """Answer the next token calls with an error, such as `EAPI:Invalid nonce`."""
        self._log("refuse_tokens", error)
        self._rest.answer_next(refusal(error), times)

    def lock_out_tokens(self, seconds: float = 900.0, *, lengthens: bool = False) -> None:
        """Answer token calls with `EGeneral:Temporary lockout` for a while.

        Args:
            seconds: for how long; about 15 minutes on the exchange.
            lengthens: whether each call during the lockout starts it again.
        """
        self._log("lock_out_tokens", str(seconds))
        self._rest.lock_out(seconds, lengthens=lengthens)

    def fail_tokens(
        self,
        status: int = 502,
        times: int = 1,
        *,
        body: bytes = b"upstream is not available",
        content_type: str = "text/plain",
    ) -> None:
        """Answer the next token calls with an HTTP error and no JSON, as a gateway does.

        Args:
            status: such as 429, with the body `error code: 1015`, or 503 with a page of HTML.
            times: how many calls.
            body: of the response.
            content_type: of the body.
        """
        self._log("fail_tokens", str(status))
        self._rest.answer_next(HttpResponse(status, body, content_type), times)

    def alter_tokens(
        self, times: int = 1, *, warnings: Sequence[str] = (), **result: object
    ) -> None:
        """Issue the next tokens in changed responses.

        Args:
            times: how many.
            warnings: texts such as `WGeneral:Danger` in `error`, beside the result.
            result: keys that are added or replaced, such as `expires=None`.
        """
        self._log("alter_tokens", " ".join(result))
        self._rest.alter_next(Alteration(warnings, result), times)

    def delay_tokens(self, seconds: float) -> None:
        """Answer token calls late, until `clear()`."""
        self._log("delay_tokens", str(seconds))
        self._response_faults.delay = seconds

    def drip_tokens(self, seconds: float) -> None:
        """Send the bodies of answers one byte at a time, `seconds` apart, until `clear()`."""
        self._log("drip_tokens", str(seconds))
        self._response_faults.drip = seconds

    def _clear_tokens(self) -> None:
        self._response_faults.clear()
        self._rest.clear_refusals()
        self._tokens.expire_next(0)
