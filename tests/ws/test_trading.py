"""The trading methods of the client, against the simulated exchange."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from tests.ws.helpers import BTC, connected, eventually, find_type, tokens_of

from kraken_connector.exceptions import (
    ConnectionLost,
    InvalidParameter,
    NotConnected,
    OrderCheckFailed,
    OrderOutcomeUnknown,
    RequestTimeout,
    TokenAcquisitionError,
    TradingError,
)
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllOrdersAfterParams,
    CancelAllParams,
    CancelOrderParams,
    ConnectionState,
    EditOrderParams,
    InstrumentParams,
    KrakenWSClient,
    WSRequest,
    WSResponse,
)


def limit(qty: Any = "0.10", price: Any = "100.0", **options: Any) -> AddOrderParams:
    return AddOrderParams(BTC, "buy", "limit", qty, limit_price=price, **options)


@asynccontextmanager
async def trader(sim: SimulatedExchange, **options: Any) -> AsyncIterator[KrakenWSClient]:
    """Connect a client that can trade."""
    async with connected(sim, token_manager=tokens_of(sim), **options) as client:
        yield client


def orders_received(sim: SimulatedExchange, method: str = "add_order") -> list[dict[str, Any]]:
    return [dict(request.params) for request in sim.requests if request.method == method]


# The methods.


async def test_order_is_placed_changed_and_cancelled(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        placed = await client.add_order(limit(order_userref=7))
        assert isinstance(placed, WSResponse)
        assert placed.typed is not None
        order_id = placed.result["order_id"]
        assert placed.typed.order_id == order_id
        assert placed.typed.order_userref == 7
        amended = await client.amend_order(AmendOrderParams(order_id, limit_price="101.0"))
        assert amended.typed is not None
        assert amended.typed.amend_id == amended.result["amend_id"]
        assert sim.account.open_orders[0].limit_price == Decimal("101.0")
        edited = await client.edit_order(EditOrderParams(order_id, BTC, limit_price="102.0"))
        assert edited.typed is not None
        assert edited.typed.original_order_id == order_id
        gone = await client.cancel_order(CancelOrderParams(order_id=[edited.typed.order_id]))
        assert gone.result == {"order_id": edited.typed.order_id}
        assert sim.account.open_orders == []


async def test_order_without_a_name_gets_one(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        placed = await client.add_order(limit())
        assert placed.typed is not None
        assert placed.typed.cl_ord_id == orders_received(sim)[0]["cl_ord_id"]
        reply = await client.cancel_order(CancelOrderParams(cl_ord_id=[placed.typed.cl_ord_id]))
        assert reply.result == {"cl_ord_id": placed.typed.cl_ord_id}


async def test_batches(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        reply = await client.batch_add(
            BatchAddParams(BTC, orders=[limit(cl_ord_id="a"), limit(), limit(order_userref=7)])
        )
        assert reply.typed is not None
        first, second, third = reply.typed.orders
        assert (first.cl_ord_id, third.order_userref) == ("a", 7)
        assert reply.typed.rejected == {}
        names = [second.order_id, "7"]
        counted = await client.batch_cancel(BatchCancelParams(orders=names, cl_ord_id=["a"]))
        assert counted.typed is not None
        assert counted.typed.count == 3


async def test_one_order_of_a_batch_fails_alone() -> None:
    async with (
        SimulatedExchange(symbols=[BTC], rate=0, balances={"USD": "15"}) as sim,
        trader(sim) as client,
    ):
        reply = await client.batch_add(BatchAddParams(BTC, orders=[limit(), limit()]))
        assert reply.typed is not None
        assert reply.typed.rejected == {1: "EOrder:Insufficient funds"}
        assert reply.typed.orders[0].order_id == sim.account.open_orders[0].order_id


async def test_cancelling_everything_now_and_later(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        await client.add_order(limit())
        switch = await client.cancel_all_orders_after(CancelAllOrdersAfterParams(timeout=60))
        assert switch.typed is not None
        assert switch.typed.trigger_time == switch.result["triggerTime"]
        await client.cancel_all_orders_after(CancelAllOrdersAfterParams(timeout=0))
        reply = await client.cancel_all(CancelAllParams())
        assert reply.typed is not None
        assert reply.typed.count == 1
        assert (await client.cancel_all()).result == {"count": 0}


async def test_several_cancels_have_an_outcome_each(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        one = (await client.add_order(limit(cl_ord_id="one"))).result["order_id"]
        two = (await client.add_order(limit(cl_ord_id="two"))).result["order_id"]
        with pytest.raises(TradingError) as caught:
            await client.cancel_order(CancelOrderParams(order_id=[one, "OXXXXX-XXXXX-XXXXXX"]))
        assert caught.value.accepted == (one,)
        assert caught.value.rejected == {"OXXXXX-XXXXX-XXXXXX": "EOrder:Unknown order"}
        await client.add_order(limit(cl_ord_id="three"))
        reply = await client.cancel_order(CancelOrderParams(order_id=[two], cl_ord_id=["three"]))
        assert [ack.result for ack in reply.acks] == [{"order_id": two}, {"cl_ord_id": "three"}]
        assert sim.account.open_orders == []
        assert all(
            len(names) == 1
            for params in orders_received(sim, "cancel_order")
            for key, names in params.items()
            if key != "token"
        )


async def test_a_number_ends_all_its_orders(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        for _ in range(3):
            await client.add_order(limit(order_userref=7))
        reply = await client.cancel_order(CancelOrderParams(order_userref=[7]))
        assert len(reply.acks) == 3
        assert sim.account.open_orders == []


async def test_orders_of_a_number_that_stay_are_reported() -> None:
    async with (
        SimulatedExchange(symbols=[BTC], rate=0, tier="starter", clock=lambda: 10**18) as sim,
        trader(sim) as client,
    ):
        for _ in range(10):
            await client.add_order(limit(order_userref=7))
        await client.add_order(limit(cl_ord_id="mine"))
        with pytest.raises(TradingError) as caught:
            await client.cancel_order(CancelOrderParams(cl_ord_id=["mine"], order_userref=[7]))
        # A cancel costs 8, and there is room for 60 - 11.
        left = [order.order_id for order in sim.account.open_orders]
        assert len(left) == 5
        assert "5 of 10 orders of 7: EOrder:Rate limit exceeded" in str(caught.value)
        assert caught.value.rejected.keys() == {"7"}
        gone = sim.account.orders.keys() - set(left)
        named = client.orders["mine"].order_id
        assert {"mine", *(gone - {named})} == set(caught.value.accepted)


async def test_raw_requests_stay_and_accept_decimals(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        token = await tokens_of(sim).get_token()
        params = limit("0.10").to_dict(exact=True)
        await client.send(WSRequest("add_order", {**params, "token": token}, req_id=9))
        assert (await find_type(client, WSResponse)).req_id == 9
        assert str(orders_received(sim)[0]["order_qty"]) == "0.10"


async def test_client_that_only_trades_has_a_good_token_all_the_time() -> None:
    async with (
        SimulatedExchange(symbols=[BTC], rate=0, token_lifetime=1.0) as sim,
        connected(sim, token_manager=tokens_of(sim, refresh_margin=0.8)) as client,
    ):
        assert (await client.add_order(limit())).success
        # Longer than the lifetime of a token.
        await eventually(lambda: sim.tokens.issued > 6)
        assert (await client.cancel_all()).result == {"count": 1}


async def test_orders_go_to_the_private_host() -> None:
    async with SimulatedExchange(symbols=[BTC], rate=0, hosts="three") as sim:
        hosts = {"auth_url": sim.auth_url, "level3_url": sim.level3_url}
        async with trader(sim, **hosts) as client:
            await client.subscribe(InstrumentParams())
            assert sim.connections_to("private") == []
            assert (await client.add_order(limit())).success
            assert len(sim.connections_to("private")) == 1
            await eventually(lambda: BTC in client.instruments)
            with pytest.raises(OrderCheckFailed):
                await client.add_order(limit(price="100.00000001"))
            sim.faults.reset_connections(host="public")
            await eventually(lambda: client.connections["public"].reconnects)
            assert (await client.cancel_all()).result == {"count": 1}


# Refusals.


async def test_refusal_reaches_the_caller(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        with pytest.raises(TradingError) as caught:
            await client.add_order(limit("1000000", "1000.0"))
        assert caught.value.venue_error == "EOrder:Insufficient funds"
        assert isinstance(caught.value.req_id, int)


async def test_trading_needs_a_token(sim: SimulatedExchange) -> None:
    async with connected(sim) as client:
        with pytest.raises(ValueError, match="token_manager"):
            await client.add_order(limit())
        token = await tokens_of(sim).get_token()
        assert (await client.add_order(limit(token=token))).success
        reply = await client.cancel_all(CancelAllParams(token=token))
        assert reply.result == {"count": 1}
        with pytest.raises(TradingError, match="Unknown order"):
            await client.prepare_cancel(cl_ord_id="x", token=token)()


async def test_parameters_of_another_method_are_refused(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        with pytest.raises(TypeError, match="add_order takes AddOrderParams"):
            await client.add_order(CancelAllParams())  # type: ignore[arg-type]


async def test_failed_token_call_sends_nothing(sim: SimulatedExchange) -> None:
    sim.faults.refuse_tokens("EService:Unavailable")
    async with trader(sim) as client:
        with pytest.raises(TokenAcquisitionError):
            await client.add_order(limit())
        assert orders_received(sim) == []
        assert (await client.add_order(limit())).success


async def test_token_that_does_not_come_sends_nothing(sim: SimulatedExchange) -> None:
    sim.faults.delay_tokens(30)
    async with trader(sim, request_timeout=1.5) as client:
        with pytest.raises(RequestTimeout, match="was not sent within"):
            await client.add_order(limit())
        assert orders_received(sim) == []


async def test_revoked_token_costs_one_refusal(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        await client.add_order(limit())
        sim.faults.revoke_tokens()
        with pytest.raises(TradingError, match="EAPI:Invalid token"):
            await client.add_order(limit())
        assert (await client.add_order(limit())).success
        assert len(orders_received(sim)) == 3
        assert sim.tokens.issued == 2


# Outcomes.


async def test_lost_reply_leaves_the_outcome_unknown(sim: SimulatedExchange) -> None:
    async with trader(sim, request_timeout=1.5) as client:
        await client.cancel_all()
        sim.faults.lose_replies()
        with pytest.raises(OrderOutcomeUnknown) as caught:
            await client.add_order(limit(cl_ord_id="mine"))
        assert (caught.value.method, caught.value.cl_ord_id) == ("add_order", "mine")
        assert [order.client_id for order in sim.account.open_orders] == [{"cl_ord_id": "mine"}]
        await client.cancel_all()
        assert len(orders_received(sim)) == 1


async def test_several_cancels_of_unknown_outcome_are_named(sim: SimulatedExchange) -> None:
    async with trader(sim, request_timeout=1.5) as client:
        one = (await client.add_order(limit())).result["order_id"]
        two = (await client.add_order(limit())).result["order_id"]
        sim.faults.lose_replies(1, method="cancel_order")
        with pytest.raises(OrderOutcomeUnknown) as caught:
            await client.cancel_order(CancelOrderParams(order_id=[one, two, "OX"]))
        assert caught.value.unanswered == (one,)
        assert caught.value.accepted == (two,)
        assert caught.value.rejected == {"OX": "EOrder:Unknown order"}


async def test_while_reconnecting_nothing_is_sent(sim: SimulatedExchange) -> None:
    async with trader(sim, backoff_base=30, backoff_max=30) as client:
        await client.add_order(limit())
        sim.faults.reset_connections()
        await eventually(lambda: client.state is ConnectionState.RECONNECTING)
        with pytest.raises(NotConnected) as caught:
            await client.add_order(limit())
        assert caught.value.state == "reconnecting"
        assert len(orders_received(sim)) == 1


async def test_disconnecting_leaves_the_outcome_unknown(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        await client.cancel_all()
        sim.faults.hold_requests()
        waiting = asyncio.create_task(client.add_order(limit()))
        await eventually(lambda: client._trader.connection.session.trading._out)  # type: ignore[union-attr]
        await client.disconnect()
        with pytest.raises(OrderOutcomeUnknown, match="disconnect"):
            await waiting


async def test_cancelled_caller_sends_nothing_more(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        await client.cancel_all()
        held = sim.faults.hold_replies()
        waiting = asyncio.create_task(client.add_order(limit()))
        await eventually(lambda: sim.account.open_orders)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        held.release()
        assert (await client.cancel_all()).result == {"count": 1}
        assert len(orders_received(sim)) == 1


async def test_caller_cancelled_while_waiting_for_the_token(sim: SimulatedExchange) -> None:
    sim.faults.delay_tokens(0.2)
    async with trader(sim) as client:
        waiting = asyncio.create_task(client.add_order(limit()))
        await eventually(lambda: sim.rest.calls)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await client.cancel_all()
        assert orders_received(sim) == []


async def test_doubled_reply_goes_to_the_queue(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        sim.faults.duplicate_replies()
        reply = await client.add_order(limit())
        assert (await find_type(client, WSResponse)).req_id == reply.req_id


# Checks.


async def test_with_instruments_orders_are_checked(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        assert (await client.add_order(limit(price="100.0"))).success
        await client.subscribe(InstrumentParams())
        await eventually(lambda: BTC in client.instruments)
        rules = client.instruments.rules(BTC)
        assert rules is not None
        wrong = Decimal(100) + rules.tick / 2
        with pytest.raises(OrderCheckFailed) as caught:
            await client.add_order(limit(price=wrong))
        assert (caught.value.below, caught.value.above) == (100, 100 + rules.tick)
        amend = client.prepare_amend(order_id="O1", symbol=BTC)
        with pytest.raises(OrderCheckFailed, match="limit_price"):
            await amend(limit_price=wrong)
        assert len(orders_received(sim)) == 1


async def test_checks_can_be_turned_off(sim: SimulatedExchange) -> None:
    async with trader(sim, check_orders=False) as client:
        await client.subscribe(InstrumentParams())
        await eventually(lambda: BTC in client.instruments)
        with pytest.raises(TradingError) as caught:
            await client.add_order(limit(price="100.00000001"))
        assert not isinstance(caught.value, OrderCheckFailed)
        assert caught.value.venue_error


async def test_closed_exchange_accepts_no_orders(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        await client.add_order(limit())
        sim.faults.set_system("cancel_only")
        await eventually(lambda: client.system_status == "cancel_only")
        with pytest.raises(OrderCheckFailed, match="only cancels are accepted"):
            await client.add_order(limit())
        assert (await client.cancel_all()).result == {"count": 1}


async def test_closed_pair_accepts_no_orders(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        await client.subscribe(InstrumentParams())
        await eventually(lambda: BTC in client.instruments)
        sim.faults.set_pair_status(BTC, "post_only")
        await eventually(lambda: client.instruments[BTC].status == "post_only")
        with pytest.raises(OrderCheckFailed, match=f"{BTC} is post_only") as caught:
            await client.add_order(limit())
        assert caught.value.rule == "status"
        assert (await client.add_order(limit(post_only=True))).success
        sim.faults.set_pair_status(BTC, "online")
        await eventually(lambda: client.instruments[BTC].status == "online")
        assert (await client.add_order(limit())).success


async def test_amend_of_a_known_order_is_checked_by_its_pair(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        await client.subscribe(InstrumentParams())
        await eventually(lambda: BTC in client.instruments)
        reply = await client.add_order(limit(cl_ord_id="mine"))
        assert reply.order is client.orders["mine"]
        with pytest.raises(OrderCheckFailed):
            await client.amend_order(AmendOrderParams(cl_ord_id="mine", limit_price="0.00000001"))
        with pytest.raises(OrderCheckFailed):
            await client.prepare_amend(order_id=reply.order.order_id)(limit_price="0.00000001")
        assert orders_received(sim, "amend_order") == []


async def test_edit_of_an_order_with_a_name_is_not_sent(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        order_id = (await client.add_order(limit())).typed.order_id
        edit = EditOrderParams(order_id, BTC, limit_price="101.0")
        with pytest.raises(OrderCheckFailed, match=r"cl_ord_id .*; use amend_order"):
            await client.edit_order(edit)
        assert orders_received(sim, "edit_order") == []
        number = (await client.add_order(limit(order_userref=7))).typed.order_id
        assert (await client.edit_order(edit.__replace__(order_id=number))).success


# Prepared requests.


async def test_prepared_requests_say_the_same(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        await client.add_order(limit(cl_ord_id="mine"))
        amend = client.prepare_amend(cl_ord_id="mine", post_only=True)
        reply = await amend(limit_price="101.10", order_qty=Decimal("0.20"))
        assert reply.typed is not None
        assert reply.typed.cl_ord_id == "mine"
        await client.amend_order(
            AmendOrderParams(
                cl_ord_id="mine", limit_price="101.10", order_qty="0.20", post_only=True
            )
        )
        prepared, usual = (
            {name: value for name, value in params.items() if name != "deadline"}
            for params in orders_received(sim, "amend_order")
        )
        assert prepared == usual
        with pytest.raises(InvalidParameter, match="trigger_price"):
            await amend(trigger_price="99.50")
        with pytest.raises(TradingError):
            await client.prepare_amend(cl_ord_id="another")(trigger_price="99.50")
        assert str(orders_received(sim, "amend_order")[-1]["trigger_price"]) == "99.50"
        assert str(prepared["limit_price"]) == "101.10"
        cancel = client.prepare_cancel(cl_ord_id="mine")
        assert (await cancel()).result == {"cl_ord_id": "mine"}
        with pytest.raises(TradingError, match="Unknown order"):
            await cancel()


async def test_prepared_requests_outlive_the_connection(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        placed = await client.add_order(limit())
        amend = client.prepare_amend(order_id=placed.result["order_id"])
        await amend(limit_price="101.0")
        sim.faults.reset_connections()
        await eventually(lambda: client._trader.connection.reconnects == 1)  # type: ignore[union-attr]
        await amend(limit_price="102.0")
        first, second = (params["token"] for params in orders_received(sim, "amend_order"))
        assert first != second


async def test_prepared_requests_are_checked_and_keep_the_token_to_themselves(
    sim: SimulatedExchange,
) -> None:
    async with trader(sim) as client:
        with pytest.raises(InvalidParameter):
            client.prepare_amend()
        with pytest.raises(InvalidParameter):
            client.prepare_cancel(order_id="O1", cl_ord_id="mine")
        amend = client.prepare_amend(order_id="O1", token="s3cret")
        for numbers in ({"limit_price": "NaN"}, {"order_qty": 0}, {"display_qty": -1}):
            with pytest.raises(InvalidParameter):
                await amend(**numbers)
        with pytest.raises(TypeError):
            await amend(limit_price=True)
        assert "s3cret" not in repr(amend)
        assert orders_received(sim, "amend_order") == []


# The socket.


async def opened(client: KrakenWSClient) -> tuple[Any, Any]:
    """Open the connection that carries orders, and return it and its socket."""
    await client.cancel_all()
    connection = client._trader.connection
    assert connection is not None
    assert connection._socket is not None
    return connection, connection._socket


async def test_order_is_written_in_the_callers_step(
    sim: SimulatedExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trader(sim) as client:
        _, socket = await opened(client)
        written = []
        with monkeypatch.context() as patch:
            patch.setattr(
                socket, "transport", SimpleNamespace(write=written.append, is_closing=lambda: False)
            )
            order = asyncio.create_task(client.add_order(limit()))
            await asyncio.sleep(0)
        (frame,) = written
        order.cancel()
        with pytest.raises(asyncio.CancelledError):
            await order
        head, mask, masked = frame[:4], frame[4:8], frame[8:]
        assert head == b"\x81\xfe" + len(masked).to_bytes(2, "big")
        payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(masked))
        assert json.loads(payload)["method"] == "add_order"


async def test_frames_keep_their_order_when_the_peer_is_slow(sim: SimulatedExchange) -> None:
    async with trader(sim) as client:
        connection, socket = await opened(client)
        socket.pause_writing()
        tasks = [asyncio.create_task(client.add_order(limit(order_userref=n))) for n in range(5)]
        await eventually(lambda: len(connection.session.outgoing) == 4)
        assert orders_received(sim) == [] or len(orders_received(sim)) == 1
        socket.resume_writing()
        await asyncio.gather(*tasks)
        assert [params["order_userref"] for params in orders_received(sim)] == [0, 1, 2, 3, 4]


async def test_what_the_peer_is_too_slow_for_never_left(sim: SimulatedExchange) -> None:
    async with trader(sim, max_reconnect_attempts=0) as client:
        connection, socket = await opened(client)
        sim.faults.hold_requests()
        socket.pause_writing()
        tasks = [asyncio.create_task(client.add_order(limit())) for _ in range(3)]
        await eventually(lambda: len(connection.session.outgoing) == 2)
        socket.transport.abort()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        # The first frame had been handed to the library.
        assert [type(outcome) for outcome in outcomes] == [
            OrderOutcomeUnknown,
            ConnectionLost,
            ConnectionLost,
        ]
