"""The REST clients of kraken-connector 0.2.0, and the signed call for a WebSocket token."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn, Self

import httpx

from ._installation import names_of_rest
from .network import Network
from .rest.caller import Caller
from .rest.credentials import Credentials
from .rest.token import WebSocketToken, fetch_token
from .rest.transport import REST_URL, Transport

__all__ = ["REST_URL", "HTTPAuthenticatedClient", "WebSocketToken"]


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
        try:
            credentials = Credentials(
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
        options = {
            "cookies": dict(cookies or {}),
            "headers": dict(headers or {}),
            "timeout": timeout,
            "verify": verify_ssl,
            "follow_redirects": follow_redirects,
            # Tokens are minutes apart, so keeping the connection open has no use.
            "limits": httpx.Limits(max_keepalive_connections=0),
            **(httpx_args or {}),
        }
        transport = Transport(base_url, options)
        self.base_url = transport.base_url
        self.auth_header_name = auth_header_name
        self.hmac_msg_signature = hmac_msg_signature
        self.raise_on_unexpected_status = raise_on_unexpected_status
        self.caller = Caller(transport, credentials)

    def use_network(self, network: Network) -> None:
        """Use the `ssl` and `proxy` of a WebSocket client where this one has none.

        The first client that has them decides.
        """
        self.caller.transport.use_network(network)

    async def get_websockets_token(self) -> WebSocketToken:
        """Request a new token from the REST API.

        Raises:
            TokenAcquisitionError: the request failed; `venue_error` has the exchange's text,
                `errors` a list of its errors, `status` the HTTP status.
        """
        return await fetch_token(self.caller)

    async def aclose(self) -> None:
        """Release the resources for the running event loop; the next request allocates new ones."""
        await self.caller.transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        # The constructor may have failed: error reports show incomplete objects.
        caller = getattr(self, "caller", None)
        url = None if caller is None else caller.transport.shown_url
        return f"{type(self).__name__}(base_url={url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds an API key and cannot be pickled")


if not TYPE_CHECKING:  # a type checker would accept any name
    __getattr__ = names_of_rest(__name__, "HTTPClient")
