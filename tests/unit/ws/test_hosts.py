"""The hosts of a client and the channels that each serves."""

from __future__ import annotations

import pytest

from kraken_connector.ws.constants import AUTH_URL, LEVEL3_URL, PUBLIC_URL
from kraken_connector.ws.pool.hosts import Hosts

MINE = "ws://127.0.0.1:9/v2"
OTHER = "ws://127.0.0.1:10/v2"


@pytest.mark.parametrize(
    ("channel", "url"),
    [
        ("book", PUBLIC_URL),
        ("status", PUBLIC_URL),
        ("something new", PUBLIC_URL),
        ("executions", AUTH_URL),
        ("balances", AUTH_URL),
        ("level3", LEVEL3_URL),
    ],
)
def test_each_channel_has_its_host(channel: str, url: str) -> None:
    assert Hosts(PUBLIC_URL).of_channel(channel).url == url


def test_trading_is_private_and_other_requests_follow_their_channel() -> None:
    hosts = Hosts(PUBLIC_URL)
    assert hosts.of_method("add_order", "None").url == AUTH_URL
    assert hosts.of_method("subscribe", "level3").url == LEVEL3_URL
    assert hosts.of_method("ping", "None").url == PUBLIC_URL


def test_another_url_is_one_host_for_everything() -> None:
    hosts = Hosts(MINE)
    assert hosts.of_channel("level3") == hosts.of_channel("balances") == hosts.public
    assert hosts.public.serves == {"public", "private", "level3"}
    assert hosts.public.takes_tokens


def test_another_url_may_leave_the_private_channels_to_a_second_one() -> None:
    hosts = Hosts(MINE, auth_url=OTHER)
    assert hosts.of_channel("executions").url == OTHER
    assert hosts.of_channel("level3").url == MINE
    assert hosts.public.serves == {"public", "level3"}


def test_public_host_needs_no_token() -> None:
    hosts = Hosts(PUBLIC_URL)
    assert not hosts.public.takes_tokens
    assert hosts.of_channel("level3").takes_tokens


@pytest.mark.parametrize("name", ["auth_url", "level3_url"])
def test_what_is_no_url_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Hosts(MINE, **{name: "https://ws.kraken.com"})


@pytest.mark.parametrize("name", ["url", "auth_url", "level3_url"])
@pytest.mark.parametrize("path", ["", "/"])
@pytest.mark.parametrize("host", ["ws.kraken.com", "beta-ws-auth.kraken.com", "WS.kraken.com"])
def test_addresses_of_the_older_api_are_refused(name: str, host: str, path: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is that of WebSocket API v1: .*wss://.*/v2'"):
        Hosts(**{"url": MINE, name: f"wss://{host}{path}"})


@pytest.mark.parametrize("url", ["wss://beta-ws.kraken.com/v2", "wss://uws.kraken.com", "ws://a"])
def test_other_addresses_are_accepted(url: str) -> None:
    assert Hosts(url).public.url == url
