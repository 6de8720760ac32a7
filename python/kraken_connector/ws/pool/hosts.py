"""The hosts of a client and the channels that each serves."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from ..base.options import checked_url
from ..base.streams import ACCOUNT_CHANNELS, PRIVATE_METHODS
from ..constants import AUTH_URL, LEVEL3_URL, PUBLIC_URL

__all__ = ["Host", "Hosts"]

#: Hosts that serve version 1 of the API without a path, and version 2 under `/v2`
#: (docs.kraken.com/api/docs/guides/spot-ws-intro).
V1_HOSTS = {
    prefix + host for prefix in ("", "beta-") for host in ("ws.kraken.com", "ws-auth.kraken.com")
}


@dataclass(frozen=True, slots=True)
class Host:
    """One endpoint.

    Attributes:
        name: the first of `public`, `private` and `level3` that it serves.
        url: its URL.
        serves: the groups of channels that it serves: `public`, `private` and `level3`.
    """

    name: str
    url: str
    serves: frozenset[str]

    @property
    def takes_tokens(self) -> bool:
        """Whether any of its channels needs a token."""
        return bool(self.serves - {"public"})


class Hosts:
    """The endpoints of one client. Endpoints with the same URL are one host.

    Args:
        url: endpoint of public market data, and of everything without an endpoint of its own.
        auth_url: endpoint of `executions`, `balances` and trading.
        level3_url: endpoint of `level3`.

    Raises:
        TypeError, ValueError: a value is not a WebSocket URL.
    """

    def __init__(
        self, url: str, auth_url: str | None = None, level3_url: str | None = None
    ) -> None:
        by_default = _checked("url", url) == PUBLIC_URL
        if auth_url is None:
            auth_url = AUTH_URL if by_default else url
        if level3_url is None:
            level3_url = LEVEL3_URL if by_default else url
        urls = {
            "public": url,
            "private": _checked("auth_url", auth_url),
            "level3": _checked("level3_url", level3_url),
        }
        hosts: dict[str, Host] = {}
        for name, address in urls.items():
            served = frozenset(other for other in urls if urls[other] == address)
            hosts.setdefault(address, Host(name, address, served))
        self._by_name = {name: hosts[address] for name, address in urls.items()}

    @property
    def public(self) -> Host:
        """The host that a client connects to first."""
        return self._by_name["public"]

    def named(self, name: str) -> Host:
        """Return the host that serves `public`, `private` or `level3`.

        Raises:
            ValueError: `name` is unknown.
        """
        if name not in self._by_name:
            names = ", ".join(self._by_name)
            raise ValueError(f"a host must be one of {names}, not {name!r}")
        return self._by_name[name]

    def of_channel(self, channel: str) -> Host:
        """Return the host of a channel; unknown channels are public."""
        if channel in ACCOUNT_CHANNELS:
            return self._by_name["private"]
        return self._by_name["level3" if channel == "level3" else "public"]

    def of_method(self, method: str, channel: str) -> Host:
        """Return the host of a request."""
        return self._by_name["private"] if method in PRIVATE_METHODS else self.of_channel(channel)


def _checked(name: str, url: object) -> str:
    """Return the URL after checking that it is one of version 2 of the API."""
    good = checked_url(name, url)
    parts = urlsplit(good)
    if parts.hostname in V1_HOSTS and not parts.path.strip("/"):
        right = f"{parts.scheme}://{parts.netloc}/v2"
        raise ValueError(f"{name} is that of WebSocket API v1: did you mean {right!r}?")
    return good
