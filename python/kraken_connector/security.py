"""Signatures and nonces of private REST requests.

The rules are in docs.kraken.com, guide "Spot REST Authentication".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

__all__ = [
    "NONCE_UNITS",
    "checked_key",
    "checked_secret",
    "decode_secret",
    "get_nonce",
    "next_nonce",
    "sign",
    "sign_message",
]

#: Nanoseconds per unit of a nonce. A key that was used with one unit refuses the smaller numbers of
#: a coarser one for ever. The default, microseconds, is that of kraken-connector 0.2.0, so that a
#: key works with both packages.
NONCE_UNITS: Final = {"ns": 1, "us": 1_000, "ms": 1_000_000}

_lock = threading.Lock()
_last_nonces: dict[str, int] = {}


def checked_key(key: str | None) -> str:
    """Return a public key without surrounding whitespace, empty if there is none.

    Files with a key often end in a line feed.

    Raises:
        TypeError: it is not a string.
        ValueError: it has characters that are not allowed in a header; the text does not contain
            the key.
    """
    if not isinstance(key, str | None):
        kind = type(key).__name__
        del key
        raise TypeError(f"api_key must be a string, not {kind}")
    stripped = (key or "").strip()
    if stripped.isascii() and stripped.isprintable() and " " not in stripped:
        return stripped
    # Error reports show local variables.
    del key, stripped
    raise ValueError(
        "api_key has a blank or a character that is not ASCII: "
        "copy the public key exactly as it was shown"
    )


def checked_secret(secret: str | None) -> str:
    """Return a private key without surrounding whitespace, empty if there is none.

    Raises:
        TypeError: it is not a string.
    """
    if not isinstance(secret, str | None):
        kind = type(secret).__name__
        del secret
        raise TypeError(f"api_secret must be a string, not {kind}")
    return (secret or "").strip()


def decode_secret(secret: str) -> bytes:
    """Return the bytes of a private key, given as base64; surrounding whitespace is ignored.

    Raises:
        TypeError: it is not a string.
        ValueError: it is not base64; the text does not contain the secret.
    """
    try:
        return base64.b64decode(checked_secret(secret), validate=True)
    except (binascii.Error, ValueError):
        pass
    finally:
        # Error reports show local variables.
        del secret
    # Raised outside the handler: a cause would have the secret in its frames' local variables.
    raise ValueError("api_secret is not base64: copy the private key exactly as it was shown")


def sign(secret: bytes, path: str, nonce: str, body: str) -> str:
    """Return the value of the header `API-Sign`.

    Args:
        secret: the decoded private key.
        path: path of the URL, beginning with `/0/private/`.
        nonce: the nonce, as in `body`.
        body: the request's body, exactly as it is sent.
    """
    digest = hashlib.sha256(f"{nonce}{body}".encode()).digest()
    return base64.b64encode(hmac.digest(secret, path.encode() + digest, hashlib.sha512)).decode()


def next_nonce(api_key: str, unit: str = "us", *, least: int = 0) -> int:
    """Return a number larger than all earlier ones for this key in this process.

    It is the time; if the clock stops or goes back, it is the last number plus one.

    Args:
        api_key: the public key.
        unit: a name of `NONCE_UNITS`.
        least: the smallest number to return.
    """
    now = time.time_ns() // NONCE_UNITS[unit]
    with _lock:
        nonce = max(now, least, _last_nonces.get(api_key, 0) + 1)
        _last_nonces[api_key] = nonce
    return nonce


def get_nonce() -> int:
    """Return a nonce in microseconds, for code written for kraken-connector 0.2.0."""
    return next_nonce("")


def sign_message(api_secret: str, data: Mapping[str, Any], urlpath: str) -> str:
    """Return the value of the header `API-Sign`, for code written for kraken-connector 0.2.0.

    Args:
        api_secret: the private key, base64 as the exchange shows it.
        data: the form fields of the request, including `nonce`.
        urlpath: path of the URL, beginning with `/0/private/`.

    Raises:
        ValueError: the private key is not base64.
    """
    return sign(decode_secret(api_secret), urlpath, str(data["nonce"]), urlencode(data))
