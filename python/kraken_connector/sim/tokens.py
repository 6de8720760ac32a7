"""Session tokens for the private channels.

Source: docs.kraken.com, REST authentication guide and `GetWebSocketsToken`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

NANOSECONDS = 1_000_000_000


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
