"""Every kind of unreadable frame: same kind, offset and channel from both cores."""

from __future__ import annotations

from typing import Any

import pytest

from kraken_connector.exceptions import ParseError
from kraken_connector.models import InvalidFrameEvent

BOOK = '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD",'
ROWS = BOOK + '"bids":['
#: Where the row of `row()` begins.
ROW = len(ROWS)


def row(text: str) -> str:
    return ROWS + text + "]}]}"


def item(text: str) -> str:
    return BOOK + text + "}]}"


#: Frame, kind, offset, channel.
CASES: list[tuple[str | bytes, str, int, str | None]] = [
    # The text.
    ("", "empty", 0, None),
    (" \n\t\r", "empty", 0, None),
    ("CloudFlare WebSocket proxy restarting", "syntax", 0, None),
    ("{'a':1}", "syntax", 1, None),
    ('{"a":1,}', "syntax", 7, None),
    ('{"a" 1}', "syntax", 5, None),
    ('{"a":1 "b":2}', "syntax", 7, None),
    ("{1:2}", "syntax", 1, None),
    ("[1,]", "syntax", 3, None),
    ("[1 2]", "syntax", 3, None),
    ('{"a":[1}', "syntax", 7, None),
    ('{"a":NaN}', "syntax", 5, None),
    ('{"a":Infinity}', "syntax", 5, None),
    ('{"a":-Infinity}', "syntax", 6, None),
    ('{"a":nul1}', "syntax", 8, None),
    ('{"a":True}', "syntax", 5, None),
    ('{"a":01}', "syntax", 6, None),
    ('{"a":+1}', "syntax", 5, None),
    ('{"a":.5}', "syntax", 5, None),
    ('{"a":1.}', "syntax", 7, None),
    ('{"a":1e}', "syntax", 7, None),
    ('{"a":1e+}', "syntax", 8, None),
    ('{"a":-}', "syntax", 6, None),
    ('{"a":"\t"}', "syntax", 6, None),
    ('{"a":"\\x"}', "syntax", 7, None),
    ('{"a":"\\u12g4"}', "syntax", 10, None),
    ('{"a":"x\\ud800"}', "syntax", 7, None),
    ('{"a":"x\\udc00"}', "syntax", 7, None),
    ('{"a":"\\ud800\\n"}', "syntax", 6, None),
    ('{"a":"\\ud800\\ud800"}', "syntax", 6, None),
    ("\ufeff{}", "syntax", 0, None),
    ("{\u00a0}", "syntax", 1, None),
    ("{", "truncated", 1, None),
    ('{"a', "truncated", 3, None),
    ('{"a"', "truncated", 4, None),
    ('{"a":', "truncated", 5, None),
    ('{"a":t', "truncated", 6, None),
    ('{"a":"\\', "truncated", 7, None),
    ('{"a":"\\u12', "truncated", 10, None),
    ('{"a":"\\ud800', "truncated", 12, None),
    ('{"a":"\\ud800\\', "truncated", 13, None),
    ('{"a":-', "truncated", 6, None),
    ('{"a":1.', "truncated", 7, None),
    ('{"a":1e-', "truncated", 8, None),
    ('{"a":1', "truncated", 6, None),
    ('{"a":1,', "truncated", 7, None),
    ('{"channel":"trade","data":[1', "truncated", 28, "trade"),
    ("{} {}", "trailing", 3, None),
    ('{"channel":"heartbeat"}x', "trailing", 23, "heartbeat"),
    ("[" * 65 + "]" * 65, "depth", 64, None),
    ('{"a":' * 65 + "1" + "}" * 65, "depth", 64 * 5, None),
    ("[" * 65, "depth", 64, None),
    ('{"channel":"news","data":' + "[" * 64, "depth", 88, "news"),
    (b'{"a":"\xff"}', "encoding", 6, None),
    (b'{"a":"\xc3"}', "encoding", 6, None),
    (b'{"a":"\xed\xa0\x80"}', "encoding", 6, None),
    (b'{"channel":"trade","a":"\xf0\x9f"}', "encoding", 24, "trade"),
    (b'{"a":"\xc3\xa9\xff', "encoding", 8, None),
    (b"{\xff}", "syntax", 1, None),
    ('{"a":"\ud800"}', "encoding", 6, None),
    # The envelope.
    ("[]", "type", 0, None),
    (" 5", "type", 1, None),
    ("null", "type", 0, None),
    ("{}", "unclassified", 0, None),
    (' {"type":"update","data":[]}', "unclassified", 1, None),
    ('{"channel":null,"method":null}', "unclassified", 0, None),
    ('{"channel":5}', "type", 11, None),
    ('{"channel":["book"]}', "type", 11, None),
    ('{"method":5}', "type", 10, None),
    ('{"method":"add_order","success":1}', "type", 32, None),
    ('{"channel":"book","method":"x","success":"yes"}', "type", 41, "book"),
    ('{"channel":"ticker","data":[]}', "missing", 0, "ticker"),
    ('{"channel":"ticker","type":null,"data":[]}', "missing", 0, "ticker"),
    ('{"channel":"ticker","type":"update"}', "missing", 0, "ticker"),
    ('{"channel":"news","type":"update","data":null}', "missing", 0, "news"),
    ('{"channel":"ticker","type":1,"data":[]}', "type", 27, "ticker"),
    ('{"channel":"ticker","type":"update","data":{}}', "type", 43, "ticker"),
    ('{"channel":"instrument","type":"update","data":"x"}', "type", 47, "instrument"),
    ('{"channel":"balances","type":"update","data":[],"sequence":"1"}', "type", 59, "balances"),
    ('{"channel":"balances","type":"update","data":[],"sequence":1.0}', "type", 59, "balances"),
    (
        '{"channel":"balances","type":"update","data":[],"sequence":9223372036854775808}',
        "number",
        59,
        "balances",
    ),
    (
        '{"channel":"balances","type":"update","data":[],"sequence":100000000000000000000}',
        "number",
        59,
        "balances",
    ),
    # Whether it is all there is or what changed must be known, where account is kept.
    ('{"channel":"balances","type":"x","data":[]}', "type", 29, "balances"),
    ('{"channel":"executions","type":"x","data":[],"sequence":1}', "type", 31, "executions"),
    ('{"channel":"instrument","data":{},"type":"Update"}', "type", 41, "instrument"),
    # Books.
    ('{"channel":"book","data":[]}', "missing", 0, "book"),
    ('{"channel":"book","type":"update"}', "missing", 0, "book"),
    ('{"channel":"book","type":"update","data":{}}', "type", 41, "book"),
    ('{"channel":"book","type":"update","data":[5]}', "type", 42, "book"),
    ('{"channel":"book","type":"update","data":[{}]}', "missing", 42, "book"),
    ('{"channel":"book","type":"update","data":[{"symbol":5}]}', "type", 52, "book"),
    (item('"bids":{}'), "type", 69, "book"),
    (item('"asks":"x"'), "type", 69, "book"),
    (item('"checksum":"1"'), "type", 73, "book"),
    (item('"checksum":1.0'), "number", 73, "book"),
    (item('"checksum":-1'), "number", 73, "book"),
    (item('"checksum":4294967296'), "number", 73, "book"),
    (row("5"), "type", ROW, "book"),
    (row("null"), "type", ROW, "book"),
    (row("[1,2]"), "type", ROW, "book"),
    (row("{}"), "missing", ROW, "book"),
    (row('{"price":1}'), "missing", ROW, "book"),
    (row('{"price":1,"qty":null}'), "missing", ROW, "book"),
    (row('{"price":"1","qty":1}'), "type", ROW + 9, "book"),
    (row('{"price":1,"qty":true}'), "type", ROW + 17, "book"),
    (row('{"price":1,"qty":1},{"price":[],"qty":1}'), "type", ROW + 29, "book"),
    (row('{"price":-1,"qty":1}'), "number", ROW + 9, "book"),
    (row('{"price":1,"qty":-0.1}'), "number", ROW + 17, "book"),
    (row('{"price":1,"qty":1e-39}'), "number", ROW + 17, "book"),
    (row('{"price":1e38,"qty":1}'), "number", ROW + 9, "book"),
    (row('{"price":1e999999999999999999999,"qty":1}'), "number", ROW + 9, "book"),
    (row('{"price":' + "1" * 39 + ',"qty":1}'), "number", ROW + 9, "book"),
    (row('{"price":0.' + "0" * 38 + '1,"qty":1}'), "number", ROW + 9, "book"),
    (row('{"price":' + "1" * 5000 + ',"qty":1}'), "number", ROW + 9, "book"),
]


