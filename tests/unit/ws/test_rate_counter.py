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
from tests.unit.ws.orders.bench import new

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
from kraken_connector.ws.trading.rate_counter import (
    SILENT_REPORTS,
    TIERS,
    Charge,
    RateCounter,
    age_cost,
)

BTC, ETH = "BTC/USD", "ETH/USD"
SECOND = 1_000_000_000
START = 1_800_000_000 * SECOND
LIMIT = AddOrderParams(BTC, "buy", "limit", 1, limit_price=1)


class Account:
    """A counter with a clock and orders."""

    def __init__(self, tier: str | None = "intermediate") -> None:
        self.now_ns = START
        self.orders = Orders(lambda: self.now_ns / SECOND)
        self.counter = RateCounter(self.orders, tier, lambda: self.now_ns)
        self._made = 0

    def wait(self, seconds: float) -> None:
        self.now_ns += int(seconds * SECOND)

    def begin(self, params: Any = LIMIT) -> Charge:
        """Send a request that has no reply yet."""
        charge = self.counter.charge_of(params)
        self.counter.add(charge)
        return charge

    def send(self, params: Any = LIMIT, *, success: bool = True, exceeded: bool = False) -> None:
        """Send a request that is answered at once."""
        charge = self.begin(params)
        self.counter.on_end(charge, success=success and not exceeded, exceeded=exceeded)

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
        self.say({"data": [new(order_id, **fields)]})

    def say(self, message: dict[str, Any]) -> None:
        whole = {"channel": "executions", "type": "update", "sequence": 1, **message}
        (event,) = (
            e for e in Engine().feed(_json(whole), self.now_ns) if isinstance(e, WSDataMessage)
        )
        self.orders.observe(event)
        self.counter.observe(event)


@pytest.fixture
def account() -> Account:
    return Account()


def _json(message: dict[str, Any]) -> bytes:
    """Encode a message, numbers with all their digits."""
    numbers: list[Decimal] = []

    def mark(number: Decimal) -> str:
        numbers.append(number)
        return f"number {len(numbers) - 1}"

    text = json.dumps(message, default=mark)
    for part, number in enumerate(numbers):
        text = text.replace(f'"number {part}"', str(number))
    return text.encode()


# The guide's own examples (docs.kraken.com, "Spot trading rate limits").


def test_add_amend_at_seven_seconds_cancel_36_later_costs_eight(account: Account) -> None:
    assert account.counter.cost_of(LIMIT) == {BTC: 1}
    order_id = account.order()
    account.wait(7)
    amend = AmendOrderParams(order_id, limit_price=101)
    assert account.counter.cost_of(amend) == {BTC: 1 + 2}
    account.send(amend)
    account.wait(36)
    assert account.counter.cost_of(CancelOrderParams(order_id=[order_id])) == {BTC: 4}


def test_fifty_adds_then_ten_seconds(account: Account) -> None:
    for _ in range(50):
        account.order()
    account.wait(10)
    assert account.counter.count(BTC) == Decimal("26.6")
    assert account.counter.headroom(BTC) == 125 - Decimal("26.6")


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


def test_pairs_count_apart(account: Account) -> None:
    account.order(ETH)
    account.order(ETH)
    account.order()
    assert (account.counter.count(ETH), account.counter.count(BTC)) == (2, 1)


def test_batches(account: Account) -> None:
    batch = BatchAddParams(BTC, orders=[LIMIT] * 3)
    assert account.counter.cost_of(batch) == {BTC: Decimal("1.5")}
    young, old = account.order(), account.order(ETH)
    account.wait(6)
    named = account.order(order_userref=7)
    assert account.counter.cost_of(BatchCancelParams(orders=[young, old, "7"])) == {BTC: 14, ETH: 6}
    assert named in account.orders


def test_edit_costs_by_age(account: Account) -> None:
    order_id = account.order()
    account.wait(20)
    assert account.counter.cost_of(EditOrderParams(order_id, BTC, limit_price=1)) == {BTC: 3}


