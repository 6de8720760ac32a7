"""The HTTP clients of kraken-connector 0.2.0, for the calls of `kraken_connector.api`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NoReturn, Self
from weakref import WeakKeyDictionary

import httpx

from .exceptions import TokenAcquisitionError
from .network import Network
from .resilience import AsyncRetryTransport, ResilienceConfig, RetryTransport, make_event_hooks
from .rest.caller import Caller
from .rest.credentials import Credentials
from .rest.token import WebSocketToken, fetch_token
from .rest.transport import REST_URL, TIMEOUT, QuietProxy, Transport, shown_url

__all__ = ["REST_URL", "HTTPAuthenticatedClient", "HTTPClient", "WebSocketToken"]

#: Arguments of an httpx client that belong to its transport.
TRANSPORT_ARGUMENTS = ("verify", "cert", "trust_env", "http1", "http2", "limits", "proxy")


class HTTPClient:
    """A client for the public calls of `kraken_connector.api`.

    It makes an `httpx.Client` and an `httpx.AsyncClient` for each event loop when they are first
    used; `close` and `aclose`, or `with` and `async with`, close them. An instance cannot be
    pickled.

    Args:
        base_url: `https://api.kraken.com` by default.
        cookies: cookies of every request.
        headers: headers of every request.
        timeout: seconds, or an `httpx.Timeout`, for each step of a request, 10 by default.
        verify_ssl: see `verify` of httpx.
        follow_redirects: see httpx.
        httpx_args: further arguments of the httpx clients.
        resilience: retries and logging. Requests by a proxy of the environment are not retried.
        raise_on_unexpected_status: whether a status other than 200 raises `UnexpectedStatus`.
            Otherwise the result of the call is `None`.

    Raises:
        ValueError: the URL has no valid host or port.
    """

    def __init__(
        self,
        base_url: str = REST_URL,
        *,
        cookies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: httpx.Timeout | float | None = None,
        verify_ssl: str | bool | ssl.SSLContext = True,
        follow_redirects: bool = False,
        httpx_args: Mapping[str, Any] | None = None,
        resilience: ResilienceConfig | None = None,
        raise_on_unexpected_status: bool = False,
    ) -> None:
        self._shown_url = shown_url(base_url)
        self._base_url = base_url.rstrip("/")
        self._cookies = dict(cookies or {})
        self._headers = dict(headers or {})
        self._timeout = timeout
        self._verify_ssl = verify_ssl
        self._follow_redirects = follow_redirects
        self._httpx_args = dict(httpx_args or {})
        self._resilience = resilience
        self.raise_on_unexpected_status = raise_on_unexpected_status
        self._forget_clients()

    @property
    def base_url(self) -> str:
        """The URL, without a slash at its end."""
        return self._base_url

    # Copies.

    def with_headers(self, headers: Mapping[str, str]) -> Self:
        """Return a copy with further headers."""
        return self._copy(_headers={**self._headers, **headers})

    def with_cookies(self, cookies: Mapping[str, str]) -> Self:
        """Return a copy with further cookies."""
        return self._copy(_cookies={**self._cookies, **cookies})

    def with_timeout(self, timeout: httpx.Timeout | float) -> Self:
        """Return a copy with another timeout."""
        return self._copy(_timeout=timeout)

    def with_resilience(self, resilience: ResilienceConfig) -> Self:
        """Return a copy with other retries and logging."""
        return self._copy(_resilience=resilience)

    def _copy(self, **changes: Any) -> Self:
        copy = type(self).__new__(type(self))
        vars(copy).update(vars(self), **changes)
        copy._forget_clients()
        return copy

    # The clients of httpx.

    def _forget_clients(self) -> None:
        self._client: httpx.Client | None = None
        # One that was set, or made where no event loop runs.
        self._async_client: httpx.AsyncClient | None = None
        # Connections belong to the event loop that opened them.
        self._async_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            WeakKeyDictionary()
        )

    def set_httpx_client(self, client: httpx.Client) -> Self:
        """Use an `httpx.Client` with its own settings; those of this client do not apply."""
        self._client = client
        return self

    def set_async_httpx_client(self, async_client: httpx.AsyncClient) -> Self:
        """Use an `httpx.AsyncClient` with its own settings; those of this client do not apply."""
        self._async_client = async_client
        return self

    def get_or_create_httpx_client(self) -> httpx.Client:
        """Return the `httpx.Client`, made on the first call."""
        if self._client is None:
            self._client = httpx.Client(**self._client_arguments(is_async=False))
        return self._client

    def get_or_create_async_httpx_client(self) -> httpx.AsyncClient:
        """Return the `httpx.AsyncClient` of the running event loop, made on the first call."""
        if self._async_client is not None:
            return self._async_client
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._async_client = httpx.AsyncClient(**self._client_arguments(is_async=True))
            return self._async_client
        client = self._async_clients.get(loop)
        if client is None:
            client = httpx.AsyncClient(**self._client_arguments(is_async=True))
            self._async_clients[loop] = client
        return client

    def _options(self) -> dict[str, Any]:
        return {
            "cookies": self._cookies,
            "headers": self._headers,
            "timeout": self._timeout,
            "verify": self._verify_ssl,
            "follow_redirects": self._follow_redirects,
            **self._httpx_args,
        }

    def _client_arguments(self, *, is_async: bool) -> dict[str, Any]:
        """Return the arguments of an httpx client."""
        args = {"base_url": self._base_url, **self._options()}
        if args["timeout"] is None:
            args["timeout"] = TIMEOUT
        if isinstance(args.get("proxy"), str):
            args["proxy"] = QuietProxy(args["proxy"])
        config = self._resilience
        if config is not None and config.max_retries > 0:
            args["transport"] = _retrying_transport(args, config, is_async=is_async)
        if config is not None and config.enable_logging:
            given = args.get("event_hooks") or {}
            hooks = make_event_hooks(config, is_async=is_async)
            args["event_hooks"] = {on: [*given.get(on, ()), *hooks[on]] for on in hooks}
        return args

    # The end.

    def close(self) -> None:
        """Close the `httpx.Client`; later calls raise `RuntimeError`."""
        if self._client is not None:
            self._client.close()

    async def aclose(self) -> None:
        """Close the `httpx.AsyncClient` of the running event loop; later calls raise
        `RuntimeError`.
        """
        for client in (self._async_client, self._async_clients.get(asyncio.get_running_loop())):
            if client is not None:
                await client.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        # The constructor may have failed: error reports show incomplete objects.
        return f"{type(self).__name__}(base_url={getattr(self, '_shown_url', None)!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds connections and cannot be pickled")


class HTTPAuthenticatedClient(HTTPClient):
    """A client for all calls of `kraken_connector.api`, and the source of a `TokenManager`.

    Neither key nor secret appears in its repr, exceptions or logs.

    Args:
        base_url: `https://api.kraken.com` by default.
        auth_header_name: header with the public key.
        hmac_msg_signature: header with the signature.
        api_key: public key; surrounding whitespace is ignored.
        api_secret: private key, base64 as the exchange shows it; surrounding whitespace is ignored.
            Whether it is base64 is checked by the first call, or by `check_secret`.
        cookies, headers, timeout, verify_ssl, follow_redirects, httpx_args, resilience,
            raise_on_unexpected_status: as of `HTTPClient`. For the token call of a `TokenManager`,
            `timeout` is that of the whole request, `ssl` and `proxy` of the WebSocket client apply
            where there are none here, a status other than 200 always raises, and `resilience` does
            not apply.
        otp: one-time password for keys with a second factor; surrounding whitespace is ignored.
        nonce_unit: `us`, as kraken-connector 0.2.0, `ns` or `ms`. A key that was used with a finer
            unit refuses coarser ones for ever.

    Raises:
        TypeError, ValueError: the URL has no valid host or port, the key has invalid characters, or
            key or secret are missing.
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
        resilience: ResilienceConfig | None = None,
        raise_on_unexpected_status: bool = False,
        otp: str | None = None,
        nonce_unit: str = "us",
    ) -> None:
        try:
            super().__init__(
                base_url,
                cookies=cookies,
                headers=headers,
                timeout=timeout,
                verify_ssl=verify_ssl,
                follow_redirects=follow_redirects,
                httpx_args=httpx_args,
                resilience=resilience,
                raise_on_unexpected_status=raise_on_unexpected_status,
            )
            self.credentials = Credentials(
                api_key,
                api_secret,
                otp=otp,
                nonce_unit=nonce_unit,
                key_header=auth_header_name,
                signature_header=hmac_msg_signature,
            )
        finally:
            # Error reports show local variables.
            del api_key, api_secret, otp
        self.auth_header_name = auth_header_name
        self.hmac_msg_signature = hmac_msg_signature

    @property
    def _api_key(self) -> str | None:
        return self.credentials.api_key or None

    @property
    def _api_secret(self) -> str | None:
        return self.credentials.api_secret or None

    def check_secret(self) -> None:
        """Check that the secret is base64, which calls need.

        Raises:
            ValueError: it is not; the text does not contain it.
        """
        self.credentials.check()

    @cached_property
    def caller(self) -> Caller:
        """What makes the token call, with the nonces and the count of all calls of the key."""
        # Tokens are minutes apart, so keeping the connection open has no use.
        limits = httpx.Limits(max_keepalive_connections=0)
        return Caller(
            Transport(self._base_url, {"limits": limits, **self._options()}), self.credentials
        )

    def use_network(self, network: Network) -> None:
        """Use the `ssl` and `proxy` of a WebSocket client for the token call, where this client
        has none.

        The first client that has them decides.
        """
        self.caller.transport.use_network(network)

    async def get_websockets_token(self) -> WebSocketToken:
        """Request a new token from the REST API.

        Raises:
            TokenAcquisitionError: the request failed; `venue_error` has the exchange's text,
                `errors` a list of its errors, `status` the HTTP status.
        """
        problem = None
        try:
            self.check_secret()
        except ValueError as error:
            problem = str(error)
        if problem is not None:
            raise TokenAcquisitionError(problem)
        return await fetch_token(self.caller)

    async def aclose(self) -> None:
        """Release the resources for the running event loop; later calls of `kraken_connector.api`
        raise `RuntimeError`, the next token call allocates new ones.
        """
        await super().aclose()
        if "caller" in vars(self):
            await self.caller.transport.aclose()

    def _forget_clients(self) -> None:
        super()._forget_clients()
        vars(self).pop("caller", None)

    def _client_arguments(self, *, is_async: bool) -> dict[str, Any]:
        args = super()._client_arguments(is_async=is_async)
        if not self.credentials:
            raise ValueError("api_key is required for authenticated client")
        args["headers"] = {**args["headers"], self.auth_header_name: self.credentials.api_key}
        return args


def _retrying_transport(
    args: dict[str, Any], config: ResilienceConfig, *, is_async: bool
) -> RetryTransport | AsyncRetryTransport:
    """Return the transport of an httpx client with these arguments, with retries."""
    given = args.pop("transport", None)
    own = {name: args[name] for name in TRANSPORT_ARGUMENTS if args.get(name) is not None}
    args.pop("proxy", None)
    if is_async:
        return AsyncRetryTransport(given or httpx.AsyncHTTPTransport(**own), config)
    return RetryTransport(given or httpx.HTTPTransport(**own), config)
