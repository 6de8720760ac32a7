"""The WebSocket token: fetched when needed, renewed before it expires, never shown."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Coroutine
from math import inf
from typing import Any, NoReturn, Protocol, Self
from weakref import ref

from ...exceptions import TokenAcquisitionError
from ...http import HTTPAuthenticatedClient, WebSocketToken
from ...loop_time import now
from ...network import Network
from ...rest.client import KrakenRest
from .pacer import TokenPacer

__all__ = ["TokenAcquisitionError", "TokenManager"]

logger = logging.getLogger(__name__)


#: Pauses of at least so many seconds are logged as errors: their cause may not go away by itself.
LASTING = 45.0
#: Longest wait for a cancelled call to end, seconds.
LAST_WAIT = 1.0


class TokenSource(Protocol):
    """An object that can fetch a token: `KrakenRest`, `HTTPAuthenticatedClient` or your own."""

    def get_websockets_token(self) -> Coroutine[Any, Any, WebSocketToken]: ...


class TokenDelayed(TokenAcquisitionError):
    """It is too early to fetch another token; no call was made.

    Attributes:
        seconds: seconds until a call may be made.
    """

    def __init__(self, reason: str, seconds: float) -> None:
        self.reason = reason
        self.seconds = seconds
        super().__init__(f"no token: {_next_try(seconds)}{reason and f' ({reason})'}")


class TokenManager:
    """Fetches and keeps the token of private channels; concurrent calls share one request.

    A token must be used within 15 minutes; on a connection with a private subscription it stays
    valid from then on (docs.kraken.com, page "Get Websockets Token"). The client gives each private
    connection a token of its own.

    The calls stay within Kraken's limit for REST calls: at most 10 at once and 0.3 per second, with
    pauses of up to 30 s while calls fail or tokens are refused, of 15 minutes after
    `EGeneral:Temporary lockout`, and of 1 to 15 minutes after an error of the API key, such as
    `EAPI:Invalid key`. During a pause `get_token` raises at once and says when the next call may be
    made. Share one manager between all clients with the same key.

    Args:
        auth_client: the REST client that fetches tokens.
        refresh_margin: a token is not used any more in the last so many seconds before it expires.
    """

    def __init__(self, auth_client: TokenSource, refresh_margin: float = 60.0) -> None:
        if not 0 <= refresh_margin < inf:
            raise ValueError(f"refresh_margin must be 0 or more seconds, not {refresh_margin!r}")
        if not hasattr(auth_client, "get_websockets_token"):
            # Only its type: the value may be a token or a key.
            kind = type(auth_client).__name__
            raise TypeError(f"auth_client must be an HTTPAuthenticatedClient, not a {kind}")
        self._auth_client = auth_client
        self._refresh_margin = refresh_margin
        self._pacer = TokenPacer()
        self._token: WebSocketToken | None = None
        self._good_until = _Deadline(0.0)
        self._given = ""
        self._fetch: asyncio.Task[WebSocketToken] | None = None
        #: The event loop on which it was last used.
        self._loop: ref[asyncio.AbstractEventLoop] | None = None
        #: The number of calls that wait for a token.
        self._waiting = 0
        #: Incremented by `invalidate`: a fetch that started before does not set the token.
        self._generation = 0

    def use_network(self, network: Network) -> None:
        """Fetch tokens with a client's `ssl=` and `proxy=`.

        Settings of the HTTP client itself take precedence, and so do those of an earlier client
        that shares this manager.
        """
        if isinstance(self._auth_client, HTTPAuthenticatedClient | KrakenRest):
            self._auth_client.use_network(network)

    @classmethod
    def from_env(cls, *, refresh_margin: float = 60.0, **client_options: Any) -> Self:
        """Return a manager with the API key of the environment.

        Reads `KRAKEN_CONNECTOR_API_KEY` and `KRAKEN_CONNECTOR_API_SECRET`, or else
        `KRAKEN_API_KEY` and `KRAKEN_API_SECRET`, the names that most tools for Kraken use.

        Args:
            refresh_margin: as in the constructor.
            client_options: further arguments of `HTTPAuthenticatedClient`.

        Raises:
            ValueError: a variable is missing, or its value cannot be a key.
        """
        for prefix in ("KRAKEN_CONNECTOR_API", "KRAKEN_API"):
            names = (f"{prefix}_KEY", f"{prefix}_SECRET")
            missing = [name for name in names if not os.environ.get(name)]
            if not missing:
                # Not in local variables, which error reports show.
                source = HTTPAuthenticatedClient(
                    api_key=os.environ[names[0]], api_secret=os.environ[names[1]], **client_options
                )
                source.check_secret()
                return cls(source, refresh_margin=refresh_margin)
            if len(missing) == 1:
                raise ValueError(f"{missing[0]} is not set, but its counterpart is")
        raise ValueError("no API key: set KRAKEN_API_KEY and KRAKEN_API_SECRET")

    @property
    def rest(self) -> KrakenRest | None:
        """A REST client with the key of this manager, `None` if its `auth_client` has no key."""
        source = self._auth_client
        if isinstance(source, KrakenRest):
            return source
        return (
            KrakenRest.over(source.caller) if isinstance(source, HTTPAuthenticatedClient) else None
        )

    @property
    def is_valid(self) -> bool:
        """Whether `get_token` would return without a request."""
        return self.good_for > 0

    @property
    def good_for(self) -> float:
        """Seconds for which `get_token` will return without a request; 0.0 without a token."""
        return 0.0 if self._token is None else self._good_until.left()

    @property
    def next_call_in(self) -> float:
        """Seconds until a token may be fetched; 0.0 if now."""
        return self._pacer.wait(now())

    async def get_token(self) -> str:
        """Return the token; fetch one unless it is valid for `refresh_margin` seconds more.

        Raises:
            TokenAcquisitionError: the call failed, or it is too early for a call; the text says
                when the next one may be made.
        """
        self._check_loop()
        if self._token is not None and self.is_valid:
            return self._token.token
        fetch = self._fetch
        if fetch is None or fetch.done() or fetch.get_loop() is not asyncio.get_running_loop():
            if (seconds := self.next_call_in) > 0:
                raise TokenDelayed(self._pacer.reason, seconds)
            fetch = self._fetch = asyncio.create_task(self._fetched(self._generation))
            # Callers get the error; by then there may be none.
            fetch.add_done_callback(_retrieve_error)
        # Not cancelled with its callers, as the next connection can use the token.
        self._waiting += 1
        try:
            return (await asyncio.shield(fetch)).token
        finally:
            self._waiting -= 1

    async def release(self) -> None:
        """Cancel a call whose result nothing waits for, as after the last client disconnected."""
        fetch = self._fetch
        is_ours = fetch is not None and fetch.get_loop() is asyncio.get_running_loop()
        if fetch is None or not is_ours or self._waiting or fetch.done():
            return
        self._fetch = None
        fetch.cancel()
        # Not longer, in case the source suppresses the cancellation.
        await asyncio.wait([fetch], timeout=LAST_WAIT)

    def _check_loop(self) -> None:
        """Check that only one thread uses the manager, as nothing is locked.

        Raises:
            TokenAcquisitionError: another running event loop has used it.
        """
        loop = asyncio.get_running_loop()
        last = None if self._loop is None else self._loop()
        if last is not None and last is not loop and last.is_running():
            raise TokenAcquisitionError(
                "this TokenManager is in use by the event loop of another thread: "
                "give each thread a TokenManager and an API key of its own"
            )
        self._loop = ref(loop)

    async def new_token(self) -> str:
        """Return a token that this method has not returned before, for one connection.

        Kraken does not document whether connections may share a token.

        Raises:
            TokenAcquisitionError: as in `get_token`.
        """
        token = await self.get_token()
        if token == self._given:
            self.invalidate()
            token = await self.get_token()
        self._given = token
        return token

    def invalidate(self) -> None:
        """Discard the token; the next `get_token` fetches another one.

        Calls that are waiting still return the token of the pending request; later calls do not.
        """
        self._token = None
        self._fetch = None
        self._generation += 1

    def refused(self, token: str) -> None:
        """Record that the exchange refused a token; the next call may have to wait."""
        if self._token is not None and self._token.token == token:
            self._token = None
        self._pacer.refused(now())
        logger.warning("the exchange refused a token; %s", _next_try(self.next_call_in))

    async def _fetched(self, generation: int) -> WebSocketToken:
        """Fetch a token; after `EAPI:Invalid nonce` once more, with the next nonce."""
        try:
            try:
                token = await self._call()
            except TokenAcquisitionError as error:
                if not _is_about_nonce(error) or self.next_call_in > 0:
                    raise
                token = await self._call()
        except TokenAcquisitionError as error:
            raise self._with_next_try(error) from None
        if generation == self._generation:
            self._token = token
            self._good_until = _Deadline(token.expires - self._refresh_margin)
        return token

    async def _call(self) -> WebSocketToken:
        self._pacer.calling(now())
        try:
            token = await self._auth_client.get_websockets_token()
        except Exception as error:
            self._pacer.failed(now(), _wall_time(), error)
            wait = self.next_call_in
            level = logging.WARNING if wait < LASTING else logging.ERROR
            logger.log(level, "no token: %s; %s", self._pacer.reason, _next_try(wait))
            raise
        self._pacer.succeeded(now())
        return token

    def _with_next_try(self, error: TokenAcquisitionError) -> TokenAcquisitionError:
        """Return an error that also says when the next call may be made, if not at once."""
        if (seconds := self.next_call_in) <= 0:
            return error
        explained = TokenAcquisitionError(f"{error.error}; {_next_try(seconds)}")
        vars(explained).update(vars(error))
        return explained

    def __repr__(self) -> str:
        return f"{type(self).__name__}(is_valid={self.is_valid})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a TokenManager holds secrets and cannot be pickled")


def shared_manager(manager: Any, network: Network) -> TokenManager:
    """Return the manager from which the connections of a client get their tokens.

    Args:
        manager: a `TokenManager`, or another object with a coroutine method `get_token`.
        network: TLS settings and proxy of the client, used for the token call too.
    """
    if not isinstance(manager, TokenManager):
        return TokenManager(_OtherManager(manager), refresh_margin=0.0)
    manager.use_network(network)
    return manager


def rest_client(rest: KrakenRest | None, manager: object, network: Network) -> KrakenRest:
    """Return the REST client of a WebSocket client; without an API key it makes public calls only.

    Args:
        rest: the one that the user gave.
        manager: the `TokenManager`, whose key is used otherwise.
        network: TLS settings and proxy of the WebSocket client.

    Raises:
        TypeError: `rest` is not a `KrakenRest`.
    """
    if rest is None and isinstance(manager, TokenManager):
        rest = manager.rest
    if not isinstance(rest, KrakenRest | None):
        # Only its type: the value may be a key.
        raise TypeError(f"rest must be a KrakenRest, not a {type(rest).__name__}")
    rest = rest or KrakenRest()
    rest.use_network(network)
    return rest


class _OtherManager:
    """Adapts a user's own manager to `TokenSource`."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager
        self._is_used = False

    async def get_websockets_token(self) -> WebSocketToken:
        if self._is_used and hasattr(self._manager, "invalidate"):
            self._manager.invalidate()
        self._is_used = True
        token = await self._manager.get_token()
        return WebSocketToken(token, getattr(self._manager, "good_for", 0.0) or inf)


class _Deadline:
    """A deadline by the monotonic and the wall clock, whichever reaches it first.

    The monotonic clock can stand still while the machine sleeps; the wall clock can be set.
    """

    def __init__(self, seconds: float) -> None:
        self._monotonic = now() + seconds
        self._wall = _wall_time() + seconds

    def left(self) -> float:
        """Return the seconds until then, 0.0 afterwards."""
        return max(0.0, min(self._monotonic - now(), self._wall - _wall_time()))


def _wall_time() -> float:
    """Return seconds since the epoch."""
    return time.time_ns() / 1e9


def _next_try(seconds: float) -> str:
    """Return a phrase that says when the next call may be made."""
    if seconds <= 0:
        return "the next try is possible at once"
    at = time.strftime("%H:%M:%S", time.gmtime(_wall_time() + seconds))
    return f"the next try is in {seconds:.0f} s, at {at} UTC"


def _is_about_nonce(error: TokenAcquisitionError) -> bool:
    return "invalid nonce" in (error.venue_error or "").lower()


def _retrieve_error(task: asyncio.Task[WebSocketToken]) -> None:
    """Keep asyncio from logging an error that no caller received."""
    if not task.cancelled():
        task.exception()
