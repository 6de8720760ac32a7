"""The one signed REST call that private channels need: a WebSocket token.

`HTTPAuthenticatedClient` keeps the constructor of kraken-connector 0.2.0 as far as that call goes.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Self
from urllib.parse import urlencode

import httpx

from .exceptions import TokenAcquisitionError
from .security import NONCE_UNITS, decode_secret, next_nonce, sign

__all__ = ["REST_URL", "HTTPAuthenticatedClient", "WebSocketToken"]

#: docs.kraken.com, guide "Spot REST Authentication" and page "Get Websockets Token".
REST_URL = "https://api.kraken.com"
TOKEN_PATH = "/0/private/GetWebSocketsToken"


@dataclass(frozen=True, slots=True, repr=False)
class WebSocketToken:
    """A token as the exchange gave it.

    Attributes:
        token: the secret itself.
        expires: seconds within which it must be used.
    """

    token: str
    expires: float

    def __repr__(self) -> str:
        return f"WebSocketToken(token=<hidden>, expires={self.expires})"


class HTTPAuthenticatedClient:
    """Signed requests to the REST API.

    Neither key nor secret appears in its repr, in exceptions or logs, and it refuses to be
    pickled.

    Args:
        base_url: `https://api.kraken.com`, also the default.
        auth_header_name: header with the public key.
        hmac_msg_signature: header with the signature.
        api_key: public key.
        api_secret: private key, base64 as the exchange shows it.
        cookies: cookies of every request.
        headers: headers of every request.
        timeout: for a whole request; seconds or an `httpx.Timeout`.
        verify_ssl: as `verify` of httpx.
        follow_redirects: as in httpx.
        httpx_args: further arguments of `httpx.AsyncClient`.
        raise_on_unexpected_status: accepted for kraken-connector 0.2.0; a status other than 200
            always raises.
        otp: one-time password, for keys with a second factor.
        nonce_unit: `ns`, `us` or `ms`; a key that has seen one unit refuses coarser ones for
            ever. kraken-connector 0.2.0 used microseconds.

    Raises:
        ValueError: the secret is not base64, or a key without its secret.
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
        nonce_unit: str = "ns",
    ) -> None:
        if not base_url.startswith(("https://", "http://")):
            raise ValueError(f"base_url must begin with https://, not {base_url!r}")
        if bool(api_key) != bool(api_secret):
            raise ValueError("api_key and api_secret belong together; one of them is missing")
        if nonce_unit not in NONCE_UNITS:
            raise ValueError(f"nonce_unit must be one of {', '.join(NONCE_UNITS)}")
        self.base_url = base_url.rstrip("/")
        self.auth_header_name = auth_header_name
        self.hmac_msg_signature = hmac_msg_signature
        self.raise_on_unexpected_status = raise_on_unexpected_status
        self._api_key = api_key or ""
        self._secret = decode_secret(api_secret) if api_secret else b""
        self._otp = otp
        self._nonce_unit = nonce_unit
        self._client_args: dict[str, Any] = {
            "cookies": dict(cookies or {}),
            "headers": dict(headers or {}),
            "timeout": 10.0 if timeout is None else timeout,
            "verify": verify_ssl,
            "follow_redirects": follow_redirects,
            **(httpx_args or {}),
        }

    async def get_websockets_token(self) -> WebSocketToken:
        """Ask the REST API for a new token.

        Raises:
            TokenAcquisitionError: there is none; `venue_error` has the exchange's own text.
        """
        if not self._secret:
            raise TokenAcquisitionError(
                "no API key: pass api_key and api_secret, "
                "or use TokenManager.from_env() with KRAKEN_API_KEY and KRAKEN_API_SECRET"
            )
        return _token_of(await self._post(TOKEN_PATH))

    async def _post(self, path: str) -> httpx.Response:
        """Send one signed request; failures lose their cause, which holds headers and keys."""
        body, headers = self._signed(path)
        problem = ""
        try:
            async with httpx.AsyncClient(**self._client_args) as client:
                return await client.post(f"{self.base_url}{path}", content=body, headers=headers)
        except httpx.TimeoutException:
            problem = "the request timed out"
        except (httpx.HTTPError, OSError) as error:
            problem = f"{type(error).__name__}: {error}"
        finally:
            del body, headers
        raise TokenAcquisitionError(f"cannot reach {self.base_url}: {problem}")

    def _signed(self, path: str) -> tuple[str, dict[str, str]]:
        nonce = str(next_nonce(self._api_key, self._nonce_unit))
        fields = {"nonce": nonce} if self._otp is None else {"nonce": nonce, "otp": self._otp}
        body = urlencode(fields)
        return body, {
            self.auth_header_name: self._api_key,
            self.hmac_msg_signature: sign(self._secret, path, nonce, body),
            "Content-Type": "application/x-www-form-urlencoded",
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds an API key and cannot be pickled")


def _token_of(response: httpx.Response) -> WebSocketToken:
    """Read the reply. The REST API reports its errors with status 200 (docs.kraken.com)."""
    try:
        reply = response.json()
    except ValueError:
        reply = None
    errors = reply.get("error") if isinstance(reply, dict) else None
    if errors:
        text = ", ".join(map(str, errors))
        raise TokenAcquisitionError(f"the exchange refused a token: {text}", venue_error=text)
    result = reply.get("result") if isinstance(reply, dict) else None
    if response.status_code != 200 or not isinstance(result, dict) or not result.get("token"):
        raise TokenAcquisitionError(f"no token in the reply (HTTP status {response.status_code})")
    return WebSocketToken(str(result["token"]), float(result.get("expires", 900)))
