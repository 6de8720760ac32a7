"""Names of pairs and assets are those of the socket, in results and in parameters."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.rest.server import MODERN_PAIRS, PAIRS, Call, Server, asset_pairs
from tests.rest.test_results import OPEN_ORDERS

pytestmark = pytest.mark.virtual_time


def orders_of(*pairs: str) -> dict[str, Any]:
    """Return a reply with one order of each pair."""
    order = json.loads(OPEN_ORDERS)["open"]["OQCLML-BW3P3-BUCMWZ"]
    named = [{**order, "descr": {**order["descr"], "pair": pair}} for pair in pairs]
    return {"open": {f"O{number}": one for number, one in enumerate(named)}}


async def symbols(rest: Any, **options: Any) -> list[str]:
    return [order.symbol for order in (await rest.open_orders(**options)).values()]


async def test_names_come_from_the_exchange_and_from_no_rule(server: Server) -> None:
    """XTZ is a modern code, whose X belongs to it (Kraken's SDK)."""
    server.answers["OpenOrders"] = orders_of("XBTUSD", "XXBTZUSD", "ETHXBT", "XTZUSD", "BTC/USD")
    async with server.client() as rest:
        assert await symbols(rest) == ["BTC/USD", "BTC/USD", "ETH/BTC", "XTZ/USD", "BTC/USD"]


async def test_names_are_read_once_by_calls_at_the_same_time(server: Server) -> None:
    server.answers["OpenOrders"] = orders_of("XBTUSD")
    async with server.client(tier="pro") as rest:
        assert await asyncio.gather(*(symbols(rest) for _ in range(5))) == [["BTC/USD"]] * 5
        assert await symbols(rest) == ["BTC/USD"]
    assert len(server.named("AssetPairs")) == 2


async def test_unknown_name_is_kept_and_looked_up_seldom(server: Server) -> None:
    server.answers["OpenOrders"] = orders_of("NEWUSD", "XBTUSD")
    async with server.client(tier="pro") as rest:
        for _ in range(3):
            assert await symbols(rest) == ["NEWUSD", "BTC/USD"]
        assert len(server.named("AssetPairs")) == 2
        await asyncio.sleep(61)
        assert await symbols(rest) == ["NEWUSD", "BTC/USD"]
        assert len(server.named("AssetPairs")) == 2, "the last reading did not have it"
        server.answers["OpenOrders"] = orders_of("OTHERUSD")
        assert await symbols(rest) == ["OTHERUSD"]
        assert len(server.named("AssetPairs")) == 4


async def test_new_pair_is_found_when_an_order_has_it(server: Server) -> None:
    listed: list[bool] = []

    def pairs(call: Call) -> Any:
        known = asset_pairs(call)
        modern = "assetVersion" in call.params
        new = {"altname": "NEWUSD", "wsname": "NEW/USD"}
        names = {"base": "NEW", "quote": "USD"} if modern else {"base": "XNEW", "quote": "ZUSD"}
        extra = {"NEW/USD" if modern else "XNEWZUSD": new | names}
        return known | extra if listed else known

    server.answers |= {"AssetPairs": pairs, "OpenOrders": orders_of("XBTUSD")}
    async with server.client(tier="pro") as rest:
        assert await symbols(rest) == ["BTC/USD"]
        listed.append(True)
        server.answers["OpenOrders"] = orders_of("NEWUSD")
        await asyncio.sleep(61)
        assert await symbols(rest) == ["NEW/USD"]


async def test_result_does_not_depend_on_the_names(server: Server) -> None:
    """Orders are shown even if the names of pairs cannot be read."""
    server.answers |= {"AssetPairs": "EService:Unavailable", "OpenOrders": orders_of("XBTUSD")}
    async with server.client(timeout=1.0, tier="pro") as rest:
        assert await symbols(rest) == ["XBTUSD"]
        tries = len(server.named("AssetPairs"))
        assert await symbols(rest) == ["XBTUSD"]
        assert len(server.named("AssetPairs")) == tries, "not tried again for a while"
        server.answers["AssetPairs"] = asset_pairs
        await asyncio.sleep(61)
        assert await symbols(rest) == ["BTC/USD"]


async def test_urgent_call_does_not_wait_for_names(server: Server) -> None:
    server.answers["OpenOrders"] = orders_of("XBTUSD")
    async with server.client() as rest:
        assert await symbols(rest, urgent=True) == ["XBTUSD"]
        assert server.named("AssetPairs") == []
        assert await symbols(rest) == ["BTC/USD"]
        assert await symbols(rest, urgent=True) == ["BTC/USD"], "known from the call before"


async def test_pair_without_slash_in_its_modern_name(server: Server) -> None:
    """Some newer pairs have a key like `RENDERUSD` (Kraken's SDK)."""
    render = {"altname": "RENDERUSD", "base": "RENDER", "quote": "USD"}
    both = {"assetVersion": {**MODERN_PAIRS, "RENDERUSD": render}}
    old = {**PAIRS, "RENDERUSD": {**render, "quote": "ZUSD"}}
    server.answers |= {
        "AssetPairs": lambda call: both["assetVersion"] if "assetVersion" in call.params else old,
        "OpenOrders": orders_of("RENDERUSD"),
    }
    async with server.client() as rest:
        assert await symbols(rest) == ["RENDER/USD"]
        assert "RENDER/USD" in await rest.asset_pairs()


@pytest.mark.parametrize("altname", [["XBTUSD"], {}, 5])
async def test_names_that_cannot_be_read_stay_as_received(server: Server, altname: Any) -> None:
    server.answers["AssetPairs"] = {"RENDERUSD": {"altname": altname}}
    server.answers["BalanceEx"] = {"XXBT": {"balance": "1", "hold_trade": "0"}}
    async with server.client() as rest:
        assert list(await rest.balances()) == ["XXBT"]


async def test_exchange_without_modern_names_gives_no_wrong_ones(server: Server) -> None:
    server.answers |= {"AssetPairs": PAIRS, "OpenOrders": orders_of("XBTUSD", "XTZUSD")}
    async with server.client() as rest:
        assert await symbols(rest) == ["XBTUSD", "XTZUSD"]


async def test_symbols_are_sent_as_altnames(server: Server) -> None:
    """AssetPairs takes BTC/USD (its example); the other calls are documented with altname or id."""
    server.answers |= {
        "Depth": {"BTC/USD": {"asks": [], "bids": []}},
        "TradesHistory": {"trades": {}},
    }
    async with server.client() as rest:
        for _ in range(2):
            await rest.depth("BTC/USD")
        assert [fill async for fill in rest.trades_history(1, 2, symbol="BTC/USD")] == []
    (lookup,) = server.named("AssetPairs")
    assert lookup.params == {"assetVersion": "1", "pair": "BTC/USD"}
    assert [call.params["pair"] for call in server.calls[1:]] == ["XBTUSD"] * 3


async def test_symbol_that_the_exchange_does_not_know_is_sent_as_it_is(server: Server) -> None:
    """The exchange then refuses the call itself."""
    refusal = "EQuery:Unknown asset pair"
    server.answers |= {"AssetPairs": refusal, "Depth": refusal}
    async with server.client() as rest:
        with pytest.raises(Exception, match=refusal):
            await rest.depth("NEW/USD")
    (call,) = server.named("Depth")
    assert call.params["pair"] == "NEW/USD"


async def test_tokenized_asset(server: Server) -> None:
    server.answers |= {
        "AssetPairs": {"TSLAx/USD": {"altname": "TSLAxUSD", "base": "TSLAx", "quote": "USD"}},
        "Depth": {"TSLAx/USD": {"asks": [], "bids": []}},
    }
    async with server.client() as rest:
        assert (await rest.depth("TSLAx/USD", asset_class="tokenized_asset")).bids == ()
    lookup, call = server.calls
    assert lookup.params["aclass_base"] == call.params["asset_class"] == "tokenized_asset"
    assert call.params["pair"] == "TSLAxUSD"


async def test_name_that_is_no_symbol_is_refused(server: Server) -> None:
    async with server.client() as rest:
        for name in ("XBTUSD", "XBT/USD", "btc/usd"):
            with pytest.raises(ValueError, match="symbol must be"):
                await rest.depth(name)
    assert server.calls == []


async def test_two_assets_of_one_name_are_both_shown(server: Server) -> None:
    one = {"balance": "1", "hold_trade": "0"}
    server.answers["BalanceEx"] = {"XXBT": one, "BTC": one}
    async with server.client() as rest:
        assert list(await rest.balances()) == ["XXBT", "BTC"]
