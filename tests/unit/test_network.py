"""The proxy and certificates of a connection; `tests/ws/test_connecting.py` connects by them."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from kraken_connector.network import PROXY_SCHEMES, Network

NAMES = ("ws", "wss", "http", "https", "socks", "all", "no")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_proxy".upper(), raising=False)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "sim.localhost",
        "127.0.0.1",
        "127.9.9.9",
        "[::1]",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
    ],
)
@pytest.mark.parametrize("scheme", ["ws", "wss", "http", "https"])
def test_environments_proxy_is_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch, host: str, scheme: str
) -> None:
    for name in NAMES[:-1]:
        monkeypatch.setenv(f"{name}_proxy", "http://proxy.test:3128")
    url = f"{scheme}://{host}:1234/v2"
    assert Network().proxy_for(url) is None
    assert Network(proxy=True).proxy_for(url) is None
    assert Network(proxy="http://mine.test:1").proxy_for(url) == "http://mine.test:1"


@pytest.mark.parametrize(
    ("scheme", "order"),
    [
        ("wss", ["wss", "socks", "https", "all"]),
        ("ws", ["ws", "socks", "https", "http", "all"]),
        ("https", ["https", "all", "socks"]),
        ("http", ["http", "all", "socks"]),
    ],
)
def test_variables_are_read_in_their_order(
    monkeypatch: pytest.MonkeyPatch, scheme: str, order: list[str]
) -> None:
    for name in NAMES[:-1]:
        monkeypatch.setenv(f"{name}_proxy", f"socks5://{name}.test:1")
    for name in order:
        assert Network().proxy_for(f"{scheme}://exchange.test") == f"socks5://{name}.test:1"
        monkeypatch.delenv(f"{name}_proxy")
    assert Network().proxy_for(f"{scheme}://exchange.test") is None


def test_hosts_without_a_proxy_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", "exchange.test")
    assert Network().proxy_for("wss://ws.exchange.test/v2") is None
    assert Network().proxy_for("wss://other.test/v2") == "http://proxy.test:3128"
    assert Network(proxy=False).proxy_for("wss://other.test/v2") is None


@pytest.mark.parametrize(
    ("name", "value", "proxy"),
    [
        ("HTTPS_PROXY", "proxy.test:3128", "http://proxy.test:3128"),
        ("ALL_PROXY", "socks://proxy.test:1080", "socks5h://proxy.test:1080"),
        ("SOCKS_PROXY", "http://proxy.test:1080", "socks5h://proxy.test:1080"),
        ("SOCKS_PROXY", "proxy.test:1080", "socks5h://proxy.test:1080"),
        ("SOCKS_PROXY", "socks4://proxy.test:1080", "socks4://proxy.test:1080"),
    ],
)
def test_other_spellings_of_proxies_are_understood(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, proxy: str
) -> None:
    monkeypatch.setenv(name, value)
    assert Network().proxy_for("wss://exchange.test") == proxy


@pytest.mark.parametrize("scheme", PROXY_SCHEMES)
def test_proxies_pass(scheme: str) -> None:
    for rest in ("proxy.test", "proxy.test:1/", "me:hush@10.0.0.1:3128", "[::1]:9"):
        assert Network(proxy=f"{scheme}://{rest}").proxy == f"{scheme}://{rest}"


@pytest.mark.parametrize(
    "proxy",
    [
        "proxy.test:3128",
        "ftp://me:hush@h",
        "http://",
        "http://me:hush@:1",
        "http://me:hush@h:x",
        "http://me:hush@h:99999",
        "http://me:hush@h:0",
        "http://hush@h",
        "http://me:hush@[bad",
        "http://me:hush@h/path",
        "http://me:hush@h?q",
        "http://me:hush@h#f",
        "http://me:hush@h \n",
        f"http://me:hush@{'a' * 64}.test",
        "http://me:hush@a..b",
    ],
)
def test_what_is_no_proxy_is_refused_and_not_shown(proxy: str) -> None:
    with pytest.raises(ValueError, match="proxy is not the URL of a proxy") as caught:
        Network(proxy=proxy)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("wrong", [1, b"http://proxy.test", ["http://proxy.test"]])
def test_what_is_no_text_is_no_proxy(wrong: Any) -> None:
    with pytest.raises(TypeError, match="proxy must be"):
        Network(proxy=wrong)


@pytest.mark.parametrize("wrong", [True, "authority.pem", object()])
def test_what_is_no_context_is_no_trust(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"ssl must be an ssl\.SSLContext"):
        Network(ssl=wrong)


async def test_trust_is_loaded_once() -> None:
    mine = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert await Network(ssl=mine).tls() is mine
    assert await Network().tls() is await Network(proxy=False).tls()