@pytest.mark.parametrize(("frame", "kind", "offset", "channel"), CASES)
def test_unreadable_frame_has_its_kind_offset_and_channel(
    core: Any, frame: str | bytes, kind: str, offset: int, channel: str | None
) -> None:
    with pytest.raises(ParseError) as caught:
        core.parse_message(frame)
    error = caught.value
    assert (error.kind, error.offset, error.channel) == (kind, offset, channel)
    raw = frame if isinstance(frame, bytes) else frame.encode("utf-8", "surrogatepass")
    engine = core.Engine()
    (event,) = engine.feed(frame, 42)
    assert event == InvalidFrameEvent(raw, kind, offset, channel)
    assert event.received_ns == 42
    assert engine.counters()["invalid_frames"] == 1
    assert engine.counters()["messages"] == 0


PLACES: list[tuple[str, str | None]] = [
    ('{"a":1}', None),
    ("[]", None),
    ('{"channel":"book"', None),
    ('{"channel":5,"data":[]}', "channel"),
    ('{"method":"x","success":"yes"}', "success"),
    ('{"channel":"trade","data":[]}', "type"),
    ('{"channel":"trade","data":null,"type":"update"}', "data"),
    ('{"channel":"trade","data":[{},5],"type":"update"}', "data[1]"),
    ('{"channel":"executions","data":[],"type":"update","sequence":"1"}', "sequence"),
    (item('"checksum":-1'), "data[0].checksum"),
    (item('"bids":5'), "data[0].bids"),
    ('{"channel":"book","type":"update","data":[{"bids":[]}]}', "data[0].symbol"),
    (row('{"price":1,"qty":1},{"qty":1}'), "data[0].bids[1].price"),
    (row('{"price":1,"qty":null}'), "data[0].bids[0].qty"),
    (row('{"price":1,"qty":"1"}'), "data[0].bids[0].qty"),
    (
        '{"channel":"level3","type":"snapshot","data":[{"symbol":"A/B","asks":[{"order_id":"O1"}]}]}',
        "data[0].asks[0].limit_price",
    ),
    (
        '{"channel":"executions","type":"update","data":[{"order_id":"O1"}]}',
        "data[0].exec_type",
    ),
    (
        '{"channel":"balances","type":"snapshot","data":[{"wallets":[{},{"type":"a","id":"b"}]}]}',
        "data[0].wallets[1].balance",
    ),
    (
        '{"channel":"executions","type":"update","data":[{"fees":[{"asset":"A","qty":[]}]}]}',
        "data[0].fees[0].qty",
    ),
    (
        '{"channel":"instrument","type":"update","data":{"pairs":[{},{"symbol":5}]}}',
        "data.pairs[1].symbol",
    ),
]