def test_amend_below_what_is_filled_costs_a_cancel_too(account: Account) -> None:
    order_id = account.order()
    account.fill(order_id)
    assert account.counter.cost_of(AmendOrderParams(order_id, order_qty="0.5")) == {BTC: 4}
    assert account.counter.cost_of(AmendOrderParams(order_id, order_qty="0.4")) == {BTC: 12}


def test_amend_that_failed_leaves_the_age(account: Account) -> None:
    order_id = account.order()
    account.wait(20)
    amend = AmendOrderParams(order_id, limit_price=101)
    account.send(amend, success=False)
    assert account.counter.cost_of(amend) == {BTC: 1}
    account.send(amend)
    assert account.counter.cost_of(amend) == {BTC: 4}


def test_amend_behind_an_amend_counts_as_one_of_a_new_order(account: Account) -> None:
    order_id = account.order()
    account.wait(20)
    amend = AmendOrderParams(order_id, limit_price=101)
    first = account.begin(amend)
    # When the second amend arrives, the first has just restarted the age of the order.
    assert account.counter.cost_of(amend) == {BTC: 4}
    account.counter.on_end(first)
    assert account.counter.cost_of(amend) == {BTC: 1}


def test_amend_by_another_program_restarts_the_age(account: Account) -> None:
    order_id = account.order()
    account.wait(60)
    cancel = CancelOrderParams(order_id=[order_id])
    assert account.counter.cost_of(cancel) == {BTC: 2}
    account.report(order_id, exec_type="amended")
    assert account.counter.cost_of(cancel) == {BTC: 8}


def test_order_that_is_not_known_counts_as_new_where_its_pair_is_known(account: Account) -> None:
    assert account.counter.cost_of(AmendOrderParams("OX", limit_price=1, symbol=BTC)) == {BTC: 4}
    assert account.counter.cost_of(AmendOrderParams("OX", limit_price=1)) == {}
    assert account.counter.cost_of(CancelOrderParams(order_id=["OX"])) == {}


def test_cancel_all_costs_nothing_that_is_known(account: Account) -> None:
    account.order()
    assert account.counter.cost_of(CancelAllParams()) == {}


# Headroom.


def test_seconds_until_there_is_room() -> None:
    account = Account("starter")
    for _ in range(60):
        account.order()
    assert account.counter.headroom(BTC) == 0
    assert account.counter.seconds_until(BTC, 4) == 4.0
    account.wait(3)
    assert account.counter.seconds_until(BTC, 3) == 0.0
    assert account.counter.seconds_until(BTC, 61) == float("inf")


@given(
    tier=st.sampled_from(sorted(TIERS)),
    steps=st.lists(
        st.tuples(st.integers(0, 10 * SECOND), st.integers(1, 15)), min_size=1, max_size=30
    ),
)
def test_count_is_the_sum_of_what_is_not_decayed(tier: str, steps: list[tuple[int, int]]) -> None:
    """The counter equals a formula: requests raise it at once, time lowers it, never below 0."""
    account = Account(tier)
    level, decay = Decimal(0), TIERS[tier].decay
    for pause_ns, cost in steps:
        account.now_ns += pause_ns
        level = max(level - Decimal(pause_ns) / SECOND * decay, Decimal(0)) + cost
        charge = account.counter.charge_of(LIMIT)
        charge.costs[BTC] = Decimal(cost)
        account.counter.add(charge)
        account.counter.on_end(charge)
        assert abs(account.counter.count(BTC) - level) < Decimal("1e-18")
        wanted = Decimal(7)
        seconds = account.counter.seconds_until(BTC, wanted)
        later = max(level - Decimal(seconds) * decay, Decimal(0))
        assert later + wanted <= TIERS[tier].threshold + Decimal("1e-9")


