"""Signatures of private calls.

Source: docs.kraken.com, REST authentication guide.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets


def sign(secret: bytes, path: str, nonce: str, body: bytes) -> str:
    """Return the `API-Sign` header of a call.

    Args:
        secret: the decoded API secret.
        path: URI path, from `/0/private/` on.
        nonce: as in the body.
        body: as sent.
    """
    digest = hashlib.sha256(nonce.encode() + body).digest()
    return base64.b64encode(hmac.digest(secret, path.encode() + digest, "sha512")).decode()


def new_secret() -> str:
    """Return a new API secret, base64 of 64 random bytes as on the exchange."""
    return base64.b64encode(secrets.token_bytes(64)).decode()


def decode_secret(secret: str) -> bytes:
    """Return the bytes of an API secret.

    Raises:
        ValueError: it is not base64.
    """
    try:
        return base64.b64decode(secret, validate=True)
    except binascii.Error as error:
        raise ValueError("api_secret must be base64 text") from error
