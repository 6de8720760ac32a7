"""The schemas of 0.2.0's REST API: reading, writing, items, equality."""

from __future__ import annotations

import copy
import pickle
from dataclasses import fields
from typing import Any

import pytest

from kraken_connector import InvalidResponseModel, schemas
from kraken_connector.constants.trading import (
    ConditionalCloseOrderType,
    OrderStatus,
    OrderTrigger,
    OrderType,
    TypeOrder,
)
from kraken_connector.types import UNSET

#: As in the example of docs.kraken.com, page "Get Open Orders", shortened.
ORDER: dict[str, Any] = {
    "refid": "OKIVMP-5GVZN-Z2D2UA",
    "userref": 5,
    "status": "open",
    "opentm": 1616666559.8974,
    "starttm": 0,
    "expiretm": 0,
    "descr": {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "30010.0"},
    "vol": "1.25000000",
    "trigger": "index",
    "oflags": "fciq",
    "trades": ["TCCCTY-WE2O6-P3NB37"],
    "of_tomorrow": {"a": [1, "2"]},
}
ORDERS = {"error": [], "result": {"open": {"OQCLML-BW3P3-BUCMWZ": ORDER}}}


def test_reply_is_read_down_to_its_parts() -> None:
    reply = schemas.GetOpenOrdersResponse.from_dict(ORDERS)
    assert reply.result is not None
    assert reply.result.open_ is not None
    order = reply.result.open_["OQCLML-BW3P3-BUCMWZ"]
    assert isinstance(order, schemas.OpenOrder)
    assert (order.status, order.trigger) == (OrderStatus.OPEN, OrderTrigger.INDEX)
    assert order.descr == schemas.OpenOrderOrderDescription(
        "XBTUSD", TypeOrder.BUY, OrderType.LIMIT, "30010.0"
    )
    assert order.vol == "1.25000000"
    assert order.fee is UNSET
    assert order["of_tomorrow"] == {"a": [1, "2"]}
    assert order.additional_keys == ["of_tomorrow"]


def test_reply_is_written_as_it_was_read() -> None:
    read = copy.deepcopy(ORDERS)
    assert schemas.GetOpenOrdersResponse.from_dict(read).to_dict() == ORDERS
    assert read == ORDERS


#: What the exchange calls fields whose attributes have other names.
KEYS = [
    (
        schemas.CancelAllOrdersAfterResult("now", "later"),
        {"currentTime": "now", "triggerTime": "later"},
    ),
    (schemas.CancelAllOrdersAfterRequest(7, 60), {"nonce": 7, "timeout": 60}),
    (schemas.CancelOrderRequest("TXID", 7), {"nonce": 7, "txid": "TXID"}),
    (
        schemas.AddOrderRequest(
            OrderType.LIMIT,
            TypeOrder.SELL,
            "1.5",
            "XBTUSD",
            7,
            trigger=UNSET,
            stptype=UNSET,
            timeinforce=UNSET,
            reduce_only=UNSET,
            validate=UNSET,
            closeordertype=ConditionalCloseOrderType.STOP_LOSS_LIMIT,
            closeprice="1",
            closeprice2="2",
        ),
        {
            "nonce": 7,
            "ordertype": "limit",
            "type": "sell",
            "volume": "1.5",
            "pair": "XBTUSD",
            "close[ordertype]": "stop-loss-limit",
            "close[price]": "1",
            "close[price2]": "2",
        },
    ),
]


@pytest.mark.parametrize(("schema", "content"), KEYS)
def test_fields_have_the_names_of_the_exchange(schema: Any, content: dict[str, Any]) -> None:
    assert schema.to_dict() == content
    assert type(schema).from_dict(content) == schema


def test_defaults_of_an_order() -> None:
    """Those of 0.2.0."""
    content = schemas.AddOrderRequest(OrderType.LIMIT, TypeOrder.BUY, "1", "XBTUSD").to_dict()
    assert content.pop("nonce") > 10**15
    assert content == {
        "ordertype": "limit",
        "type": "buy",
        "volume": "1",
        "pair": "XBTUSD",
        "trigger": "last",
        "reduce_only": False,
        "stptype": "cancel-newest",
        "timeinforce": "GTC",
        "validate": False,
    }


@pytest.mark.parametrize("name", schemas.__all__)
def test_schema_without_content(name: str) -> None:
    schema = getattr(schemas, name)
    names = {one.name for one in fields(schema) if one.init}
    if name.endswith("Request") and name != "GetOpenPositionsRequest":
        with pytest.raises(KeyError):
            schema.from_dict({})
        return
    made = schema.from_dict({})
    tables = {name for name in names if name in ("asks", "bids", "fees", "fees_maker")}
    if name != "TradeVolumeResult":
        # Lists of lists are empty, as in 0.2.0.
        assert all(getattr(made, table) == [] for table in tables)
    assert {getattr(made, name) for name in names - tables - {"nonce"}} <= {UNSET}
    assert schema.from_dict({"x": 1} if names else {}).additional_properties == (
        {"x": 1} if names else {}
    )


def test_items_are_the_fields_without_an_attribute() -> None:
    balance = schemas.GetExtendedBalanceResult.from_dict({"ZUSD": {"balance": "1.0"}})
    assert balance["ZUSD"]["balance"] == "1.0"
    assert "ZUSD" in balance
    balance["XXBT"] = {"balance": "2.0"}
    del balance["ZUSD"]
    assert balance.to_dict() == {"XXBT": {"balance": "2.0"}}
    with pytest.raises(KeyError):
        balance["ZUSD"]


def test_equality_and_typing_errors() -> None:
    one, same = schemas.Trade(price="1"), schemas.Trade(price="1")
    assert one == same
    same["x"] = 1
    assert one != same
    assert one != schemas.ServerTime()
    with pytest.raises(AttributeError):
        one.prise = "2"  # type: ignore[attr-defined]
    assert pickle.loads(pickle.dumps(same)) == same


@pytest.mark.parametrize("content", [[], "text", 5, [["open"]]])
def test_what_is_no_object_is_refused(content: Any) -> None:
    for document in (content, {"result": content}, {"result": {"open": content}}):
        with pytest.raises(InvalidResponseModel, match="must be a JSON object, not"):
            schemas.GetOpenOrdersResponse.from_dict(document)


def test_requests_of_a_process_have_nonces_of_their_own() -> None:
    first = schemas.QueryOrdersInfoRequest("A").nonce
    assert schemas.QueryOrdersInfoRequest("A").nonce > first
    assert schemas.QueryOrdersInfoRequest.from_dict({"txid": "A"}).nonce > first
