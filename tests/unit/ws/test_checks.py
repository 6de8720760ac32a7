"""Checks refuse orders that the exchange would refuse, before they are sent."""

from __future__ import annotations

import json
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kraken_connector import parse_message
from kraken_connector.exceptions import InvalidParameter, OrderCheckFailed, TradingError
from kraken_connector.models.trading import TradingParams
from kraken_connector.ws.account.instruments import Instruments, PairRules
from kraken_connector.ws.trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllParams,
    CancelOrderParams,
    ConditionalClose,
    EditOrderParams,
    OrderTrigger,
)
from kraken_connector.ws.trading.checks import OrderChecks, check_price, check_quantity

BTC, TINY = "BTC/USD", "SHIB/USD"
NOW_NS = 1_769_860_800_000_000_000  # 2026-01-31T12:00:00Z

PAIR = (
    '{"symbol":"%s","base":"BTC","quote":"USD","status":"%s","qty_precision":8,'
    '"qty_increment":%s,"price_precision":1,"cost_precision":5,"marginable":false,'
    '"has_index":true,"cost_min":%s,"price_increment":%s,"qty_min":%s}'
)


def pair(
    symbol: str = BTC,
    status: str = "online",
    lot: str = "0.00000001",
    cost_min: str = "0.50",
    tick: str = "0.1",
    qty_min: str = "0.0001",
) -> str:
    return PAIR % (symbol, status, lot, cost_min, tick, qty_min)


def instrument(*pairs: str, kind: str = "snapshot") -> Any:
    data = f'{{"assets":[],"pairs":[{",".join(pairs)}]}}'
    return parse_message(f'{{"channel":"instrument","type":"{kind}","data":{data}}}')


def checks(*pairs: str) -> OrderChecks:
    instruments = Instruments()
    instruments.observe(instrument(*(pairs or (pair(),))))
    return OrderChecks(instruments)


def limit(qty: Any = "1", price: Any = "100.0", **options: Any) -> AddOrderParams:
    return AddOrderParams(
        **{
            "symbol": BTC,
            "side": "buy",
            "order_type": "limit",
            "order_qty": qty,
            "limit_price": price,
            **options,
        }
    )


def failure(checker: OrderChecks, params: TradingParams, **known: Any) -> OrderCheckFailed:
    with pytest.raises(OrderCheckFailed) as caught:
        checker.check(params, NOW_NS, **known)
    error = caught.value
    assert isinstance(error, TradingError)
    assert isinstance(error, ValueError)
    assert error.venue_error is None
    return error


# Steps.


@pytest.mark.parametrize("step", ["0", "-1"])
def test_step_that_is_none_forbids_nothing(step: str) -> None:
    """The exchange checks every order anyway."""
    checker = checks(pair(tick=step, lot=step, cost_min=step, qty_min=step))
    checker.check(limit("0.00000001", "0.12345678"), NOW_NS)


def test_price_between_ticks_names_both_neighbours() -> None:
    error = failure(checks(), limit(price="100.05"))
    assert (error.rule, error.symbol, error.field) == ("tick", BTC, "limit_price")
    assert (error.below, error.above) == (Decimal("100.0"), Decimal("100.1"))
    assert str(error) == (
        "limit_price of BTC/USD must be a multiple of 0.1 (tick), not 100.05; "
        "the nearest: 100.0 and 100.1"
    )


def test_tick_need_not_be_a_power_of_ten() -> None:
    error = failure(checks(pair(tick="0.25")), limit(price="100.30"))
    assert (error.below, error.above) == (Decimal("100.25"), Decimal("100.50"))


def test_nothing_below_the_first_tick() -> None:
    error = failure(checks(), limit("10", price="0.01"))
    assert (error.below, error.above) == (None, Decimal("0.1"))


def test_quantity_must_be_a_multiple_of_the_lot() -> None:
    error = failure(checks(pair(lot="0.001")), limit("1.0005"))
    assert (error.rule, error.field) == ("lot", "order_qty")
    assert (error.below, error.above) == (Decimal("1.000"), Decimal("1.001"))
    iceberg = limit("15", order_type="iceberg", display_qty="1.0005")
    assert failure(checks(pair(lot="0.001")), iceberg).field == "display_qty"


def test_trailing_zeros_are_no_smaller_step() -> None:
    checks().check(limit("1.000000000000", "100.000000"), NOW_NS)


