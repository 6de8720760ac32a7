"""The WebSocket token: fetched when needed, renewed before it expires, shown to nobody."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine
from typing import Any, NoReturn, Protocol, Self

from ..exceptions import TokenAcquisitionError
from ..http import HTTPAuthenticatedClient, WebSocketToken

__all__ = ["TokenAcquisitionError", "TokenManager"]


class TokenSource(Protocol):
    """Whatever can fetch a token; `HTTPAuthenticatedClient` is one."""

    def get_websockets_token(self) -> Coroutine[Any, Any, WebSocketToken]: ...


class TokenManager:
    """One token for whoever asks, fetched once however many ask at the same time.

    A token must be used within 15 minutes; on a connection with a private subscription it then
    stays good (docs.kraken.com, page "Get Websockets Token"). The client asks once for each
    private connection and invalidates the token when that connection is lost.

    Args:
        auth_client: what fetches tokens.
        refresh_margin: seconds before its expiry from which a token is not handed out any more.
    """

    def __init__(self, auth_client: TokenSource, refresh_margin: float = 60.0) -> None:
        if not 0 <= refresh_margin < float("inf"):
            raise ValueError(f"refresh_margin must be 0 or more seconds, not {refresh_margin!r}")
        self._auth_client = auth_client
        self._refresh_margin = refresh_margin
        self._token: WebSocketToken | None = None
        self._good_until = 0.0
        self._fetch: _Fetch | None = None

    @classmethod
    def from_env(cls, *, refresh_margin: float = 60.0, **client_options: Any) -> Self:
        """Make a manager with the key in the environment.

        `KRAKEN_CONNECTOR_API_KEY` and `KRAKEN_CONNECTOR_API_SECRET` are looked for first, then
        `KRAKEN_API_KEY` and `KRAKEN_API_SECRET`, the names that most tools for the exchange use.

        Args:
            refresh_margin: as of the constructor.
            client_options: further arguments of `HTTPAuthenticatedClient`.

        Raises:
            ValueError: a variable is missing.
        """
        for prefix in ("KRAKEN_CONNECTOR_API", "KRAKEN_API"):
            key, secret = os.environ.get(f"{prefix}_KEY"), os.environ.get(f"{prefix}_SECRET")
            if key and secret:
                source = HTTPAuthenticatedClient(api_key=key, api_secret=secret, **client_options)
                return cls(source, refresh_margin=refresh_margin)
            if key or secret:
                missing = f"{prefix}_SECRET" if key else f"{prefix}_KEY"
                raise ValueError(f"{missing} is not set, but its counterpart is")
        raise ValueError("no API key: set KRAKEN_API_KEY and KRAKEN_API_SECRET")

    @property
    def is_valid(self) -> bool:
        """Whether `get_token` would answer without a request."""
        return self.good_for > 0

    @property
    def good_for(self) -> float:
        """Seconds for which `get_token` will answer without a request; 0.0 without a token."""
        return 0.0 if self._token is None else max(0.0, self._good_until - time.monotonic())

    async def get_token(self) -> str:
        """Return a token, fetched now if there is none with `refresh_margin` seconds to go.

        Raises:
            TokenAcquisitionError: none could be had.
        """
        if self._token is not None and self.is_valid:
            return self._token.token
        if self._fetch is None:
            self._fetch = _Fetch(self._auth_client.get_websockets_token())
        fetch = self._fetch
        try:
            token = await fetch.result()
        finally:
            if self._fetch is fetch and (fetch.task.done() or fetch.is_abandoned):
                self._fetch = None
                self._keep(fetch.task)
        return token.token

    def invalidate(self) -> None:
        """Forget the token; the next `get_token` fetches another one.

        Those who wait for a fetch at this moment still get its token, which nobody else will.
        """
        self._token = None
        self._fetch = None

    def _keep(self, task: asyncio.Task[WebSocketToken]) -> None:
        if task.done() and not task.cancelled() and task.exception() is None:
            self._token = task.result()
            lifetime = self._token.expires - self._refresh_margin
            self._good_until = time.monotonic() + lifetime

    def __repr__(self) -> str:
        return f"{type(self).__name__}(is_valid={self.is_valid})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a TokenManager holds secrets and cannot be pickled")


class OwnTokens:
    """A token for each connection of one client, out of one manager.

    Whether one token may serve several sockets is not documented, so none is handed out twice.

    Args:
        manager: fetches tokens.
    """

    def __init__(self, manager: TokenManager) -> None:
        self._manager = manager
        self._given = ""

    async def get_token(self) -> str:
        """Return a token that no other connection was given.

        Raises:
            TokenAcquisitionError: none could be had.
        """
        token = await self._manager.get_token()
        if token == self._given:
            self._manager.invalidate()
            token = await self._manager.get_token()
        self._given = token
        return token

    @property
    def good_for(self) -> float:
        """Seconds until the last token should be replaced; infinity where the manager, which may be
        anything that gives tokens, does not know, and where the next would be as short-lived."""
        good_for: float = getattr(self._manager, "good_for", 0.0)
        return good_for or float("inf")

    def invalidate(self) -> None:
        """Forget the token that the manager holds."""
        self._manager.invalidate()


class _Fetch:
    """One request for a token and those who wait for it.

    It is a task of its own, so that one waiter's cancellation does not fail the others; when the
    last waiter is gone it is cancelled.
    """

    def __init__(self, request: Coroutine[Any, Any, WebSocketToken]) -> None:
        self.task = asyncio.create_task(request)
        self._waiters = 0

    @property
    def is_abandoned(self) -> bool:
        """Whether nobody waits for it any more."""
        return not self._waiters

    async def result(self) -> WebSocketToken:
        """Wait for the token."""
        self._waiters += 1
        try:
            return await asyncio.shield(self.task)
        finally:
            self._waiters -= 1
            if not self._waiters:
                self.task.cancel()
