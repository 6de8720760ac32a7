"""Parameters of the trading methods: checked when made, exact on the wire."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from benches.corpus import FIXTURES, read_lines
from hypothesis import given
from hypothesis import strategies as st

from kraken_connector.exceptions import InvalidParameter
from kraken_connector.models.order_parts import check_amended
from kraken_connector.models.trading import TradingParams
from kraken_connector.ws import trading
from kraken_connector.ws.base.encoding import encode
from kraken_connector.ws.trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllOrdersAfterParams,
    CancelOrderParams,
    ConditionalClose,
    EditOrderParams,
    OrderTrigger,
)

BTC = "BTC/USD"
CLASSES: dict[str, type[TradingParams]] = {
    cls.METHOD: cls
    for cls in vars(trading).values()
    if isinstance(cls, type) and issubclass(cls, TradingParams)
}
PRINTED = [
    pytest.param(json.loads(line, parse_float=Decimal), id=f"{path.name}:{number}")
    for path in sorted((FIXTURES / "requests").iterdir())
    for number, line in enumerate(read_lines(path), 1)
]


def limit(qty: Any = "1.5", price: Any = "100.0", **options: Any) -> AddOrderParams:
    return AddOrderParams(BTC, "buy", "limit", qty, limit_price=price, **options)


def sent(params: TradingParams) -> str:
    return encode(params.wire()).decode()


def test_there_is_a_class_for_every_method() -> None:
    assert sorted(CLASSES) == [
        "add_order",
        "amend_order",
        "batch_add",
        "batch_cancel",
        "cancel_all",
        "cancel_all_orders_after",
        "cancel_order",
        "edit_order",
    ]


@pytest.mark.parametrize("request_", PRINTED)
def test_printed_request_is_what_its_parameters_encode_to(request_: dict[str, Any]) -> None:
    params = CLASSES[request_["method"]].from_dict(request_["params"])
    token = request_["params"].pop("token", "")
    assert params.token == token
    assert json.loads(sent(params), parse_float=Decimal) == request_["params"]


@pytest.mark.parametrize("request_", PRINTED)
def test_to_dict_and_from_dict_are_each_others_reverse(request_: dict[str, Any]) -> None:
    cls = CLASSES[request_["method"]]
    params = cls.from_dict(request_["params"])
    for exact in (False, True):
        again = cls.from_dict(params.to_dict(exact=exact))
        assert again == params
        assert again.token == params.token


# Numbers.


@pytest.mark.parametrize(
    ("given_", "text"),
    [
        ("0.10", "0.10"),
        (Decimal("0.10"), "0.10"),
        (Decimal("1E+3"), "1000"),
        ("1e-8", "0.00000001"),
        (1e-8, "0.00000001"),
        (1.2, "1.2"),
        (0.1 + 0.2, "0.30000000000000004"),
        (100, "100"),
        ("100", "100"),
        ("+5", "5"),
        (".5", "0.5"),
        ("007.50", "7.50"),
        (10**22, "1" + "0" * 22),
    ],
)
def test_number_leaves_with_its_digits(given_: Any, text: str) -> None:
    assert f'"order_qty":{text},' in sent(limit(given_))


@given(st.integers(1, 10**30), st.integers(-30, 30))
def test_every_decimal_is_sent_exactly(mantissa: int, exponent: int) -> None:
    number = Decimal(f"{mantissa}e{exponent}")
    line = sent(limit(number, str(number)))
    assert "e" not in line.split('"order_qty":')[1].split(",")[0].lower()
    read = json.loads(line, parse_float=Decimal, parse_int=Decimal)
    for field in ("order_qty", "limit_price"):
        assert read[field] == number
        assert format(read[field], "f") == format(number, "f")


@given(st.floats(1e-30, 1e30))
def test_float_is_sent_as_its_shortest_text(number: float) -> None:
    read = json.loads(sent(limit(number)), parse_float=Decimal, parse_int=Decimal)
    assert read["order_qty"] == Decimal(repr(number))
    assert float(read["order_qty"]) == number


@pytest.mark.parametrize(
    "wrong",
    ["", " 1", "1 ", "abc", "NaN", "Infinity", "-inf", "1_000", "1,5", "0x1", "1e", "1e999999999"],
)
def test_text_that_is_no_number_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        limit(wrong)
    assert (caught.value.field, caught.value.value) == ("order_qty", wrong)
    assert repr(wrong) in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [float("nan"), float("inf"), Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), 10**70],
)
def test_number_that_cannot_be_sent_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidParameter, match="order_qty must be a"):
        limit(wrong)


@pytest.mark.parametrize("wrong", [True, b"1", [1], {}, 1j])
def test_what_is_no_number_is_a_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError, match="order_qty must be a Decimal, str, int or float"):
        limit(wrong)


def test_plain_dict_has_floats_and_exact_dict_has_decimals() -> None:
    params = limit("0.10", triggers=None)
    assert params.to_dict()["order_qty"] == 0.1
    assert type(params.to_dict()["order_qty"]) is float
    assert str(params.to_dict(exact=True)["order_qty"]) == "0.10"


# What an order needs.

CASH = {"order_type": "market", "limit_price": None, "order_qty": None, "cash_order_qty": 5}
CLOSE = ConditionalClose("stop-loss", trigger_price="90")
TRIGGER = OrderTrigger("last", "90")
OFFSET = OrderTrigger("last", "1.0", "pct")


PLAIN = {"symbol": BTC, "side": "buy", "order_type": "limit", "order_qty": 1, "limit_price": 1}
UNPRICED = {**PLAIN, "limit_price": None}


@pytest.mark.parametrize(
    "params",
    [
        {**UNPRICED, "order_type": "market"},
        {**UNPRICED, "order_type": "market", "order_qty": None, "cash_order_qty": "100"},
        {**UNPRICED, "order_type": "settle-position", "order_qty": 0},
        {**UNPRICED, "order_type": "stop-loss", "triggers": TRIGGER},
        {**UNPRICED, "order_type": "stop-loss", "triggers": OrderTrigger("index", -2, "pct")},
        {**UNPRICED, "order_type": "trailing-stop", "triggers": OFFSET},
        {**PLAIN, "order_type": "trailing-stop-limit", "triggers": OFFSET, "limit_price": 0},
        {
            **PLAIN,
            "order_type": "trailing-stop-limit",
            "triggers": OFFSET,
            "limit_price": "-0.5",
            "limit_price_type": "pct",
        },
        {**PLAIN, "order_type": "take-profit-limit", "triggers": TRIGGER},
        {**PLAIN, "order_type": "iceberg", "order_qty": 15, "display_qty": 1},
        {**PLAIN, "order_type": "iceberg", "display_qty": 1, "time_in_force": "fok"},
        {**PLAIN, "order_qty": 0, "reduce_only": True},
        {**PLAIN, "conditional": CLOSE},
        {**PLAIN, "conditional": CLOSE, "cl_ord_id": False},
        {**PLAIN, "time_in_force": "fok"},
        {**PLAIN, "time_in_force": "gtd", "expire_time": "2026-01-31T12:00:00Z"},
        {**PLAIN, "limit_price_type": "static"},
        {**PLAIN, "cl_ord_id": False, "order_userref": 2**31 - 1},
        {**PLAIN, "order_userref": -7},
        {**PLAIN, "cl_ord_id": "a b 18 characters!"},
        {**PLAIN, "cl_ord_id": "2c6be8011f534f79a0bb4ea1c95dfae9"},
        {**PLAIN, "cl_ord_id": "2C6BE801-1F53-4F79-A0BB-4EA1C95DFAE9"},
    ],
)
def test_sensible_order_is_accepted(params: dict[str, Any]) -> None:
    made = AddOrderParams(**params)
    assert AddOrderParams.from_dict(made.to_dict(exact=True)) == made


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"side": "long"}, "side"),
        ({"order_type": "stop"}, "order_type"),
        ({"order_qty": 0}, "order_qty"),
        ({"order_qty": -1}, "order_qty"),
        ({"order_qty": None}, "order_qty"),
        ({"limit_price": None}, "limit_price"),
        ({"limit_price": 0}, "limit_price"),
        ({"limit_price": "-1"}, "limit_price"),
        ({"order_type": "market"}, "limit_price"),
        ({"limit_price_type": "pct"}, "limit_price_type"),
        ({"triggers": TRIGGER}, "triggers"),
        ({"order_type": "stop-loss-limit"}, "triggers"),
        ({"order_type": "trailing-stop-limit", "triggers": TRIGGER}, "triggers.price_type"),
        (
            {"order_type": "trailing-stop-limit", "triggers": OrderTrigger("last", -1, "pct")},
            "triggers.price",
        ),
        ({"time_in_force": "GTC"}, "time_in_force"),
        ({"time_in_force": "gtd"}, "expire_time"),
        ({"expire_time": "2026-01-31T12:00:00Z"}, "expire_time"),
        ({"order_type": "market", "limit_price": None, "time_in_force": "fok"}, "time_in_force"),
        (
            {"order_type": "market", "limit_price": None, "limit_price_type": "static"},
            "limit_price_type",
        ),
        ({"conditional": CLOSE, "cl_ord_id": "a"}, "conditional"),
        ({"order_userref": 2**31}, "order_userref"),
        ({"order_userref": -(2**31) - 1}, "order_userref"),
        ({"order_type": "market", "limit_price": None, "post_only": True}, "post_only"),
        ({"order_type": "iceberg"}, "display_qty"),
        ({"order_type": "iceberg", "display_qty": "0.0666"}, "display_qty"),
        ({"order_type": "iceberg", "display_qty": "1.1"}, "display_qty"),
        ({"display_qty": "1"}, "display_qty"),
        ({"cash_order_qty": 5}, "cash_order_qty"),
        (CASH | {"cash_order_qty": 0}, "cash_order_qty"),
        (CASH | {"side": "sell"}, "cash_order_qty"),
        (CASH | {"margin": True}, "cash_order_qty"),
        ({"cl_ord_id": "a", "order_userref": 1}, "order_userref"),
        ({"cl_ord_id": ""}, "cl_ord_id"),
        ({"cl_ord_id": "nineteen characters"}, "cl_ord_id"),
        ({"cl_ord_id": "ümlaut"}, "cl_ord_id"),
        ({"cl_ord_id": "2c6be801-1f53-4f79-a0bb-4ea1c95dfaeg"}, "cl_ord_id"),
        ({"sender_sub_id": "x" * 19}, "sender_sub_id"),
        ({"fee_preference": "usd"}, "fee_preference"),
        ({"stp_type": "none"}, "stp_type"),
        ({"deadline": "soon"}, "deadline"),
        ({"deadline": "2026-01-31T12:00:00"}, "deadline"),
        ({"deadline": datetime(2026, 1, 31)}, "deadline"),  # noqa: DTZ001 - the point
    ],
)
def test_senseless_order_is_refused_by_name(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        AddOrderParams(**{**PLAIN, **options})
    assert caught.value.field == field
    assert field in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"post_only": 1},
        {"validate": "true"},
        {"order_userref": "7"},
        {"order_userref": True},
        {"cl_ord_id": 7},
        {"triggers": {"price": 1}},
        {"conditional": {"order_type": "limit"}},
        {"token": None},
        {"symbol": None},
        {"deadline": timedelta(seconds=1)},
        {"deadline": 1.5},
    ],
)
def test_wrong_type_is_a_type_error(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        AddOrderParams(**{**PLAIN, **options})


def test_legacy_symbol_is_refused_with_the_right_one() -> None:
    with pytest.raises(ValueError, match="BTC/USD"):
        AddOrderParams("XBT/USD", "buy", "market", 1)


def test_times_may_be_datetimes() -> None:
    moment = datetime(2026, 1, 31, 13, 0, 0, 50_999, tzinfo=timezone(timedelta(hours=1)))
    params = limit(deadline=moment, time_in_force="gtd", expire_time=moment, effective_time=moment)
    assert params.deadline == "2026-01-31T12:00:00.050Z"
    assert params.expire_time == params.effective_time == "2026-01-31T12:00:00Z"
    assert limit(deadline=moment.astimezone(UTC)) == limit(deadline=moment)


def test_trigger_and_close_are_checked_too() -> None:
    for wrong in ({}, {"price": 0}, {"price": -1, "price_type": "static"}, {"reference": "mid"}):
        with pytest.raises(InvalidParameter):
            OrderTrigger(**{"price": None, **wrong})
    for wrong in (
        {"order_type": "market"},
        {"order_type": "limit"},
        {"order_type": "stop-loss"},
        {"order_type": "limit", "limit_price": 1, "trigger_price": 1},
        {"order_type": "limit", "limit_price": 1, "limit_price_type": "pct"},
    ):
        with pytest.raises(InvalidParameter):
            ConditionalClose(**wrong)


# The other methods.


def test_amend_and_edit_name_one_order() -> None:
    for wrong in ({}, {"order_id": "O1", "cl_ord_id": "a"}, {"order_id": ""}):
        with pytest.raises(InvalidParameter):
            AmendOrderParams(**wrong)
    with pytest.raises(InvalidParameter, match="order_qty"):
        AmendOrderParams("O1", order_qty=0)
    with pytest.raises(InvalidParameter, match="display_qty"):
        AmendOrderParams("O1", display_qty=0)
    with pytest.raises(InvalidParameter, match="limit_price"):
        AmendOrderParams("O1", limit_price=0, limit_price_type="static")
    for price_type in (None, "static"):
        with pytest.raises(InvalidParameter, match="trigger_price"):
            AmendOrderParams("O1", trigger_price=-1, trigger_price_type=price_type)
    assert AmendOrderParams("O1", trigger_price=-1, trigger_price_type="pct").trigger_price == -1
    with pytest.raises(InvalidParameter, match="display_qty"):
        EditOrderParams("O1", BTC, order_qty=30, display_qty=1)
    for wrong in (0, -1):
        with pytest.raises(InvalidParameter, match="display_qty must be more than 0"):
            EditOrderParams("O1", BTC, display_qty=wrong)
    assert sent(AmendOrderParams(cl_ord_id="a", limit_price="1.10")) == (
        '{"limit_price":1.10,"cl_ord_id":"a"}'
    )


def test_cancel_accepts_lists_of_identifiers() -> None:
    params = CancelOrderParams(order_id=["O1", "O2", "O1"], cl_ord_id=["a"], order_userref=[7])
    assert params.identifiers == [
        ("order_id", "O1"),
        ("order_id", "O2"),
        ("cl_ord_id", "a"),
        ("order_userref", 7),
    ]
    assert sent(params.of("order_userref", 7)) == '{"order_userref":[7]}'
    with pytest.raises(TypeError, match=r"\['O1'\]"):
        CancelOrderParams(order_id="O1")  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter):
        CancelOrderParams()
    with pytest.raises(InvalidParameter):
        CancelOrderParams(order_id=[])


def test_dead_mans_switch_is_less_than_a_day() -> None:
    assert sent(CancelAllOrdersAfterParams(timeout=0)) == '{"timeout":0}'
    for wrong in (-1, 86_400):
        with pytest.raises(InvalidParameter, match="from 0 to 86399 seconds"):
            CancelAllOrdersAfterParams(timeout=wrong)
    for wrong_type in (None, True, 1.5, "60"):
        with pytest.raises(TypeError):
            CancelAllOrdersAfterParams(timeout=wrong_type)  # type: ignore[arg-type]


def test_batch_has_the_shared_keys_once() -> None:
    params = BatchAddParams(BTC, orders=[limit("1.0"), limit("2.0", token="x")], validate=True)
    assert sent(params) == (
        '{"symbol":"BTC/USD","orders":['
        '{"side":"buy","order_type":"limit","order_qty":1.0,"limit_price":100.0},'
        '{"side":"buy","order_type":"limit","order_qty":2.0,"limit_price":100.0}],"validate":true}'
    )


@pytest.mark.parametrize(
    ("orders", "field"),
    [
        ([limit()], "orders"),
        ([limit()] * 16, "orders"),
        ([limit(), AddOrderParams("ETH/USD", "buy", "market", 1)], r"orders\[1\].symbol"),
        ([limit(), limit(validate=False)], r"orders\[1\].validate"),
        ([limit(deadline="2026-01-31T12:00:00Z"), limit()], r"orders\[0\].deadline"),
        ([limit(cl_ord_id="a"), limit(cl_ord_id="a")], "cl_ord_id"),
    ],
)
def test_senseless_batch_is_refused(orders: list[AddOrderParams], field: str) -> None:
    with pytest.raises(InvalidParameter, match=field):
        BatchAddParams(BTC, orders=orders)


def test_batch_cancel_accepts_numbers_as_text() -> None:
    params = BatchCancelParams(orders=[1, "O2"], cl_ord_id=["a"])  # type: ignore[list-item]
    assert sent(params) == '{"orders":["1","O2"],"cl_ord_id":["a"]}'
    assert sent(BatchCancelParams(cl_ord_id=["a", "b"])) == '{"orders":[],"cl_ord_id":["a","b"]}'
    for wrong in (["1"], ["x"] * 51):
        with pytest.raises(InvalidParameter, match="2 to 50 orders"):
            BatchCancelParams(orders=wrong)


# The token.

EXAMPLES: dict[str, dict[str, Any]] = {
    "add_order": {
        "symbol": BTC,
        "side": "buy",
        "order_type": "stop-loss-limit",
        "order_qty": 1,
        "limit_price": 1,
        "triggers": {"price": 1},
        "conditional": {"order_type": "limit", "limit_price": 2},
    },
    "amend_order": {"order_id": "O1", "order_qty": 1},
    "edit_order": {"order_id": "O1", "symbol": BTC, "triggers": {"price": 1}},
    "cancel_order": {"order_id": ["O1"]},
    "cancel_all": {},
    "cancel_all_orders_after": {"timeout": 60},
    "batch_add": {
        "symbol": BTC,
        "orders": [{"side": "buy", "order_type": "market", "order_qty": 1}] * 2,
    },
    "batch_cancel": {"orders": ["O1", "O2"]},
}


@pytest.mark.parametrize("cls", CLASSES.values())
def test_token_is_in_no_repr_no_pickle_and_no_comparison(cls: type[TradingParams]) -> None:
    plain = EXAMPLES[cls.METHOD]
    params = cls.from_dict({**plain, "token": "s3cret"})
    assert "s3cret" not in repr(params)
    assert b"s3cret" not in pickle.dumps(params)
    assert pickle.loads(pickle.dumps(params)) == params == cls.from_dict(plain)
    assert params.to_dict()["token"] == "s3cret"
    assert "s3cret" not in sent(params)


# What is not understood is not sent in silence.


@pytest.mark.parametrize("method", CLASSES)
@pytest.mark.parametrize("key", ["leverage", "reduce_onyl", "asset_class"])
def test_unknown_key_is_refused_by_name(method: str, key: str) -> None:
    with pytest.raises(InvalidParameter, match=f"^{key} must be absent: .* knows ") as caught:
        CLASSES[method].from_dict({**EXAMPLES[method], key: 5})
    assert (caught.value.field, caught.value.value) == (key, 5)


@pytest.mark.parametrize("method", CLASSES)
def test_what_from_dict_refuses_says_what_is_known(method: str) -> None:
    params = CLASSES[method].from_dict({**EXAMPLES[method], "token": "t"})
    with pytest.raises(InvalidParameter) as caught:
        CLASSES[method].from_dict({"nonsense": 1})
    assert all(name in str(caught.value) for name in params.to_dict())


@pytest.mark.parametrize(
    ("method", "part"),
    [("add_order", "triggers"), ("add_order", "conditional"), ("edit_order", "triggers")],
)
def test_unknown_key_of_a_part_is_refused(method: str, part: str) -> None:
    plain = EXAMPLES[method]
    with pytest.raises(InvalidParameter, match=r"^refrence must be absent"):
        CLASSES[method].from_dict({**plain, part: {**plain[part], "refrence": "index"}})


def test_unknown_key_of_an_order_of_a_batch_is_refused() -> None:
    plain = EXAMPLES["batch_add"]
    with pytest.raises(InvalidParameter, match=r"^leverage must be absent"):
        BatchAddParams.from_dict({**plain, "orders": [{**plain["orders"][0], "leverage": 5}] * 2})


# Identifiers.


def test_order_may_be_sent_without_an_identifier() -> None:
    params = limit(cl_ord_id=False)
    assert params.cl_ord_id is False
    assert "cl_ord_id" not in params.wire()
    assert AddOrderParams.from_dict(params.to_dict()) == params
    assert limit(cl_ord_id=None) != params
    batch = BatchAddParams(BTC, orders=[params, params])
    assert all("cl_ord_id" not in order for order in batch.wire()["orders"])


@pytest.mark.parametrize("wrong", [0, 0.0, True, b""])
def test_only_false_itself_means_no_identifier(wrong: Any) -> None:
    with pytest.raises(TypeError, match="cl_ord_id"):
        limit(cl_ord_id=wrong)


def test_only_new_orders_may_go_without_an_identifier() -> None:
    with pytest.raises(TypeError, match="cl_ord_id"):
        AmendOrderParams(cl_ord_id=False)  # type: ignore[arg-type]


def test_conditional_close_excludes_an_identifier_by_both_names() -> None:
    with pytest.raises(InvalidParameter, match="conditional must be absent beside cl_ord_id"):
        limit(cl_ord_id="a", conditional=ConditionalClose("limit", 2))


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 10**30])
def test_number_of_the_client_has_32_bits(number: int) -> None:
    for make in (
        lambda: limit(order_userref=number),
        lambda: EditOrderParams("O1", BTC, order_userref=number),
        lambda: CancelOrderParams(order_userref=[number]),
        lambda: BatchCancelParams(orders=["O1", number]),  # type: ignore[list-item]
    ):
        with pytest.raises(InvalidParameter, match="signed 32-bit integer"):
            make()


class Shouting(Decimal):
    def __str__(self) -> str:
        return "1E9"

    __repr__ = __str__


def test_subclass_of_decimal_is_sent_as_the_number_it_is() -> None:
    params = limit(Shouting("1.50"), Shouting("100.0"))
    assert (type(params.order_qty), type(params.limit_price)) == (Decimal, Decimal)
    assert '"order_qty":1.50' in sent(params)
    again = AddOrderParams.from_dict({**limit().to_dict(), "order_qty": Shouting("1.50")})
    assert '"order_qty":1.50' in sent(again)


# Amends of orders whose type is known.


@pytest.mark.parametrize(
    ("order_type", "numbers", "kind"),
    [
        ("limit", {"limit_price": "0.1", "order_qty": "1"}, None),
        ("limit", {"limit_price": "0.1"}, "static"),
        ("iceberg", {"display_qty": "1"}, None),
        ("trailing-stop-limit", {"limit_price": "-5", "trigger_price": "1"}, None),
        ("trailing-stop-limit", {"limit_price": "0"}, "quote"),
        ("stop-loss", {"trigger_price": "1"}, None),
        ("market", {"order_qty": "1"}, None),
    ],
)
def test_sensible_amend_of_a_known_order(order_type: str, numbers: Any, kind: Any) -> None:
    check_amended(order_type, {name: Decimal(text) for name, text in numbers.items()}, kind)


@pytest.mark.parametrize(
    ("order_type", "numbers", "kind", "field"),
    [
        ("limit", {"limit_price": "0"}, None, "limit_price"),
        ("limit", {"limit_price": "-5"}, None, "limit_price"),
        ("stop-loss-limit", {"limit_price": "-5"}, "static", "limit_price"),
        ("trailing-stop-limit", {"limit_price": "-5"}, "static", "limit_price"),
        ("limit", {"limit_price": "1"}, "pct", "limit_price_type"),
        ("limit", {"trigger_price": "1"}, None, "trigger_price"),
        ("limit", {"display_qty": "1"}, None, "display_qty"),
        ("market", {"limit_price": "1"}, None, "limit_price"),
    ],
)
def test_senseless_amend_of_a_known_order(
    order_type: str, numbers: Any, kind: Any, field: str
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        check_amended(order_type, {name: Decimal(text) for name, text in numbers.items()}, kind)
    assert caught.value.field == field
