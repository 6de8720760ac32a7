"""The rate counter: costs, decay, tiers, and corrections by `executions`."""

from __future__ import annotations

import decimal
import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ambient import CONTEXTS

from kraken_connector import Engine, WSDataMessage
from kraken_connector.models.trading_results import AddOrderResult
from kraken_connector.ws.orders import Orders
from kraken_connector.ws.trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllParams,
    CancelOrderParams,
    EditOrderParams,
)
from kraken_connector.ws.trading.rate_counter import SILENT_REPORTS, TIERS, RateCounter, age_cost

BTC, ETH = "BTC/USD", "ETH/USD"
SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND


class Desk:
    """A counter with a clock and orders."""

    def __init__(self, tier: str | None = "intermediate") -> None:
        self.now_ns = START
        self.orders = Orders(lambda: self.now_ns / SECOND)
        self.counter = RateCounter(self.orders, tier, lambda: self.now_ns)
        self._made = 0

    def wait(self, seconds: float) -> None:
        self.now_ns += int(seconds * SECOND)

    def send(self, params: Any, *, success: bool = True) -> None:
        charge = self.counter.charge_of(params)
        self.counter.add(charge)
        self.counter.on_end(charge, success=success)

    def order(self, symbol: str = BTC, **options: Any) -> str:
        """Place an order and return its identifier."""
        self._made += 1
        params = AddOrderParams(symbol, "buy", "limit", 1, limit_price=100, **options)
        named = None if "order_userref" in options else f"order-{self._made}"
        order = self.orders.placing(params, named)
        self.orders.sent(order, self._made, self.now_ns + 5 * SECOND)
        self.send(params)
        self.orders.acknowledged(order, AddOrderResult(f"O{self._made}"))
        return f"O{self._made}"

    def fill(self, order_id: str) -> None:
        fill = {"exec_id": "T1", "last_qty": 0.5, "cum_qty": 0.5}
        self.report(order_id, exec_type="trade", order_status="partially_filled", **fill)

    def report(self, order_id: str, **fields: Any) -> None:
        report = {"order_id": order_id, "exec_type": "new", "order_status": "new", **fields}
        self.say({"data": [report]})

    def say(self, message: dict[str, Any]) -> None:
        whole = {"channel": "executions", "type": "update", "sequence": 1, **message}
        (event,) = (
            e for e in Engine().feed(_json(whole), self.now_ns) if isinstance(e, WSDataMessage)
        )
        self.orders.observe(event)
        self.counter.observe(event)


def _json(message: dict[str, Any]) -> bytes:
    """Encode a message, numbers with all their digits."""
    numbers: list[Decimal] = []

    def mark(number: Decimal) -> str:
        numbers.append(number)
        return f"number {len(numbers) - 1}"

    text = json.dumps(message, default=mark)
    for place, number in enumerate(numbers):
        text = text.replace(f'"number {place}"', str(number))
    return text.encode()


# The guide's own examples (docs.kraken.com, "Spot trading rate limits").


def test_add_amend_at_seven_seconds_cancel_36_later_costs_eight() -> None:
    desk = Desk()
    costs = []
    order_id = desk.order()
    costs.append(Decimal(1))
    desk.wait(7)
    amend = AmendOrderParams(order_id, limit_price=101)
    costs.append(desk.counter.cost_of(amend)[BTC])
    desk.send(amend)
    desk.wait(36)
    costs.append(desk.counter.cost_of(CancelOrderParams(order_id=[order_id]))[BTC])
    assert costs == [1, 1 + 2, 4]
    assert sum(costs) == 8


def test_fifty_adds_then_ten_seconds() -> None:
    desk = Desk()
    for _ in range(50):
        desk.order()
    desk.wait(10)
    assert desk.counter.count(BTC) == Decimal("26.6")
    assert desk.counter.headroom(BTC) == 125 - Decimal("26.6")


# Costs.


