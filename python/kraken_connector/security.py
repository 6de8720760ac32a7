"""The signature of a private REST request and the nonce in it.

The rules are those of docs.kraken.com, guide "Spot REST Authentication".
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
    "decode_secret",
    "get_nonce",
    "next_nonce",
    "sign",
    "sign_message",
]

#: Nanoseconds that one step of a nonce takes, by the name of the unit. A key that has seen one unit
#: refuses smaller numbers for ever. The default is that of kraken-connector 0.2.0, microseconds, so
#: that a key can go back and forth between the two.
NONCE_UNITS: Final = {"ns": 1, "us": 1_000, "ms": 1_000_000}

_lock = threading.Lock()
_last_nonces: dict[str, int] = {}


def checked_key(key: str | None) -> str:
    """Return a public key without the blanks around it, empty if there is none.

    Files with a key often end in a line feed.

    Raises:
        TypeError: it is no string.
        ValueError: it has characters that cannot stand in a header; the text never contains the
            key.
    """
    if not isinstance(key, str | None):
        kind = type(key).__name__
        del key
        raise TypeError(f"api_key must be a string, not {kind}")
    stripped = (key or "").strip()
    if stripped.isascii() and stripped.isprintable() and " " not in stripped:
        return stripped
    # Error reports show the variables of a frame.
    del key, stripped
    raise ValueError(
        "api_key has a blank or a character that is not ASCII: "
        "copy the public key exactly as it was shown"
    )


def decode_secret(secret: str) -> bytes:
    """Return the bytes of a private key as the exchange prints it; blanks around it are dropped.

    Raises:
        TypeError: it is no string.
        ValueError: it is not base64; the text never contains the secret.
    """
    if not isinstance(secret, str):
        kind = type(secret).__name__
        del secret
        raise TypeError(f"api_secret must be a string, not {kind}")
    try:
        return base64.b64decode(secret.strip(), validate=True)
    except (binascii.Error, ValueError):
        # Error reports show the variables of a frame.
        del secret
    # Raised outside of the handler: the cause would carry the secret in its frames' locals.
    raise ValueError("api_secret is not base64: copy the private key exactly as it was shown")


def sign(secret: bytes, path: str, nonce: str, body: str) -> str:
    """Return the header `API-Sign`.

    Args:
        secret: the decoded private key.
        path: path of the URL, beginning with `/0/private/`.
        nonce: the same text that stands in `body`.
        body: the request's body, byte for byte as it is sent.
    """
    digest = hashlib.sha256(f"{nonce}{body}".encode()).digest()
    return base64.b64encode(hmac.digest(secret, path.encode() + digest, hashlib.sha512)).decode()


def next_nonce(api_key: str, unit: str = "us") -> int:
    """Return a number larger than every one given for this key before in this process.

    It follows the clock; when the clock stands still or goes back, it counts on.
    """
    now = time.time_ns() // NONCE_UNITS[unit]
    with _lock:
        nonce = max(now, _last_nonces.get(api_key, 0) + 1)
        _last_nonces[api_key] = nonce
    return nonce


def get_nonce() -> int:
    """Return a nonce in microseconds, for code written for kraken-connector 0.2.0."""
    return next_nonce("")


def sign_message(api_secret: str, data: Mapping[str, Any], urlpath: str) -> str:
    """Return the header `API-Sign`, for code written for kraken-connector 0.2.0.

    Args:
        api_secret: the private key, base64 as the exchange shows it.
        data: what is sent as the form of the request, the `nonce` among it.
        urlpath: path of the URL, beginning with `/0/private/`.

    Raises:
        ValueError: the private key is not base64.
    """
    return sign(decode_secret(api_secret), urlpath, str(data["nonce"]), urlencode(data))
