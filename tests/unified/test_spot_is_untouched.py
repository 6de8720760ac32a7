"""Users of the spot hosts pay nothing: no import, no name, no other frame."""

from __future__ import annotations

import subprocess
import sys

import orjson
from tests.ws.helpers import BTC, client_of, tokens_of

import kraken_connector
from kraken_connector import unified, ws
from kraken_connector.sim import SimulatedExchange

#: Names of both kinds of hosts, which mean the parameters of the spot hosts outside the package.
SHARED = {name for name in unified.__all__ if hasattr(ws, name)}


def test_the_client_of_the_spot_hosts_does_not_import_the_package() -> None:
    program = (
        "import sys, kraken_connector, kraken_connector.ws\n"
        "kraken_connector.KrakenWSClient()\n"
        "assert not [name for name in sys.modules if 'unified' in name]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=50)


def test_no_name_of_the_package_is_exported_elsewhere() -> None:
    assert all(name.endswith("Params") for name in SHARED)
    assert not (set(unified.__all__) - SHARED) & {*ws.__all__, *kraken_connector.__all__}
    for name in SHARED:
        assert "unified" not in getattr(ws, name).__module__


async def test_frames_of_the_spot_hosts_have_no_asset_class() -> None:
    async with (
        SimulatedExchange(symbols=[BTC], rate=0) as sim,
        client_of(sim, token_manager=tokens_of(sim)) as client,
    ):
        await client.subscribe(ws.BookParams([BTC]))
        await client.track_orders()
        params = ws.AddOrderParams(BTC, "buy", "limit", "0.001", limit_price="50000")
        order = (await client.add_order(params)).order
        await order.amend(limit_price="50001")
        await client.cancel_all()
    assert sim.requests
    for request in sim.requests:
        assert "asset_class" not in orjson.loads(request.raw).get("params", {})
    (added,) = [r.params for r in sim.requests if r.method == "add_order"]
    assert len(added["cl_ord_id"]) == 18
