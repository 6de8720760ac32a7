"""One HTTP request and its reply, over httpx.

Neither keys nor signatures nor a proxy's password appear in exceptions, logs or the local variables
of tracebacks.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import httpx

from ..network import Network, checked_url_parts, longest_pause, without_frames

__all__ = [
    "REST_URL",
    "HttpReply",
    "HttpRequest",
    "RequestFailed",
    "Transport",
    "are_modules_loaded",
    "load_modules",
    "shown_url",
]

#: docs.kraken.com, guide "Spot REST Authentication" and page "Get Websockets Token".
REST_URL = "https://api.kraken.com"
#: Seconds for a whole request by default.
TIMEOUT = 10.0
#: Limit for the bytes of a reply: `AssetPairs` of all pairs has about 2 MB.
LONGEST_REPLY = 16 * 2**20

#: Errors whose text comes from the operating system and cannot contain a header.
_SAFE_ERRORS = (httpx.ConnectError, httpx.ReadError, httpx.WriteError, OSError)


class RequestFailed(Exception):
    """A request has no reply.

    Attributes:
        was_sent: whether the server may have received the request.
    """

    def __init__(self, problem: str, *, was_sent: bool) -> None:
        self.was_sent = was_sent
        super().__init__(problem)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request.

    Attributes:
        method: `GET` or `POST`.
        target: path and query string.
        headers: further headers.
        body: the body, `None` without one.
    """

    method: str
    target: str
    # They hold a key, a signature, and what is signed.
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A reply.

    Attributes:
        status: the HTTP status.
        body: at most a little more than `LONGEST_REPLY` bytes.
        retry_after: seconds of the header `Retry-After`, `None` without one.
    """

    status: int
    # It may hold a token.
    body: bytes = field(repr=False)
    retry_after: float | None = None


class Transport:
    """Sends requests to one host; its connections belong to the event loop that opened them.

    Args:
        base_url: scheme and host.
        options: arguments of `httpx.AsyncClient`. Without `verify` the `ssl` of the WebSocket
            client applies, and without `proxy`, `mounts` and `transport` its `proxy`.

    Attributes:
        base_url: without a slash at its end.
        shown_url: scheme, host and port.

    Raises:
        ValueError: the URL has no valid host or port; the text does not contain it.
    """

    def __init__(self, base_url: str, options: Mapping[str, Any]) -> None:
        self.shown_url = shown_url(base_url)
        self.base_url = base_url.rstrip("/")
        self._options = dict(options)
        self._timeout, self._options["timeout"] = _timeouts(self._options.get("timeout"))
        self._network = Network()
        self._tls_lock = threading.Lock()
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            WeakKeyDictionary()
        )
        #: Those with an earlier network, which may be in use.
        self._former: WeakKeyDictionary[asyncio.AbstractEventLoop, list[httpx.AsyncClient]] = (
            WeakKeyDictionary()
        )

    @property
    def timeout(self) -> float | None:
        """The longest time for a request, seconds; `None` without a limit."""
        return self._timeout

    def use_network(self, network: Network) -> None:
        """Use the `ssl` and `proxy` of a WebSocket client where this transport has none.

        The first client that has them decides.
        """
        chosen = Network(
            ssl=self._network.ssl or network.ssl,
            proxy=network.proxy if self._network.proxy is None else self._network.proxy,
        )
        if chosen != self._network:
            self._network = chosen
            for loop, client in self._clients.items():
                self._former.setdefault(loop, []).append(client)
            self._clients.clear()

    async def send(self, request: HttpRequest, within: float | None = None) -> HttpReply:
        """Send a request and return its reply.

        Args:
            request: what to send.
            within: longest time in seconds, if it is shorter than the transport's.

        Raises:
            RequestFailed: there is no reply. It has no cause, because that would contain headers.
        """
        limit = min((t for t in (within, self._timeout) if t is not None), default=None)
        streams = _Streams()
        try:
            async with asyncio.timeout(limit), streams:
                return await self._exchange(request, streams)
        except RequestFailed:
            raise
        except (httpx.TimeoutException, TimeoutError):
            problem = "no reply" + ("" if limit is None else f" within {limit:.3g} s")
        except _SAFE_ERRORS as error:
            problem = f"{type(error).__name__}: {error}".rstrip(": ")
        except Exception as error:  # noqa: BLE001 (its text may quote a header)
            problem = type(error).__name__
        except asyncio.CancelledError as cancelled:
            without_frames(cancelled)
            raise
        finally:
            del request
        raise RequestFailed(problem, was_sent=streams.was_sent)

    async def _exchange(self, request: HttpRequest, streams: _Streams) -> HttpReply:
        client = await self._client()
        options: dict[str, Any] = {"content": request.body, "headers": request.headers}
        options["extensions"] = {"trace": streams.record}
        url = f"{self.base_url}{request.target}"
        async with client.stream(request.method, url, **options) as response:
            body = await _read(response)
            pause = longest_pause(response.headers.get_list("Retry-After"))
            return HttpReply(response.status_code, body, pause)

    async def aclose(self) -> None:
        """Close the connections of the running event loop; the next request opens new ones."""
        loop = asyncio.get_running_loop()
        clients = self._former.pop(loop, [])
        if loop in self._clients:
            clients.append(self._clients.pop(loop))
        for client in clients:
            await client.aclose()

    async def _client(self) -> httpx.AsyncClient:
        """Return the HTTP client of the running event loop.

        Loading certificates takes tens of milliseconds, and so do the modules that httpx imports
        on first use. That is done once, in a thread, so that it does not block the event loop.
        """
        loop = asyncio.get_running_loop()
        try:
            if loop not in self._clients:
                # Not in a local variable: the URL of a proxy may contain a password.
                self._clients.setdefault(loop, httpx.AsyncClient(**await self._arguments()))
            return self._clients[loop]
        except Exception as error:  # noqa: BLE001 (an invalid proxy, missing files)
            problem = f"{type(error).__name__}: {error}"
        raise RequestFailed(problem, was_sent=False)

    async def _arguments(self) -> dict[str, Any]:
        """Return the arguments of an HTTP client."""
        if "transport" not in self._options and not are_modules_loaded():
            await asyncio.to_thread(load_modules)
        args = self._options | self._route()
        args["verify"] = await self._trust(args)
        if "cert" not in self._options:
            args.pop("cert", None)  # It is part of the TLS settings.
        if isinstance(args.get("proxy"), str):
            # Without TLS settings for the proxy, httpx would load its own certificates.
            is_secure = args["proxy"].startswith("https://")
            trust = args["verify"] if is_secure else None
            args["proxy"] = QuietProxy(args["proxy"], ssl_context=trust)
        return args

    def _route(self) -> dict[str, Any]:
        """Return the arguments of an HTTP client for its proxy.

        Raises:
            ValueError: the proxy of the environment is not valid.
        """
        args, network = self._options, self._network
        if any(args.get(name) is not None for name in ("proxy", "mounts", "transport")):
            return {}
        if network.proxy is None and not args.get("trust_env", True):
            network = Network(proxy=False)
        proxy = network.proxy_for(self.base_url)
        # Otherwise httpx would read the environment itself.
        return {"trust_env": False} | ({} if proxy is None else {"proxy": proxy})

    async def _trust(self, args: Mapping[str, Any]) -> ssl.SSLContext:
        """Return the TLS settings."""
        verify, urls = args.get("verify", True), f"{self.base_url} {args.get('proxy')}"
        if isinstance(verify, ssl.SSLContext):
            return verify
        if "transport" in args or not ("https://" in urls or args.get("follow_redirects")):
            # No certificate will be checked.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if verify is True and "cert" not in args:
            return await self._network.tls()
        return await asyncio.to_thread(self._loaded)

    def _loaded(self) -> ssl.SSLContext:
        """Return an SSL context made from `verify` and `cert`, and store it as `verify`."""
        with self._tls_lock:
            args = self._options
            if not isinstance(args.get("verify"), ssl.SSLContext):
                args["verify"] = httpx.create_ssl_context(
                    verify=args.get("verify", True),
                    cert=args.pop("cert", None),
                    trust_env=args.get("trust_env", True),
                )
            return args["verify"]  # type: ignore[no-any-return]


def shown_url(base_url: str) -> str:
    """Return the scheme, host and port of a URL; other parts are never shown.

    Raises:
        ValueError: it has no such parts; the text does not contain the URL, which may be a key that
            was passed as the wrong argument.
    """
    problem = "it must begin with https://"
    if base_url.startswith(("https://", "http://")):
        try:
            parts = checked_url_parts(base_url)
        except ValueError as error:
            problem = str(error)
        else:
            host = parts.hostname or ""
            where = f"[{host}]" if ":" in host else host
            return f"{parts.scheme}://{where}" + ("" if parts.port is None else f":{parts.port}")
    raise ValueError(f"base_url is not a URL like {REST_URL}: {problem}")


def _timeouts(timeout: httpx.Timeout | float | None) -> tuple[float | None, httpx.Timeout]:
    """Return the timeout of a whole request, `None` without a limit, and of its steps."""
    if isinstance(timeout, httpx.Timeout):
        steps = (timeout.pool, timeout.connect, timeout.write, timeout.read)
        return (None if None in steps else sum(step or 0.0 for step in steps)), timeout
    total = TIMEOUT if timeout is None else float(timeout)
    return total, httpx.Timeout(total)


class QuietProxy(httpx.Proxy):
    """A proxy whose password is never shown: httpcore logs that of SOCKS proxies at DEBUG."""

    @property
    def raw_auth(self) -> tuple[bytes, bytes] | None:
        auth = super().raw_auth
        return None if auth is None else (auth[0], _HiddenBytes(auth[1]))


class _HiddenBytes(bytes):
    def __repr__(self) -> str:
        return "<hidden>"


class _Streams:
    """The sockets of a request, closed when the request fails or is cancelled.

    httpcore leaves a socket to the garbage collector when it is cancelled in a TLS handshake, and
    when a SOCKS proxy refuses or sends an unreadable reply.

    Attributes:
        was_sent: whether the writing of the request has begun.
    """

    def __init__(self) -> None:
        self.was_sent = False
        self._opened: list[Any] = []

    async def record(self, event: str, info: Mapping[str, Any]) -> None:
        """Record what a request does; this is the callback of httpx's extension `trace`."""
        if event.endswith("connect_tcp.complete"):
            self._opened.append(info["return_value"])
        elif event.endswith("send_request_headers.started"):
            # A request to open a tunnel through a proxy counts too, which errs on the safe side.
            self.was_sent = True

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        if error is not None:
            for stream in self._opened:
                await stream.aclose()


async def _read(response: httpx.Response) -> bytes:
    """Return the body of a reply, cut off a little beyond `LONGEST_REPLY`."""
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > LONGEST_REPLY:
            break
    return bytes(body)


def are_modules_loaded() -> bool:
    """Return whether the modules of `load_modules` are loaded."""
    return "anyio._backends._asyncio" in sys.modules and "httpcore" in sys.modules


def load_modules() -> None:
    """Import what httpx imports on first use; do not call it in the thread of an event loop."""
    import anyio  # noqa: PLC0415 (httpx brings it)

    httpx.AsyncHTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    anyio.run(anyio.sleep, 0)
