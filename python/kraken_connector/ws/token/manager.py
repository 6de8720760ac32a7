"""The WebSocket token: fetched when needed, renewed before it expires, shown to nobody."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Coroutine
from typing import Any, NoReturn, Protocol, Self
from weakref import ref

from ...exceptions import TokenAcquisitionError
from ...http import HTTPAuthenticatedClient, WebSocketToken
from ...network import Network
from .pacer import TokenPacer

__all__ = ["TokenAcquisitionError", "TokenManager"]

logger = logging.getLogger(__name__)

_FOREVER = float("inf")

#: Seconds of a pause from which on the cause does not pass by itself, or only after long.
LASTING = 45.0


#: Seconds that a cancelled call may take to end.
LAST_WAIT = 1.0


class TokenSource(Protocol):
    """Whatever can fetch a token; `HTTPAuthenticatedClient` is one."""

    def get_websockets_token(self) -> Coroutine[Any, Any, WebSocketToken]: ...


class TokenDelayed(TokenAcquisitionError):
    """No call was made for a token, as it is too early for the next one.

    Attributes:
        seconds: after how many a call may be made.
    """

    def __init__(self, reason: str, seconds: float) -> None:
        self.reason = reason
        self.seconds = seconds
        super().__init__(f"no token: {_next_try(seconds)}{reason and f' ({reason})'}")


class TokenManager:
    """One token for whoever asks, fetched once however many ask at the same time.

    A token must be used within 15 minutes; on a connection with a private subscription it then
    stays good (docs.kraken.com, page "Get Websockets Token"). The client takes a token of its own
    for each private connection.

    Calls are spaced so that the exchange's limit for REST calls is kept, whatever happens: at most
    10 at once and 0.3 per second, with pauses that grow up to 30 s while calls fail or tokens are
    refused; 15 minutes after `EGeneral:Temporary lockout`; 1 to 15 minutes after an error of the
    API key, such as `EAPI:Invalid key`. Meanwhile `get_token` raises at once and says when the next
    call may be made. Share one manager between all clients with the same key.

    Args:
        auth_client: what fetches tokens.
        refresh_margin: seconds before its expiry from which a token is not handed out any more.
    """

    def __init__(self, auth_client: TokenSource, refresh_margin: float = 60.0) -> None:
        if not 0 <= refresh_margin < float("inf"):
            raise ValueError(f"refresh_margin must be 0 or more seconds, not {refresh_margin!r}")
        if not hasattr(auth_client, "get_websockets_token"):
            # Its type only: a token or a key in the wrong place must not be shown.
            kind = type(auth_client).__name__
            raise TypeError(f"auth_client must be an HTTPAuthenticatedClient, not a {kind}")
        self._auth_client = auth_client
        self._refresh_margin = refresh_margin
        self._pacer = TokenPacer()
        self._token: WebSocketToken | None = None
        self._good_until = _Deadline(0.0)
        self._given = ""
        self._fetch: asyncio.Task[WebSocketToken] | None = None
        #: The event loop that used it last.
        self._loop: ref[asyncio.AbstractEventLoop] | None = None
        #: How many wait for a token.
        self._waiting = 0
        #: Counts what makes tokens that are under way useless.
        self._generation = 0

    def use_network(self, network: Network) -> None:
        """Fetch tokens by way of a client's `ssl=` and `proxy=`.

        What the HTTP client was given itself goes before, and so does what was brought by an
        earlier client that shares this manager.
        """
        if isinstance(self._auth_client, HTTPAuthenticatedClient):
            self._auth_client.use_network(network)

    @classmethod
    def from_env(cls, *, refresh_margin: float = 60.0, **client_options: Any) -> Self:
        """Make a manager with the key in the environment.

        `KRAKEN_CONNECTOR_API_KEY` and `KRAKEN_CONNECTOR_API_SECRET` are looked for first, then
        `KRAKEN_API_KEY` and `KRAKEN_API_SECRET`, the names that most tools for the exchange use.

        Args:
            refresh_margin: as of the constructor.
            client_options: further arguments of `HTTPAuthenticatedClient`.

        Raises:
            ValueError: a variable is missing, or its value cannot be a key.
        """
        for prefix in ("KRAKEN_CONNECTOR_API", "KRAKEN_API"):
            names = (f"{prefix}_KEY", f"{prefix}_SECRET")
            missing = [name for name in names if not os.environ.get(name)]
            if not missing:
                # Not by way of variables: error reports show them.
                source = HTTPAuthenticatedClient(
                    api_key=os.environ[names[0]], api_secret=os.environ[names[1]], **client_options
                )
                return cls(source, refresh_margin=refresh_margin)
            if len(missing) == 1:
                raise ValueError(f"{missing[0]} is not set, but its counterpart is")
        raise ValueError("no API key: set KRAKEN_API_KEY and KRAKEN_API_SECRET")

    @property
    def is_valid(self) -> bool:
        """Whether `get_token` would answer without a request."""
        return self.good_for > 0

    @property
    def good_for(self) -> float:
        """Seconds for which `get_token` will answer without a request; 0.0 without a token."""
        return 0.0 if self._token is None else self._good_until.left()

    @property
    def next_call_in(self) -> float:
        """Seconds until a token may be fetched; 0.0 at once."""
        return self._pacer.wait(_now())

    async def get_token(self) -> str:
        """Return a token, fetched now if there is none with `refresh_margin` seconds to go.

        Raises:
            TokenAcquisitionError: there is none, or it is too early for another call; the text says
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
            # Whoever waits gets the error; perhaps nobody does any more.
            fetch.add_done_callback(_look_at)
        # Not cancelled with those who wait for it: the next connection wants the token.
        self._waiting += 1
        try:
            return (await asyncio.shield(fetch)).token
        finally:
            self._waiting -= 1

    async def release(self) -> None:
        """End a call that nobody waits for any more, as when the last client has disconnected."""
        fetch = self._fetch
        is_ours = fetch is not None and fetch.get_loop() is asyncio.get_running_loop()
        if fetch is None or not is_ours or self._waiting or fetch.done():
            return
        self._fetch = None
        fetch.cancel()
        # A source that does not let itself be cancelled holds up nobody.
        await asyncio.wait([fetch], timeout=LAST_WAIT)

    def _check_loop(self) -> None:
        """Refuse to be used by two threads: nothing here is locked.

        Raises:
            TokenAcquisitionError: another event loop is running that used it before.
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
        """Return a token that this method did not return before, for a connection of its own.

        Whether one token may serve several connections is not documented.

        Raises:
            TokenAcquisitionError: as of `get_token`.
        """
        token = await self.get_token()
        if token == self._given:
            self.invalidate()
            token = await self.get_token()
        self._given = token
        return token

    def invalidate(self) -> None:
        """Forget the token; the next `get_token` fetches another one.

        Those who wait for a fetch at this moment still get its token, which nobody else will.
        """
        self._token = None
        self._fetch = None
        self._generation += 1

    def refused(self, token: str) -> None:
        """Note that the exchange refused a token; the next one may have to wait."""
        if self._token is not None and self._token.token == token:
            self._token = None
        self._pacer.refused(_now())
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
        self._pacer.calling(_now())
        try:
            token = await self._auth_client.get_websockets_token()
        except Exception as error:
            self._pacer.failed(_now(), _wall_time(), error)
            wait = self.next_call_in
            level = logging.WARNING if wait < LASTING else logging.ERROR
            logger.log(level, "no token: %s; %s", self._pacer.reason, _next_try(wait))
            raise
        self._pacer.succeeded(_now())
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


class OwnTokens:
    """A token for each connection of a client, out of one manager.

    Args:
        manager: a `TokenManager`, or anything else with a coroutine method `get_token`.
        network: how the client reaches its hosts; the token call goes by it too.
    """

    def __init__(self, manager: Any, network: Network | None = None) -> None:
        if not isinstance(manager, TokenManager):
            manager = TokenManager(_OtherManager(manager), refresh_margin=0.0)
        self._manager: TokenManager = manager
        if network is not None:
            manager.use_network(network)

    async def get_token(self) -> str:
        """Return a token that no other connection was given.

        Raises:
            TokenDelayed: it is too early for a call.
            TokenAcquisitionError: a call was made, and there is none.
        """
        return await self._manager.new_token()

    @property
    def good_for(self) -> float:
        """Seconds until the last token should be replaced; infinity where that is not known, or
        where the next one would be as short-lived."""
        return self._manager.good_for or _FOREVER

    @property
    def next_call_in(self) -> float:
        """Seconds until a token may be fetched; 0.0 at once."""
        return self._manager.next_call_in

    def refused(self, token: str) -> None:
        """Note that the exchange refused a token."""
        self._manager.refused(token)

    async def release(self) -> None:
        """End a call that nobody waits for any more."""
        await self._manager.release()


class _OtherManager:
    """A source of tokens that is somebody else's manager."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager
        self._is_used = False

    async def get_websockets_token(self) -> WebSocketToken:
        if self._is_used and hasattr(self._manager, "invalidate"):
            self._manager.invalidate()
        self._is_used = True
        token = await self._manager.get_token()
        return WebSocketToken(token, getattr(self._manager, "good_for", 0.0) or _FOREVER)


