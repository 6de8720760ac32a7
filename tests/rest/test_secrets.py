"""No call shows a key, secret, signature, one-time password or token: in logs of any level, with
asyncio's debug mode, in errors, in local variables of tracebacks, in reprs or pickles."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.rest.server import CLOSE, SECRET, SILENCE, Call, Page, Server
from tests.rest.test_results import FILL, FILL_ID, OPEN_ORDERS

from kraken_connector import (
    AddOrderParams,
    AmendOrderParams,
    KrakenConnectorError,
    KrakenRest,
    KrakenRestSync,
)

OTP, TOKEN = "a-one-time-password", "the-token-of-a-session"
ORDER = AddOrderParams("BTC/USD", "buy", "limit", "1", limit_price="1")


async def first(rows: Any) -> Any:
    return [row async for row in rows]


#: Each private call: its method, and a good result.
CALLS: dict[str, tuple[Callable[[KrakenRest], Awaitable[Any]], Any]] = {
    "OpenOrders": (lambda rest: rest.open_orders(), json.loads(OPEN_ORDERS)),
    "QueryOrders": (lambda rest: rest.query_orders(["O1"]), {}),
    "ClosedOrders": (lambda rest: first(rest.closed_orders(1, 2)), {"closed": {}}),
    "TradesHistory": (lambda rest: first(rest.trades_history(1, 2)), {"trades": {}}),
    "QueryTrades": (lambda rest: rest.query_trades([FILL_ID]), {FILL_ID: json.loads(FILL)}),
    "BalanceEx": (lambda rest: rest.balances(), {"ZUSD": {"balance": "1", "hold_trade": "0"}}),
    "TradeBalance": (lambda rest: rest.trade_balance(), {"eb": "1", "tb": "1"}),
    "OpenPositions": (lambda rest: rest.open_positions(), {}),
    "TradeVolume": (lambda rest: rest.trade_volume(), {"currency": "ZUSD", "volume": "0"}),
    "GetApiKeyInfo": (lambda rest: rest.api_key_info(), {"permissions": []}),
    "AddOrder": (lambda rest: rest.add_order(ORDER), {"txid": ["O1"]}),
    "AmendOrder": (
        lambda rest: rest.amend_order(AmendOrderParams("O1", order_qty=1)),
        {"amend_id": "T1"},
    ),
    "CancelOrder": (lambda rest: rest.cancel_order("O1"), {"count": 1}),
    "CancelAll": (lambda rest: rest.cancel_all(), {"count": 1}),
    "CancelAllOrdersAfter": (
        lambda rest: rest.cancel_all_orders_after(0),
        {"currentTime": "2026-01-01T00:00:00Z"},
    ),
    "GetWebSocketsToken": (
        lambda rest: rest.get_websockets_token(),
        {"token": TOKEN, "expires": 900},
    ),
}


def key_info(call: Call) -> dict[str, Any]:
    """Return a result with the key in it, and with a field of a wrong type."""
    key = call.headers["api-key"]
    return {"apiKey": key, "permissions": [], "apiKeyName": {}}


#: Answers that fail every call.
FAILURES: dict[str, Any] = {
    "quoted key": lambda call: f"EAPI:Invalid key:{call.headers['api-key']}",
    "page": lambda call: Page(403, f"<html>{call.headers['api-sign']} {call.body}</html>"),
    "no json": lambda call: f"{TOKEN} {call.body}".encode(),
    "closed": CLOSE,
    "nonce": "EAPI:Invalid nonce",
}


class Watch:
    """Collects what may be shown, and checks that no secret is in it."""

    def __init__(self, server: Server, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        asyncio.get_running_loop().set_debug(True)
        asyncio.get_running_loop().slow_callback_duration = 0.0
        self._server, self._caplog = server, caplog
        self._shown: list[str] = []

    def show(self, thing: object) -> None:
        self._shown.append(repr(thing))

    def show_error(self, error: BaseException) -> None:
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        ours = [f for f in frames if f.f_globals["__name__"].startswith("kraken_connector")]
        assert ours
        self._shown += [repr(frame.f_locals) for frame in ours]
        self._shown += traceback.format_exception(error)
        self._shown += [repr(vars(error)), repr(error.args), repr(pickle.dumps(error))]
        assert error.__cause__ is None

    def check(self) -> None:
        records = self._caplog.records
        logged = [f"{r.getMessage()} {r.args!r} {r.exc_text}" for r in records]
        assert len(logged) > 5, "the event loop logs every callback"
        shown = "\n".join([*self._shown, *logged])
        calls = [call for call in self._server.calls if "api-sign" in call.headers]
        signatures = {call.headers["api-sign"] for call in calls}
        assert signatures
        assert {call.params["otp"] for call in calls} == {OTP}
        for secret in (self._server.api_key, SECRET, OTP, TOKEN, *signatures):
            assert secret not in shown
        assert "the-private-key" not in shown, "the decoded secret"


@pytest.mark.parametrize("call", CALLS)
async def test_call_that_succeeds(
    server: Server, caplog: pytest.LogCaptureFixture, call: str
) -> None:
    make, result = CALLS[call]
    server.answers[call] = result
    watch = Watch(server, caplog)
    async with server.client(otp=OTP) as rest:
        watch.show(await make(rest))
        watch.show(rest)
        watch.show(vars(rest))
    watch.check()


#: Results in which a secret may be, by call.
ODD = {
    "GetWebSocketsToken": {
        "list": json.dumps({"error": [], "result": [TOKEN]}).encode(),
        "object": {"token": [TOKEN]},
    },
    "GetApiKeyInfo": {"object": key_info},
}
FAILED = [
    *((call, failure) for call in CALLS for failure in FAILURES),
    *((call, failure) for call, failures in ODD.items() for failure in failures),
]


@pytest.mark.parametrize(("call", "failure"), FAILED)
async def test_call_that_fails(
    server: Server, caplog: pytest.LogCaptureFixture, call: str, failure: str
) -> None:
    make, _ = CALLS[call]
    server.answers[call] = {**FAILURES, **ODD.get(call, {})}[failure]
    watch = Watch(server, caplog)
    async with server.client(otp=OTP, timeout=0.2) as rest:
        with pytest.raises(KrakenConnectorError) as caught:
            await make(rest)
        watch.show_error(caught.value)
    watch.check()


@pytest.mark.parametrize("call", CALLS)
async def test_call_that_is_cancelled(
    server: Server, caplog: pytest.LogCaptureFixture, call: str
) -> None:
    make, _ = CALLS[call]
    arrived = asyncio.Event()

    def silent(_: Call) -> Any:
        arrived.set()
        return SILENCE

    server.answers[call] = silent
    watch = Watch(server, caplog)
    async with server.client(otp=OTP) as rest:
        task = asyncio.ensure_future(make(rest))
        async with asyncio.timeout(10):
            await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    ours = [f for f in frames if f.f_globals["__name__"].startswith("kraken_connector")]
    watch.show([frame.f_locals for frame in ours])
    watch.check()


@pytest.mark.parametrize("make", [KrakenRest, KrakenRestSync])
@pytest.mark.parametrize(
    "keys", [("the-key", "no base64: the-private-key"), ("the key", "c2VjcmV0"), (5, "c2VjcmV0")]
)
def test_constructor_that_fails(make: Any, keys: tuple[Any, str]) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        make(*keys, otp=OTP)
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)][1:]
    shown = repr([frame.f_locals for frame in frames]) + str(caught.value)
    for secret in ("the-private-key", "c2VjcmV0", OTP, str(keys[0])):
        assert secret not in shown


def test_clients_refuse_to_be_pickled() -> None:
    for client in (KrakenRest("the-key", "c2VjcmV0"), KrakenRestSync("the-key", "c2VjcmV0")):
        assert "the-key" not in repr(client)
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(client)
