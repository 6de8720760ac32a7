"""The signed REST call for a WebSocket token, which private channels need.

`HTTPAuthenticatedClient` has the constructor of kraken-connector 0.2.0, but only this call.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import ssl
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Self
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

import httpx

from ._installation import names_of_rest
from .exceptions import TokenAcquisitionError
from .network import Network, checked_url_parts, longest_pause, without_frames
from .security import NONCE_UNITS, checked_key, decode_secret, next_nonce, sign

__all__ = ["REST_URL", "HTTPAuthenticatedClient", "WebSocketToken"]

logger = logging.getLogger(__name__)

#: docs.kraken.com, guide "Spot REST Authentication" and page "Get Websockets Token".
REST_URL = "https://api.kraken.com"
TOKEN_PATH = "/0/private/GetWebSocketsToken"

#: Seconds within which a token must be used (page "Get Websockets Token"), if the reply has no
#: valid lifetime.
TOKEN_LIFETIME = 900.0
#: A longer lifetime in a reply is not valid.
LONGEST_LIFETIME = 1e9

#: Seconds for a whole request by default.
TIMEOUT = 10.0
#: The characters of a token: letters, digits and punctuation, no spaces.
TOKEN = re.compile(r"[!-~]+")
#: Limit for the bytes of a reply; one with a token has some hundred.
LONGEST_REPLY = 2**20

#: Errors whose text comes from the operating system and cannot contain a header.
_SAFE_ERRORS = (httpx.ConnectError, httpx.ReadError, httpx.WriteError, OSError)


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


class HTTPAuthenticatedClient:
    """A client for signed requests to the REST API.

    Neither key nor secret appears in its repr, exceptions or logs, and it cannot be pickled. No
    connection is kept open between requests, so it need not be closed; `async with` releases its
    resources for the running event loop.

    Args:
        base_url: `https://api.kraken.com` by default.
        auth_header_name: header with the public key.
        hmac_msg_signature: header with the signature.
        api_key: public key; surrounding whitespace is ignored.
        api_secret: private key, base64 as the exchange shows it; surrounding whitespace is ignored.
        cookies: cookies of every request.
        headers: headers of every request.
        timeout: seconds for a whole request, 10 by default. The parts of an `httpx.Timeout` apply
            to each step, and their sum to the whole request.
        verify_ssl: see `verify` of httpx. By default the `ssl` of the client that uses the token
            applies, and without one the system's certificates are trusted.
        follow_redirects: see httpx.
        httpx_args: further arguments of `httpx.AsyncClient`. Without `proxy`, `mounts` and
            `transport`, the `proxy` of the client that uses the token applies, and without one that
            of the environment, which is never used for this machine itself.
        raise_on_unexpected_status: for compatibility with kraken-connector 0.2.0; a status other
            than 200 always raises.
        otp: one-time password for keys with a second factor; surrounding whitespace is ignored.
        nonce_unit: `us`, as kraken-connector 0.2.0, `ns` or `ms`. A key that was used with a finer
            unit refuses coarser ones for ever.

    Raises:
        ValueError: the URL has no valid host or port, the key has invalid characters, the secret is
            not base64, or one of the two is missing.
    """

    def __init__(
        self,
        base_url: str = REST_URL,
        auth_header_name: str = "API-Key",
        hmac_msg_signature: str = "API-Sign",
        *,
        api_key: str | None = None,
        api_secret: str | None = None,
        cookies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: httpx.Timeout | float | None = None,
        verify_ssl: str | bool | ssl.SSLContext = True,
        follow_redirects: bool = False,
        httpx_args: Mapping[str, Any] | None = None,
        raise_on_unexpected_status: bool = False,
        otp: str | None = None,
        nonce_unit: str = "us",
    ) -> None:
        # Error reports show local variables: errors are raised after the key is deleted from them.
        try:
            self._api_key = checked_key(api_key)
            self._secret = decode_secret(api_secret or "")
        finally:
            del api_key, api_secret
        if bool(self._api_key) != bool(self._secret):
            raise ValueError("api_key and api_secret belong together; one of them is missing")
        if nonce_unit not in NONCE_UNITS:
            raise ValueError(f"nonce_unit must be one of {', '.join(NONCE_UNITS)}")
        self._shown_url = _shown(base_url)
        self.base_url = base_url.rstrip("/")
        self.auth_header_name = auth_header_name
        self.hmac_msg_signature = hmac_msg_signature
        self.raise_on_unexpected_status = raise_on_unexpected_status
        self._otp = None if otp is None else otp.strip()
        self._nonce_unit = nonce_unit
        self._client_args: dict[str, Any] = {
            "cookies": dict(cookies or {}),
            "headers": dict(headers or {}),
            "timeout": timeout,
            "verify": verify_ssl,
            "follow_redirects": follow_redirects,
            # Tokens are minutes apart, so keeping the connection open has no use.
            "limits": httpx.Limits(max_keepalive_connections=0),
            **(httpx_args or {}),
        }
        self._timeout, self._client_args["timeout"] = _timeouts(self._client_args["timeout"])
        self._network = Network()
        self._tls_lock = threading.Lock()
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            WeakKeyDictionary()
        )

    def use_network(self, network: Network) -> None:
        """Use the `ssl` and `proxy` of a WebSocket client where this one has none.

        The first client that has them decides.
        """
        chosen = Network(
            ssl=self._network.ssl or network.ssl,
            proxy=network.proxy if self._network.proxy is None else self._network.proxy,
        )
        if chosen != self._network:
            self._network = chosen
            self._clients.clear()

    async def get_websockets_token(self) -> WebSocketToken:
        """Request a new token from the REST API.

        Raises:
            TokenAcquisitionError: the request failed; `venue_error` has the exchange's text,
                `errors` a list of its errors, `status` the HTTP status.
        """
        if not self._secret:
            raise TokenAcquisitionError(
                "no API key: pass api_key and api_secret, "
                "or use TokenManager.from_env() with KRAKEN_API_KEY and KRAKEN_API_SECRET"
            )
        return self._token_of(*await self._post(TOKEN_PATH))

    async def aclose(self) -> None:
        """Release the resources for the running event loop; the next request allocates new ones."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    # The request.

    async def _post(self, path: str) -> tuple[httpx.Response, bytes]:
        """Send a signed request. Errors have no cause, because that would contain headers and keys.

        Returns:
            The reply and its body.
        """
        client = await self._client()
        body, headers = self._signed(path)
        url = f"{self.base_url}{path}"
        streams = _Streams()
        options: dict[str, Any] = {"content": body, "headers": headers}
        options["extensions"] = {"trace": streams.record}
        try:
            async with (
                asyncio.timeout(self._timeout),
                streams,
                client.stream("POST", url, **options) as response,
            ):
                return response, await _read(response)
        except (httpx.TimeoutException, TimeoutError):
            within = "" if self._timeout is None else f" within {self._timeout:g} s"
            problem = f"no reply{within}"
        except _SAFE_ERRORS as error:
            problem = f"{type(error).__name__}: {error}".rstrip(": ")
        except Exception as error:  # noqa: BLE001 (its text may quote a header)
            problem = type(error).__name__
        except asyncio.CancelledError as cancelled:
            without_frames(cancelled)
            raise
        finally:
            del body, headers, options
        raise TokenAcquisitionError(f"cannot reach {self._shown_url}: {problem}")

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
        raise TokenAcquisitionError(f"cannot reach {self._shown_url}: {problem}")

    async def _arguments(self) -> dict[str, Any]:
        """Return the arguments of an HTTP client."""
        if "transport" not in self._client_args and not are_modules_loaded():
            await asyncio.to_thread(load_modules)
        args = self._client_args | self._route()
        args["verify"] = await self._trust(args)
        if "cert" not in self._client_args:
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
        args, network = self._client_args, self._network
        if any(args.get(name) is not None for name in ("proxy", "mounts", "transport")):
            return {}
        if network.proxy is None and not args.get("trust_env", True):
            network = Network(proxy=False)
        proxy = network.proxy_for(self.base_url)
        # Otherwise httpx would read the environment itself.
        return {"trust_env": False} | ({} if proxy is None else {"proxy": proxy})

    async def _trust(self, args: Mapping[str, Any]) -> ssl.SSLContext:
        """Return the TLS settings."""
        verify, urls = args["verify"], f"{self.base_url} {args.get('proxy')}"
        if isinstance(verify, ssl.SSLContext):
            return verify
        if "transport" in args or not ("https://" in urls or args["follow_redirects"]):
            # No certificate will be checked.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if verify is True and "cert" not in args:
            return await self._network.tls()
        return await asyncio.to_thread(self._loaded)

    def _loaded(self) -> ssl.SSLContext:
        """Return an SSL context made from `verify` and `cert`, and store it as `verify`."""
        with self._tls_lock:
            args = self._client_args
            if not isinstance(args["verify"], ssl.SSLContext):
                args["verify"] = httpx.create_ssl_context(
                    verify=args["verify"],
                    cert=args.pop("cert", None),
                    trust_env=args.get("trust_env", True),
                )
            return args["verify"]  # type: ignore[no-any-return]

    def _signed(self, path: str) -> tuple[str, dict[str, str]]:
        nonce = str(next_nonce(self._api_key, self._nonce_unit))
        fields = {"nonce": nonce} if self._otp is None else {"nonce": nonce, "otp": self._otp}
        body = urlencode(fields)
        return body, {
            self.auth_header_name: self._api_key,
            self.hmac_msg_signature: sign(self._secret, path, nonce, body),
            "Content-Type": "application/x-www-form-urlencoded",
        }

    # The reply.

    def _token_of(self, response: httpx.Response, body: bytes) -> WebSocketToken:
        """Return the token of a reply. Errors of the REST API have status 200 (docs.kraken.com)."""
        status = response.status_code
        try:
            reply = json.loads(body)
        except (ValueError, RecursionError):
            reply = None
        reply = reply if isinstance(reply, dict) else {}
        texts = [text.replace(self._api_key, "<key>") for text in _texts(reply.get("error"))]
        errors = [text for text in texts if not text.startswith("W")]
        for warning in (text for text in texts if text.startswith("W")):
            logger.warning("the exchange warns about the token call: %s", warning)
        if errors:
            text = f"the exchange refused a token: {', '.join(errors)}"
            raise _failure(text, response, errors)
        result = reply.get("result")
        result = result if isinstance(result, dict) else {}
        token = result.get("token")
        if status != 200 or not isinstance(token, str) or not TOKEN.fullmatch(token):
            raise _failure(f"no token in the reply (HTTP status {status})", response)
        return WebSocketToken(token, _lifetime(result.get("expires")))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        # The constructor may have failed: error reports show incomplete objects.
        return f"{type(self).__name__}(base_url={getattr(self, '_shown_url', None)!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds an API key and cannot be pickled")


