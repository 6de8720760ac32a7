"""TLS settings and proxies, for WebSocket connections and REST calls."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import ssl as tls
import threading
import time
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

__all__ = [
    "Network",
    "checked_proxy",
    "checked_url_parts",
    "default_tls",
    "longest_pause",
    "roots_of",
    "without_frames",
]

#: Upper limit in seconds for a `Retry-After`; Cloudflare bans for ten minutes.
LONGEST_RETRY_AFTER = 900.0

E = TypeVar("E", bound=BaseException)

#: The schemes that both `websockets` and `httpx` support; SOCKS 4 only the former.
PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")

#: The environment variables for a proxy, by the scheme of a URL, in order and without `_PROXY`. For
#: WebSockets, SOCKS comes first (RFC 6455, section 4.1).
_VARIABLES = {
    "wss": ("wss", "socks", "https", "all"),
    "ws": ("ws", "socks", "https", "http", "all"),
    "https": ("https", "all", "socks"),
    "http": ("http", "all", "socks"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """TLS settings and proxy of a client.

    Args:
        ssl: TLS settings; `None` for those of `default_tls`.
        proxy: URL of a proxy; `None` for the one of the environment, which is never used for this
            machine itself; `False` for none.

    Raises:
        TypeError, ValueError: a value is not valid; the text does not contain a proxy's password.
    """

    ssl: tls.SSLContext | None = None
    # It may hold a password.
    proxy: str | bool | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.ssl is not None and not isinstance(self.ssl, tls.SSLContext):
            raise TypeError(f"ssl must be an ssl.SSLContext, not {self.ssl!r}")
        if isinstance(self.proxy, str) and self.proxy:
            checked_proxy("proxy", self.proxy)
        elif not (self.proxy is None or isinstance(self.proxy, str | bool)):
            kind = type(self.proxy).__name__
            raise TypeError(f"proxy must be the URL of a proxy, False or None, not a {kind}")

    async def tls(self) -> tls.SSLContext:
        """Return the TLS settings.

        Raises:
            OSError: the certificates of the default cannot be loaded.
        """
        return self.ssl if self.ssl is not None else await default_tls()

    def proxy_for(self, url: str) -> str | None:
        """Return the URL of the proxy for a URL, `None` for a direct connection.

        Raises:
            ValueError: the proxy of the environment is not valid.
        """
        if isinstance(self.proxy, str):
            return self.proxy or None
        parts = urlsplit(url)
        if self.proxy is False or _is_this_machine(parts.hostname or ""):
            return None
        return _proxy_of_environment(parts)


def _is_this_machine(host: str) -> bool:
    """Return whether a host is this machine (RFC 6761, section 6.3, and RFC 1122, 3.2.1.3)."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return address.is_loopback or address.is_unspecified


def _proxy_of_environment(parts: SplitResult) -> str | None:
    """Return the proxy for a URL from the environment or the system's settings."""
    port = parts.port or (443 if parts.scheme in ("wss", "https") else 80)
    if urllib.request.proxy_bypass(f"{parts.hostname}:{port}"):
        return None
    proxies = urllib.request.getproxies()
    for name in _VARIABLES[parts.scheme]:
        if proxy := proxies.get(name):
            scheme, _, rest = proxy.rpartition("://")
            # System settings have SOCKS proxies as {"socks": "http://..."}, desktops "socks://...".
            if scheme == "socks" or (name == "socks" and scheme in ("", "http")):
                scheme = "socks5h"
            return checked_proxy(f"{name.upper()}_PROXY", f"{scheme or 'http'}://{rest}")
    return None


def checked_proxy(name: str, proxy: str) -> str:
    """Return the URL of a proxy.

    Raises:
        ValueError: it is not valid; the text does not contain a password.
    """
    problem = f"it must begin with one of {', '.join(f'{s}://' for s in PROXY_SCHEMES)}"
    if proxy.partition("://")[0].lower() in PROXY_SCHEMES:
        try:
            parts = checked_url_parts(proxy)
        except ValueError as error:
            problem = str(error)
        else:
            if parts.path in ("", "/") and not parts.query and not parts.fragment:
                return proxy
            problem = "nothing may follow its host and port"
    raise ValueError(f"{name} is not the URL of a proxy, like http://127.0.0.1:3128: {problem}")