@pytest.mark.parametrize(
    ("what", "costs"),
    [
        ("amend", [3, 2, 1, 0, 0, 0, 0]),
        ("edit", [6, 5, 4, 2, 1, 0, 0]),
        ("cancel", [8, 6, 5, 4, 2, 1, 0]),
    ],
)
def test_age_decides_what_a_change_costs(what: Any, costs: list[int]) -> None:
    ages = (0, 5, 10, 15, 45, 90, 300)
    assert [age_cost(what, age * SECOND) for age in ages] == costs
    assert [age_cost(what, age * SECOND - 1) for age in ages[1:]] == costs[:-1]


def test_pairs_count_apart() -> None:
    desk = Desk()
    desk.order(ETH)
    desk.order(ETH)
    desk.order()
    assert (desk.counter.count(ETH), desk.counter.count(BTC)) == (2, 1)


def test_batches() -> None:
    desk = Desk()
    orders = [AddOrderParams(BTC, "buy", "limit", 1, limit_price=100) for _ in range(3)]
    assert desk.counter.cost_of(BatchAddParams(BTC, orders=orders)) == {BTC: Decimal("1.5")}
    young, old = desk.order(), desk.order(ETH)
    desk.wait(6)
    named = desk.order(order_userref=7)
    assert desk.counter.cost_of(BatchCancelParams(orders=[young, old, "7"])) == {BTC: 14, ETH: 6}
    assert named in desk.orders


def test_edit_costs_by_age() -> None:
    desk = Desk()
    order_id = desk.order()
    desk.wait(20)
    assert desk.counter.cost_of(EditOrderParams(order_id, BTC, limit_price=1)) == {BTC: 3}


def test_amend_below_what_is_filled_costs_a_cancel_too() -> None:
    desk = Desk()
    order_id = desk.order()
    desk.fill(order_id)
    assert desk.counter.cost_of(AmendOrderParams(order_id, order_qty="0.5")) == {BTC: 4}
    assert desk.counter.cost_of(AmendOrderParams(order_id, order_qty="0.4")) == {BTC: 12}


def test_amend_that_failed_leaves_the_age() -> None:
    desk = Desk()
    order_id = desk.order()
    desk.wait(20)
    amend = AmendOrderParams(order_id, limit_price=101)
    desk.send(amend, success=False)
    assert desk.counter.cost_of(amend) == {BTC: 1}
    desk.send(amend)
    assert desk.counter.cost_of(amend) == {BTC: 4}


def test_amend_behind_an_amend_counts_as_one_of_a_new_order() -> None:
    desk = Desk()
    order_id = desk.order()
    desk.wait(20)
    amend = AmendOrderParams(order_id, limit_price=101)
    first = desk.counter.charge_of(amend)
    desk.counter.add(first)
    # When the second amend arrives, the first has just restarted the age of the order.
    assert desk.counter.cost_of(amend) == {BTC: 4}
    desk.counter.on_end(first)
    assert desk.counter.cost_of(amend) == {BTC: 1}


def test_amend_by_another_program_restarts_the_age() -> None:
    desk = Desk()
    order_id = desk.order()
    desk.wait(60)
    cancel = CancelOrderParams(order_id=[order_id])
    assert desk.counter.cost_of(cancel) == {BTC: 2}
    desk.report(order_id, exec_type="amended")
    assert desk.counter.cost_of(cancel) == {BTC: 8}


def test_order_that_is_not_known_counts_as_new_where_its_pair_is_known() -> None:
    desk = Desk()
    assert desk.counter.cost_of(AmendOrderParams("OX", limit_price=1, symbol=BTC)) == {BTC: 4}
    assert desk.counter.cost_of(AmendOrderParams("OX", limit_price=1)) == {}
    assert desk.counter.cost_of(CancelOrderParams(order_id=["OX"])) == {}


def test_cancel_all_costs_nothing_that_is_known() -> None:
    desk = Desk()
    desk.order()
    assert desk.counter.cost_of(CancelAllParams()) == {}


# Headroom.