@given(st.integers(1, 10**12), st.integers(0, 10), st.integers(1, 10**15), st.integers(0, 12))
def test_neighbours_are_valid_and_nearest(
    step: int, step_decimals: int, value: int, value_decimals: int
) -> None:
    tick = Decimal(step).scaleb(-step_decimals)
    price = Decimal(value).scaleb(-value_decimals)
    rules = PairRules(BTC, "online", tick, tick, Decimal(0), Decimal(0))
    if (value * 10**step_decimals) % (step * 10**value_decimals) == 0:
        check_price("limit_price", price, rules)
        return
    with pytest.raises(OrderCheckFailed) as caught:
        check_price("limit_price", price, rules)
    below, above = caught.value.below or Decimal(0), caught.value.above
    assert above is not None
    assert below < price < above
    assert above - below == tick
    check_quantity("order_qty", above, rules)


def test_other_prices_are_checked_where_they_are_levels() -> None:
    checker = checks()
    wrong: list[tuple[AddOrderParams, str]] = [
        (
            AddOrderParams(BTC, "buy", "stop-loss", 1, triggers=OrderTrigger("last", "90.05")),
            "triggers.price",
        ),
        (
            limit(conditional=ConditionalClose("limit", limit_price="90.05")),
            "conditional.limit_price",
        ),
        (
            limit(conditional=ConditionalClose("stop-loss", trigger_price="90.05")),
            "conditional.trigger_price",
        ),
    ]
    for params, field in wrong:
        assert failure(checker, params).field == field
    offset = OrderTrigger("last", "0.05", "pct")
    checker.check(AddOrderParams(BTC, "buy", "stop-loss", 1, triggers=offset), NOW_NS)
    trailing = AddOrderParams(
        BTC, "buy", "trailing-stop-limit", 1, limit_price="0.05", triggers=offset
    )
    checker.check(trailing, NOW_NS)


# Minimum quantity and cost.


def test_quantity_below_the_minimum_names_the_least() -> None:
    error = failure(checks(pair(qty_min="0.0001")), limit("0.00005", "100000.0"))
    assert (error.rule, error.above) == ("minimum", Decimal("0.00010000"))
    assert "must be at least 0.00010000, not 0.00005" in str(error)


def test_cost_below_the_minimum_names_the_quantity_that_would_do() -> None:
    error = failure(checks(pair(lot="0.0001", cost_min="5")), limit("0.0100", "300.0"))
    assert (error.rule, error.field) == ("cost", "order_qty")
    assert error.above == Decimal("0.0167")
    assert "it costs 3.00000, the least is 5" in str(error)
    checks(pair(lot="0.0001", cost_min="5")).check(limit("0.0167", "300.0"), NOW_NS)


def test_cost_is_not_known_without_a_price() -> None:
    checker = checks(pair(cost_min="5"))
    checker.check(AddOrderParams(BTC, "buy", "market", "0.0001"), NOW_NS)
    small = AddOrderParams(BTC, "buy", "market", cash_order_qty="4.99")
    assert failure(checker, small).field == "cash_order_qty"


def test_nothing_as_the_whole_position_passes() -> None:
    checks().check(limit(0, reduce_only=True), NOW_NS)


# States.

MARKET = AddOrderParams(BTC, "buy", "market", 1)
ICEBERG = limit(order_type="iceberg", display_qty="0.1", post_only=True)
STATES = [
    ("cancel_only", limit(), False),
    ("cancel_only", limit(post_only=True), False),
    ("maintenance", limit(), False),
    ("delisted", limit(), False),
    ("work_in_progress", limit(), False),
    ("post_only", limit(), False),
    ("post_only", MARKET, False),
    ("post_only", limit(post_only=True), True),
    ("post_only", ICEBERG, False),
    ("limit_only", MARKET, False),
    ("limit_only", limit(), True),
    ("reduce_only", limit(), False),
    ("reduce_only", limit(reduce_only=True), True),
    ("a state of tomorrow", limit(), True),
]


@pytest.mark.parametrize(("status", "params", "fits"), STATES)
def test_pair_is_closed_to_some_orders(status: str, params: AddOrderParams, fits: bool) -> None:
    checker = checks(pair(status=status))
    if fits:
        checker.check(params, NOW_NS)
        return
    error = failure(checker, params)
    assert (error.rule, error.symbol, error.value) == ("status", BTC, status)
    assert f"BTC/USD is {status}: " in str(error)


