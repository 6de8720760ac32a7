"""Faults on tokens and on the REST call that issues them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .rest.faults import RestFaults
from .rest.rules import RestRules
from .rest.venue import RestSettings
from .tokens import Tokens

TOKEN_CALL = ("GetWebSocketsToken",)


class TokenFaults(RestFaults):
    """Faults on tokens, and those on REST calls that act on the token call alone."""

    def __init__(
        self,
        tokens: Tokens,
        rules: RestRules,
        settings: RestSettings,
        clock: Callable[[], int],
    ) -> None:
        RestFaults.__init__(self, rules, settings, clock)
        self._tokens = tokens

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
        self.drop_calls(times, calls=TOKEN_CALL, carried_out=False)

    def hang_tokens(self, times: int = 1) -> None:
        """Leave the next token calls unanswered; their connections stay open."""
        self.hang_calls(times, calls=TOKEN_CALL)

    def refuse_tokens(self, error: str = "EAPI:Rate limit exceeded", times: int = 1) -> None:
        """Answer the next token calls with an error, such as `EAPI:Invalid nonce`."""
        self.refuse_calls(error, times, calls=TOKEN_CALL)

    def lock_out_tokens(self, seconds: float = 900.0, *, lengthens: bool = False) -> None:
        """Answer token calls with `EGeneral:Temporary lockout` for a while.

        Args:
            seconds: for how long; about 15 minutes on the exchange.
            lengthens: whether each call during the lockout starts it again.
        """
        self.lock_out_calls(seconds, lengthens=lengthens, calls=TOKEN_CALL)

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
        self.break_calls(status, times, calls=TOKEN_CALL, body=body, content_type=content_type)

    def alter_tokens(
        self, times: int = 1, *, warnings: Sequence[str] = (), **result: object
    ) -> None:
        """Issue the next tokens in changed responses.

        Args:
            times: how many.
            warnings: texts such as `WGeneral:Danger` in `error`, beside the result.
            result: keys that are added or replaced, such as `expires=None`.
        """
        self.rewrite_calls(lambda old: {**old, **result}, times, calls=TOKEN_CALL)
        self.warn_calls(*warnings, times=times, calls=TOKEN_CALL)

    def delay_tokens(self, seconds: float) -> None:
        """Answer token calls late, until `clear()`."""
        self.delay_calls(seconds, calls=TOKEN_CALL)

    def drip_tokens(self, seconds: float) -> None:
        """Send the bodies of answers one byte at a time, `seconds` apart, until `clear()`."""
        self.drip_calls(seconds, calls=TOKEN_CALL)

    def _clear_tokens(self) -> None:
        self._tokens.expire_next(0)