def test_seconds_until_there_is_room() -> None:
    desk = Desk("starter")
    for _ in range(60):
        desk.order()
    assert desk.counter.headroom(BTC) == 0
    assert desk.counter.seconds_until(BTC, 4) == 4.0
    desk.wait(3)
    assert desk.counter.seconds_until(BTC, 3) == 0.0
    assert desk.counter.seconds_until(BTC, 61) == float("inf")


@given(
    tier=st.sampled_from(sorted(TIERS)),
    steps=st.lists(
        st.tuples(st.integers(0, 10 * SECOND), st.integers(1, 15)), min_size=1, max_size=30
    ),
)
def test_count_is_the_sum_of_what_is_not_decayed(tier: str, steps: list[tuple[int, int]]) -> None:
    """The counter equals a formula: requests raise it at once, time lowers it, never below 0."""
    desk = Desk(tier)
    level, decay = Decimal(0), TIERS[tier].decay
    for pause_ns, cost in steps:
        desk.now_ns += pause_ns
        level = max(level - Decimal(pause_ns) / SECOND * decay, Decimal(0)) + cost
        charge = desk.counter.charge_of(
            BatchAddParams(
                BTC,
                orders=[AddOrderParams(BTC, "buy", "limit", 1, limit_price=1)] * 2,
            )
        )
        charge.costs[BTC] = Decimal(cost)
        desk.counter.add(charge)
        desk.counter.on_end(charge)
        assert abs(desk.counter.count(BTC) - level) < Decimal("1e-18")
        wanted = Decimal(7)
        seconds = desk.counter.seconds_until(BTC, wanted)
        desk_later = max(level - Decimal(seconds) * decay, Decimal(0))
        assert desk_later + wanted <= TIERS[tier].threshold + Decimal("1e-9")


@pytest.mark.parametrize("ambient", CONTEXTS.values(), ids=CONTEXTS)
def test_decimal_context_of_the_application_changes_nothing(ambient: decimal.Context) -> None:
    with decimal.localcontext(ambient):
        desk = Desk()
        orders = [desk.order() for _ in range(100)]
        desk.now_ns += 1_234_567_891
        assert desk.counter.count(BTC) == Decimal("97.11111113506")
        assert desk.counter.headroom(BTC) == Decimal("27.88888886494")
        assert desk.counter.seconds_until(BTC, 125) == pytest.approx(97.11111113506 / 2.34)
        adds = [AddOrderParams(BTC, "buy", "limit", 1, limit_price=100) for _ in range(3)]
        assert desk.counter.cost_of(BatchAddParams(BTC, orders=adds)) == {BTC: Decimal("1.5")}
        assert desk.counter.cost_of(BatchCancelParams(orders=orders[:50])) == {BTC: 400}
        desk.send(AmendOrderParams(orders[0], limit_price=101))
        assert desk.counter.count(BTC) == Decimal("101.11111113506")
        desk.report(orders[1], ratecount=Decimal("41.123456789"))
        assert desk.counter.count(BTC) == Decimal("41.123456789")
        refused = desk.counter.charge_of(CancelOrderParams(order_id=[orders[1]]))
        desk.counter.add(refused)
        desk.counter.on_end(refused, exceeded=True)
        assert desk.counter.count(BTC) == 125 - 8
        assert "117.0" in repr(desk.counter)


@pytest.mark.parametrize("ambient", CONTEXTS.values(), ids=CONTEXTS)
@pytest.mark.parametrize("told", ["1e999999999999", "1e-999999999999", "9" * 400, "-1e999999999"])
def test_absurd_count_raises_nothing(ambient: decimal.Context, told: str) -> None:
    with decimal.localcontext(ambient):
        desk = Desk()
        desk.report(desk.order(), ratecount=Decimal(told))
        assert 0 <= desk.counter.count(BTC) <= 1
        assert desk.counter.seconds_until(BTC) == 0
        repr(desk.counter)


# Levels.


def listen(desk: Desk, fraction: Any = 0.8) -> tuple[list[tuple[str, Decimal]], Any]:
    calls: list[tuple[str, Decimal]] = []
    return calls, desk.counter.on_level(fraction, lambda *told: calls.append(told))


