"""Every message that the documentation prints or that was observed gives the right typed object."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from benches.corpus import FIXTURES, read_lines
from tests.leaves import differences

from kraken_connector.models import (
    BalanceLedgerUpdate,
    BalanceSnapshot,
    BookData,
    ExecutionData,
    HeartbeatMessage,
    InstrumentData,
    Level3Data,
    OHLCData,
    PongResponse,
    StatusData,
    TickerData,
    TradeData,
    WSErrorResponse,
    WSResponse,
)

ITEMS = {
    ("balances", "snapshot"): BalanceSnapshot,
    ("balances", "update"): BalanceLedgerUpdate,
    "book": BookData,
    "executions": ExecutionData,
    "instrument": InstrumentData,
    "level3": Level3Data,
    "ohlc": OHLCData,
    "status": StatusData,
    "ticker": TickerData,
    "trade": TradeData,
}


def messages(folder: str) -> list[Any]:
    """Return the messages of a folder with file and line as test id."""
    paths = [path for path in sorted((FIXTURES / folder).iterdir()) if path.suffix != ".txt"]
    return [
        pytest.param(line, id=f"{folder}/{path.name}:{number}")
        for path in paths
        for number, line in enumerate(read_lines(path), 1)
    ]


ALL = messages("examples") + messages("observed")


def of_kind(wanted: str) -> list[Any]:
    """Return the messages that have the key `wanted` and no other that decides."""
    is_answer = wanted == "method"
    return [case for case in ALL if ("method" in json.loads(case.values[0])) == is_answer]


@pytest.mark.parametrize("frame", of_kind("channel"))
def test_channel_message_has_typed_items(core: Any, frame: bytes) -> None:
    sent = json.loads(frame)
    message = core.parse_message(frame)
    if sent["channel"] == "heartbeat":
        assert message == HeartbeatMessage()
        return
    assert isinstance(message, core.WSDataMessage)
    assert (message.channel, message.type) == (sent["channel"], sent["type"])
    assert message.sequence == sent.get("sequence")
    assert message.timestamp == sent.get("timestamp")
    made_of = ITEMS.get((message.channel, message.type)) or ITEMS[message.channel]
    items = sent["data"] if isinstance(sent["data"], list) else [sent["data"]]
    assert [type(item) for item in message.data] == [made_of] * len(items)


@pytest.mark.parametrize("frame", of_kind("channel"))
def test_channel_message_loses_nothing(core: Any, frame: bytes) -> None:
    """All of it is known, and to the last digit what was sent."""
    sent = json.loads(frame, parse_float=Decimal, parse_int=Decimal)
    message = core.parse_message(frame)
    if message == HeartbeatMessage():
        return
    data = sent["data"]
    assert list(differences(message.data, data if isinstance(data, list) else [data])) == []
    assert list(differences(message.to_dict(exact=True)["data"], data)) == []


@pytest.mark.parametrize("frame", of_kind("method"))
def test_answer_is_recognized_by_its_success(core: Any, frame: bytes) -> None:
    sent = json.loads(frame)
    answer = core.parse_message(frame)
    if sent["method"] == "pong":
        assert answer == PongResponse(sent.get("req_id"), sent["time_in"], sent["time_out"])
        return
    assert isinstance(answer, WSResponse if sent["success"] else WSErrorResponse)
    actual = answer.to_dict()
    if "orders_cancelled" in sent:
        sent["result"] = {"count": sent.pop("orders_cancelled")}
    assert actual == sent


def test_every_channel_and_kind_of_answer_is_among_the_examples() -> None:
    documents = [json.loads(case.values[0]) for case in ALL]
    channels = {(d["channel"], d.get("type")) for d in documents if "method" not in d}
    assert {("heartbeat", None), ("executions", "snapshot"), ("balances", "update")} < channels
    assert {channel for channel, _ in channels} == {
        *(key if isinstance(key, str) else key[0] for key in ITEMS),
        "heartbeat",
    }
    assert {d["success"] for d in documents if "success" in d} == {True, False}