class _Deadline:
    """A moment by two clocks, whichever shows it first.

    A machine that slept has a monotonic clock that stood still, and the exchange's went on; a wall
    clock may be set.
    """

    def __init__(self, seconds: float) -> None:
        self._monotonic = _now() + seconds
        self._wall = _wall_time() + seconds

    def left(self) -> float:
        """Return the seconds until then, 0.0 afterwards."""
        return max(0.0, min(self._monotonic - _now(), self._wall - _wall_time()))


def _now() -> float:
    """Return monotonic seconds: those of the running event loop, if there is one."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return time.monotonic()


def _wall_time() -> float:
    """Return seconds since the epoch."""
    return time.time_ns() / 1e9


def _next_try(seconds: float) -> str:
    """Say when the next call may be made."""
    if seconds <= 0:
        return "the next try is possible at once"
    at = time.strftime("%H:%M:%S", time.gmtime(_wall_time() + seconds))
    return f"the next try is in {seconds:.0f} s, at {at} UTC"


def _is_about_nonce(error: TokenAcquisitionError) -> bool:
    return "invalid nonce" in (error.venue_error or "").lower()


def _look_at(task: asyncio.Task[WebSocketToken]) -> None:
    """Keep asyncio from reporting an error that nobody waited for."""
    if not task.cancelled():
        task.exception()