def _shown(base_url: str) -> str:
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


def _texts(error: Any) -> list[str]:
    """Return the texts of a reply's `error`, which is documented as a list."""
    if not error:
        return []
    return [str(text) for text in error] if isinstance(error, list) else [str(error)]


def _lifetime(expires: Any) -> float:
    """Return the seconds within which a token must be used."""
    is_number = isinstance(expires, int | float) and not isinstance(expires, bool)
    return float(expires) if is_number and 0 < expires < LONGEST_LIFETIME else TOKEN_LIFETIME


def _failure(
    text: str, response: httpx.Response, errors: Sequence[str] = ()
) -> TokenAcquisitionError:
    """Return the error of a reply without a token."""
    failure = TokenAcquisitionError(text, venue_error=", ".join(errors) or None)
    failure.status, failure.errors = response.status_code, tuple(errors)
    failure.retry_after = longest_pause(response.headers.get_list("Retry-After"))
    return failure


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
    """

    def __init__(self) -> None:
        self._opened: list[Any] = []

    async def record(self, event: str, info: Mapping[str, Any]) -> None:
        """Record a new socket; this is the callback of httpx's extension `trace`."""
        if event.endswith("connect_tcp.complete"):
            self._opened.append(info["return_value"])

    async def __aenter__(self) -> Self:
        return self

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


if not TYPE_CHECKING:  # a type checker would accept any name
    __getattr__ = names_of_rest(__name__, "HTTPClient")
