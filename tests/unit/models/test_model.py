"""What every typed message can do, parsed or made by hand."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import sys
from decimal import Decimal
from typing import Any

import pytest
from benches.corpus import frames

import kraken_connector.models as models
from kraken_connector.exceptions import InvalidFieldError, InvalidParameter
from kraken_connector.models import (
    BalanceSnapshot,
    BalanceWallet,
    BookCrossedEvent,
    BookData,
    BookLevel,
    ExecutionData,
    ExecutionFee,
    HeartbeatMessage,
    InstrumentAsset,
    InstrumentData,
    Level3Order,
    Model,
    PingRequest,
    PongResponse,
    SequenceGapEvent,
    StatusData,
    TickerData,
    TradeData,
    WSErrorResponse,
    WSRequest,
    WSResponse,
)

ALL = sorted(
    (value for value in vars(models).values() if isinstance(value, type) and value is not Model),
    key=lambda model: model.__name__,
)
TIME = "2026-01-01T00:00:00.000001Z"


def example(model: type[Model], text: str = "x") -> Any:
    """Return an instance whose fields all have a value."""
    values: dict[str, Any] = {}
    for name, kind, nested in model.__wire_fields__:
        plain = {"float": 1.5, "decimal": Decimal("1.50"), "value": text}.get(kind)
        if nested is not None:
            values[name] = [example(nested)] if kind == "models" else example(nested)
        else:
            values[name] = plain
    return model(**values)


@pytest.fixture(params=ALL, ids=lambda model: model.__name__)
def model(request: pytest.FixtureRequest) -> Any:
    return request.param


def trade(**changes: Any) -> TradeData:
    return TradeData("A/B", "buy", 2.0, 1.0, "limit", 1, TIME).__replace__(**changes)


# Every model.


def test_instances_cannot_change(model: type[Model]) -> None:
    item = example(model)
    for name in ("_wire", "nonsense", *(name for name, _, _ in model.__wire_fields__)):
        with pytest.raises((AttributeError, TypeError)):
            setattr(item, name, 1)


def test_instances_have_no_dict(model: type[Model]) -> None:
    assert not hasattr(example(model), "__dict__")


def test_equality_and_hash_go_by_the_fields(model: type[Model]) -> None:
    assert example(model) == example(model)
    assert hash(example(model)) == hash(example(model))
    assert len({example(model), example(model)}) == 1
    values = [kind for _, kind, _ in model.__wire_fields__]
    if "value" in values:
        assert example(model) != example(model, "y")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(model: type[Model], protocol: int) -> None:
    item = example(model)
    again = pickle.loads(pickle.dumps(item, protocol))
    assert type(again) is model
    assert again == item
    assert dataclasses.asdict(again) == dataclasses.asdict(item)


def test_copies_are_equal(model: type[Model]) -> None:
    item = example(model)
    assert copy.copy(item) == copy.deepcopy(item) == item


def test_to_dict_and_back(model: type[Model]) -> None:
    item = example(model)
    assert model.from_dict(item.to_dict()) == item
    assert model.from_dict(item.to_dict(exact=True)) == item


def test_repr_is_the_call_that_makes_it(model: type[Model]) -> None:
    item = example(model)
    names = {known.__name__: known for known in ALL}
    assert eval(repr(item), {**names, "Decimal": Decimal}) == item


def test_replace_makes_a_changed_copy(model: type[Model]) -> None:
    item = example(model)
    assert item.__replace__() == item
    (name, *_) = next(spec for spec in model.__wire_fields__)
    changed = item.__replace__(**{name: None})
    assert getattr(changed, name) is None
    assert item == example(model)
    with pytest.raises(TypeError):
        item.__replace__(nonsense=1)
    if sys.version_info >= (3, 13):
        assert copy.replace(item, **{name: None}) == changed


def test_required_fields_are_those_without_default(model: type[Model]) -> None:
    for name in model.__required__:
        values = dict.fromkeys(model.__required__ - {name}, "x")
        with pytest.raises(TypeError, match=name):
            model(**values)


def test_docstring_has_every_field(model: type[Model]) -> None:
    documented = inspect.getdoc(model) or ""
    names = [field.name for field in dataclasses.fields(model)]
    assert [name for name in names if f"\n    {name}:" not in documented] == []


# Showing and matching.


def test_repr_leaves_absent_fields_out() -> None:
    assert repr(StatusData("online", connection_id=0)) == (
        "StatusData(system='online', connection_id=0)"
    )
    assert repr(HeartbeatMessage(received_ns=5)) == "HeartbeatMessage(channel='heartbeat')"


def test_match() -> None:
    match ExecutionData("trade", "O1", "A/B", fees=[ExecutionFee("USD", 0.5)]):
        case ExecutionData("trade", order_id, fees=[ExecutionFee(asset, qty)]):
            assert (order_id, asset, qty) == ("O1", "USD", 0.5)
        case _:
            pytest.fail("no match")


def test_types_that_differ_are_not_equal() -> None:
    level = BookLevel(Decimal(1), Decimal(2))
    assert level != (Decimal(1), Decimal(2))
    assert level != ExecutionFee("USD", 1.0)
    assert hash(PingRequest(1)) != hash(PongResponse(1))


def test_receive_time_is_no_part_of_equality() -> None:
    assert SequenceGapEvent(1, 2, "x", received_ns=1) == SequenceGapEvent(1, 2, "x")
    assert SequenceGapEvent(1, 2, "x", received_ns=1).received_ns == 1
    assert hash(HeartbeatMessage(received_ns=1)) == hash(HeartbeatMessage())
    with pytest.raises(TypeError):
        SequenceGapEvent(1, 2, "x", 1)


def test_trailing_zeros_do_not_matter_to_equality() -> None:
    one, other = (BookLevel(Decimal(text), Decimal(1)) for text in ("1.0", "1.00"))
    assert one == other
    assert hash(one) == hash(other)


# Dictionaries, as kraken-connector 0.2.0 has them.


def test_to_dict_leaves_absent_fields_out() -> None:
    assert BookData("A/B", [], []).to_dict() == {"symbol": "A/B", "bids": [], "asks": []}
    assert StatusData("online", "v2").to_dict() == {"system": "online", "api_version": "v2"}


def test_to_dict_of_a_book_has_floats() -> None:
    level = BookLevel(Decimal("1.10"), Decimal("2.500"))
    data = BookData("A/B", [level], [], 7, TIME)
    assert data.to_dict() == {
        "symbol": "A/B",
        "bids": [{"price": 1.1, "qty": 2.5}],
        "asks": [],
        "checksum": 7,
        "timestamp": TIME,
    }
    assert str(data.to_dict(exact=True)["bids"][0]["qty"]) == "2.500"


def test_from_dict_makes_exact_book_levels() -> None:
    data = BookData.from_dict({"symbol": "A/B", "bids": [{"price": 1.1, "qty": "2.500"}]})
    assert data == BookData("A/B", [BookLevel(Decimal("1.1"), Decimal("2.5"))], [])
    assert str(data.bids[0].qty) == "2.500"


def test_from_dict_keeps_unknown_keys_and_leaves_the_source_alone() -> None:
    source = {"asset": "USD", "qty": 1, "new": 2}
    fee = ExecutionFee.from_dict(source)
    assert (fee, type(fee.qty)) == (ExecutionFee("USD", 1.0), float)
    assert fee.extra == {"new": 2}
    assert fee.to_dict() == source
    assert pickle.loads(pickle.dumps(fee)).extra == {"new": 2}
    assert source == {"asset": "USD", "qty": 1, "new": 2}
    source["new"] = 3
    assert fee.extra == {"new": 2}


@pytest.mark.parametrize("cls", [TickerData, TradeData, BookData, Level3Order, WSErrorResponse])
def test_from_dict_reads_what_the_exchange_left_out_as_none(cls: Any) -> None:
    item = cls.from_dict({})
    lists = {"asks": [], "bids": []} if cls is BookData else {}
    assert item.to_dict() == {**dict.fromkeys(cls.__required__), **lists}
    assert cls.from_dict(item.to_dict()) == item


def test_exact_plain_data_keeps_its_digits() -> None:
    item = TradeData.from_dict({**trade().to_dict(), "price": Decimal("1.50"), "new": 1})
    assert (item.price, str(item.decimal("price"))) == (1.5, "1.50")


def test_request_made_of_plain_data_has_all_it_needs_and_nothing_else() -> None:
    with pytest.raises(KeyError, match="method"):
        WSRequest.from_dict({"params": {}})
    with pytest.raises(InvalidParameter, match="reqid must be absent: WSRequest knows method"):
        WSRequest.from_dict({"method": "ping", "reqid": 1})


def test_from_dict_keeps_models_as_they_are() -> None:
    wallet = BalanceWallet("spot", "main", 1.0)
    source = {"asset": "USD", "asset_class": "currency", "balance": 1.0, "wallets": [wallet]}
    assert BalanceSnapshot.from_dict(source).wallets == [wallet]


@pytest.mark.parametrize(
    ("message", "plain"),
    [
        (
            WSRequest("add_order", {"a": 1}, 2),
            {"method": "add_order", "params": {"a": 1}, "req_id": 2},
        ),
        (WSRequest("ping"), {"method": "ping", "params": {}}),
        (PingRequest(), {"method": "ping"}),
        (PingRequest(0), {"method": "ping", "req_id": 0}),
        (
            PongResponse(1, TIME, TIME),
            {"method": "pong", "req_id": 1, "time_in": TIME, "time_out": TIME},
        ),
        (HeartbeatMessage(), {"channel": "heartbeat"}),
        (
            WSResponse("x", {"y": 1}, True, TIME, TIME),
            {"method": "x", "result": {"y": 1}, "success": True, "time_in": TIME, "time_out": TIME},
        ),
        (
            WSErrorResponse("x", "E", False, TIME, TIME, 3),
            {
                "method": "x",
                "error": "E",
                "success": False,
                "time_in": TIME,
                "time_out": TIME,
                "req_id": 3,
            },
        ),
    ],
)
def test_envelopes_as_dictionaries(message: Model, plain: dict[str, Any]) -> None:
    assert message.to_dict() == plain
    assert type(message).from_dict(plain) == message


def test_requests_do_not_share_their_default_parameters() -> None:
    WSRequest("a").params["x"] = 1
    assert WSRequest("b").params == {}


# Exact numbers.


def test_decimal_of_an_item_made_by_hand_is_the_shortest() -> None:
    assert trade(price=0.1).decimal("price") == Decimal("0.1")
    assert trade(price=2).decimal("price") == Decimal(2)
    assert trade().decimal("trade_id") == Decimal(1)
    assert BookLevel(Decimal("1.50"), Decimal(1)).decimal("price") == Decimal("1.50")


def test_decimal_of_an_absent_field_is_none() -> None:
    assert ExecutionData("new", "O1").decimal("last_price") is None


@pytest.mark.parametrize("field", ["symbol", "nonsense", "_wire", "timestamp"])
def test_decimal_of_what_is_no_number(field: str) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        trade().decimal(field)
    assert (caught.value.model, caught.value.field) == ("TradeData", field)
    assert "qty, price" in str(caught.value)


def test_boolean_is_no_number() -> None:
    with pytest.raises(InvalidFieldError):
        ExecutionData("new", "O1", margin=True).decimal("margin")


def test_exact_numbers_from_the_wire(core: Any) -> None:
    item = core.parse_message(frames()["balances"]).data[0]
    assert str(item.decimal("balance")) == str(item.wallets[0].decimal("balance")) == "100.00000000"
    assert str(item.to_dict(exact=True)["wallets"][0]["balance"]) == "100.00000000"


def test_changed_copy_forgets_the_wire(core: Any) -> None:
    item = core.parse_message(frames()["ticker"]).data[0]
    assert str(item.__replace__(last=2.0).decimal("volume")) == "3156.8478211"


def test_extra_holds_what_this_version_does_not_know(core: Any) -> None:
    message = core.parse_message(
        b'{"channel":"executions","type":"update","data":[{"exec_type":"new","order_id":"O",'
        b'"ratecount":1.50,"note":null,"list":[1.0]}]}'
    )
    (item,) = message.data
    assert item.extra == {"ratecount": Decimal("1.50"), "note": None, "list": [Decimal(1)]}
    assert str(item.decimal("ratecount")) == "1.50"
    with pytest.raises(InvalidFieldError):
        item.decimal("note")
    assert trade().extra == {}


def test_values_of_another_type_than_the_protocol_says_stay_as_sent(core: Any) -> None:
    """As far as no client relies on them; what it relies on makes the frame invalid."""
    message = core.parse_message(
        b'{"channel":"trade","type":"update","data":[{"symbol":5,"price":"x","qty":["1"]}]}'
    )
    (item,) = message.data
    assert (item.symbol, item.price, item.qty) == (5, "x", ["1"])
    for field in ("price", "qty"):
        with pytest.raises(InvalidFieldError):
            item.decimal(field)


def test_number_written_as_text_is_a_number(core: Any) -> None:
    message = core.parse_message(
        b'{"channel":"trade","type":"update","data":[{"price":"1.50","qty":"-2e-3"}]}'
    )
    (item,) = message.data
    assert (item.price, item.qty) == (1.5, -0.002)
    assert (str(item.decimal("price")), str(item.decimal("qty"))) == ("1.50", "-0.002")
    assert item.to_dict(exact=True)["price"] == Decimal("1.50")
    assert TradeData.from_dict({**trade().to_dict(), "price": "1.50"}).price == 1.5


def test_word_of_python_is_a_field_with_an_underscore(core: Any) -> None:
    frame = b'{"channel":"instrument","type":"update","data":{"assets":[{"class":"currency"}]}}'
    asset = core.parse_message(frame).data[0].assets[0]
    assert (asset.class_, asset.extra) == ("currency", {})
    assert asset.to_dict()["class"] == "currency"
    assert InstrumentAsset.from_dict(asset.to_dict()) == asset


def test_absent_lists_that_are_always_sent_are_empty(core: Any) -> None:
    message = core.parse_message(b'{"channel":"instrument","type":"update","data":{"pairs":null}}')
    assert message.data == [InstrumentData([], [])]
    sparse = core.parse_message(b'{"channel":"executions","type":"update","data":[{}]}').data[0]
    assert sparse.fees is None


# Secrets.


def test_token_of_a_request_is_in_no_repr_and_no_pickle() -> None:
    request = WSRequest("subscribe", {"channel": "executions", "token": "s3cret"}, 1)
    for shown in (repr(request), str(request), f"{request}", repr(pickle.dumps(request))):
        assert "s3cret" not in shown
    assert request.params["token"] == request.to_dict()["params"]["token"] == "s3cret"
    assert pickle.loads(pickle.dumps(request)).params == {"channel": "executions", "token": ""}
    assert WSRequest.from_dict(request.to_dict()) == request
    plain = WSRequest("ping")
    assert pickle.loads(pickle.dumps(plain)) == plain
    assert repr(plain) == "WSRequest(method='ping', params={})"


# Times and warnings.


def test_times_in_nanoseconds() -> None:
    assert trade().timestamp_ns == 1767225600000001000
    assert trade(timestamp=None).timestamp_ns is None
    assert BookData("A/B", [], [], timestamp=TIME).timestamp_ns == 1767225600000001000
    answer = WSResponse("x", {}, True, TIME, TIME)
    assert answer.time_in_ns == answer.time_out_ns == 1767225600000001000


@pytest.mark.parametrize(
    ("result", "warnings"),
    [({"warnings": ["a"]}, ["a"]), ({}, []), ({"warnings": "a"}, []), (None, []), ([{}], [])],
)
def test_warnings_whatever_the_result_is(result: Any, warnings: list[str]) -> None:
    assert WSResponse("x", result, True, TIME, TIME).warnings == warnings


def test_crossed_event_keeps_exact_prices() -> None:
    event = BookCrossedEvent("A/B", Decimal("1.50"), Decimal("1.40"))
    assert str(event.to_dict(exact=True)["bid"]) == "1.50"
    assert event.to_dict()["bid"] == 1.5
    assert TickerData.from_dict(dict.fromkeys(TickerData.__required__, Decimal("1.5"))).bid == 1.5
