"""The token of one connection, and the subscriptions that wait for it.

Orders wait for it in `order_requests.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from ..token.mask import TokenMask
from .request_queue import OutgoingRequest

__all__ = ["TokenRequests"]


class TokenRequests:
    """Holds private subscriptions back until there is a token.

    Each connection has its own token, which stays valid while the connection has a private
    subscription (docs.kraken.com, page "Get Websockets Token"). Without a subscription, as when
    only orders are sent, another token is fetched before it expires. `TokenManager` decides when,
    for all connections together.

    Args:
        has_source: whether tokens can be fetched; if not, requests carry the token of their
            parameters.

    Attributes:
        waiting: the subscriptions that wait for a token.
        token: the token of this connection, `None` while there is none.
        has_source: whether tokens can be fetched.
        is_refused: whether the exchange refused the last token, so that another one is needed.
        not_before: when the next token can be fetched, monotonic seconds.
        mask: masks the tokens of this connection in replies and texts.
    """

    def __init__(self, has_source: bool) -> None:
        self.waiting: list[OutgoingRequest] = []
        self.is_refused = False
        self.has_source = has_source
        self.token: str | None = None
        self.not_before = 0.0
        self.mask = TokenMask()
        self._refused_token: str | None = None
        self._reason = ""
        self._wanted = False
        self._good_until = inf

    @property
    def is_wanted(self) -> bool:
        """Whether a request waits for a token."""
        return (self._wanted or bool(self.waiting)) and self.token is None

    def set_wanted(self, wanted: bool = True) -> None:
        """Record whether requests other than `waiting` need a token, as orders do."""
        self._wanted = wanted

    def deadline(self, *, is_kept: bool = False) -> float:
        """Return when to fetch a token: a time in the past for at once, infinity for never.

        With `is_kept` a private subscription keeps the token valid.
        """
        if self.token is None:
            return self.not_before if self.is_wanted else inf
        return inf if is_kept else max(self._good_until, self.not_before)

    @property
    def is_missing(self) -> bool:
        """Whether a private request would have to wait for a token."""
        return self.token is None and self.has_source

    def problem(self, now: float) -> str:
        """Return a text that says why there is no token, and when the next fetch is."""
        wait = self.not_before - now
        text = f"no token: the next try is in {wait:.0f} s" if wait > 0 else "no token"
        return f"{text} ({self._reason})" if self._reason else text

    def admit(self, outgoing: OutgoingRequest) -> bool:
        """Return whether a message can be sent; if not, it waits for the token."""
        if self.is_missing:
            self.waiting.append(outgoing)
        return not self.is_missing

    def token_for(self, outgoing: OutgoingRequest) -> str | None:
        """Return the token to put into a message, `None` if it needs none."""
        if not outgoing.needs_token:
            return None
        if self.has_source:
            return self.token
        params = next(iter(outgoing.topics.values())).params
        token: str | None = getattr(params, "token", None)
        self.mask.add(token)
        return token

    def on_refused(self, token: str | None, *, patiently: bool) -> bool:
        """Handle a refused token; return false if another one would not help.

        After two refused tokens in a row, only a patient request goes on.
        """
        if not self.has_source:
            return False
        if token != self.token:
            return True  # Another request was refused first: the token is being replaced.
        if self.is_refused and not patiently:
            return False
        self.token = None
        self.is_refused = True
        self._refused_token = token
        return True

    def invalidate(self, token: str | None) -> None:
        """Drop a token that was refused for an order, and request another one.

        An order that may be sent again waits for it like one that was never sent.
        """
        if token is not None and token == self.token and self.on_refused(token, patiently=True):
            self._wanted = True

    def pop_refused(self) -> str | None:
        """Return the token that was refused since the last call, `None` if none was."""
        refused, self._refused_token = self._refused_token, None
        return refused

    def on_accepted(self) -> None:
        """Record that the exchange accepted the token: a later refusal counts as the first."""
        self.is_refused = False

    def set(self, token: str, good_until: float) -> list[OutgoingRequest]:
        """Set the token and return the messages that waited for it."""
        self.token = token
        self.mask.add(token)
        self._good_until = good_until
        self._wanted = False
        self.postpone(0.0, "")
        waiting, self.waiting = self.waiting, []
        return waiting

    def postpone(self, until: float, reason: str) -> None:
        """Set when the next token can be fetched, and the reason for the delay."""
        self.not_before = until
        self._reason = reason

    def retain(self, wanted: Callable[[OutgoingRequest], bool]) -> None:
        """Drop the waiting messages that are not `wanted`."""
        self.waiting = [outgoing for outgoing in self.waiting if wanted(outgoing)]

    def reset(self) -> None:
        """Drop the token and all waiting messages: the socket is lost."""
        self.token = None
        self.waiting.clear()
        self.is_refused = self._wanted = False
        self._refused_token = None
        self.postpone(0.0, "")
