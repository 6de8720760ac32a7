"""`KrakenRest`: its options, and its connections when a WebSocket client shares its network."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from tests.rest.server import Server

from kraken_connector import KrakenRest
from kraken_connector.network import Network


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("tier", "gold"),
        ("rate_policy", "ignore"),
        ("timeout", 0),
        ("timeout", -1.0),
        ("timeout", float("nan")),
        ("timeout", True),
        ("timeout", "10"),
    ],
)
def test_invalid_option_is_refused(option: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{option} must be"):
        KrakenRest(**{option: value})


def test_error_does_not_quote_a_key_in_the_place_of_another_argument() -> None:
    wrong: Any = "c2VjcmV0"
    for option in ("tier", "rate_policy", "timeout", "nonce_unit", "base_url"):
        with pytest.raises((TypeError, ValueError)) as caught:
            KrakenRest(**{option: wrong})
        assert wrong not in str(caught.value)


async def test_connections_of_an_earlier_network_are_closed_at_the_end(server: Server) -> None:
    server.answers["BalanceEx"] = {}
    async with server.client() as rest:
        await rest.balances()
        (client,) = rest._caller.transport._clients.values()
        rest.use_network(Network(ssl=ssl.create_default_context()))
        await rest.balances()
        assert not client.is_closed
    assert client.is_closed