@pytest.mark.parametrize("ambient", CONTEXTS.values(), ids=CONTEXTS)
def test_decimal_context_of_the_application_changes_nothing(ambient: decimal.Context) -> None:
    with decimal.localcontext(ambient):
        account = Account()
        orders = [account.order() for _ in range(100)]
        account.now_ns += 1_234_567_891
        assert account.counter.count(BTC) == Decimal("97.11111113506")
        assert account.counter.headroom(BTC) == Decimal("27.88888886494")
        assert account.counter.seconds_until(BTC, 125) == pytest.approx(97.11111113506 / 2.34)
        batch = BatchAddParams(BTC, orders=[LIMIT] * 3)
        assert account.counter.cost_of(batch) == {BTC: Decimal("1.5")}
        assert account.counter.cost_of(BatchCancelParams(orders=orders[:50])) == {BTC: 400}
        account.send(AmendOrderParams(orders[0], limit_price=101))
        assert account.counter.count(BTC) == Decimal("101.11111113506")
        account.report(orders[1], ratecount=Decimal("41.123456789"))
        assert account.counter.count(BTC) == Decimal("41.123456789")
        account.send(CancelOrderParams(order_id=[orders[1]]), exceeded=True)
        assert account.counter.count(BTC) == 125 - 8
        assert "117.0" in repr(account.counter)


@pytest.mark.parametrize("ambient", CONTEXTS.values(), ids=CONTEXTS)
@pytest.mark.parametrize("value", ["1e999999999999", "1e-999999999999", "9" * 400, "-1e999999999"])
def test_absurd_count_raises_nothing(ambient: decimal.Context, value: str) -> None:
    with decimal.localcontext(ambient):
        account = Account()
        account.report(account.order(), ratecount=Decimal(value))
        assert 0 <= account.counter.count(BTC) <= 1
        assert account.counter.seconds_until(BTC) == 0
        repr(account.counter)


# Levels.


def listen(account: Account, fraction: Any = 0.8) -> tuple[list[tuple[str, Decimal]], Any]:
    calls: list[tuple[str, Decimal]] = []
    return calls, account.counter.on_level(fraction, lambda *value: calls.append(value))


def sending(account: Account, orders: int, symbol: str = BTC) -> None:
    for _ in range(orders):
        account.send(AddOrderParams(symbol, "buy", "limit", 1, limit_price=1))


def test_level_is_reported_once_and_again_after_the_count_fell_below() -> None:
    account = Account("starter")
    calls, _ = listen(account)
    sending(account, 47)
    assert calls == []
    sending(account, 10)
    assert calls == [(BTC, 48)]
    account.wait(5)
    sending(account, 5)
    assert calls == [(BTC, 48)]
    account.wait(10)
    # It is 47 now, and one request reaches the level again.
    sending(account, 1)
    assert calls == [(BTC, 48), (BTC, 48)]


def test_levels_go_by_pair() -> None:
    account = Account("starter")
    calls, _ = listen(account, "0.5")
    sending(account, 30)
    sending(account, 30, ETH)
    assert calls == [(BTC, 30), (ETH, 30)]


def test_level_is_reached_by_what_the_exchange_says() -> None:
    account = Account("starter")
    order_id = account.order()
    calls, _ = listen(account)
    account.report(order_id, ratecount=50)
    assert calls == [(BTC, 50)]
    account.report(order_id, ratecount=10)
    account.report(order_id, ratecount=55)
    assert calls == [(BTC, 50), (BTC, 55)]
    account.wait(30)
    account.send(CancelOrderParams(order_id=[order_id]), exceeded=True)
    assert calls[2:] == [(BTC, 60 - 4)]


def test_listener_of_a_level_can_be_removed_twice() -> None:
    account = Account("starter")
    (first, remove), (second, _) = listen(account), listen(account)
    remove()
    remove()
    sending(account, 60)
    assert (first, len(second)) == ([], 1)


def test_listener_that_fails_or_reads_the_counter_breaks_nothing() -> None:
    account = Account("starter")
    rooms: list[Decimal] = []

    def fails(symbol: str, _: Decimal) -> None:
        rooms.append(account.counter.headroom(symbol))
        remove()
        raise ValueError("a mistake of the user's")

    remove = account.counter.on_level(1, fails)
    calls, _ = listen(account, 1)
    sending(account, 60)
    assert (rooms, calls) == ([0], [(BTC, 60)])
    assert account.counter.count(BTC) == 60