@pytest.mark.parametrize(("system", "params", "fits"), STATES[:9])
def test_exchange_is_closed_to_some_orders(system: str, params: AddOrderParams, fits: bool) -> None:
    checker = OrderChecks(Instruments())
    if fits or system not in ("cancel_only", "maintenance", "post_only"):
        checker.check(limit(post_only=True), NOW_NS, system="post_only")
        return
    error = failure(checker, params, system=system)
    assert (error.rule, error.value, error.symbol) == ("system", system, None)


@pytest.mark.parametrize("system", [None, "online", "something new"])
def test_open_and_unknown_states_hold_nothing_back(system: str | None) -> None:
    checks().check(MARKET, NOW_NS, system=system)


@pytest.mark.parametrize(
    "params",
    [
        CancelOrderParams(order_id=["O1"]),
        CancelAllParams(),
        BatchCancelParams(orders=["1", "2"]),
    ],
)
def test_cancels_are_never_held_back(params: TradingParams) -> None:
    checks(pair(status="maintenance")).check(params, NOW_NS, system="maintenance")


# Kinds of requests.


def test_every_order_of_a_batch_is_checked() -> None:
    batch = BatchAddParams(BTC, orders=[limit(), limit(price="100.05")])
    assert failure(checks(), batch).above == Decimal("100.1")


def test_edit_is_checked_as_a_new_order() -> None:
    assert failure(checks(), EditOrderParams("O1", BTC, limit_price="1.05")).rule == "tick"
    checks().check(EditOrderParams("O1", BTC, limit_price="1.1"), NOW_NS)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ({"cl_ord_id": "mine"}, "it has a cl_ord_id (mine)"),
        (
            {"params": limit(conditional=ConditionalClose("limit", limit_price=1))},
            "it has a conditional close",
        ),
        ({"cum_qty": Decimal("2.0")}, "2.0 of it is filled, more than 1.5"),
        ({"cum_qty": Decimal("1.5"), "params": limit()}, None),
    ],
)
def test_edit_of_an_order_that_only_an_amend_can_change(
    order: dict[str, Any], reason: str | None
) -> None:
    edit = EditOrderParams("O1", BTC, order_qty="1.5", limit_price="100.0")
    nothing = {"status": "new", "cl_ord_id": None, "params": None, "cum_qty": Decimal(0)}
    known = SimpleNamespace(**{**nothing, **order})
    if reason is None:
        checks().check(edit, NOW_NS, order=known)
        return
    error = failure(checks(), edit, order=known)
    assert str(error) == f"edit_order cannot change O1: {reason}; use amend_order"
    assert (error.rule, error.value, error.method) == ("edit", "O1", "edit_order")


def check_amend(params: AmendOrderParams, order: Any = None, **known: Any) -> None:
    names = ("limit_price", "order_qty", "display_qty", "trigger_price")
    numbers = {n: getattr(params, n) for n in names if getattr(params, n) is not None}
    checks().check_amend(params, numbers, NOW_NS, order=order, **known)


def test_amend_is_checked_when_its_pair_is_known() -> None:
    order = SimpleNamespace(symbol=BTC, order_type="limit", status="new")
    wrong = AmendOrderParams("O1", limit_price="100.05")
    check_amend(wrong)
    for params, known in ((wrong, order), (wrong.__replace__(symbol=BTC), None)):
        with pytest.raises(OrderCheckFailed, match=r"100\.0 and 100\.1"):
            check_amend(params, known)
    with pytest.raises(InvalidParameter, match="limit_price_type must be 'static'"):
        check_amend(wrong.__replace__(limit_price_type="pct"), order)
    trailing = SimpleNamespace(symbol=BTC, order_type="trailing-stop-limit", status="new")
    check_amend(wrong, trailing)
    check_amend(AmendOrderParams("O1", trigger_price="1.55"), trailing)
    with pytest.raises(InvalidParameter, match="trigger_price"):
        check_amend(AmendOrderParams("O1", trigger_price="100.0"), order)
    with pytest.raises(OrderCheckFailed, match="order_qty"):
        check_amend(AmendOrderParams("O1", order_qty="0.000000001"), order)
    # Kraken accepts less than the minimum: it reduces the order to its filled quantity.
    check_amend(AmendOrderParams("O1", order_qty="0.00000001"), order)