def sending(desk: Desk, orders: int, symbol: str = BTC) -> None:
    for _ in range(orders):
        desk.send(AddOrderParams(symbol, "buy", "limit", 1, limit_price=1))


def test_level_is_reported_once_and_again_after_the_count_fell_below() -> None:
    desk = Desk("starter")
    calls, _ = listen(desk)
    sending(desk, 47)
    assert calls == []
    sending(desk, 10)
    assert calls == [(BTC, 48)]
    desk.wait(5)
    sending(desk, 5)
    assert calls == [(BTC, 48)]
    desk.wait(10)
    # It is 47 now, and one request reaches the level again.
    sending(desk, 1)
    assert calls == [(BTC, 48), (BTC, 48)]


def test_levels_go_by_pair() -> None:
    desk = Desk("starter")
    calls, _ = listen(desk, "0.5")
    sending(desk, 30)
    sending(desk, 30, ETH)
    assert calls == [(BTC, 30), (ETH, 30)]


def test_level_is_reached_by_what_the_exchange_says() -> None:
    desk = Desk("starter")
    order_id = desk.order()
    calls, _ = listen(desk)
    desk.report(order_id, ratecount=50)
    assert calls == [(BTC, 50)]
    desk.report(order_id, ratecount=10)
    desk.report(order_id, ratecount=55)
    assert calls == [(BTC, 50), (BTC, 55)]
    desk.wait(30)
    refused = desk.counter.charge_of(CancelOrderParams(order_id=[order_id]))
    desk.counter.add(refused)
    desk.counter.on_end(refused, exceeded=True)
    assert calls[2:] == [(BTC, 60 - 4)]


def test_listener_of_a_level_can_be_removed_twice() -> None:
    desk = Desk("starter")
    (first, remove), (second, _) = listen(desk), listen(desk)
    remove()
    remove()
    sending(desk, 60)
    assert (first, len(second)) == ([], 1)


def test_listener_that_fails_or_asks_the_counter_breaks_nothing() -> None:
    desk = Desk("starter")
    rooms: list[Decimal] = []

    def fails(symbol: str, _: Decimal) -> None:
        rooms.append(desk.counter.headroom(symbol))
        remove()
        raise ValueError("a mistake of the user's")

    remove = desk.counter.on_level(1, fails)
    calls, _ = listen(desk, 1)
    sending(desk, 60)
    assert (rooms, calls) == ([0], [(BTC, 60)])
    assert desk.counter.count(BTC) == 60


@pytest.mark.parametrize(
    ("fraction", "error"), [(0, ValueError), (1.1, ValueError), (-1, ValueError), (None, TypeError)]
)
def test_level_must_be_a_part_of_the_threshold(fraction: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="fraction"):
        Desk().counter.on_level(fraction, print)


# Counters of the exchange.


@pytest.mark.parametrize(
    ("tier", "threshold", "decay", "open_orders"),
    [("starter", 60, "1", 60), ("intermediate", 125, "2.34", 80), ("pro", 180, "3.75", 225)],
)
def test_limits_of_a_tier(tier: str, threshold: int, decay: str, open_orders: int) -> None:
    limits = Desk(tier).counter.tier
    assert (limits.threshold, limits.decay) == (threshold, Decimal(decay))
    assert limits.open_orders == open_orders


def test_tier_is_learnt_from_the_ack() -> None:
    desk = Desk(None)
    assert (desk.counter.tier.name, desk.counter.is_tier_known) == ("starter", False)
    desk.counter.subscribed({"channel": "executions", "maxratecount": 180})
    assert (desk.counter.tier, desk.counter.is_tier_known) == (TIERS["pro"], True)


def test_threshold_of_no_known_tier_goes_with_the_next_lower_decay() -> None:
    desk = Desk(None)
    desk.counter.subscribed({"maxratecount": 150})
    assert desk.counter.tier.threshold == 150
    assert desk.counter.tier.decay == TIERS["intermediate"].decay