@pytest.mark.parametrize(
    ("fraction", "error"), [(0, ValueError), (1.1, ValueError), (-1, ValueError), (None, TypeError)]
)
def test_level_must_be_a_part_of_the_threshold(fraction: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="fraction"):
        Account().counter.on_level(fraction, print)


# Counters of the exchange.


@pytest.mark.parametrize(
    ("tier", "threshold", "decay", "open_orders"),
    [("starter", 60, "1", 60), ("intermediate", 125, "2.34", 80), ("pro", 180, "3.75", 225)],
)
def test_limits_of_a_tier(tier: str, threshold: int, decay: str, open_orders: int) -> None:
    limits = Account(tier).counter.tier
    assert (limits.threshold, limits.decay) == (threshold, Decimal(decay))
    assert limits.open_orders == open_orders


def test_tier_is_learnt_from_the_ack() -> None:
    account = Account(None)
    assert (account.counter.tier.name, account.counter.is_tier_known) == ("starter", False)
    account.counter.subscribed({"channel": "executions", "maxratecount": 180})
    assert (account.counter.tier, account.counter.is_tier_known) == (TIERS["pro"], True)


def test_threshold_of_no_known_tier_goes_with_the_next_lower_decay() -> None:
    account = Account(None)
    account.counter.subscribed({"maxratecount": 150})
    assert account.counter.tier.threshold == 150
    assert account.counter.tier.decay == TIERS["intermediate"].decay


@pytest.mark.parametrize("value", [None, True, "125", 0, -5])
def test_ack_without_a_sensible_threshold_says_nothing(value: Any) -> None:
    account = Account(None)
    account.counter.subscribed({"maxratecount": value})
    assert not account.counter.is_tier_known


@pytest.mark.parametrize(
    "key",
    ["ratecount", "ratecounter", "rate_count", "rate_counter", "rateCounter", "rate_limit_count"],
)
@pytest.mark.parametrize("part", ["report", "message"])
def test_stream_corrects_the_count(account: Account, key: str, part: str) -> None:
    order_id = account.order()
    if part == "report":
        account.report(order_id, **{key: 40})
    else:
        account.say({key: 40, "data": [new(order_id)]})
    assert account.counter.count(BTC) == 40
    assert account.counter.count(ETH) == 0


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
def test_other_numbers_are_not_read_as_the_counter(account: Account, key: str) -> None:
    account.report(account.order(), **{key: 40})
    assert account.counter.count(BTC) == 1


@pytest.mark.parametrize("value", [-1, 125 + 401, True, "40", None])
def test_impossible_counter_is_ignored(account: Account, value: Any) -> None:
    account.report(account.order(), ratecount=value)
    assert account.counter.count(BTC) == 1


def test_count_above_the_threshold_comes_of_a_batch_cancel(account: Account) -> None:
    account.report(account.order(), ratecount=125 + 400)
    assert account.counter.count(BTC) == 525


def test_missing_counter_is_warned_of_once(
    account: Account,
    caplog: pytest.LogCaptureFixture,
) -> None:
    order_id = account.order()
    account.counter.subscribing({"channel": "executions", "ratecounter": True})
    for _ in range(SILENT_REPORTS - 1):
        account.report(order_id)
    assert caplog.records == []
    for _ in range(2 * SILENT_REPORTS):
        account.report(order_id)
        # As after a reconnect.
        account.counter.subscribing({"channel": "executions", "ratecounter": True})
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize(("requested", "reported"), [(True, True), (False, False), (False, True)])
def test_no_warning_if_the_counter_came_or_was_not_requested(
    account: Account, requested: bool, reported: bool, caplog: pytest.LogCaptureFixture
) -> None:
    order_id = account.order()
    account.counter.subscribing({"channel": "executions", "ratecounter": requested})
    if reported:
        account.report(order_id, ratecount=4)
    for _ in range(2 * SILENT_REPORTS):
        account.report(order_id)
    assert caplog.records == []


