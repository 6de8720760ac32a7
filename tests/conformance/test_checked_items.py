"""Fields that a client computes with are checked when a frame is read, on both cores alike.

A frame that has one in another JSON type is reported as invalid, with its channel and the offset,
so that a client can subscribe to the channel again instead of computing a wrong result.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from kraken_connector.exceptions import ParseError
from kraken_connector.models import (
    BalanceLedgerUpdate,
    BalanceSnapshot,
    ExecutionData,
    InstrumentPair,
    InvalidFrameEvent,
    TickerData,
)

TRADE = {
    "exec_type": "trade",
    "order_id": "O1",
    "symbol": "BTC/USD",
    "order_status": "partially_filled",
    "side": "buy",
    "order_type": "limit",
    "order_qty": 1.5,
    "limit_price": 100.0,
    "order_userref": -7,
    "cl_ord_id": "a",
    "timestamp": "2026-01-01T00:00:00Z",
    "cum_qty": 0.5,
    "cum_cost": 50,
    "avg_price": 100,
    "exec_id": "T1",
    "last_qty": 0.5,
    "last_price": 100,
    "cost": 50,
    "fees": [{"asset": "USD", "qty": 0.1}],
    "cash_order_qty": 150,
    "display_qty": 0.5,
    "expire_time": "2026-01-02T00:00:00Z",
    "triggers": {"price": 99},
    "contingent": {"order_type": "limit"},
    "ord_ref_id": "O0",
    "user": "U",
}
BALANCE = {
    "asset": "USD",
    "asset_class": "currency",
    "balance": 1.5,
    "wallets": [{"type": "spot", "id": "main", "balance": 1.5}],
}
ENTRY = {
    "asset": "USD",
    "amount": -0.5,
    "balance": 1.5,
    "ledger_id": "L1",
    "type": "trade",
    "wallet_type": "spot",
    "wallet_id": "main",
    "user": "U",
}
PAIR = {
    "symbol": "BTC/USD",
    "status": "online",
    "qty_increment": 1e-8,
    "qty_min": 0.0001,
    "price_increment": 0.1,
    "cost_min": 0.5,
}
#: Item, channel and type, by model.
ITEMS: dict[type[Any], tuple[dict[str, Any], str, str]] = {
    ExecutionData: (TRADE, "executions", "update"),
    BalanceSnapshot: (BALANCE, "balances", "snapshot"),
    BalanceLedgerUpdate: (ENTRY, "balances", "update"),
    InstrumentPair: (PAIR, "instrument", "update"),
    TickerData: ({"symbol": "BTC/USD"}, "ticker", "update"),
}
CONTAINERS = ("fees", "triggers", "contingent", "wallets")
FIELDS = [
    pytest.param(model, field, id=f"{model.__name__}.{field}")
    for model, (item, _, _) in ITEMS.items()
    for field in item
    if field in model.CHECKED or field in CONTAINERS
]
SPELLINGS = [(",", ":"), (", ", ": ")]


def text_of(model: type[Any], item: Any, separators: tuple[str, str] = (",", ":")) -> str:
    _, channel, kind = ITEMS[model]
    data = {"pairs": [item]} if channel == "instrument" else [item]
    frame = {"channel": channel, "type": kind, "data": data, "sequence": 1}
    return json.dumps(frame, separators=separators)


def read(core: Any, model: type[Any], item: Any) -> Any:
    (data,) = core.parse_message(text_of(model, item)).data
    return data.pairs[0] if model is InstrumentPair else data


def test_every_checked_field_is_tried() -> None:
    for model, (item, _, _) in ITEMS.items():
        assert model.CHECKED - item.keys() == set()


@pytest.mark.parametrize("model", ITEMS)
def test_usual_item_is_read(core: Any, model: type[Any]) -> None:
    item = ITEMS[model][0]
    seen = read(core, model, item).to_dict()
    assert {name: value for name, value in seen.items() if value is not None} == item


@pytest.mark.parametrize("wrong", [True, ["x"], {"x": 1}, [], {}, 5, "x", 1.5], ids=json.dumps)
@pytest.mark.parametrize("separators", SPELLINGS, ids=["usual", "spaced"])
@pytest.mark.parametrize(("model", "field"), FIELDS)
def test_another_type_makes_the_frame_invalid(
    core: Any, model: type[Any], field: str, separators: tuple[str, str], wrong: Any
) -> None:
    item, channel, _ = ITEMS[model]
    if is_of_the_type_of(item[field], wrong):
        return
    text = text_of(model, {**item, field: ["HERE"]}, separators)
    offset = text.index('["HERE"]')
    text = text.replace('["HERE"]', json.dumps(wrong))
    (event,) = core.Engine().feed(text)
    assert isinstance(event, InvalidFrameEvent)
    # Of a list it is the entry that is wrong.
    offset += isinstance(item[field], list) and isinstance(wrong, list)
    assert (event.kind, event.channel, event.offset) == ("type", channel, offset)
    with pytest.raises(ParseError) as caught:
        core.parse_message(text)
    assert (caught.value.kind, caught.value.offset) == (event.kind, event.offset)


def is_of_the_type_of(right: Any, other: Any) -> bool:
    if isinstance(right, list):
        return bool(other == [])
    numbers = (int, float)
    is_integer = right == TRADE["order_userref"]
    if type(right) in numbers and type(other) in numbers:
        return not is_integer or type(other) is int
    return type(right) is type(other)


@pytest.mark.parametrize(("model", "field"), FIELDS)
def test_null_is_as_good_as_absent(core: Any, model: type[Any], field: str) -> None:
    item = ITEMS[model][0]
    if field in model.TOGETHER:
        return
    absent = {name: value for name, value in item.items() if name != field}
    assert read(core, model, {**item, field: None}) == read(core, model, absent)


@pytest.mark.parametrize(
    ("model", "field"),
    [
        pytest.param(model, field, id=f"{model.__name__}.{field}")
        for model in ITEMS
        for field in sorted(model.TOGETHER)
    ],
)
@pytest.mark.parametrize("is_null", [True, False])
def test_item_without_its_identity_makes_the_frame_invalid(
    core: Any, model: type[Any], field: str, is_null: bool
) -> None:
    item = dict(ITEMS[model][0])
    del item[field]
    if is_null:
        item[field] = None
    text = text_of(model, item)
    (event,) = core.Engine().feed(text)
    assert isinstance(event, InvalidFrameEvent)
    assert (event.kind, event.offset) == ("missing", text.index("[") + 1)


def test_item_that_is_no_report_passes(core: Any) -> None:
    """How the stream carries the rate counter is not documented: perhaps in an item of its own."""
    item = read(core, ExecutionData, {"ratecount": 12.5})
    assert (item.order_id, item.exec_type) == (None, None)
    assert str(item.extra["ratecount"]) == "12.5"


@pytest.mark.parametrize("field", ["fees", "wallets"])
@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (None, "type"),
        ("x", "type"),
        ({"asset": None, "qty": 1, "type": None, "id": "m", "balance": 1}, "missing"),
        ({"asset": ["x"], "qty": 1, "type": 5, "id": "m", "balance": 1}, "type"),
        ({"asset": "x", "qty": "x", "type": "x", "id": "m", "balance": "x"}, "type"),
    ],
)
def test_entries_are_checked_too(core: Any, field: str, entry: Any, kind: str) -> None:
    model = ExecutionData if field == "fees" else BalanceSnapshot
    with pytest.raises(ParseError) as caught:
        read(core, model, {**ITEMS[model][0], field: [entry]})
    assert caught.value.kind == kind


@pytest.mark.parametrize("text", ["1.50", "-0.0", "1e-7", "0", "12345678901234567890.5"])
@pytest.mark.parametrize("model", [ExecutionData, BalanceSnapshot, BalanceLedgerUpdate])
def test_number_may_be_written_as_text(core: Any, model: type[Any], text: str) -> None:
    """As Kraken's REST writes balances and quantities."""
    item = ITEMS[model][0]
    for field, kind in model.__checked__.items():
        if kind == "number":
            seen = read(core, model, {**item, field: text})
            exact = read(core, model, {**item, field: 0}).decimal(field)
            assert exact == 0
            assert (getattr(seen, field), repr(seen.decimal(field))) == (
                float(text),
                repr(type(exact)(text)),
            )


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "+1", "01", ".5", "1.", "0x1", "NaN", "Infinity", "1_0"]
)
def test_text_that_is_no_number_makes_the_frame_invalid(core: Any, text: str) -> None:
    with pytest.raises(ParseError) as caught:
        read(core, ExecutionData, {**TRADE, "last_qty": text})
    assert caught.value.kind == "type"


