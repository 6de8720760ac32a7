"""The token of one connection, and the private requests that wait for it."""

from __future__ import annotations

from collections.abc import Callable

from .flights import Flight

__all__ = ["TokenDesk"]

_NEVER = float("inf")


class TokenDesk:
    """Holds private requests back until there is a token to put into them.

    Each connection has a token of its own, which stays good while the connection has a private
    subscription (docs.kraken.com, page "Get Websockets Token"). Without one, as where only orders
    are sent, another one is fetched before it expires.

    Args:
        has_source: whether tokens can be fetched; if not, requests carry the token that their
            parameters bring.
        attempts: how often a token is fetched in a row for subscriptions that are replayed.

    Attributes:
        waiting: subscriptions without a token.
        token: the token of this connection, `None` while there is none.
        has_source: whether tokens can be fetched.
        refused: whether the exchange refused the last token, so that another one is needed.
    """

    def __init__(self, has_source: bool, attempts: int) -> None:
        self.waiting: list[Flight] = []
        self.refused = False
        self.has_source = has_source
        self._attempts = attempts
        self.token: str | None = None
        self._wanted = False
        self._failures = 0
        self._not_before = 0.0
        self._good_until = _NEVER

    @property
    def is_wanted(self) -> bool:
        """Whether something waits for a token."""
        return (self._wanted or bool(self.waiting)) and self.token is None

    def want(self, wanted: bool = True) -> None:
        """Note whether something else than `waiting` needs a token, as orders do."""
        self._wanted = wanted

    def deadline(self, *, is_kept: bool = False) -> float:
        """Return when to fetch a token: a time in the past if at once, infinity if not.

        Args:
            is_kept: whether a private subscription keeps the token good.
        """
        if self.token is None:
            return self._not_before if self.is_wanted else _NEVER
        return _NEVER if is_kept else max(self._good_until, self._not_before)

    def admit(self, flight: Flight) -> bool:
        """Tell whether a request has its token; if not it is kept."""
        if self.token is not None or not self.has_source:
            return True
        self.waiting.append(flight)
        return False

    def token_for(self, flight: Flight) -> str | None:
        """Return what to put into a request."""
        if not flight.needs_token:
            return None
        if self.has_source:
            return self.token
        params = next(iter(flight.topics.values())).params
        return getattr(params, "token", None)

    def refuse(self, token: str | None, now: float, *, patiently: bool) -> bool:
        """Note that the exchange refused a token; false when another one would not help.

        Args:
            token: what it refused.
            now: monotonic seconds.
            patiently: whether to go on when a second one in a row is refused, after a pause.
        """
        if not self.has_source:
            return False
        if token != self.token:
            return True  # It was replaced, or is about to be, because of another request.
        if self.refused:
            if not patiently:
                return False
            self._failures += 1
            self._not_before = now + self._pause()
        self.token = None
        self.refused = True
        return True

    def invalidate(self, token: str | None) -> None:
        """Forget a token that the exchange refused for an order, which is not sent again."""
        if self.has_source and token == self.token:
            self.token = None
            self.refused = self._wanted = True

    def accepted(self) -> None:
        """Note that the exchange took the token: a later refusal is a new story."""
        self.refused = False
        self._failures = 0

    def arrived(self, token: str, good_until: float) -> list[Flight]:
        """Take a token and return what waited for it."""
        self.token = token
        self._good_until = good_until
        self._wanted = False
        if not self.refused:
            self._failures = 0
        waiting, self.waiting = self.waiting, []
        return waiting

    def failed(self, now: float) -> bool:
        """Note that no token could be had; false when it was tried often enough."""
        self._failures += 1
        self._not_before = now + self._pause()
        return self._failures < self._attempts

    def _pause(self) -> float:
        return min(0.5 * 2.0**self._failures, 30.0)

    def keep(self, wanted: Callable[[Flight], bool]) -> None:
        """Drop the waiting requests that are not `wanted`."""
        self.waiting = [flight for flight in self.waiting if wanted(flight)]

    def lost(self) -> None:
        """Begin anew: the socket is gone, and its token with it."""
        self.token = None
        self.waiting.clear()
        self.refused = self._wanted = False
        self._not_before = 0.0

    def forget(self) -> None:
        """Begin anew on the user's wish: failures of before do not count."""
        self.lost()
        self._failures = 0