@pytest.mark.parametrize("status", ["filled", "canceled", "expired"])
def test_order_that_ended_is_not_changed(status: str) -> None:
    order = SimpleNamespace(
        symbol=BTC, order_type="limit", status=status, order_id="O1", cl_ord_id=None
    )
    with pytest.raises(OrderCheckFailed, match=f"it is {status}") as caught:
        check_amend(AmendOrderParams("O1", limit_price="100.0"), order)
    assert (caught.value.rule, caught.value.kind) == ("done", "unknown_order")
    edit = EditOrderParams("O1", BTC, order_qty="1.5", limit_price="100.0")
    assert failure(checks(), edit, order=order).rule == "done"


@pytest.mark.parametrize("price", ["0", "-5"])
def test_price_of_a_known_order_is_more_than_0(price: str) -> None:
    order = SimpleNamespace(symbol="ETH/EUR", order_type="limit", status="new")
    with pytest.raises(InvalidParameter, match="must be more than 0"):
        check_amend(AmendOrderParams("O1", limit_price=price), order)
    # It may be an offset, as the order is unknown.
    check_amend(AmendOrderParams("O1", limit_price=price))


def test_amend_waits_for_the_end_of_maintenance() -> None:
    params = AmendOrderParams("O1", limit_price="100.0")
    for system in ("online", "post_only", "cancel_only", None):
        check_amend(params, system=system)
    with pytest.raises(OrderCheckFailed, match="maintenance"):
        check_amend(params, system="maintenance")


@pytest.mark.parametrize(
    ("deadline", "fits"),
    [
        ("2026-01-31T12:00:00.499Z", False),
        ("2026-01-31T12:00:00.500Z", True),
        ("2026-01-31T12:01:00Z", True),
        ("2026-01-31T12:01:00.001Z", False),
        ("2026-01-31T11:59:59Z", False),
    ],
)
def test_deadline_is_half_a_second_to_a_minute_away(deadline: str, fits: bool) -> None:
    if fits:
        checks().check(limit(deadline=deadline), NOW_NS)
        check_amend(AmendOrderParams("O1", limit_price=1, deadline=deadline))
        return
    assert failure(checks(), limit(deadline=deadline)).rule == "deadline"
    with pytest.raises(OrderCheckFailed) as caught:
        check_amend(AmendOrderParams("O1", limit_price=1, deadline=deadline))
    assert (caught.value.rule, caught.value.method) == ("deadline", "amend_order")


# Unknown and outdated rules.


def test_unknown_pair_is_refused_with_its_like() -> None:
    error = failure(checks(), limit(symbol="BTX/USD"))
    assert (error.rule, error.value) == ("symbol", "BTX/USD")
    assert "did you mean BTC/USD?" in str(error)
    checks().check(limit(symbol="TSLAx/USD"), NOW_NS)


def test_without_the_stream_pairs_are_not_checked() -> None:
    OrderChecks(Instruments()).check(limit(symbol="ETH/USD", price="0.00001"), NOW_NS)
    instruments = Instruments()
    instruments.observe(instrument(pair()))
    outdated = OrderChecks(instruments, lambda: False)
    outdated.check(limit(symbol="BTX/USD", price="100.05"), NOW_NS)
    amend = AmendOrderParams("O1", symbol=BTC)
    outdated.check_amend(amend, {"limit_price": Decimal("100.05")}, NOW_NS)


def test_updates_change_the_rules() -> None:
    instruments = Instruments()
    checker = OrderChecks(instruments)
    instruments.observe(instrument(pair(), pair(TINY, tick="0.00000001")))
    assert sorted(instruments) == [BTC, TINY]
    assert instruments[BTC].status == "online"
    checker.check(limit(price="100.1"), NOW_NS)
    instruments.observe(instrument(pair(tick="1"), kind="update"))
    assert failure(checker, limit(price="100.1")).above == Decimal(101)
    assert sorted(instruments) == [BTC, TINY]
    instruments.observe(instrument(pair(TINY)))
    assert failure(checker, limit()).rule == "symbol"


def test_rules_have_the_digits_of_the_wire() -> None:
    instruments = Instruments()
    instruments.observe(instrument(pair(tick="0.10", cost_min="0.50", lot="1e-08")))
    rules = instruments.rules(BTC)
    assert rules is not None
    assert (str(rules.tick), str(rules.cost_min), f"{rules.lot:f}") == (
        "0.10",
        "0.50",
        "0.00000001",
    )
    assert instruments.rules("ETH/USD") is None


def test_what_is_no_pair_is_passed_over() -> None:
    instruments = Instruments()
    odd = {"channel": "instrument", "type": "snapshot", "data": {"pairs": [{}, {"symbol": None}]}}
    instruments.observe(parse_message(json.dumps(odd)))
    assert len(instruments) == 0