@pytest.mark.parametrize(
    "number", ["1e38", "1e-39", "9" * 39, "0." + "1" * 39, "-1e400", "1e999999999999999999"]
)
@pytest.mark.parametrize("quote", ["", '"'])
def test_number_beyond_all_bounds_makes_the_frame_invalid(
    core: Any, number: str, quote: str
) -> None:
    """Sums of what is read stay exact: the bounds are those of prices and quantities in books."""
    text = text_of(ExecutionData, {**TRADE, "last_qty": "HERE"})
    with pytest.raises(ParseError) as caught:
        core.parse_message(text.replace('"HERE"', f"{quote}{number}{quote}"))
    assert (caught.value.kind, caught.value.offset) == ("number", text.index('"HERE"'))


@pytest.mark.parametrize("number", ["1e37", "-" + "9" * 38, "0." + "1" * 38, "1.50e-3"])
def test_number_within_the_bounds_is_exact(core: Any, number: str) -> None:
    text = text_of(ExecutionData, {**TRADE, "last_qty": "HERE"})
    (item,) = core.parse_message(text.replace('"HERE"', number)).data
    assert item.decimal("last_qty") == type(item.decimal("cost"))(number)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("9223372036854775808", "number"),
        ("-9223372036854775809", "number"),
        ("9" * 19, "number"),
        ("9" * 25, "number"),
        ("1.0", "type"),
        ("1e1", "type"),
    ],
)
def test_userref_is_an_integer(core: Any, number: str, kind: str) -> None:
    text = text_of(ExecutionData, {**TRADE, "order_userref": "HERE"})
    with pytest.raises(ParseError) as caught:
        core.parse_message(text.replace('"HERE"', number))
    assert caught.value.kind == kind


