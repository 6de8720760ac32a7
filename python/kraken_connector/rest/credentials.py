"""An API key, and the signature of private calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn
from urllib.parse import urlencode

from ..security import NONCE_UNITS, checked_key, checked_secret, decode_secret, sign
from .transport import HttpRequest

__all__ = ["Credentials"]


class Credentials:
    """An API key. It cannot be pickled, and its repr shows nothing.

    Args:
        api_key: public key; surrounding whitespace is ignored.
        api_secret: private key, base64 as the exchange shows it; surrounding whitespace is ignored.
        otp: one-time password for keys with a second factor; surrounding whitespace is ignored.
        nonce_unit: `us`, `ns` or `ms`.
        key_header: header with the public key.
        signature_header: header with the signature.

    Attributes:
        api_key: the public key, empty if there is none.
        api_secret: the private key, empty if there is none.
        nonce_unit: the unit of nonces.

    Raises:
        TypeError, ValueError: the key has invalid characters, or one of the two is missing.
    """

    def __init__(
        self,
        api_key: str | None,
        api_secret: str | None,
        *,
        otp: str | None = None,
        nonce_unit: str = "us",
        key_header: str = "API-Key",
        signature_header: str = "API-Sign",
    ) -> None:
        # Error reports show local variables: errors are raised after the key is deleted from them.
        try:
            self.api_key = checked_key(api_key)
            self.api_secret = checked_secret(api_secret)
            self._otp = None if otp is None else otp.strip()
        finally:
            del api_key, api_secret, otp
        if bool(self.api_key) != bool(self.api_secret):
            raise ValueError("api_key and api_secret belong together; one of them is missing")
        if nonce_unit not in NONCE_UNITS:
            raise ValueError(f"nonce_unit must be one of {', '.join(NONCE_UNITS)}")
        self.nonce_unit = nonce_unit
        self._headers = key_header, signature_header

    def __bool__(self) -> bool:
        return bool(self.api_key)

    def check(self) -> None:
        """Check that the secret is base64, which calls need.

        Raises:
            ValueError: it is not; the text does not contain it.
        """
        decode_secret(self.api_secret)

    def request(self, path: str, nonce: str, fields: Mapping[str, str]) -> HttpRequest:
        """Return a signed request.

        Args:
            path: path of the URL, beginning with `/0/private/`.
            nonce: the nonce.
            fields: the other fields of the form.

        Raises:
            ValueError: the secret is not base64; the text does not contain it.
        """
        form = {"nonce": nonce, **fields}
        if self._otp is not None:
            form["otp"] = self._otp
        body = urlencode(form)
        key_header, signature_header = self._headers
        headers = {
            key_header: self.api_key,
            signature_header: sign(decode_secret(self.api_secret), path, nonce, body),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return HttpRequest("POST", path, headers, body)

    def hidden(self, text: str) -> str:
        """Return a text of the exchange without the public key."""
        return text.replace(self.api_key, "<key>") if self.api_key else text

    def __repr__(self) -> str:
        return f"{type(self).__name__}(<hidden>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Credentials hold an API key and cannot be pickled")