@pytest.mark.parametrize("told", [None, True, "125", 0, -5])
def test_ack_without_a_sensible_threshold_says_nothing(told: Any) -> None:
    desk = Desk(None)
    desk.counter.subscribed({"maxratecount": told})
    assert not desk.counter.is_tier_known


@pytest.mark.parametrize(
    "key",
    ["ratecount", "ratecounter", "rate_count", "rate_counter", "rateCounter", "rate_limit_count"],
)
@pytest.mark.parametrize("place", ["report", "message"])
def test_stream_corrects_the_count(key: str, place: str) -> None:
    desk = Desk()
    order_id = desk.order()
    if place == "report":
        desk.report(order_id, **{key: 40})
    else:
        desk.say(
            {key: 40, "data": [{"order_id": order_id, "exec_type": "new", "order_status": "new"}]}
        )
    assert desk.counter.count(BTC) == 40
    assert desk.counter.count(ETH) == 0


@pytest.mark.parametrize(
    "key",
    [
        "maxratecount",
        "rate_count_max",
        "rate_count_limit",
        "rate_counter_threshold",
        "rate_discount",
        "discount_rate",
        "account_rate",
        "rate_account",
        "rate",
        "count",
    ],
)
def test_other_numbers_are_not_read_as_the_counter(key: str) -> None:
    desk = Desk()
    desk.report(desk.order(), **{key: 40})
    assert desk.counter.count(BTC) == 1


@pytest.mark.parametrize("told", [-1, 125 + 401, True, "40", None])
def test_impossible_counter_is_ignored(told: Any) -> None:
    desk = Desk()
    desk.report(desk.order(), ratecount=told)
    assert desk.counter.count(BTC) == 1


def test_count_above_the_threshold_comes_of_a_batch_cancel() -> None:
    desk = Desk()
    desk.report(desk.order(), ratecount=125 + 400)
    assert desk.counter.count(BTC) == 525


