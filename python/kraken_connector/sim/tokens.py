"""Session tokens for the private channels, and the signed REST call that issues them.

Source: docs.kraken.com, REST authentication guide and `GetWebSocketsToken`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import orjson

from .http import HttpResponse

TOKEN_PATH = "/0/private/GetWebSocketsToken"
NANOSECONDS = 1_000_000_000
LOCKED_OUT = "EGeneral:Temporary lockout"


class Tokens:
    """The tokens issued so far.

    Args:
        lifetime: seconds until an unused token expires.
        clock: returns nanoseconds since the epoch.

    Attributes:
        issued: how many tokens were issued.
    """

    def __init__(self, *, lifetime: float, clock: Callable[[], int]) -> None:
        self.lifetime = lifetime
        self.issued = 0
        self._short_lived = 0
        self._clock = clock
        self._issued_ns: dict[str, int] = {}

    def issue(self) -> str:
        """Return a new token."""
        token = secrets.token_urlsafe(32)
        self.issued += 1
        self._issued_ns[token] = self._clock()
        if self._short_lived:
            self._short_lived -= 1
            self._issued_ns[token] -= int(self.lifetime * NANOSECONDS)
        return token

    def expire_next(self, times: int = 1) -> None:
        """Issue tokens next that have already expired."""
        self._short_lived = times

    def accepts(self, token: str, *, in_use: bool = False) -> bool:
        """Return whether a token opens a private channel.

        Args:
            token: the client's.
            in_use: whether a live private subscription of the same connection uses it; such a
                token does not expire.
        """
        issued_ns = self._issued_ns.get(token)
        if issued_ns is None:
            return False
        return in_use or self._clock() - issued_ns < self.lifetime * NANOSECONDS

    def revoke_all(self) -> None:
        """Make every token issued so far invalid, in use or not."""
        self._issued_ns.clear()


@dataclass(frozen=True, slots=True)
class Alteration:
    """Changes of the response to a successful token call.

    Attributes:
        warnings: texts in `error`, beside the result.
        result: keys of the result that are added or replaced.
    """

    warnings: Sequence[str]
    result: Mapping[str, Any]


class RestApi:
    """The private REST endpoint: checks key, signature and nonce as the exchange does.

    Args:
        api_key: the only valid key.
        api_secret: its secret, base64.
        tokens: issues the tokens.
        clock: returns nanoseconds since the epoch.

    Attributes:
        calls: how many token calls were received, refused ones included.
    """

    def __init__(
        self, *, api_key: str, api_secret: str, tokens: Tokens, clock: Callable[[], int]
    ) -> None:
        self.calls = 0
        self._api_key = api_key
        self._secret = _decode_secret(api_secret)
        self._tokens = tokens
        self._clock = clock
        self._last_nonce = -1
        self._scripted: deque[HttpResponse] = deque()
        self._alterations: deque[Alteration] = deque()
        self._locked_until_ns = 0
        self._lock_ns = 0

    def answer_next(self, response: HttpResponse, times: int = 1) -> None:
        """Answer the next token calls with a given response."""
        self._scripted.extend([response] * times)

    def alter_next(self, alteration: Alteration, times: int = 1) -> None:
        """Change the responses to the next successful token calls."""
        self._alterations.extend([alteration] * times)

    def lock_out(self, seconds: float, *, lengthens: bool) -> None:
        """Refuse token calls for a while; with `lengthens`, each of them restarts it."""
        lock_ns = int(seconds * NANOSECONDS)
        self._locked_until_ns = self._clock() + lock_ns
        self._lock_ns = lock_ns if lengthens else 0

    def clear_refusals(self) -> None:
        """Answer token calls as usual."""
        self._scripted.clear()
        self._alterations.clear()
        self._locked_until_ns = 0

    def respond(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> HttpResponse:
        """Return the response to a call. Refused calls get status 200 too, as on the exchange.

        Args:
            method: HTTP method.
            target: path of the request line.
            headers: names in lower case.
            body: as sent.
        """
        path = target.partition("?")[0]
        if path != TOKEN_PATH or method != "POST":
            return refusal("EGeneral:Unknown method")
        self.calls += 1
        if self._is_locked():
            return refusal(LOCKED_OUT)
        if self._scripted:
            return self._scripted.popleft()
        error = self._error(path, headers, body)
        return self._token() if error is None else refusal(error)

    def _token(self) -> HttpResponse:
        result = {"token": self._tokens.issue(), "expires": int(self._tokens.lifetime)}
        warnings: Sequence[str] = []
        if self._alterations:
            alteration = self._alterations.popleft()
            warnings, result = alteration.warnings, {**result, **alteration.result}
        return HttpResponse(200, orjson.dumps({"error": list(warnings), "result": result}))

    def _is_locked(self) -> bool:
        """Return whether a lockout is in force, and restart it if calls do so."""
        now_ns = self._clock()
        is_locked = now_ns < self._locked_until_ns
        if is_locked and self._lock_ns:
            self._locked_until_ns = now_ns + self._lock_ns
        return is_locked

    def _error(self, path: str, headers: Mapping[str, str], body: bytes) -> str | None:
        nonce = _nonce(headers.get("content-type", ""), body)
        if not hmac.compare_digest(headers.get("api-key", ""), self._api_key):
            return "EAPI:Invalid key"
        if nonce is None:
            return "EAPI:Invalid nonce"
        expected = sign(self._secret, path, nonce, body)
        if not hmac.compare_digest(headers.get("api-sign", ""), expected):
            return "EAPI:Invalid signature"
        if int(nonce) <= self._last_nonce:
            return "EAPI:Invalid nonce"
        self._last_nonce = int(nonce)
        return None


def refusal(error: str) -> HttpResponse:
    """Return the response to a refused call."""
    return HttpResponse(200, orjson.dumps({"error": [error]}))


def sign(secret: bytes, path: str, nonce: str, body: bytes) -> str:
    """Return the `API-Sign` header of a call.

    Args:
        secret: the decoded API secret.
        path: URI path, from `/0/private/` on.
        nonce: as in the body.
        body: as sent.
    """
    digest = hashlib.sha256(nonce.encode() + body).digest()
    return base64.b64encode(hmac.digest(secret, path.encode() + digest, "sha512")).decode()


def new_secret() -> str:
    """Return a new API secret, base64 of 64 random bytes as on the exchange."""
    return base64.b64encode(secrets.token_bytes(64)).decode()


def _decode_secret(secret: str) -> bytes:
    try:
        return base64.b64decode(secret, validate=True)
    except binascii.Error as error:
        raise ValueError("api_secret must be base64 text") from error


def _nonce(content_type: str, body: bytes) -> str | None:
    """Return the nonce of a form or JSON body, if it is an unsigned 64-bit integer."""
    try:
        if "json" in content_type:
            nonce = str(orjson.loads(body)["nonce"])
        else:
            nonce = parse_qs(body.decode("ascii"))["nonce"][0]
    except (KeyError, TypeError, ValueError):
        return None
    return nonce if nonce.isascii() and nonce.isdigit() and int(nonce) < 2**64 else None
