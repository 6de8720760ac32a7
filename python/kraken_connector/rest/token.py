"""The call for a WebSocket token, which private channels need."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from ..exceptions import RestError, TokenAcquisitionError
from .caller import Caller
from .retrying import Effect

__all__ = ["WebSocketToken", "fetch_token"]

#: Seconds within which a token must be used (page "Get Websockets Token"), if the reply has no
#: valid lifetime.
TOKEN_LIFETIME: Final = 900.0
#: A longer lifetime in a reply is not valid.
LONGEST_LIFETIME: Final = 1e9
#: The characters of a token: letters, digits and punctuation, no spaces.
TOKEN: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True, repr=False)
class WebSocketToken:
    """A token; it cannot be pickled, and its repr is hidden.

    Attributes:
        token: the token.
        expires: seconds within which it must be used.
    """

    token: str
    expires: float

    def __repr__(self) -> str:
        return f"WebSocketToken(token=<hidden>, expires={self.expires})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a WebSocketToken is a secret and cannot be pickled")


async def fetch_token(caller: Caller) -> WebSocketToken:
    """Request a new token.

    Raises:
        TokenAcquisitionError: the request failed; `venue_error` has the exchange's text, `errors` a
            list of its errors, `status` the HTTP status.
    """
    if not caller.credentials:
        raise TokenAcquisitionError(
            "no API key: pass api_key and api_secret, "
            "or use TokenManager.from_env() with KRAKEN_API_KEY and KRAKEN_API_SECRET"
        )
    try:
        # A TokenManager decides when to call, and when to call again.
        result = await caller.private("GetWebSocketsToken", effect=Effect.ONCE, paced=True)
    except RestError as error:
        failure = _failure(error)
    else:
        token = result.get("token") if isinstance(result, dict) else None
        if isinstance(token, str) and TOKEN.fullmatch(token):
            return WebSocketToken(token, _lifetime(result.get("expires")))
        failure = TokenAcquisitionError("no token in the reply (HTTP status 200)")
        failure.status = 200
        # Error reports show local variables, and it may hold a token all the same.
        del result, token
    raise failure


def _lifetime(expires: Any) -> float:
    """Return the seconds within which a token must be used."""
    try:
        seconds = 0.0 if isinstance(expires, bool | str | None) else float(expires)
    except (TypeError, ValueError, OverflowError):
        seconds = 0.0
    return seconds if 0 < seconds < LONGEST_LIFETIME else TOKEN_LIFETIME


def _failure(error: RestError) -> TokenAcquisitionError:
    """Return the error of a call without a token."""
    text = error.error.removeprefix(f"{error.call} failed: ")
    if error.errors:
        text = f"the exchange refused a token: {', '.join(error.errors)}"
    elif error.status is not None:
        text = f"no token in the reply (HTTP status {error.status})"
    failure = TokenAcquisitionError(text, venue_error=error.venue_error)
    failure.status, failure.errors = error.status, error.errors
    failure.retry_after = error.retry_after
    return failure