def test_of_a_repeated_key_the_last_one_counts(core: Any) -> None:
    text = text_of(ExecutionData, TRADE)
    good = text.replace('"exec_id":', '"exec_id":[1],"exec_id":')
    assert core.parse_message(good).data[0].exec_id == "T1"
    bad = text.replace('"exec_id":"T1"', '"exec_id":"T1","exec_id":[1]')
    with pytest.raises(ParseError):
        core.parse_message(bad)


@pytest.mark.parametrize(
    "data", ['{"assets":[],"pairs":0}', '{"assets":[null]}', '{"pairs":{}}', "[null]", "[[]]"]
)
def test_instrument_has_lists_of_objects(core: Any, data: str) -> None:
    (event,) = core.Engine().feed(f'{{"channel":"instrument","type":"update","data":{data}}}')
    assert isinstance(event, InvalidFrameEvent)
    assert (event.kind, event.channel) == ("type", "instrument")


def test_fields_that_nothing_depends_on_may_be_anything(core: Any) -> None:
    item = read(core, ExecutionData, {**TRADE, "reason": [1], "liquidity_ind": 5, "margin": "no"})
    assert (item.reason, item.liquidity_ind, item.margin) == ([1], 5, "no")


def test_number_of_an_invalid_frame_counts_as_missing(core: Any) -> None:
    """So that the message after it shows the gap as well."""
    engine = core.Engine()
    engine.feed(text_of(ExecutionData, TRADE))
    engine.feed(text_of(ExecutionData, None).replace('"sequence":1', '"sequence":2'))
    text = text_of(ExecutionData, TRADE).replace('"sequence":1', '"sequence":3')
    gap, _ = engine.feed(text)
    assert (gap.expected, gap.received) == (2, 3)
    assert engine.counters()["invalid_frames"] == 1
