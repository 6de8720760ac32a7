"""The simulator speaks as the pages say, seen by a plain WebSocket client.

Source: docs.kraken.com, Unified WebSocket; the texts are copied from its pages.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from tests.sim.client import Client, connected
from tests.unified.helpers import DERIVATIVES, PF

from kraken_connector.sim.unified import SimulatedUnified


@asynccontextmanager
async def private(sim: SimulatedUnified) -> AsyncIterator[tuple[Client, str]]:
    async with connected(sim, url=sim.private_url) as socket:
        yield socket, sim.tokens.issue()


async def answer(socket: Client, method: str, **params: Any) -> dict[str, Any]:
    return await socket.answer({"method": method, "params": params, "req_id": 7})


REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"channel": "margin", "asset_class": DERIVATIVES, "snapshot": True},
        "'params.snapshot' is not valid for the margin channel",
    ),
    (
        {"channel": "ledgers", "asset_class": DERIVATIVES},
        "'params.asset_class' is not valid for the ledgers channel",
    ),
]


@pytest.mark.parametrize(("params", "text"), REFUSED)
@pytest.mark.parametrize("method", ["subscribe", "unsubscribe"])
async def test_refusals_have_the_texts_of_the_pages(
    sim: SimulatedUnified, params: dict[str, Any], text: str, method: str
) -> None:
    async with private(sim) as (socket, token):
        refusal = await answer(socket, method, **params, token=token)
    assert refusal["success"] is False
    assert refusal["error"] == text
    assert (refusal["method"], refusal["req_id"]) == (method, 7)


@pytest.mark.parametrize("channel", ["positions", "margin"])
async def test_a_second_subscription_is_refused(sim: SimulatedUnified, channel: str) -> None:
    async with private(sim) as (socket, token):
        params = {"channel": channel, "asset_class": DERIVATIVES, "token": token}
        assert (await answer(socket, "subscribe", **params))["success"]
        refusal = await answer(socket, "subscribe", **params)
    assert refusal["error"] == f"Already subscribed to {channel} channel"


async def test_preferences_may_not_be_available_yet(sim: SimulatedUnified) -> None:
    sim.unified.has_preferences = False
    async with private(sim) as (socket, token):
        refusal = await answer(socket, "subscribe", channel="preferences", token=token)
    assert refusal["error"] == "Preferences are not available yet, try again later"


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ({"symbol": "PF_NONE", "max_leverage": 2}, "Unknown 'params.leverage_mode.symbol'"),
        (
            {"symbol": PF, "max_leverage": 51},
            "Leverage exceeds the market's margin schedule",
        ),
        (
            {"symbol": PF, "max_leverage": 0},
            "Leverage is outside the permitted range for this market",
        ),
        ({"symbol": PF, "max_leverage": "2"}, "'params.max_leverage' is not valid"),
        ({"symbol": PF}, "'params.leverage_mode.max_leverage' is required"),
    ],
)
async def test_leverage_is_refused(sim: SimulatedUnified, mode: dict[str, Any], text: str) -> None:
    async with private(sim) as (socket, token):
        params = {"asset_class": DERIVATIVES, "leverage_mode": mode, "token": token}
        refusal = await answer(socket, "set_preference", **params)
    assert refusal["error"] == text


@pytest.mark.parametrize(
    "params",
    [
        {"channel": "book", "symbol": [PF]},
        {"channel": "book", "symbol": [PF], "asset_class": "futures"},
        {"channel": "ticker", "symbol": [PF], "asset_class": DERIVATIVES, "event_trigger": "bbo"},
        {"channel": "ohlc", "symbol": [PF], "asset_class": DERIVATIVES, "tick_type": "last"},
        {"channel": "executions", "asset_class": DERIVATIVES},
        {"channel": "nothing"},
    ],
)
async def test_public_requests_that_do_not_fit_are_refused(
    sim: SimulatedUnified, params: dict[str, Any]
) -> None:
    async with connected(sim, url=sim.public_url) as socket:
        refusal = await answer(socket, "subscribe", **params)
    assert refusal["success"] is False
    assert "'" in refusal["error"] or "channel" in refusal["error"]


@pytest.mark.parametrize(
    "params",
    [
        {"order_type": "iceberg"},
        {"order_type": "settle-position"},
        {"order_userref": 7},
        {"limit_price_type": "quote"},
        {"order_qty": "1"},
        {"asset_class": None},
    ],
)
async def test_orders_that_the_pages_exclude_are_refused(
    sim: SimulatedUnified, params: dict[str, Any]
) -> None:
    order = {
        "asset_class": DERIVATIVES,
        "symbol": PF,
        "side": "buy",
        "order_type": "limit",
        "order_qty": 1,
        "limit_price": 1,
    }
    async with private(sim) as (socket, token):
        refusal = await answer(socket, "add_order", **(order | params), token=token)
        edit = await answer(socket, "edit_order", **order, token=token)
    assert not refusal["success"]
    assert edit["error"] == "Unsupported event"
    assert not sim.unified.orders


async def test_paths_are_two_and_orders_need_the_private_one(sim: SimulatedUnified) -> None:
    token = sim.tokens.issue()
    async with connected(sim, url=sim.public_url) as socket:
        refusal = await answer(socket, "cancel_all", asset_class=DERIVATIVES, token=token)
        assert refusal["error"] == "Orders are not available on this endpoint"
    async with httpx.AsyncClient() as http:
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        url = sim.public_url.replace("ws:", "http:").replace("/public", "")
        key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        assert (await http.get(url, headers=upgrade | key)).status_code == 404


async def test_a_derivatives_order_has_no_pending_new(sim: SimulatedUnified) -> None:
    async with private(sim) as (socket, token):
        params = {"asset_class": DERIVATIVES, "token": token}
        await socket.subscribe("executions", **params)
        order = {"symbol": PF, "side": "buy", "order_type": "limit", "order_qty": 1}
        await answer(socket, "add_order", **order, limit_price=1000, **params)
        (update,) = await socket.updates("executions", 1)
    (report,) = update["data"]
    assert (report["exec_type"], report["order_status"]) == ("new", "new")
    assert (report["symbol"], report["side"], report["limit_price"]) == (PF, "buy", 1000)
    assert update["sequence"] == 2


async def test_the_timer_cancels_orders_of_both_classes() -> None:
    now = 1_800_000_000_000_000_000
    async with SimulatedUnified(rate=0, symbols=["BTC/USD"], clock=lambda: now) as sim:
        async with private(sim) as (socket, token):
            order = {"symbol": "BTC/USD", "side": "buy", "order_type": "limit", "order_qty": 1}
            params = {"asset_class": "spot", "token": token}
            await answer(socket, "add_order", **order, limit_price=1000, **params)
            after = {"asset_class": DERIVATIVES, "token": token}
            reply = await answer(socket, "cancel_all_orders_after", timeout=60, **after)
        assert reply["result"]["triggerTime"] > reply["result"]["currentTime"]
        assert sim.unified.open_orders()
        now += 60_000_000_000
        sim.run_due()
        assert not sim.unified.open_orders()
