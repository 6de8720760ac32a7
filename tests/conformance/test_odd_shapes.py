"""Shapes of the real server that break a naive dispatcher."""

from __future__ import annotations

import json
from typing import Any

import pytest
from benches.corpus import FIXTURES, read_lines

from kraken_connector.exceptions import ParseError
from kraken_connector.models import (
    HeartbeatMessage,
    InstrumentData,
    InvalidFrameEvent,
    PongResponse,
    WSErrorResponse,
    WSResponse,
)

TIMES = {"time_in": "2026-01-01T00:00:00.000000Z", "time_out": "2026-01-01T00:00:00.000100Z"}


def frame(**fields: Any) -> bytes:
    return json.dumps({**fields, **TIMES}).encode()


def test_heartbeat_has_only_a_channel(core: Any) -> None:
    assert core.parse_message(b'{"channel":"heartbeat"}') == HeartbeatMessage()


def test_pong_has_neither_success_nor_result(core: Any) -> None:
    assert core.parse_message(frame(method="pong")) == PongResponse(None, *TIMES.values())
    with_id = core.parse_message(frame(method="pong", req_id=0))
    assert with_id.req_id == 0


def test_rejected_ping_is_an_error_of_method_ping(core: Any) -> None:
    answer = core.parse_message(frame(method="ping", success=False, error="no params"))
    assert isinstance(answer, WSErrorResponse)
    assert (answer.method, answer.error) == ("ping", "no params")


def test_malformed_request_is_answered_with_method_error(core: Any) -> None:
    answer = core.parse_message(frame(method="error", success=False, error="Malformed request"))
    assert isinstance(answer, WSErrorResponse)
    assert (answer.method, answer.req_id) == ("error", None)


@pytest.mark.parametrize(
    "fields",
    [
        {"error": "Exceeded msg rate"},
        {"error": "Exceeded msg rate", "success": False, "result": {"a": 1}},
        {"event": "error", "errorMessage": "Exceeded msg rate"},
        {"errorMessage": "Exceeded msg rate", "error": None, "method": None},
        {"errorMessage": "Exceeded msg rate", "error": 5},
        {"error": "Exceeded msg rate", "errorMessage": "other", "data": None},
        {"channel": "book", "error": "Exceeded msg rate", "success": False},
        {"channel": "executions", "error": "Exceeded msg rate", "symbol": "BTC/USD"},
        {"channel": "heartbeat", "errorMessage": "Exceeded msg rate", "req_id": 7},
    ],
)
def test_error_may_name_no_method(core: Any, fields: dict[str, Any]) -> None:
    answer = core.parse_message(frame(**fields))
    assert isinstance(answer, WSErrorResponse)
    assert (answer.method, answer.error) == ("error", "Exceeded msg rate")
    assert (answer.success, answer.time_in) == (False, TIMES["time_in"])
    for name in ("channel", "symbol", "req_id", "result"):
        assert getattr(answer, name) == fields.get(name)
    assert core.Engine().feed(frame(**fields)) == [answer]


@pytest.mark.parametrize(
    "fields",
    [
        {"error": 5},
        {"error": ["EOrder"]},
        {"error": "EOrder", "success": True},
        {"errorMessage": None},
        {"channel": "book", "type": "update", "error": "EOrder", "data": [5]},
    ],
)
def test_what_is_no_error_text_is_no_error(core: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(ParseError):
        core.parse_message(frame(**fields))


def test_refused_public_subscribe_names_the_symbol(core: Any) -> None:
    refusal = frame(method="subscribe", success=False, symbol="XBT/USD", error="not supported")
    assert core.parse_message(refusal).symbol == "XBT/USD"


def test_refused_private_subscribe_has_channel_and_method(core: Any) -> None:
    refusal = frame(
        channel="executions", method="subscribe", status="error", success=False, error="ESession"
    )
    answer = core.parse_message(refusal)
    assert isinstance(answer, WSErrorResponse)
    assert (answer.channel, answer.status, answer.symbol) == ("executions", "error", None)


def test_failed_unsubscribe_that_calls_itself_subscribe(core: Any) -> None:
    refusal = frame(
        method="subscribe", success=False, symbol="BTC/USD", error="Subscription Not Found"
    )
    assert core.parse_message(refusal).method == "subscribe"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"result": {}}, WSResponse),
        ({"error": "EOrder"}, WSErrorResponse),
        ({"error": "EOrder", "success": None}, WSErrorResponse),
        ({"error": None}, WSResponse),
        ({"error": "EOrder", "success": True}, WSResponse),
        ({"result": {}, "success": False}, WSErrorResponse),
    ],
)
def test_answer_without_success_fails_if_it_has_an_error(
    core: Any, fields: dict[str, Any], kind: type
) -> None:
    answer = core.parse_message(frame(method="cancel_all", **fields))
    assert type(answer) is kind
    assert answer.success is (kind is WSResponse)


def test_batch_cancel_may_count_beside_the_envelope(core: Any) -> None:
    captured = core.parse_message(frame(method="batch_cancel", orders_cancelled=2, success=True))
    documented = core.parse_message(frame(method="batch_cancel", result={"count": 2}, success=True))
    assert captured == documented
    assert captured.result == {"count": 2}


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ({"result": {}, "orders_cancelled": 2}, {"count": 2}),
        ({"result": {}, "count": 2}, {"count": 2}),
        ({"count": 2}, {"count": 2}),
        ({"result": {"count": None}, "count": 2}, {"count": 2}),
        ({"result": {"warnings": ["w"]}, "count": 2}, {"warnings": ["w"], "count": 2}),
        ({"result": {"count": 1}, "count": 2}, {"count": 1}),
        ({"result": {"orders_cancelled": 1}, "count": 2}, {"orders_cancelled": 1}),
        ({"orders_cancelled": None, "count": 2}, {"count": 2}),
        ({"result": [], "count": 2}, []),
        ({"result": {}}, {}),
        ({"orders_cancelled": None}, None),
    ],
)
@pytest.mark.parametrize("success", [True, False])
def test_batch_cancel_may_count_anywhere(
    core: Any, fields: dict[str, Any], result: Any, success: bool
) -> None:
    answer = core.parse_message(frame(method="batch_cancel", success=success, **fields))
    assert answer.result == result


