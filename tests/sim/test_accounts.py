"""The private channels: what the scripted account sends, in which order and with which numbers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.sim.client import Client, Message, fetch_token, serving

from kraken_connector.sim import SimulatedExchange

OBSERVED = Path(__file__).parents[1] / "fixtures" / "observed" / "user-data.jsonl"


@asynccontextmanager
async def trader() -> AsyncIterator[tuple[SimulatedExchange, Client, str]]:
    """An exchange, a connection and a token."""
    async with serving(balances={"USD": 1000, "BTC": 2}) as (sim, client):
        yield sim, client, await fetch_token(sim)


async def reports(client: Client, channel: str, count: int) -> list[Message]:
    """Return the only item of each of the next messages."""
    return [message["data"][0] for message in await client.updates(channel, count)]


async def test_ack_of_executions_names_rate_limit_and_deprecations() -> None:
    async with trader() as (_, client, token):
        params = {"channel": "executions", "token": token, "snap_trades": True}
        answer = await client.answer({"method": "subscribe", "params": params})
    result = answer["result"]
    assert result["maxratecount"] == 125
    assert (result["snap_orders"], result["snap_trades"]) == (True, True)
    assert len(result["warnings"]) == 4


async def test_empty_account_still_gets_a_snapshot() -> None:
    async with trader() as (_, client, token):
        snapshot = await client.subscribe("executions", token=token)
    assert snapshot == {"channel": "executions", "type": "snapshot", "data": [], "sequence": 1}


async def test_reports_of_an_order_from_placing_to_filling() -> None:
    async with trader() as (sim, client, token):
        await client.subscribe("executions", token=token)
        order_id = await sim.account.place(
            "BTC/USD", "buy", "0.005", limit_price="26500", cl_ord_id="mine"
        )
        await sim.account.amend(order_id, limit_price="26600.0")
        await sim.account.fill(order_id, "0.002")
        exec_id = await sim.account.fill(order_id)
        placed, live, amended, part, rest, filled = await reports(client, "executions", 6)
    assert [placed["exec_type"], live["exec_type"]] == ["pending_new", "new"]
    assert live.keys() == {"timestamp", "order_status", "exec_type", "cl_ord_id", "order_id"}
    assert (placed["order_qty"], placed["limit_price"]) == ("0.00500000", "26500.0")
    assert (amended["exec_type"], amended["limit_price"]) == ("amended", "26600.0")
    assert (part["last_qty"], part["cum_qty"]) == ("0.00200000", "0.00200000")
    assert (rest["cum_qty"], rest["order_status"]) == ("0.00500000", "partially_filled")
    assert (rest["exec_id"], rest["last_price"]) == (exec_id, "26600.0")
    assert (rest["cost"], rest["cum_cost"]) == ("79.80000", "133.00000")
    assert rest["fees"] == [{"asset": "USD", "qty": "0.1277"}]
    assert (filled["exec_type"], filled["order_status"]) == ("filled", "filled")


async def test_cancel_gives_its_reason_twice() -> None:
    async with trader() as (sim, client, token):
        await client.subscribe("executions", token=token)
        order_id = await sim.account.place("BTC/USD", "sell", 1, limit_price=30_000)
        await sim.account.cancel(order_id)
        canceled = (await reports(client, "executions", 3))[-1]
        with pytest.raises(ValueError, match="no open order"):
            await sim.account.cancel(order_id)
    assert canceled["reason"] == canceled["cancel_reason"] == "User requested"
    assert canceled["order_userref"] == 0


async def test_expired_order_says_so() -> None:
    async with trader() as (sim, client, token):
        await client.subscribe("executions", token=token)
        await sim.account.expire(await sim.account.place("BTC/USD", "buy", 1, limit_price=9))
        expired = (await reports(client, "executions", 3))[-1]
    assert (expired["exec_type"], expired["order_status"]) == ("expired", "expired")


async def test_sequences_count_messages_of_each_subscription() -> None:
    async with trader() as (sim, client, token):
        first = await client.subscribe("balances", token=token)
        await sim.account.deposit("USD", "10")
        await client.subscribe("executions", token=token)
        order_id = await sim.account.place("BTC/USD", "buy", "0.1", limit_price=100)
        await sim.account.fill(order_id)
        executions = await client.updates("executions", 4)
        balances = await client.updates("balances", 2)
    assert first["sequence"] == 1
    assert [message["sequence"] for message in executions] == [2, 3, 4, 5]
    assert [message["sequence"] for message in balances] == [3, 4]


async def test_new_subscription_starts_counting_again() -> None:
    async with trader() as (sim, client, token):
        await client.subscribe("balances", token=token)
        await sim.account.deposit("USD", "10")
        await client.answer(
            {"method": "unsubscribe", "params": {"channel": "balances", "token": token}}
        )
        assert (await client.subscribe("balances", token=token))["sequence"] == 1


async def test_both_ledger_entries_of_a_trade_add_up() -> None:
    async with trader() as (sim, client, token):
        snapshot = await client.subscribe("balances", token=token)
        order_id = await sim.account.place("BTC/USD", "sell", "0.5", limit_price="1000.5")
        exec_id = await sim.account.fill(order_id, liquidity_ind="t")
        base, quote = await reports(client, "balances", 2)
    held = {item["asset"]: Decimal(item["balance"]) for item in snapshot["data"]}
    for entry in (base, quote):
        assert entry["ref_id"] == exec_id
        after = held[entry["asset"]] + Decimal(entry["amount"]) - Decimal(entry["fee"])
        assert after == Decimal(entry["balance"]) == sim.account.balances[entry["asset"]]
    assert (base["amount"], base["fee"]) == ("-0.5000000000", "0.0000000000")
    assert (quote["amount"], quote["fee"]) == ("500.2500", "1.3006")


async def test_balances_have_the_assets_decimals() -> None:
    async with trader() as (_, client, token):
        snapshot = await client.subscribe("balances", token=token)
    balances = {item["asset"]: item["balance"] for item in snapshot["data"]}
    assert balances == {"USD": "1000.0000", "BTC": "2.0000000000"}


async def test_snapshot_shows_open_orders_and_past_fills() -> None:
    async with trader() as (sim, client, token):
        filled = await sim.account.place("BTC/USD", "buy", "0.1", limit_price=100)
        await sim.account.fill(filled)
        live = await sim.account.place("BTC/USD", "buy", "0.1", limit_price=100, post_only=True)
        snapshot = await client.subscribe("executions", token=token, snap_trades=True)
    order, trade = snapshot["data"]
    assert (order["order_id"], order["order_status"]) == (live, "new")
    assert order["post_only"] is True
    assert (trade["order_id"], trade["order_status"]) == (filled, "filled")
    assert "cum_qty" not in trade


async def test_order_status_false_leaves_ends_and_fills() -> None:
    async with trader() as (sim, client, token):
        await client.subscribe("executions", token=token, order_status=False)
        order_id = await sim.account.place("BTC/USD", "buy", "0.1", limit_price=100)
        await sim.account.amend(order_id, order_qty="0.2")
        await sim.account.fill(order_id)
        got = await reports(client, "executions", 3)
    assert [report["exec_type"] for report in got] == ["new", "trade", "filled"]


async def test_all_users_have_no_snapshot_but_a_name() -> None:
    async with trader() as (sim, client, token):
        await client.request("subscribe", channel="balances", token=token, users="all")
        await sim.wait_subscribed("balances")
        await sim.account.withdraw("USD", 100, fee=1)
        (message,) = await client.updates("balances", 1)
    assert message["type"] == "update"
    assert "user" in message["data"][0]
    assert message["data"][0]["balance"] == "899.0000"


async def test_fill_beyond_the_order_is_refused() -> None:
    async with SimulatedExchange(rate=0) as sim:
        order_id = await sim.account.place("BTC/USD", "buy", "0.1", limit_price=100)
        with pytest.raises(ValueError, match="cannot fill"):
            await sim.account.fill(order_id, "0.2")
        market_order = await sim.account.place("BTC/USD", "buy", "0.1")
        with pytest.raises(ValueError, match="at None"):
            await sim.account.fill(market_order)


async def test_fields_equal_those_seen_live() -> None:
    seen: dict[str, set[str]] = {}
    for line in OBSERVED.read_text().splitlines():
        message = json.loads(line)
        if message["type"] == "update":
            for item in message["data"]:
                kind = item.get("exec_type") or message["channel"]
                seen.setdefault(kind, set()).update(item)
    async with trader() as (sim, client, token):
        await client.subscribe("executions", token=token)
        await client.subscribe("balances", token=token)
        order_id = await sim.account.place(
            "BTC/USD", "buy", 1, limit_price=100, cl_ord_id="mine", post_only=True
        )
        await sim.account.amend(order_id, order_qty=2)
        await sim.account.cancel(order_id)
        await sim.account.deposit("USD", 1)
        got = await reports(client, "executions", 4) + await reports(client, "balances", 1)
    for item in got:
        kind = item.get("exec_type", "balances")
        assert item.keys() <= seen[kind] | _seen_elsewhere(kind), kind


def _seen_elsewhere(kind: str) -> set[str]:
    """Fields that the documentation prints for `new` and `canceled`, if the order has them."""
    return {"post_only"} if kind in {"new", "canceled"} else set[Any]()
