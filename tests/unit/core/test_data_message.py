"""`WSDataMessage`: equality, hash, repr, pickle, match, replace, dicts."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
from decimal import Decimal
from typing import Any

import pytest
from benches.corpus import frames

from kraken_connector.models import (
    BalanceLedgerUpdate,
    BalanceSnapshot,
    BookData,
    BookLevel,
    InstrumentData,
    Model,
    TickerData,
    TradeData,
)

TICKER = frames()["ticker"]
TRADE = frames()["trade"]
DATA_FRAMES = {
    name: frame
    for name, frame in frames().items()
    if b'"data"' in frame and b'"method"' not in frame
}


@pytest.fixture(params=sorted(DATA_FRAMES))
def message(core: Any, request: pytest.FixtureRequest) -> Any:
    return core.parse_message(DATA_FRAMES[request.param])


# Reading.


def test_attributes_of_a_message_from_the_wire(core: Any) -> None:
    message = core.parse_message(TRADE)
    assert (message.channel, message.type, message.sequence) == ("trade", "update", None)
    assert (message.symbol, message.raw) == ("BTC/USD", TRADE)
    assert message.timestamp is None
    assert message.timestamp_ns == message.data[0].timestamp_ns == 1716813791798009000
    assert (message.verified, message.received_ns) == (None, None)


def test_message_of_an_engine_has_its_receive_time(core: Any) -> None:
    (message,) = core.Engine().feed(TRADE, 123)
    assert message.received_ns == 123


def test_message_is_freed_with_its_last_reference(core: Any) -> None:
    engine = core.Engine()
    frame = frames()["book-update"]

    def blocks_after(count: int) -> int:
        for _ in range(count):
            engine.feed(frame)
        gc.collect()
        return sys.getallocatedblocks()

    blocks_after(100)
    assert blocks_after(2000) - blocks_after(100) < 200


def test_data_is_decoded_once(message: Any) -> None:
    assert message.data is message.data


def test_own_time_comes_before_the_items(core: Any) -> None:
    message = core.parse_message(frames()["ohlc"])
    assert message.timestamp == "2026-09-25T17:48:26.844359566Z"
    assert message.timestamp_ns == 1790358506844359566


@pytest.mark.parametrize(
    "data", ["[]", "[5]", "[null]", '[{"symbol":5}]', '[[{"symbol":"A/B"}]]', '{"symbol":"A/B"}']
)
def test_symbol_is_none_where_the_first_item_has_none(core: Any, data: str) -> None:
    message = core.parse_message(f'{{"channel":"news","type":"update","data":{data}}}')
    assert (message.symbol, message.timestamp_ns) == (None, None)


def test_symbol_time_and_checksum_are_the_same_before_and_after_decoding(message: Any) -> None:
    before = message.symbol, message.timestamp_ns, message.checksum
    assert message.data is not None
    assert (message.symbol, message.timestamp_ns, message.checksum) == before


@pytest.mark.parametrize("channel", ["book", "level3"])
@pytest.mark.parametrize(
    ("field", "checksum"),
    [(',"checksum":4294967295', 2**32 - 1), (', "checksum": 7', 7), ("", None)],
)
def test_checksum_is_that_of_the_first_item(
    core: Any, channel: str, field: str, checksum: int | None
) -> None:
    item = f'{{"symbol":"A/B","bids":[],"asks":[]{field}}}'
    message = core.parse_message(f'{{"channel":"{channel}","type":"update","data":[{item}]}}')
    assert message.checksum == checksum
    assert core.WSDataMessage(channel, "update", message.data).checksum == checksum


def test_checksum_is_none_on_other_channels(core: Any) -> None:
    message = core.parse_message('{"channel":"news","type":"update","data":[{"checksum":7}]}')
    assert message.checksum is None
    assert core.WSDataMessage("news", "update", message.data).checksum is None


def test_raw_is_what_came_whatever_its_type(core: Any) -> None:
    for form in (bytes, bytearray, memoryview, lambda frame: frame.decode()):
        raw = core.parse_message(form(TICKER)).raw
        assert (type(raw), raw) == (bytes, TICKER)


def test_changing_the_callers_buffer_changes_nothing(core: Any) -> None:
    buffer = bytearray(TICKER)
    message = core.parse_message(buffer)
    buffer[:] = b"x" * len(buffer)
    assert message.data[0].symbol == "BTC/USD"


@pytest.mark.parametrize(
    "name", ["channel", "type", "data", "sequence", "symbol", "verified", "raw", "received_ns"]
)
def test_attributes_cannot_be_set(message: Any, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(message, name, None)


def test_numbers_are_floats_and_exact_on_request(core: Any) -> None:
    item = core.parse_message(TICKER).data[0]
    assert (item.bid_qty, type(item.bid_qty)) == (0.56251979, float)
    assert str(item.decimal("bid")) == "83744.2"
    assert str(item.decimal("volume")) == "3156.84782110"


def test_whole_numbers_are_floats_where_the_field_is_one(core: Any) -> None:
    message = core.parse_message(
        b'{"channel":"ticker","type":"update","data":[{"symbol":"A/B","bid":5,"trades":7}]}'
    )
    assert (repr(message.data[0].bid), repr(message.data[0].trades)) == ("5.0", "7")


def test_book_numbers_are_decimals_with_the_digits_of_the_wire(core: Any) -> None:
    message = core.parse_message(
        b'{"channel":"book","type":"update","data":[{"symbol":"A/B","asks":[],'
        b'"bids":[{"price":5,"qty":0.00000000},{"price":1e-08,"qty":2.50}]}]}'
    )
    prices = [str(level.price) for level in message.data[0].bids]
    assert prices == ["5", "1E-8"]
    assert [str(level.qty) for level in message.data[0].bids] == ["0E-8", "2.50"]


@pytest.mark.parametrize("zero", ["-0", "0", "-0.0", "0e-8"])
def test_zero_in_a_book_has_the_sign_and_digits_of_the_wire(core: Any, zero: str) -> None:
    row = f'{{"price":1.5,"qty":{zero}}}'
    frame = (
        f'{{"channel":"book","type":"update","data":[{{"symbol":"A/B","bids":[{row}],"asks":[]}}]}}'
    )
    (level,) = core.parse_message(frame).data[0].bids
    assert str(level.qty) == str(Decimal(zero))


def test_parts_of_an_item_know_their_path_in_the_frame(core: Any) -> None:
    message = core.parse_message(frames()["instrument"])
    asset, pair = message.data[0].assets[0], message.data[0].pairs[0]
    assert str(asset.decimal("collateral_value")) == "1.000"
    assert (asset.class_, asset.extra) == ("currency", {})
    assert str(pair.decimal("qty_increment")) == str(Decimal("0.00000001"))


# Making.


def test_message_made_by_hand(core: Any) -> None:
    items = [BookLevel(Decimal(1), Decimal(2))]
    message = core.WSDataMessage("book", "update", items, 3)
    assert message == core.WSDataMessage(channel="book", type="update", data=items, sequence=3)
    assert message.data is items
    assert (message.raw, message.verified, message.received_ns) == (None, None, None)
    assert (message.symbol, message.timestamp, message.timestamp_ns) == (None, None, None)


def test_message_made_by_hand_has_its_first_items_symbol(core: Any) -> None:
    item = TradeData("A/B", "buy", 1.0, 2.0, "limit", 1, "2026-01-01T00:00:01Z")
    message = core.WSDataMessage("trade", "update", [item])
    assert (message.symbol, message.timestamp_ns) == ("A/B", item.timestamp_ns)


def test_all_but_the_sequence_is_required(core: Any) -> None:
    with pytest.raises(TypeError):
        core.WSDataMessage("book", "update")


# Comparing and showing.


def test_equality_goes_by_content(core: Any, message: Any) -> None:
    again = core.parse_message(message.raw)
    spaced = core.parse_message(b" " + message.raw)
    assert message == again == spaced
    assert hash(message) == hash(again) == hash(spaced)


def test_messages_that_differ(core: Any) -> None:
    base = core.WSDataMessage("a", "b", [1], 2)
    others = [
        core.WSDataMessage("x", "b", [1], 2),
        core.WSDataMessage("a", "x", [1], 2),
        core.WSDataMessage("a", "b", [], 2),
        core.WSDataMessage("a", "b", [1]),
        ("a", "b", [1], 2),
        None,
    ]
    assert all(base != other for other in others)


def test_receive_time_is_no_part_of_equality(core: Any) -> None:
    assert core.Engine().feed(TRADE, 1) == core.Engine().feed(TRADE, 2)


def test_hash_of_plain_data(core: Any) -> None:
    data = [{"a": [1, {"b": None}]}, "x", 1.5]
    assert hash(core.WSDataMessage("a", "b", data)) == hash(core.WSDataMessage("a", "b", data[:]))


def test_repr(core: Any) -> None:
    message = core.WSDataMessage("trade", "update", [])
    assert repr(message) == "WSDataMessage(channel='trade', type='update', data=[])"
    numbered = core.WSDataMessage("trade", "update", [1], sequence=2)
    assert repr(numbered) == "WSDataMessage(channel='trade', type='update', data=[1], sequence=2)"
    assert repr(core.parse_message(TRADE)).startswith(
        "WSDataMessage(channel='trade', type='update', data=[TradeData(symbol='BTC/USD', "
    )


def test_match_by_position_and_name(core: Any) -> None:
    message = core.parse_message(frames()["balances"])
    match message:
        case core.WSDataMessage("balances", "snapshot", [first], sequence):
            assert (first.asset, sequence) == ("USDT", 1)
        case _:
            pytest.fail("no match")
    match message:
        case core.WSDataMessage(channel="balances", data=[BalanceSnapshot(asset="USDT")]):
            pass
        case _:
            pytest.fail("no match")


# Copying.


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_keeps_everything(core: Any, message: Any, protocol: int) -> None:
    (fed,) = core.Engine().feed(message.raw, 9)[-1:]
    again = pickle.loads(pickle.dumps(fed, protocol))
    assert type(again) is core.WSDataMessage
    assert again == fed
    for name in ("raw", "received_ns", "verified", "symbol", "checksum", "timestamp_ns"):
        assert getattr(again, name) == getattr(fed, name)


def test_pickled_items_still_know_exact_numbers(core: Any) -> None:
    item = pickle.loads(pickle.dumps(core.parse_message(TICKER).data[0]))
    assert str(item.decimal("volume")) == "3156.84782110"


def test_pickle_of_a_message_made_by_hand(core: Any) -> None:
    message = core.WSDataMessage("a", "b", [{"c": 1}], 5)
    assert pickle.loads(pickle.dumps(message)) == message


def test_copy(message: Any) -> None:
    assert copy.copy(message) == message
    assert copy.deepcopy(message) == message


def test_replace_makes_a_changed_copy(core: Any) -> None:
    message = core.parse_message(frames()["balances"])
    changed = message.__replace__(sequence=7)
    assert (changed.sequence, changed.data) == (7, message.data)
    assert (message.sequence, changed.raw) == (1, None)
    if sys.version_info >= (3, 13):
        assert copy.replace(message, sequence=7) == changed
    with pytest.raises(TypeError):
        message.__replace__(nonsense=1)


# Dictionaries.


def test_to_dict_gives_plain_data(core: Any) -> None:
    message = core.parse_message(frames()["balances"])
    assert message.to_dict() == {
        "channel": "balances",
        "type": "snapshot",
        "data": [
            {
                "asset": "USDT",
                "asset_class": "currency",
                "balance": 100.0,
                "wallets": [{"type": "spot", "id": "main", "balance": 100.0}],
            }
        ],
        "sequence": 1,
    }
    exact = message.to_dict(exact=True)["data"][0]
    assert str(exact["balance"]) == str(exact["wallets"][0]["balance"]) == "100.00000000"


def test_to_dict_of_an_unknown_channel(core: Any) -> None:
    message = core.parse_message('{"channel":"news","type":"update","data":[{"a":0.10,"b":2}]}')
    assert message.to_dict()["data"] == [{"a": 0.1, "b": 2}]
    assert repr(message.to_dict(exact=True)["data"]) == "[{'a': Decimal('0.10'), 'b': 2}]"


def test_from_dict_is_the_way_back(core: Any, message: Any) -> None:
    again = core.WSDataMessage.from_dict(message.to_dict(exact=True))
    assert again == message
    assert again.to_dict() == message.to_dict()
    assert again.raw is None


def filled(model: type[Model]) -> dict[str, Any]:
    return dict.fromkeys(model.__required__, 1)


@pytest.mark.parametrize(
    ("channel", "kind", "item", "made_of"),
    [
        ("book", "update", {"symbol": "A/B"}, BookData),
        (
            "balances",
            "update",
            dict.fromkeys(BalanceLedgerUpdate.__required__, "x"),
            BalanceLedgerUpdate,
        ),
        (
            "balances",
            "snapshot",
            dict.fromkeys(BalanceSnapshot.__required__ - {"wallets"}, "x"),
            BalanceSnapshot,
        ),
        ("ticker", "update", dict.fromkeys(TickerData.__required__, 1.0), TickerData),
        ("news", "update", {"a": 1}, dict),
    ],
)
def test_from_dict_makes_typed_items(
    core: Any, channel: str, kind: str, item: dict[str, Any], made_of: type
) -> None:
    message = core.WSDataMessage.from_dict({"channel": channel, "type": kind, "data": [item]})
    assert [type(entry) for entry in message.data] == [made_of]


def test_from_dict_accepts_instrument_as_object_or_list(core: Any) -> None:
    for data in ({"assets": [], "pairs": []}, [{"assets": [], "pairs": []}]):
        source = {"channel": "instrument", "type": "update", "data": data}
        assert core.WSDataMessage.from_dict(source).data == [InstrumentData([], [])]


NOVEL = (
    b'{"channel":"executions","type":"update","sequence":1,"data":[{"order_id":"O","exec_type":'
    b'"trade","tier":1,"share":0.10,"rules":[{"a":1.50}],"fees":[{"asset":"USD","qty":1,"new":7}]}]}'
)


def test_fields_of_no_model_are_part_of_the_plain_data(core: Any) -> None:
    message = core.parse_message(NOVEL)
    (item,) = message.to_dict()["data"]
    assert repr([item[name] for name in ("tier", "share", "rules")]) == "[1, 0.1, [{'a': 1.5}]]"
    assert item["fees"] == [{"asset": "USD", "qty": 1.0, "new": 7}]
    (item,) = message.to_dict(exact=True)["data"]
    assert [str(item["tier"]), str(item["share"])] == ["1", "0.10"]
    assert str(item["rules"][0]["a"]) == "1.50"


def test_fields_of_no_model_survive_plain_data(core: Any) -> None:
    message = core.parse_message(NOVEL)
    again = core.WSDataMessage.from_dict(message.to_dict(exact=True))
    assert again == message
    assert again.data[0].extra == message.data[0].extra
    assert again.to_dict() == message.to_dict()


def test_from_dict_accepts_a_part_of_an_item(core: Any) -> None:
    source = {"channel": "ticker", "type": "snapshot", "data": [{"symbol": "BTC/USD"}]}
    message = core.WSDataMessage.from_dict(source)
    (item,) = message.data
    assert (type(item), item.symbol, item.bid) == (TickerData, "BTC/USD", None)
    assert core.WSDataMessage.from_dict(message.to_dict()) == message


@pytest.mark.parametrize("missing", ["channel", "type", "data"])
def test_from_dict_needs_the_envelope(core: Any, missing: str) -> None:
    source = {"channel": "trade", "type": "update", "data": []}
    del source[missing]
    with pytest.raises(KeyError, match=missing):
        core.WSDataMessage.from_dict(source)


@pytest.mark.parametrize(
    ("lexeme", "value"),
    [
        ("1e9999999999999999999", "Infinity"),
        ("-1.5E+9999999999999999999", "-Infinity"),
        ("1e-9999999999999999999", "0.0"),
        ("-0e9999999999999999999", "-0.0"),
        ("1e999999999999999999", "1E+999999999999999999"),
    ],
)
def test_exponent_beyond_decimal_is_infinite_or_zero(core: Any, lexeme: str, value: str) -> None:
    frame = (
        '{"channel":"ticker","type":"update","data":[{"symbol":"A/B","bid":1.50,'
        f'"last":{lexeme},"novel":{lexeme}}}]}}'
    )
    (message,) = core.Engine().feed(frame)
    (item,) = message.data
    assert item.last == float(value)
    assert str(item.decimal("last")) == str(item.extra["novel"]) == value
    assert str(item.decimal("bid")) == "1.50"
    assert str(message.to_dict(exact=True)["data"][0]["last"]) == value


@pytest.mark.parametrize(
    ("head", "data"),
    [
        ('"ticker","type":"update"', '[{"symbol":"A/B","bid":1.5}]'),
        (
            '"level3","type":"update"',
            '[{"symbol":"A/B","bids":[{"event":"delete","order_id":"O"}]}]',
        ),
        ('"instrument","type":"update"', '{"assets":[{"id":"BTC"}]}'),
        ('"executions","type":"update"', '[{"order_id":"O","exec_type":"new"}]'),
    ],
)
def test_sparse_items_survive_plain_data(core: Any, head: str, data: str) -> None:
    message = core.parse_message(f'{{"channel":{head},"data":{data}}}')
    assert core.WSDataMessage.from_dict(message.to_dict()) == message
    assert core.WSDataMessage.from_dict(message.to_dict(exact=True)) == message


def test_hash_is_the_same_on_both_cores(core: Any) -> None:
    frame = frames()["trade"]
    message = core.parse_message(frame)
    parts = message.channel, message.type, len(message.data), message.sequence
    assert hash(message) == hash(parts)
    assert hash(core.WSDataMessage("news", "update", 5)) == hash(("news", "update", 0, None))