def test_missing_counter_is_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk()
    order_id = desk.order()
    desk.counter.subscribing({"channel": "executions", "ratecounter": True})
    for _ in range(SILENT_REPORTS - 1):
        desk.report(order_id)
    assert caplog.records == []
    for _ in range(2 * SILENT_REPORTS):
        desk.report(order_id)
        # As after a reconnect.
        desk.counter.subscribing({"channel": "executions", "ratecounter": True})
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize(("is_asked", "is_told"), [(True, True), (False, False), (False, True)])
def test_no_warning_if_the_counter_came_or_was_not_requested(
    is_asked: bool, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    order_id = desk.order()
    desk.counter.subscribing({"channel": "executions", "ratecounter": is_asked})
    if is_told:
        desk.report(order_id, ratecount=4)
    for _ in range(2 * SILENT_REPORTS):
        desk.report(order_id)
    assert caplog.records == []


def test_stream_corrects_downwards_but_for_what_is_under_way() -> None:
    desk = Desk()
    order_id = desk.order()
    for _ in range(30):
        desk.send(AddOrderParams(BTC, "buy", "limit", 1, limit_price=1))
    coming = desk.counter.charge_of(AddOrderParams(BTC, "buy", "limit", 1, limit_price=1))
    desk.counter.add(coming)
    desk.report(order_id, ratecount=10.5)
    assert desk.counter.count(BTC) == 11.5
    # An integer may be rounded by up to 1.
    desk.report(order_id, ratecount=5)
    assert desk.counter.count(BTC) == 5 + 1 + 1


def test_count_of_a_snapshot_is_of_no_certain_time() -> None:
    desk = Desk()
    order_id = desk.order()
    desk.report(order_id, ratecount=40)
    report = {"order_id": order_id, "exec_type": "new", "order_status": "new", "ratecount": 3}
    desk.say({"type": "snapshot", "data": [report]})
    assert desk.counter.count(BTC) == 40


def test_request_counts_in_full_until_it_is_answered() -> None:
    desk = Desk()
    charge = desk.counter.charge_of(AddOrderParams(BTC, "buy", "limit", 1, limit_price=1))
    desk.counter.add(charge)
    desk.wait(100)
    assert desk.counter.count(BTC) == 1
    desk.counter.on_end(charge, success=True)
    assert desk.counter.count(BTC) == 1
    desk.wait(100)
    assert desk.counter.count(BTC) == 0


def test_report_shows_that_its_request_was_counted() -> None:
    desk = Desk()
    order_id = desk.order()
    desk.wait(1000)
    desk.counter.add(desk.counter.charge_of(AmendOrderParams(order_id, limit_price=1)))
    desk.fill(order_id)
    desk.wait(100)
    assert desk.counter.count(BTC) == 1
    desk.report(order_id, exec_type="amended")
    desk.wait(100)
    assert desk.counter.count(BTC) == 0


def test_request_that_was_sent_before_may_arrive_after() -> None:
    desk = Desk()
    first, second = desk.order(), desk.order()
    desk.wait(1000)
    for order_id in (first, second):
        desk.counter.add(desk.counter.charge_of(AmendOrderParams(order_id, limit_price=1)))
    # The exchange's counter does not include the first one, which has not arrived.
    desk.report(second, exec_type="amended", ratecount=Decimal("30.5"))
    assert desk.counter.count(BTC) == Decimal("31.5")
    desk.wait(100)
    assert desk.counter.count(BTC) == 1
    desk.report(first, exec_type="amended", ratecount=Decimal("1.5"))
    assert desk.counter.count(BTC) == Decimal("1.5")


def test_report_shows_one_of_two_requests_that_are_alike() -> None:
    desk = Desk()
    order_id = desk.order()
    desk.wait(1000)
    amend = AmendOrderParams(order_id, limit_price=1)
    for _ in range(2):
        desk.counter.add(desk.counter.charge_of(amend))
    desk.report(order_id, exec_type="amended", ratecount=Decimal("20.5"))
    assert desk.counter.count(BTC) == Decimal("20.5") + 4
    desk.report(order_id, exec_type="amended", ratecount=Decimal("24.5"))
    assert desk.counter.count(BTC) == Decimal("24.5")


def test_difference_below_one_is_rounding() -> None:
    desk = Desk()
    for _ in range(9):
        order_id = desk.order()
    desk.wait(0.25)
    before = desk.counter.count(BTC)
    desk.report(order_id, ratecount=8)
    assert desk.counter.count(BTC) == before == 9 - Decimal("0.585")


def test_refusal_for_the_rate_limit_says_that_there_is_no_room() -> None:
    desk = Desk("starter")
    order_id = desk.order()
    charge = desk.counter.charge_of(AmendOrderParams(order_id, limit_price=1))
    desk.counter.add(charge)
    desk.counter.on_end(charge, exceeded=True)
    assert desk.counter.count(BTC) == 60 - 4


def test_request_that_was_not_sent_costs_nothing() -> None:
    desk = Desk()
    charge = desk.counter.charge_of(AddOrderParams(BTC, "buy", "limit", 1, limit_price=1))
    desk.counter.add(charge)
    desk.counter.withdraw(charge)
    desk.counter.withdraw(charge)
    assert desk.counter.count(BTC) == 0


def test_clock_that_is_set_back_does_not_raise_the_count() -> None:
    desk = Desk()
    desk.order()
    desk.wait(-3600)
    assert desk.counter.count(BTC) == 1


def test_system_clock_that_is_set_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = 5 * SECOND
    monkeypatch.setattr(time, "monotonic_ns", lambda: now_ns)
    counter = RateCounter(Orders())
    charge = counter.charge_of(AddOrderParams(BTC, "buy", "limit", 1, limit_price=1))
    counter.add(charge)
    counter.on_end(charge)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    now_ns += SECOND // 2
    assert counter.count(BTC) == Decimal("0.5")


def test_there_is_no_such_tier() -> None:
    with pytest.raises(ValueError, match="tier"):
        Desk("gold")
