"""A client of the real exchange. Nothing here runs unless it is selected with `-m live`.

What the environment says:

- `KRAKEN_API_KEY`, `KRAKEN_API_SECRET`: without them everything private is skipped. The key needs
  to query orders and balances, and for `level3` to be allowed to use WebSockets, nothing else.
- `KRAKEN_LIVE_TRADING=1`: also send orders, which the exchange only validates.
- `KRAKEN_LIVE_SECONDS`: how long streams are followed, 20 by default.
- `KRAKEN_LIVE_URL`, `..._AUTH_URL`, `..._LEVEL3_URL`, `..._REST_URL`: other hosts.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from kraken_connector.ws import KrakenWSClient, TokenManager
from kraken_connector.ws.constants import AUTH_URL, LEVEL3_URL, PUBLIC_URL

HAS_KEYS = bool(os.environ.get("KRAKEN_API_KEY") and os.environ.get("KRAKEN_API_SECRET"))
MAY_VALIDATE_ORDERS = HAS_KEYS and os.environ.get("KRAKEN_LIVE_TRADING") == "1"
REST_URL = "https://api.kraken.com"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what the environment does not allow."""
    skips = {
        "private": (HAS_KEYS, "KRAKEN_API_KEY and KRAKEN_API_SECRET are not set"),
        "trading": (MAY_VALIDATE_ORDERS, "KRAKEN_LIVE_TRADING is not 1, or there is no key"),
    }
    for item in items:
        is_allowed, reason = skips.get(getattr(item, "path", item).stem[5:], (True, ""))
        if "live" in item.keywords and not is_allowed:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def client_options() -> dict[str, Any]:
    """Where the hosts are, and where tokens come from if there is a key."""
    environment = os.environ.get
    options: dict[str, Any] = {
        "url": environment("KRAKEN_LIVE_URL", PUBLIC_URL),
        "auth_url": environment("KRAKEN_LIVE_AUTH_URL", AUTH_URL),
        "level3_url": environment("KRAKEN_LIVE_LEVEL3_URL", LEVEL3_URL),
    }
    if HAS_KEYS:
        rest = environment("KRAKEN_LIVE_REST_URL", REST_URL)
        options["token_manager"] = TokenManager.from_env(base_url=rest)
    return options


@pytest.fixture
def new_client(client_options: dict[str, Any]) -> Any:
    """Make a client of these hosts."""
    return lambda **options: KrakenWSClient(**{**client_options, **options})


@pytest.fixture
def seconds() -> float:
    """How long to follow a stream."""
    return float(os.environ.get("KRAKEN_LIVE_SECONDS", "20"))
