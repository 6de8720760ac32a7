"""Faults on REST calls, over real HTTPS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from tests.sim.client import connected, signed
from tests.sim.rest import BTC, CLIENT, RESTING, START_NS, Clock, Rest, calling, read
from tests.virtual import current

from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.rest.garbled import GARBLED, Garbled
from kraken_connector.sim.trading.refusals import LISTED

LOST = (httpx.ReadError, httpx.RemoteProtocolError)
#: Texts of the table of errors in the reference of REST that `LISTED` does not have.
ONLY_REST = {
    "EService:Busy",
    "EService:Throttled: 1800000005",
    "EGeneral:Too many requests",
    "EAPI:Invalid token",
    "ESession:Invalid session",
    "EQuery:Unknown asset pair",
    "EQuery:Unknown asset",
    "EAPI:Permission denied",
    "EOrder:Invalid order",
}


@pytest.mark.parametrize("error", sorted(LISTED | ONLY_REST))
async def test_every_error_text_can_be_the_next_answer(rest: Rest, error: str) -> None:
    order_id = await rest.place()
    rest.sim.faults.refuse_calls(error, calls=("CancelAll",))
    await rest.call("OpenOrders")
    assert await rest.error("CancelAll") == error
    assert rest.sim.account.open_orders[0].order_id == order_id
    assert await rest.call("CancelAll") == {"count": 1}


async def test_faults_queue_up(rest: Rest) -> None:
    rest.sim.faults.refuse_calls("EService:Busy", times=2)
    rest.sim.faults.refuse_calls("EService:Unavailable", calls="CancelAll")
    rest.sim.faults.refuse_calls("EGeneral:Internal error")
    errors = [await rest.error("CancelAll") for _ in range(4)]
    assert errors[:2] == ["EService:Busy"] * 2
    assert errors[2:] == ["EService:Unavailable", "EGeneral:Internal error"]
    await rest.call("CancelAll")


async def test_faults_act_on_public_calls_too(rest: Rest) -> None:
    rest.sim.faults.refuse_calls("EService:Busy", calls=("Depth",))
    assert await rest.public("Time")
    response = await rest.http.get("/0/public/Depth", params={"pair": "XBTUSD"})
    assert read(response) == {"error": ["EService:Busy"]}


async def test_refused_call_is_not_carried_out_and_costs_nothing(rest: Rest) -> None:
    rule = rest.sim.faults.refuse_calls("EService:Busy", calls=("OpenOrders",))
    await rest.error("OpenOrders", nonce=5)
    assert rest.sim.rest.counter.count == 0
    assert rule.fired == 1
    await rest.call("OpenOrders", nonce=5)


async def test_failed_call_is_carried_out(rest: Rest) -> None:
    rest.sim.faults.fail_calls("EGeneral:Internal error", calls=("AddOrder",))
    assert await rest.error("AddOrder", **RESTING) == "EGeneral:Internal error"
    assert len(rest.sim.account.open_orders) == 1


@pytest.mark.parametrize(("spaced", "blank"), [(True, " "), (False, "")])
async def test_throttled_names_a_time(rest: Rest, spaced: bool, blank: str) -> None:
    rest.sim.faults.throttle_calls(5, spaced=spaced)
    error = await rest.error("OpenOrders")
    assert error == f"EService:{blank}Throttled: {START_NS // 10**9 + 5}"


async def test_warning_beside_a_result(rest: Rest) -> None:
    rest.sim.faults.warn_calls("WGeneral:Danger", "WOther:Text")
    assert await rest.error("OpenOrders", headers={"API-Key": "x"}) == "EAPI:Invalid key"
    document = read(await rest.send("CancelAll"))
    assert document == {"error": ["WGeneral:Danger", "WOther:Text"], "result": {"count": 0}}


async def test_lockout(rest: Rest) -> None:
    rest.sim.faults.lock_out_calls(900, calls=("CancelAll", "OpenOrders"))
    assert await rest.error("OpenOrders") == "EGeneral:Temporary lockout"
    await rest.call("BalanceEx")
    rest.clock.pass_seconds(899)
    assert await rest.error("CancelAll") == "EGeneral:Temporary lockout"
    rest.clock.pass_seconds(1)
    await rest.call("CancelAll")


#: What is wrong with each malformed answer, checked on its bytes.
WRONG: dict[Garbled, Callable[[bytes], object]] = {
    "no json": lambda body: body.startswith(b"<html>"),
    "cut": lambda body: body == b'{"error":[],"result":{"count":1',
    "empty": lambda body: body == b"",
    "a list": lambda body: body == b'[{"error":[],"result":{"count":1}}]',
    "a string": lambda body: isinstance(json.loads(body), str),
    "no result": lambda body: json.loads(body) == {"error": []},
    "result null": lambda body: json.loads(body) == {"error": [], "result": None},
    "result a list": lambda body: json.loads(body) == {"error": [], "result": []},
    "no error": lambda body: json.loads(body) == {"result": {"count": 1}},
    "error null": lambda body: json.loads(body) == {"error": None, "result": {"count": 1}},
    "error a string": lambda body: isinstance(json.loads(body)["error"], str),
    "error an object": lambda body: isinstance(json.loads(body)["error"], dict),
    "error of numbers": lambda body: json.loads(body)["error"] == [503],
    "bare numbers": lambda body: json.loads(body) == {"error": [], "result": {"count": 1}},
}


@pytest.mark.parametrize("kind", GARBLED)
async def test_malformed_answers(rest: Rest, kind: Garbled) -> None:
    await rest.place()
    rest.sim.faults.garble_calls(kind, calls=("CancelAll",))
    response = await rest.send("CancelAll")
    assert response.status_code == 200
    assert WRONG[kind](response.content)
    assert not rest.sim.account.open_orders
    assert await rest.call("CancelAll") == {"count": 0}


async def test_bare_numbers_keep_their_digits(rest: Rest) -> None:
    rest.sim.faults.garble_calls("bare numbers", calls=("BalanceEx",))
    body = (await rest.send("BalanceEx")).text
    assert '"XXBT":{"balance":100.0000000000,"hold_trade":0.0000000000}' in body


@pytest.mark.parametrize("value", [None, 1.5, "text", [], {}, True])
@pytest.mark.parametrize("field", ["status", "opentm", "descr", "vol", "misc", "trades", "pair"])
async def test_field_can_have_any_value(rest: Rest, field: str, value: Any) -> None:
    order_id = await rest.place()
    rest.sim.faults.alter_calls(calls=("OpenOrders",), **{field: value})
    order = (await rest.send("OpenOrders", trades=True)).json()["result"]["open"][order_id]
    assert (order["descr"] if field == "pair" else order)[field] == value


async def test_field_can_be_missing(rest: Rest) -> None:
    order_id = await rest.place()
    rest.sim.faults.alter_calls(vol=...)
    assert "vol" not in (await rest.call("OpenOrders"))["open"][order_id]
    assert "vol" in (await rest.call("OpenOrders"))["open"][order_id]


async def test_result_can_be_rewritten(rest: Rest) -> None:
    rest.sim.faults.rewrite_calls(
        lambda rows: {**rows, "XXXX": {"balance": "1"}}, calls="BalanceEx"
    )
    assert (await rest.call("BalanceEx"))["XXXX"] == {"balance": "1"}


@pytest.mark.parametrize("status", [429, 502, 503, 520, 521, 522, 523, 524, 525, 526])
@pytest.mark.parametrize("carried_out", [False, True])
async def test_gateway_answers_without_json(rest: Rest, status: int, carried_out: bool) -> None:
    await rest.place()
    rest.sim.faults.break_calls(status, calls=("CancelAll",), carried_out=carried_out)
    response = await rest.send("CancelAll")
    assert response.status_code == status
    assert response.headers["content-type"] == "text/html"
    assert len(rest.sim.account.open_orders) == (0 if carried_out else 1)


@pytest.mark.parametrize("carried_out", [False, True])
async def test_connection_is_reset(rest: Rest, carried_out: bool) -> None:
    rest.sim.faults.drop_calls(calls=("AddOrder",), carried_out=carried_out)
    with pytest.raises(LOST):
        await rest.place()
    assert len(rest.sim.account.open_orders) == carried_out
    await rest.call("OpenOrders")


@pytest.mark.parametrize("carried_out", [False, True])
async def test_call_is_never_answered(rest: Rest, carried_out: bool) -> None:
    rest.sim.faults.hang_calls(calls=("AddOrder",), carried_out=carried_out)
    call = asyncio.create_task(rest.place())
    await rest.sim.wait_for(lambda: rest.sim.log and rest.sim.log[-1].event == "hang_calls")
    assert len(rest.sim.account.open_orders) == carried_out
    # Another connection is served.
    await rest.call("OpenOrders")
    assert not call.done()
    call.cancel()


@pytest.mark.virtual_time
async def test_answer_is_late() -> None:
    async with SimulatedExchange(rate=0) as sim, httpx.AsyncClient(trust_env=False) as http:
        sim.faults.delay_calls(30, times=1)
        before = current().time()
        call = asyncio.create_task(http.post(**signed(sim, 1), timeout=60))
        await asyncio.sleep(1)
        assert sim.tokens.issued == 1
        assert (await call).json()["error"] == []
        assert current().time() - before > 30
        assert (await http.post(**signed(sim, 2), timeout=1)).json()["error"] == []


@pytest.mark.virtual_time
async def test_answer_drips() -> None:
    async with SimulatedExchange(rate=0) as sim, httpx.AsyncClient(trust_env=False) as http:
        sim.faults.drip_calls(1.0, times=1)
        before = current().time()
        assert (await http.get(f"{sim.rest_url}/0/public/Time", timeout=2)).json()["error"] == []
        assert current().time() - before > 60


@pytest.mark.virtual_time
async def test_stranded_call_is_carried_out_later() -> None:
    async with SimulatedExchange(rate=0) as sim, httpx.AsyncClient(trust_env=False) as http:
        rest = Rest(sim, Clock(), http)
        http.base_url = httpx.URL(sim.rest_url)
        sim.faults.strand_calls(30, calls=("AddOrder",))
        with pytest.raises(LOST):
            await rest.place()
        # Meanwhile another call has a higher nonce.
        assert (await rest.call("OpenOrders"))["open"] == {}
        await asyncio.sleep(31)
        assert len((await rest.call("OpenOrders"))["open"]) == 1


async def test_stranded_call_with_a_wrong_signature_is_lost(rest: Rest) -> None:
    rest.sim.faults.strand_calls(0)
    with pytest.raises(LOST):
        await rest.send("AddOrder", headers={"API-Sign": "bm9uZQ=="}, **RESTING)
    await rest.call("CancelAll")
    assert not rest.sim.account.orders


@pytest.mark.parametrize("status", [503, None])
async def test_rest_is_down_while_sockets_live(rest: Rest, status: int | None) -> None:
    token = (await rest.call("GetWebSocketsToken"))["token"]
    async with connected(rest.sim, context=CLIENT) as client:
        await client.subscribe("executions", token=token)
        rule = rest.sim.faults.stop_rest(status)
        for name in ("CancelAll", "GetWebSocketsToken"):
            if status is None:
                with pytest.raises(LOST):
                    await rest.send(name)
            else:
                assert (await rest.send(name)).status_code == status
        await rest.sim.account.place(BTC, "buy", "0.5", limit_price="80000.0")
        assert (await client.updates("executions", 1))[0]["data"][0]["exec_type"] == "pending_new"
        rule.cancel()
        assert await rest.call("CancelAll") == {"count": 1}


async def test_sockets_are_down_while_rest_lives(rest: Rest) -> None:
    rest.sim.faults.refuse_connections(times=None)
    with pytest.raises(Exception, match="503"):
        async with connected(rest.sim, context=CLIENT):
            raise AssertionError("unreachable")
    assert await rest.call("CancelAll") == {"count": 0}


async def test_reads_lag(rest: Rest) -> None:
    """What is true after a call need not be shown yet: a canceled order still looks open."""
    filled = await rest.sim.account.place(BTC, "buy", "1", limit_price="80000.0")
    canceled = await rest.place()
    rest.clock.pass_seconds(10)
    first = await rest.sim.account.fill(filled, "0.25")
    rest.sim.faults.lag_rest(3)
    rest.clock.pass_seconds(3)
    await rest.sim.account.fill(filled)
    new = await rest.place()
    assert await rest.call("CancelOrder", txid=canceled) == {"count": 1, "pending": False}
    rest.clock.pass_seconds(2.9)
    shown = (await rest.call("OpenOrders", trades=True))["open"]
    assert shown.keys() == {filled, canceled}
    assert {order["status"] for order in shown.values()} == {"open"}
    assert (shown[filled]["vol_exec"], shown[filled]["trades"]) == ("0.25000000", [first])
    assert (shown[filled]["cost"], shown[filled]["price"]) == ("20000.00000", "80000.0")
    assert "closetm" not in shown[canceled]
    assert (await rest.call("ClosedOrders"))["closed"] == {}
    assert (await rest.call("TradesHistory"))["trades"].keys() == {first}
    rest.clock.pass_seconds(0.1)
    assert (await rest.call("OpenOrders"))["open"].keys() == {new}
    closed = (await rest.call("ClosedOrders"))["closed"]
    assert (closed[filled]["status"], closed[canceled]["status"]) == ("closed", "canceled")
    await rest.call("CancelAll")
    rest.sim.faults.clear()
    assert (await rest.call("OpenOrders"))["open"] == {}


async def test_clear_ends_all_faults(rest: Rest) -> None:
    faults = rest.sim.faults
    faults.refuse_calls("EService:Busy", times=None)
    faults.stop_rest()
    faults.drip_calls(60)
    faults.lock_out_calls()
    faults.clear()
    assert await rest.call("CancelAll") == {"count": 0}


async def test_faults_that_act_are_logged(rest: Rest) -> None:
    rest.sim.faults.warn_calls("WGeneral:Danger", calls=("CancelAll",))
    rest.sim.faults.delay_calls(0.001, calls=("CancelAll",))
    await rest.call("OpenOrders")
    assert not rest.sim.log
    await rest.send("CancelAll")
    logged = {(entry.event, entry.detail) for entry in rest.sim.log}
    assert logged == {("warn_calls", "CancelAll"), ("delay_calls", "CancelAll")}


async def test_faults_on_tokens_leave_other_calls_alone() -> None:
    async with calling() as rest:
        faults = rest.sim.faults
        faults.refuse_tokens(times=3)
        faults.lock_out_tokens()
        faults.drop_tokens()
        faults.hang_tokens()
        faults.fail_tokens()
        faults.delay_tokens(60)
        faults.drip_tokens(60)
        assert await rest.call("CancelAll") == {"count": 0}
        assert await rest.public("Time")


async def test_client_that_is_gone_does_not_disturb_a_late_answer(rest: Rest) -> None:
    late = rest.sim.faults.delay_calls(0.01, times=1)
    with pytest.raises(httpx.ReadTimeout):
        await rest.http.get("/0/public/Time", timeout=httpx.Timeout(10, read=0.001))
    assert late.fired == 1
    rest.sim.faults.delay_calls(0.02, times=1)
    assert await rest.public("Time")