@pytest.mark.parametrize(("frame", "place"), PLACES)
def test_error_names_its_place(core: Any, frame: str, place: str | None) -> None:
    with pytest.raises(ParseError) as caught:
        core.parse_message(frame)
    assert caught.value.place == place
    assert place is None or f": {place} (at byte" in str(caught.value)
    (event,) = core.Engine().feed(frame)
    assert event.place == place


def test_every_kind_has_a_case() -> None:
    assert {kind for _, kind, _, _ in CASES} == set(ParseError.KINDS)


@pytest.mark.parametrize(
    "text",
    [
        row('{"price":' + "9" * 38 + ',"qty":0.' + "0" * 37 + "1}"),
        row('{"price":1e37,"qty":1E-38}'),
        row('{"price":0.0,"qty":0e-8}'),
        row('{"price":1,"qty":-0.0}'),
        row('{"price":1,"qty":-0e-99999999999999999999}'),
        row('{"price":1,"qty":1,"new":["x"]}'),
        item('"bids":null,"checksum":null,"timestamp":5'),
        item('"checksum":4294967295'),
        item('"checksum":-0'),
        '{"channel":"news","type":"","data":' + "[" * 63 + "]" * 63 + "}",
        '\t{"channel" : "heartbeat"}\n',
        '{"channel":"trade","type":"x","data":[{"a":"\\ud83d\\ude00\\u00e9\\/"}],"sequence":-1}',
        '{"method":"","result":' + "1" * 400 + "}",
    ],
)
def test_unusual_frames_are_read(core: Any, text: str) -> None:
    assert core.parse_message(text) is not None
    assert core.Engine().feed(text)[-1] == core.parse_message(text)


@pytest.mark.parametrize("frame", [5, None, 1.5, ["{}"], {"channel": "heartbeat"}])
def test_other_types_are_a_callers_mistake(core: Any, frame: Any) -> None:
    taken = f"takes bytes, bytearray, memoryview or str, not {type(frame).__name__}"
    with pytest.raises(TypeError) as caught:
        core.parse_message(frame)
    assert str(caught.value) == f"parse_message() {taken}"
    engine = core.Engine()
    with pytest.raises(TypeError) as caught:
        engine.feed(frame)
    assert str(caught.value) == f"feed() {taken}"
    assert engine.counters()["frames"] == 0