def checked_url_parts(url: str) -> SplitResult:
    """Return the parts of a URL whose host, port and user are valid.

    Raises:
        ValueError: they are not valid; the text does not contain the URL.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:
        raise ValueError("its host or port is not valid") from None
    if not host:
        raise ValueError("it has no host")
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError("its port is not valid")
    if (parts.username is None) != (parts.password is None):
        raise ValueError("a user needs a password")
    if any(not character.isprintable() or character == " " for character in url):
        raise ValueError("it has a space or a control character")
    return parts


# Failed requests.


def longest_pause(values: Iterable[str]) -> float | None:
    """Return the longest pause of `Retry-After` headers, seconds.

    Returns:
        At most 900; `None` if no header can be read.
    """
    pauses = [pause for value in values if (pause := _retry_after(value)) is not None]
    return max(pauses, default=None)


def _retry_after(value: str) -> float | None:
    """Return the seconds of a `Retry-After` header (RFC 9110, section 10.2.3)."""
    try:
        if value.isdecimal():
            seconds = float(value)
        else:
            seconds = parsedate_to_datetime(value).timestamp() - time.time_ns() / 1e9
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def without_frames(error: E) -> E:
    """Remove the frames of an exception and its causes, and return it.

    Error reports show the local variables of frames. In the frames of the libraries that connect,
    these include the password of a proxy and the headers of a request.
    """
    seen: list[BaseException] = []
    remaining: list[BaseException | None] = [error]
    while remaining:
        one = remaining.pop()
        if one is None or one in seen:
            continue
        seen.append(one)
        one.__traceback__ = None
        remaining += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            remaining += one.exceptions
    return error


# TLS.

_lock = threading.Lock()
#: The default settings by the environment variables that they depend on.
_defaults: dict[tuple[str | None, str | None], tls.SSLContext] = {}


async def default_tls() -> tls.SSLContext:
    """Return TLS settings with the system's certificates.

    If the system has none, as in slim containers, those of `certifi` are used. `SSL_CERT_FILE` and
    `SSL_CERT_DIR` override both. Loading takes tens of milliseconds, so it is done once per process
    and in a thread, which does not block the event loop.

    Raises:
        OSError: a file or folder named by one of the variables does not exist.
    """
    variables = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if variables in _defaults:
        return _defaults[variables]
    return await asyncio.to_thread(_load_once, variables)


def _load_once(variables: tuple[str | None, str | None]) -> tls.SSLContext:
    with _lock:
        if variables not in _defaults:
            _defaults[variables] = _load(*variables)
        return _defaults[variables]


def _load(file: str | None, folder: str | None) -> tls.SSLContext:
    for name, paths in (("SSL_CERT_FILE", file), ("SSL_CERT_DIR", folder)):
        if paths and not any(Path(path).exists() for path in paths.split(os.pathsep)):
            raise FileNotFoundError(f"{name} is {paths!r}, which does not exist")
    context = tls.create_default_context()
    if not (file or folder or _has_certificates(context)):
        _add_certifi(context)
    # Neither WebSockets nor the REST call use HTTP/2.
    context.set_alpn_protocols(["http/1.1"])
    return context


#: Certificates whose dates are read at once: other threads wait meanwhile.
BATCH = 16


def roots_of(context: tls.SSLContext) -> list[bytes]:
    """Return the certificates that `default_tls` trusts and that end a chain of OpenSSL, in DER.

    Those are of authorities and valid, and signed by themselves unless partial chains are allowed.
    rustls looks at none of this.
    """
    is_partial = bool(context.verify_flags & tls.VERIFY_X509_PARTIAL_CHAIN)
    found = dict.fromkeys(context.get_ca_certs(binary_form=True))
    for path in _certificates_of_folder():
        with contextlib.suppress(OSError, ValueError):
            found[tls.PEM_cert_to_DER_cert(path.read_text())] = None
    all_ = list(found)
    batches = (all_[start : start + BATCH] for start in range(0, len(all_), BATCH))
    return [root for batch in batches for root in _ends(batch, is_partial=is_partial)]


def _ends(certificates: Iterable[bytes], *, is_partial: bool) -> list[bytes]:
    """Return those of the certificates that can end a chain now."""
    store = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    for certificate in certificates:
        with contextlib.suppress(OSError):
            store.load_verify_locations(cadata=certificate)
    ends = []
    now = time.time_ns() / 1e9
    for root, fields in zip(
        store.get_ca_certs(binary_form=True), store.get_ca_certs(), strict=True
    ):
        since, until = (
            tls.cert_time_to_seconds(str(fields[name])) for name in ("notBefore", "notAfter")
        )
        if since <= now <= until and (is_partial or fields["subject"] == fields["issuer"]):
            ends.append(root)
    return ends


#: Names of the certificates that OpenSSL finds in a folder (manual page X509_LOOKUP_hash_dir).
_CERTIFICATE = re.compile(r"[0-9a-f]{8}\.[0-9]+").fullmatch


def _has_certificates(context: tls.SSLContext) -> bool:
    """Return whether there are certificates in a context, or in the default folder."""
    return bool(context.cert_store_stats()["x509_ca"] or _certificates_of_folder())


def _certificates_of_folder() -> list[Path]:
    """Return the certificates in the default folders, which OpenSSL looks up when it needs them."""
    folders = tls.get_default_verify_paths().capath or ""
    return [
        path
        for folder in folders.split(os.pathsep)
        if folder
        for path in Path(folder).iterdir()
        if _CERTIFICATE(path.name)
    ]


def _add_certifi(context: tls.SSLContext) -> None:
    try:
        import certifi  # noqa: PLC0415 (comes with httpx, and is rarely needed)
    except ImportError:
        return
    context.load_verify_locations(certifi.where())