def test_stream_corrects_downwards_but_for_what_is_under_way(account: Account) -> None:
    order_id = account.order()
    for _ in range(30):
        account.send()
    account.begin()
    account.report(order_id, ratecount=10.5)
    assert account.counter.count(BTC) == 11.5
    # An integer may be rounded by up to 1.
    account.report(order_id, ratecount=5)
    assert account.counter.count(BTC) == 5 + 1 + 1


def test_count_of_a_snapshot_is_of_no_certain_time(account: Account) -> None:
    order_id = account.order()
    account.report(order_id, ratecount=40)
    account.say({"type": "snapshot", "data": [new(order_id, ratecount=3)]})
    assert account.counter.count(BTC) == 40


def test_request_counts_in_full_until_it_is_answered(account: Account) -> None:
    charge = account.begin()
    account.wait(100)
    assert account.counter.count(BTC) == 1
    account.counter.on_end(charge, success=True)
    assert account.counter.count(BTC) == 1
    account.wait(100)
    assert account.counter.count(BTC) == 0


def test_report_shows_that_its_request_was_counted(account: Account) -> None:
    order_id = account.order()
    account.wait(1000)
    account.begin(AmendOrderParams(order_id, limit_price=1))
    account.fill(order_id)
    account.wait(100)
    assert account.counter.count(BTC) == 1
    account.report(order_id, exec_type="amended")
    account.wait(100)
    assert account.counter.count(BTC) == 0


def test_request_that_was_sent_before_may_arrive_after(account: Account) -> None:
    first, second = account.order(), account.order()
    account.wait(1000)
    for order_id in (first, second):
        account.begin(AmendOrderParams(order_id, limit_price=1))
    # The exchange's counter does not include the first one, which has not arrived.
    account.report(second, exec_type="amended", ratecount=Decimal("30.5"))
    assert account.counter.count(BTC) == Decimal("31.5")
    account.wait(100)
    assert account.counter.count(BTC) == 1
    account.report(first, exec_type="amended", ratecount=Decimal("1.5"))
    assert account.counter.count(BTC) == Decimal("1.5")


def test_report_shows_one_of_two_requests_that_are_alike(account: Account) -> None:
    order_id = account.order()
    account.wait(1000)
    amend = AmendOrderParams(order_id, limit_price=1)
    for _ in range(2):
        account.begin(amend)
    account.report(order_id, exec_type="amended", ratecount=Decimal("20.5"))
    assert account.counter.count(BTC) == Decimal("20.5") + 4
    account.report(order_id, exec_type="amended", ratecount=Decimal("24.5"))
    assert account.counter.count(BTC) == Decimal("24.5")


def test_difference_below_one_is_rounding(account: Account) -> None:
    for _ in range(9):
        order_id = account.order()
    account.wait(0.25)
    before = account.counter.count(BTC)
    account.report(order_id, ratecount=8)
    assert account.counter.count(BTC) == before == 9 - Decimal("0.585")


def test_refusal_for_the_rate_limit_says_that_there_is_no_room() -> None:
    account = Account("starter")
    order_id = account.order()
    account.send(AmendOrderParams(order_id, limit_price=1), exceeded=True)
    assert account.counter.count(BTC) == 60 - 4


def test_request_that_was_not_sent_costs_nothing(account: Account) -> None:
    charge = account.begin()
    account.counter.withdraw(charge)
    account.counter.withdraw(charge)
    assert account.counter.count(BTC) == 0


def test_clock_that_is_set_back_does_not_raise_the_count(account: Account) -> None:
    account.order()
    account.wait(-3600)
    assert account.counter.count(BTC) == 1


def test_system_clock_that_is_set_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = 5 * SECOND
    monkeypatch.setattr(time, "monotonic_ns", lambda: now_ns)
    counter = RateCounter(Orders())
    charge = counter.charge_of(LIMIT)
    counter.add(charge)
    counter.on_end(charge)
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    now_ns += SECOND // 2
    assert counter.count(BTC) == Decimal("0.5")


def test_there_is_no_such_tier() -> None:
    with pytest.raises(ValueError, match="tier"):
        Account("gold")
