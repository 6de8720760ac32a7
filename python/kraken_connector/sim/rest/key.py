"""The API key: who may call, and the calls about the key itself.

Source: docs.kraken.com, REST authentication guide, `GetApiKeyInfo` and `GetWebSocketsToken`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

from ..trading.stream import USER
from .call import Call, needs
from .forms import Params
from .signing import decode_secret, sign
from .venue import RestSettings, Venue

INVALID_KEY = "EAPI:Invalid key"
INVALID_NONCE = "EAPI:Invalid nonce"
INVALID_SIGNATURE = "EAPI:Invalid signature"


class Key:
    """The only valid API key.

    Args:
        api_key: its public part.
        api_secret: its secret, base64.
        settings: give its permissions and its nonce window.

    Attributes:
        last_nonce: the highest nonce so far; -1 before the first.
    """

    def __init__(self, *, api_key: str, api_secret: str, settings: RestSettings) -> None:
        self.last_nonce = -1
        self.api_key = api_key
        self._secret = decode_secret(api_secret)
        self._settings = settings
        self._used: set[int] = set()

    def check(
        self, path: str, headers: Mapping[str, str], body: bytes, nonce: str | None
    ) -> str | None:
        """Return the error of a call whose key, nonce or signature is wrong.

        Args:
            path: URI path.
            headers: names in lower case.
            body: as sent.
            nonce: as in the body.
        """
        if not hmac.compare_digest(headers.get("api-key", "").encode(), self.api_key.encode()):
            return INVALID_KEY
        if nonce is None:
            return INVALID_NONCE
        expected = sign(self._secret, path, nonce, body)
        if not hmac.compare_digest(headers.get("api-sign", "").encode(), expected.encode()):
            return INVALID_SIGNATURE
        return None if self._accepts(int(nonce)) else INVALID_NONCE

    def allows(self, words: frozenset[str]) -> bool:
        """Return whether the key has one of some permissions; none are needed if it is empty."""
        return not words or not words.isdisjoint(self._settings.permissions)

    def _accepts(self, nonce: int) -> bool:
        """Return whether a nonce is above the highest, or new within the window below it."""
        lowest = self.last_nonce - self._settings.nonce_window
        is_new = nonce > self.last_nonce or (lowest < nonce and nonce not in self._used)
        if is_new:
            self.last_nonce = max(self.last_nonce, nonce)
            self._used = {used for used in self._used if used > lowest} | {nonce}
        return is_new


def read_nonce(params: Params) -> str | None:
    """Return the nonce of a call as text, if it is an unsigned integer of 64 bits."""
    given = params.get("nonce")
    nonce = str(given) if isinstance(given, (int, str)) and not isinstance(given, bool) else ""
    is_number = nonce.isascii() and nonce.isdigit() and len(nonce) <= 20
    return nonce if is_number and int(nonce) < 2**64 else None


def calls(key: Key) -> dict[str, Call]:
    """Return the calls about a key."""

    def info(venue: Venue, params: Params) -> Any:
        return {
            "apiKeyName": "simulated",
            "apiKey": key.api_key,
            "nonce": str(max(0, key.last_nonce)),
            "nonceWindow": venue.rest.nonce_window,
            "permissions": sorted(venue.rest.permissions),
            "iban": USER,
            "validUntil": "0",
            "queryFrom": "0",
            "queryTo": "0",
            "createdTime": "1790000000",
            "modifiedTime": "1790000000",
            "ipAllowlist": [],
            "lastUsed": str(venue.clock() // 10**9),
        }

    return {
        "GetApiKeyInfo": Call(info),
        "GetWebSocketsToken": Call(_token, needs=needs("create-ws-token")),
    }


def _token(venue: Venue, params: Params) -> Any:
    return {"token": venue.tokens.issue(), "expires": int(venue.tokens.lifetime)}