def test_only_batch_cancel_counts_at_the_top(core: Any) -> None:
    assert core.parse_message(frame(method="cancel_all", success=True, count=2)).result is None


#: Kraken's SDK: of a batch some orders may be placed although the reply says `success: false`.
PARTIAL = [
    {"order_id": "OA5C2Q-2QTWU-BSR23N", "cl_ord_id": "a1"},
    {"error": "EOrder:Insufficient funds"},
]


@pytest.mark.parametrize("result", [PARTIAL, {"orders": PARTIAL}, {}, [], None])
def test_refusal_keeps_its_result(core: Any, result: Any) -> None:
    answer = core.parse_message(frame(method="batch_add", success=False, result=result))
    assert isinstance(answer, WSErrorResponse)
    assert (answer.error, answer.result) == (None, result)
    assert WSErrorResponse.from_dict(answer.to_dict()) == answer


def test_refusal_without_a_result(core: Any) -> None:
    answer = core.parse_message(frame(method="batch_add", success=False, error="EOrder:x"))
    assert answer.result is None
    assert WSErrorResponse("m", "e", False, "i", "o", 1, "A/B", "c", "error").result is None


def test_batch_add_has_a_list_as_result(core: Any) -> None:
    answer = core.parse_message(frame(method="batch_add", result=[{"order_id": "A"}], success=True))
    assert answer.result == [{"order_id": "A"}]
    assert answer.warnings == []


def test_warnings_stand_inside_the_result(core: Any) -> None:
    answer = core.parse_message(frame(method="subscribe", result={"warnings": ["w"]}, success=True))
    assert answer.warnings == ["w"]


def test_instrument_has_an_object_as_data(core: Any) -> None:
    message = core.parse_message(
        b'{"channel":"instrument","type":"update","data":{"assets":[],"pairs":[]}}'
    )
    assert message.data == [InstrumentData([], [])]
    assert message.symbol is None
    assert message.to_dict()["data"] == {"assets": [], "pairs": []}


def test_order_of_keys_does_not_matter(core: Any) -> None:
    one = b'{"channel":"status","data":[{"system":"online"}],"type":"update"}'
    other = b'{"type":"update","data":[{"system":"online"}],"channel":"status"}'
    assert core.parse_message(one) == core.parse_message(other)


def test_book_message_may_begin_with_its_data(core: Any) -> None:
    """Exact numbers, although the channel is only known after them."""
    message = core.parse_message(
        b'{"data":[{"symbol":"A/B","bids":[{"qty":1.50,"price":0.10}],"asks":[],"checksum":1}],'
        b' "type":"update", "channel":"book"}'
    )
    level = message.data[0].bids[0]
    assert (str(level.price), str(level.qty)) == ("0.10", "1.50")


def test_data_may_have_several_elements(core: Any) -> None:
    item = '{"symbol":"%s","bids":[],"asks":[]}'
    two = f'{{"channel":"book","type":"update","data":[{item % "A/B"},{item % "C/D"}]}}'
    assert [entry.symbol for entry in core.parse_message(two).data] == ["A/B", "C/D"]


@pytest.mark.parametrize(
    "channel",
    ["balances", "book", "executions", "instrument", "level3", "ohlc", "status", "ticker", "trade"],
)
@pytest.mark.parametrize("wrong", ["null", "3", '"x"', "[1.5]", "true"])
def test_items_are_objects(core: Any, channel: str, wrong: str) -> None:
    text = f'{{"channel":"{channel}","type":"update","data":[{{"symbol":"A/B"}},{wrong}]}}'
    (event,) = core.Engine().feed(text)
    assert isinstance(event, InvalidFrameEvent)
    assert (event.kind, event.channel) == ("type", channel)
    assert event.offset == text.index(wrong, text.index("A/B"))


@pytest.mark.parametrize("data", [{"a": 1.5}, [1, {"b": None}], "text", 7, True, []])
def test_unknown_channel_keeps_its_data_as_sent(core: Any, data: Any) -> None:
    text = json.dumps({"channel": "news", "type": "update", "data": data})
    assert core.parse_message(text).data == data


def test_unknown_fields_are_kept_aside(core: Any) -> None:
    message = core.parse_message(
        b'{"channel":"ticker","type":"update","new":1,"data":[{"symbol":"A/B","mood":0.10}]}'
    )
    assert message.data[0].extra.keys() == {"mood"}
    assert str(message.data[0].decimal("mood")) == "0.10"


def test_sentence_instead_of_json_is_reported(core: Any) -> None:
    (sentence,) = read_lines(FIXTURES / "observed" / "non-json-frame.txt")
    with pytest.raises(ParseError) as caught:
        core.parse_message(sentence)
    assert (caught.value.kind, caught.value.offset) == ("syntax", 0)
    (event,) = core.Engine().feed(sentence)
    assert (event.kind, event.frame) == ("syntax", sentence)


def test_connection_id_is_unsigned(core: Any) -> None:
    message = core.parse_message(
        b'{"channel":"status","type":"update","data":[{"connection_id":18446744073709551615}]}'
    )
    assert message.data[0].connection_id == 2**64 - 1
