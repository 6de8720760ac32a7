"""From the socket's order to the form of the REST API, by the tables of both pages "Add Order"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.rest.server import Server

from kraken_connector import (
    AddOrderParams,
    AmendOrderParams,
    ConditionalClose,
    InvalidParameter,
    OrderTrigger,
    RestError,
)

pytestmark = pytest.mark.virtual_time

#: An hour after the virtual clock's begin, 1700001000.
NOW_NS = 1_700_001_000 * 10**9
SOON = datetime.fromtimestamp(1_700_004_600, UTC)
TRIGGER = OrderTrigger(price="79000.0", reference="index")
Params = dict[str, Any]


def order(order_type: str = "limit", **params: Any) -> AddOrderParams:
    if order_type in ("limit", "iceberg") and "limit_price" not in params:
        params["limit_price"] = "80000.0"
    quantity = {} if "cash_order_qty" in params else {"order_qty": "0.50"}
    return AddOrderParams("BTC/USD", "buy", order_type, **{**quantity, **params})


#: The order, what `add_order` gets beside it, and the fields beyond type, side, volume and pair.
ORDERS: list[tuple[AddOrderParams, Params, Params]] = [
    (order("market"), {}, {}),
    (order(), {}, {"price": "80000.0"}),
    (order(limit_price=1e-7), {}, {"price": "0.0000001"}),
    (order("iceberg", display_qty="0.1"), {}, {"price": "80000.0", "displayvol": "0.1"}),
    (order(order_userref=-5), {}, {"price": "80000.0", "userref": "-5", "cl_ord_id": None}),
    (order(cl_ord_id="mine"), {}, {"price": "80000.0", "cl_ord_id": "mine"}),
    (order(cl_ord_id=False), {}, {"price": "80000.0", "cl_ord_id": None}),
    (order(post_only=True), {}, {"price": "80000.0", "oflags": "post"}),
    (order(fee_preference="base"), {}, {"price": "80000.0", "oflags": "fcib"}),
    (
        order(fee_preference="quote", post_only=True),
        {},
        {"price": "80000.0", "oflags": "post,fciq"},
    ),
    (order("market", cash_order_qty="100.5"), {}, {"volume": "100.5", "oflags": "viqc"}),
    (order(stp_type="cancel_oldest"), {}, {"price": "80000.0", "stptype": "cancel-oldest"}),
    (order(time_in_force="ioc"), {}, {"price": "80000.0", "timeinforce": "IOC"}),
    (order(time_in_force="fok"), {}, {"price": "80000.0", "timeinforce": "FOK"}),
    (
        order(time_in_force="gtd", expire_time=SOON),
        {},
        {"price": "80000.0", "timeinforce": "GTD", "expiretm": "1700004600"},
    ),
    (
        order(effective_time="2023-11-14T23:30:00Z"),
        {},
        {"price": "80000.0", "starttm": "1700004600"},
    ),
    (order(), {"start": "+60"}, {"price": "80000.0", "starttm": "+60"}),
    (
        order(),
        {"expire": "+3600"},
        {"price": "80000.0", "timeinforce": "GTD", "expiretm": "+3600"},
    ),
    (
        order(),
        {"expire": SOON},
        {"price": "80000.0", "timeinforce": "GTD", "expiretm": "1700004600"},
    ),
    (order(), {"leverage": 5}, {"price": "80000.0", "leverage": "5"}),
    (order(margin=True), {"leverage": "5:1"}, {"price": "80000.0", "leverage": "5"}),
    (
        order(margin=True, reduce_only=True),
        {"leverage": 2},
        {"price": "80000.0", "leverage": "2", "reduce_only": "true"},
    ),
    (
        order(),
        {"leverage": 2, "reduce_only": True},
        {"price": "80000.0", "leverage": "2", "reduce_only": "true"},
    ),
    (
        order(),
        {"asset_class": "tokenized_asset", "broker": "AA11"},
        {"price": "80000.0", "asset_class": "tokenized_asset", "broker": "AA11"},
    ),
    (order("stop-loss", triggers=TRIGGER), {}, {"price": "79000.0", "trigger": "index"}),
    (
        order("stop-loss-limit", triggers=TRIGGER, limit_price="78900.0"),
        {},
        {"price": "79000.0", "price2": "78900.0", "trigger": "index"},
    ),
    (
        order("take-profit", triggers=OrderTrigger(price="-5", price_type="pct")),
        {},
        {"price": "-5%"},
    ),
    (
        order("take-profit", triggers=OrderTrigger(price="100.0", price_type="quote")),
        {},
        {"price": "+100.0"},
    ),
    (
        order("trailing-stop", triggers=OrderTrigger(price="1.5", price_type="pct")),
        {},
        {"price": "+1.5%"},
    ),
    (
        order(
            "trailing-stop-limit",
            triggers=OrderTrigger(price="50", price_type="quote", reference="last"),
            limit_price="-10",
        ),
        {},
        {"price": "+50", "price2": "-10", "trigger": "last"},
    ),
    (
        order(
            "trailing-stop-limit",
            triggers=OrderTrigger(price="50", price_type="quote"),
            limit_price="0.5",
            limit_price_type="pct",
        ),
        {},
        {"price": "+50", "price2": "+0.5%"},
    ),
    (
        order(
            "trailing-stop-limit",
            triggers=OrderTrigger(price="50", price_type="quote"),
            limit_price="81000",
            limit_price_type="static",
        ),
        {},
        {"price": "+50", "price2": "81000"},
    ),
    (
        order(conditional=ConditionalClose("limit", limit_price="90000.0")),
        {},
        {
            "price": "80000.0",
            "close[ordertype]": "limit",
            "close[price]": "90000.0",
            "cl_ord_id": None,
        },
    ),
    (
        order(
            conditional=ConditionalClose(
                "stop-loss-limit", limit_price="69000.0", trigger_price="70000.0"
            )
        ),
        {},
        {
            "price": "80000.0",
            "close[ordertype]": "stop-loss-limit",
            "close[price]": "70000.0",
            "close[price2]": "69000.0",
            "cl_ord_id": None,
        },
    ),
    (
        order(
            conditional=ConditionalClose(
                "trailing-stop", trigger_price="5", trigger_price_type="pct"
            )
        ),
        {},
        {
            "price": "80000.0",
            "close[ordertype]": "trailing-stop",
            "close[price]": "+5%",
            "cl_ord_id": None,
        },
    ),
    (
        order(deadline="2023-11-14T22:30:10.500Z"),
        {},
        {"price": "80000.0", "deadline": "2023-11-14T22:30:10.500Z"},
    ),
    (order(validate=True), {}, {"price": "80000.0", "validate": "true"}),
]


@pytest.mark.parametrize(("params", "extra", "expected"), ORDERS)
async def test_order_as_a_form(
    server: Server, params: AddOrderParams, extra: Params, expected: Params
) -> None:
    server.answers["AddOrder"] = {"descr": {"order": "..."}, "txid": ["OABCDE-FGHIJ-KLMNOP"]}
    async with server.client() as rest:
        placed = await rest.add_order(params, **extra)
    (call,) = server.named("AddOrder")
    sent = {name: value for name, value in call.params.items() if name != "nonce"}
    usual = {"ordertype": params.order_type, "type": "buy", "volume": "0.50", "pair": "XBTUSD"}
    if "cl_ord_id" not in expected:
        # The client makes one, of 32 hex digits: a form that the page allows.
        assert len(bytes.fromhex(sent["cl_ord_id"])) == 16
        expected = {**expected, "cl_ord_id": sent["cl_ord_id"]}
    assert sent == {k: v for k, v in {**usual, **expected}.items() if v is not None}
    assert placed.cl_ord_id == sent.get("cl_ord_id")


async def test_plus_and_brackets_are_escaped_in_the_form(server: Server) -> None:
    """The page asks for `%2b`, as a plus is a space in a form."""
    server.answers["AddOrder"] = {"txid": ["OABCDE-FGHIJ-KLMNOP"]}
    async with server.client() as rest:
        await rest.add_order(order(), start="+60")
    (call,) = server.named("AddOrder")
    assert "starttm=%2B60" in call.body


#: What the REST API cannot express, and the parameter that is named.
REFUSED: list[tuple[AddOrderParams, Params, str]] = [
    (order(margin=True), {}, "leverage"),
    (order(margin=False), {"leverage": 2}, "leverage"),
    (order(), {"leverage": 0}, "leverage"),
    (order(), {"leverage": "2.5"}, "leverage"),
    (order("market", cash_order_qty=100), {"leverage": 2}, "leverage"),
    (order("market", cash_order_qty=100, order_qty=1), {}, "order_qty"),
    (order(sender_sub_id="desk"), {}, "sender_sub_id"),
    (order(time_in_force="ioc"), {"expire": "+60"}, "expire"),
    (order(time_in_force="gtd", expire_time=SOON), {"expire": "+60"}, "expire"),
    (order(effective_time=SOON), {"start": "+60"}, "start"),
    (order(), {"start": "tomorrow"}, "start"),
    (order(), {"start": datetime(2026, 1, 1)}, "start"),  # noqa: DTZ001
    (order(reduce_only=False), {"reduce_only": True}, "reduce_only"),
    (order(deadline="2023-11-14T22:30:01.900Z"), {}, "deadline"),
    (order(deadline="2020-01-01T00:00:00Z"), {}, "deadline"),
    (
        order(conditional=ConditionalClose("trailing-stop", trigger_price="5")),
        {},
        r"conditional\.trigger_price_type",
    ),
]


@pytest.mark.parametrize(("params", "extra", "field"), REFUSED)
async def test_order_that_the_rest_api_cannot_express_is_not_sent(
    server: Server, params: AddOrderParams, extra: Params, field: str
) -> None:
    async with server.client() as rest:
        with pytest.raises(InvalidParameter, match=f"^{field} must be "):
            await rest.add_order(params, **extra)
    assert server.calls == []


async def test_deadline_of_two_seconds_is_far_enough(server: Server) -> None:
    server.answers["AddOrder"] = {"txid": ["OABCDE-FGHIJ-KLMNOP"]}
    deadline = datetime.fromtimestamp(NOW_NS // 10**9, UTC) + timedelta(seconds=2.5)
    async with server.client() as rest:
        await rest.add_order(order(deadline=deadline))
    assert len(server.named("AddOrder")) == 1


#: The change, and its fields.
AMENDS: list[tuple[AmendOrderParams, Params]] = [
    (AmendOrderParams("OA", order_qty="0.30"), {"txid": "OA", "order_qty": "0.30"}),
    (
        AmendOrderParams(cl_ord_id="mine", limit_price="80000.1", post_only=True),
        {"cl_ord_id": "mine", "limit_price": "80000.1", "post_only": "true"},
    ),
    (
        AmendOrderParams("OA", trigger_price="-5", trigger_price_type="pct"),
        {"txid": "OA", "trigger_price": "-5%"},
    ),
    (
        AmendOrderParams("OA", limit_price="5", limit_price_type="quote", display_qty="0.1"),
        {"txid": "OA", "limit_price": "+5", "display_qty": "0.1"},
    ),
    (
        AmendOrderParams("OA", limit_price="1", symbol="BTC/USD"),
        {"txid": "OA", "limit_price": "1", "pair": "XBTUSD"},
    ),
    (
        AmendOrderParams("OA", limit_price="1", symbol="TSLAx/USD"),
        {"txid": "OA", "limit_price": "1", "pair": "TSLAx/USD"},
    ),
]


@pytest.mark.parametrize(("params", "expected"), AMENDS)
async def test_amend_as_a_form(server: Server, params: AmendOrderParams, expected: Params) -> None:
    server.answers["AmendOrder"] = {"amend_id": "TA"}
    async with server.client() as rest:
        assert (await rest.amend_order(params)).amend_id == "TA"
    (call,) = server.named("AmendOrder")
    assert {k: v for k, v in call.params.items() if k != "nonce"} == expected


@pytest.mark.parametrize(
    "params",
    [
        AmendOrderParams("OA", reduce_only=True),
        AmendOrderParams("OA", trigger_price="1", trigger_price_type="last"),
        AmendOrderParams("OA", limit_price="1", deadline="2020-01-01T00:00:00Z"),
    ],
)
async def test_amend_that_the_rest_api_cannot_express(
    server: Server, params: AmendOrderParams
) -> None:
    async with server.client() as rest:
        with pytest.raises(InvalidParameter):
            await rest.amend_order(params)
    assert server.calls == []


#: Arguments of `cancel_order`, and the fields.
CANCELS: list[tuple[Params, Params]] = [
    ({"order_id": "OA"}, {"txid": "OA"}),
    ({"cl_ord_id": "mine"}, {"cl_ord_id": "mine"}),
    ({"order_userref": 5}, {"txid": "5"}),
]


@pytest.mark.parametrize(("args", "expected"), CANCELS)
async def test_cancel_names_one_order(server: Server, args: Params, expected: Params) -> None:
    server.answers["CancelOrder"] = {"count": 1, "pending": True}
    async with server.client() as rest:
        done = await rest.cancel_order(**args)
    assert (done.count, done.is_pending) == (1, True)
    (call,) = server.named("CancelOrder")
    assert {k: v for k, v in call.params.items() if k != "nonce"} == expected


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({}, InvalidParameter),
        ({"order_id": "OA", "cl_ord_id": "mine"}, InvalidParameter),
        ({"order_id": ""}, InvalidParameter),
        ({"cl_ord_id": "x" * 19}, InvalidParameter),
        ({"order_userref": 2**31}, InvalidParameter),
        ({"order_userref": "5"}, TypeError),
    ],
)
async def test_cancel_without_one_valid_name(
    server: Server, args: Params, error: type[Exception]
) -> None:
    async with server.client() as rest:
        with pytest.raises(error):
            await rest.cancel_order(**args)
    assert server.calls == []


#: Replies to `timeout=0`, all of them seen in some source.
DISARMED = [
    {"currentTime": "2023-03-24T17:41:56Z", "triggerTime": "0"},
    {"currentTime": "2023-03-24T17:41:56Z", "triggerTime": "2023-03-24T17:41:56Z"},
    {"currentTime": "2023-03-24T17:41:56Z"},
]


async def test_dead_mans_switch(server: Server) -> None:
    armed = {"currentTime": "2023-03-24T17:41:56Z", "triggerTime": "2023-03-24T17:42:56Z"}
    async with server.client() as rest:
        server.answers["CancelAllOrdersAfter"] = armed
        assert (await rest.cancel_all_orders_after(60)).is_armed
        for reply in DISARMED:
            server.answers["CancelAllOrdersAfter"] = reply
            assert not (await rest.cancel_all_orders_after(0)).is_armed
            with pytest.raises(Exception, match="triggerTime of the reply must be later"):
                await rest.cancel_all_orders_after(60)
        # A reply to another call does not show that the switch is off.
        for odd in ({}, {"token": "a", "expires": 900}, {"currentTime": "0"}, {"triggerTime": "0"}):
            server.answers["CancelAllOrdersAfter"] = odd
            with pytest.raises(RestError, match="currentTime of the reply must be"):
                await rest.cancel_all_orders_after(0)
        for seconds in (-1, 86_400):
            with pytest.raises(InvalidParameter):
                await rest.cancel_all_orders_after(seconds)
    assert [call.params["timeout"] for call in server.calls[:2]] == ["60", "0"]
