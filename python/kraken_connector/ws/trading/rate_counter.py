"""The trading rate limit: a counter for each pair that requests raise and that decays with time.

Source: docs.kraken.com, page "Spot trading rate limits". All programs and interfaces of an account
share the counter of a pair; the counter in `executions` corrects the one computed here.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import inf
from typing import Any, Literal

from ...exceptions import InvalidParameter
from ...models import ExecutionData
from ...models.base import exact_document
from ...models.checks import Number, check_choice, checked_number
from ...models.decimals import EXACT, ZERO, add, divide, multiply, subtract, total
from ...models.trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelOrderParams,
    EditOrderParams,
    TradingParams,
)
from ..base.exchange_clock import SECOND_NS
from ..base.followers import Follower
from ..base.listeners import Callback
from ..orders import Order, Orders

__all__ = ["TIERS", "Charge", "RateCounter", "RatePolicy", "Tier", "TierName", "age_cost"]

logger = logging.getLogger(__name__)

TierName = Literal["starter", "intermediate", "pro"]
#: `report` only counts, `wait` waits until there is room, `refuse` raises if there is none.
RatePolicy = Literal["report", "wait", "refuse"]
#: A nanosecond in seconds.
NANO = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class Tier:
    """The limits of an account tier.

    Attributes:
        name: name of the tier.
        threshold: count above which requests fail.
        decay: decay of the counter per second.
        open_orders: the most open orders of a pair.
        decay_per_ns: decay of the counter per nanosecond.
    """

    name: str
    threshold: Decimal
    decay: Decimal
    open_orders: int
    decay_per_ns: Decimal = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "decay_per_ns", multiply(self.decay, NANO))


TIERS: dict[str, Tier] = {
    "starter": Tier("starter", Decimal(60), Decimal(1), 60),
    "intermediate": Tier("intermediate", Decimal(125), Decimal("2.34"), 80),
    "pro": Tier("pro", Decimal(180), Decimal("3.75"), 225),
}

#: Fixed cost of an add, an amend and an edit, successful or not.
FIXED = Decimal(1)
#: Cost of each order of a `batch_add`.
BATCHED = Decimal("0.5")
#: Ages in seconds, and the additional costs of changing an order that is younger.
AGES = (5, 10, 15, 45, 90, 300)
AGE_COSTS = {
    what: tuple(map(Decimal, costs))
    for what, costs in {
        "amend": (3, 2, 1),
        "edit": (6, 5, 4, 2, 1),
        "cancel": (8, 6, 5, 4, 2, 1),
    }.items()
}

#: Possible names of the counter in `executions`; Kraken does not document one. Version 1 of the API
#: called it `ratecount`; `maxratecount` is the threshold.
COUNTER_NAME = re.compile(
    r"(?!.*(max|threshold|limit$)).*rate.*(?<!ac)(?<!dis)count", re.IGNORECASE
)
#: How far a counter can exceed the threshold: a batch cancel that exceeds it is executed all the
#: same (page "Spot trading rate limits"), with up to 50 orders that cost 8 each. Larger values are
#: not taken for counters.
OVERSHOOT = Decimal(50 * 8)
#: Reports without a counter after which a warning is logged.
SILENT_REPORTS = 50


def age_cost(what: Literal["amend", "edit", "cancel"], age_ns: int) -> Decimal:
    """Return the additional cost of changing an order, by age since its last amend or placing."""
    for seconds, cost in zip(AGES, AGE_COSTS[what], strict=False):
        if age_ns < seconds * SECOND_NS:
            return cost
    return ZERO


@dataclass(eq=False, slots=True)
class Charge:
    """The cost of one request.

    Attributes:
        costs: its cost by pair.
        orders: the orders that it places, changes or cancels.
        reported_by: `exec_type` of the report which shows that the exchange has counted it; the
            empty string for any report.
        amends: the order whose age restarts when it succeeds.
        makes: whether it places its orders.
    """

    costs: dict[str, Decimal]
    orders: Sequence[Order] = ()
    reported_by: str = ""
    amends: Order | None = None
    makes: bool = False


@dataclass(eq=False, slots=True)
class _Level:
    """A listener, and the pairs whose counter has reached its level.

    Attributes:
        fraction: the level, as a fraction of the threshold.
        listener: called with symbol and count.
        reached: the pairs.
    """

    fraction: Decimal
    listener: Callback
    reached: set[str] = field(default_factory=set)

    def check(self, symbol: str, count: Decimal, threshold: Decimal) -> None:
        """Call the listener if the counter of a pair has newly reached the level."""
        if count < multiply(self.fraction, threshold):
            self.reached.discard(symbol)
        elif symbol not in self.reached:
            self.reached.add(symbol)
            self.listener.call(symbol, count)


class RateCounter(Follower):
    """The rate counters of the account, as estimated by this client: `client.rate_counter`.

    A request counts in full when it is sent, and starts to decay when it is answered, reported or
    given up. As the exchange counts it in between, latency never makes this count too low. Requests
    of other programs are included if `executions` was subscribed with `ratecounter=True`, as by
    `client.track_orders()`: each report then has the exchange's counter. Until the tier is known,
    `starter` is assumed.

    The clock is monotonic, so setting the system's clock has no effect; `aged_from_ns` of orders is
    on the same clock. It may stand still while the machine sleeps: then the count is too high,
    never too low.

    Args:
        orders: the orders of the account.
        tier: tier of the account; by default it is learnt when `executions` is subscribed.
        now_ns: a clock in nanoseconds with any epoch; by default `time.monotonic_ns`.
        reserve: points that the policies `wait` and `refuse` keep free for cancels.

    Raises:
        TypeError, ValueError: `tier` is unknown, or `reserve` is not a number of at least 0.

    Attributes:
        tier: tier of the account.
        is_tier_known: whether the tier was given or learnt.
        reserve: points that new, amended and edited orders leave free for cancels. `headroom` and
            `seconds_until` do not subtract it.
    """

    def __init__(
        self,
        orders: Orders,
        tier: str | None = None,
        now_ns: Callable[[], int] | None = None,
        *,
        reserve: Number = 0,
    ) -> None:
        check_choice("tier", tier, tuple(TIERS))
        self.tier = TIERS[tier or "starter"]
        self.is_tier_known = tier is not None
        self.reserve = _checked_reserve(reserve)
        self._orders = orders
        self._now_ns = now_ns or time.monotonic_ns
        #: By pair, the count of answered and reported requests, and the time of that count.
        self._counts: dict[str, tuple[Decimal, int]] = {}
        #: Requests that the exchange may not have counted yet.
        self._pending: dict[Charge, None] = {}
        self._levels: dict[_Level, None] = {}
        #: Reports without the requested counter; `None` if not requested, or once one had it.
        self._reports_without: int | None = None
        self._is_requested = False

    # For users.

    def count(self, symbol: str) -> Decimal:
        """Return the current counter of a pair, including unanswered requests."""
        answered = self._answered(symbol)
        return add(answered, self._unanswered(symbol)) if self._pending else answered

    def headroom(self, symbol: str) -> Decimal:
        """Return the points that are free in the counter of a pair; negative above the limit."""
        return subtract(self.tier.threshold, self.count(symbol))

    def seconds_until(
        self, symbol: str, cost: Decimal | float = 1, *, before: Decimal = ZERO
    ) -> float:
        """Return the seconds until `cost` points are free; infinite if they never are.

        Args:
            symbol: the pair.
            cost: points to add.
            before: points that are added before.
        """
        wanted = cost if isinstance(cost, Decimal) else Decimal(str(cost))
        if wanted > self.tier.threshold:
            return inf
        missing = subtract(add(wanted, before), self.headroom(symbol))
        return float(divide(missing, self.tier.decay)) if missing > 0 else 0.0

    def cost_of(self, params: TradingParams) -> dict[str, Decimal]:
        """Return the current cost of a request by pair, without orders that are unknown."""
        return self.charge_of(params).costs

    def on_level(
        self, fraction: Number, listener: Callable[[str, Decimal], object]
    ) -> Callable[[], None]:
        """Call a plain function when the counter of a pair reaches a fraction of the threshold.

        It is called with the symbol and the count, and again after the count has fallen below the
        level and risen. The count is checked whenever it rises: with a request, or by a counter
        of the exchange.

        Args:
            fraction: fraction of the threshold, more than 0 and at most 1, such as 0.8.
            listener: a plain and quick function; its exceptions are logged.

        Returns:
            A function that removes the listener; calling it again does nothing.

        Raises:
            TypeError, ValueError: `fraction` or `listener` is invalid.
        """
        level = _Level(_checked_fraction(fraction), Callback("on_level", listener))
        self._levels[level] = None
        return lambda: self._levels.pop(level, None)

    # For requests.

    def charge_of(
        self, params: TradingParams, numbers: Mapping[str, Decimal] | None = None
    ) -> Charge:
        """Return the current charge of a request.

        Args:
            params: the request.
            numbers: the numbers of an amend that was encoded without them.
        """
        if isinstance(params, AddOrderParams):
            return Charge({params.symbol: FIXED}, makes=True)
        if isinstance(params, BatchAddParams):
            return Charge(
                {params.symbol: multiply(BATCHED, Decimal(len(params.orders)))}, makes=True
            )
        if isinstance(params, AmendOrderParams):
            return self._amend(params, numbers or {})
        if isinstance(params, EditOrderParams):
            order = self._orders.get(params.order_id)
            cost = add(FIXED, self._age_cost("edit", order))
            return Charge({params.symbol: cost}, _known(order), "canceled")
        if isinstance(params, CancelOrderParams | BatchCancelParams):
            return self._cancel(params)
        return Charge({})

    def add(self, charge: Charge) -> None:
        """Count a request that is being sent."""
        if self._levels:
            self._check_levels(charge.costs)
        self._pending[charge] = None
        if self._levels:
            self._check_levels(charge.costs)

    def withdraw(self, charge: Charge) -> None:
        """Uncount a request that was not sent."""
        self._pending.pop(charge, None)

    def on_end(self, charge: Charge, *, success: bool = False, exceeded: bool = False) -> None:
        """Record that a request was answered, or that waiting for the answer ended.

        Args:
            charge: its charge.
            success: whether it was executed.
            exceeded: whether it was refused for the rate limit, so that this count was too low.
        """
        self._counted(charge)
        if success and charge.amends is not None:
            charge.amends.aged_from_ns = self._now_ns()
        if charge.makes:
            # The exchange created them before now, so they count as younger than they are.
            for order in charge.orders:
                order.aged_from_ns = self._now_ns()
        if exceeded:
            for symbol, cost in charge.costs.items():
                missing = subtract(self.headroom(symbol), cost)
                self._set(symbol, add(self._answered(symbol), max(missing, ZERO)))

    # As a follower of `executions`.

    def subscribing(self, params: Mapping[str, Any]) -> None:
        """Expect the counter in reports if the subscription requests it."""
        if params.get("ratecounter") and not self._is_requested:
            self._is_requested, self._reports_without = True, 0

    def subscribed(self, result: Mapping[str, Any]) -> None:
        """Learn the tier from the ack of `executions`."""
        limit = result.get("maxratecount")
        if not isinstance(limit, int) or isinstance(limit, bool) or limit <= 0:
            return
        threshold = Decimal(limit)
        if threshold != self.tier.threshold:
            known = [tier for tier in TIERS.values() if tier.threshold <= threshold]
            nearest = max(known, key=lambda tier: tier.threshold, default=TIERS["starter"])
            if self.is_tier_known:
                logger.warning("the rate limit is %s, not that of %s", limit, self.tier.name)
            self.tier = Tier(nearest.name, threshold, nearest.decay, nearest.open_orders)
        self.is_tier_known = True

    def observe(self, message: Any) -> None:
        """Apply the counters of a message, but not of a snapshot, whose time is uncertain."""
        if message.type == "snapshot":
            return
        whole = {} if message.raw is None else exact_document(message.raw)
        most = add(self.tier.threshold, OVERSHOOT)
        for report in message.data:
            if not isinstance(report, ExecutionData):
                continue
            order = self._orders.get(report.order_id)
            self._arrived(order, report.exec_type)
            counter = _counter_in(report.extra, whole, most)
            self._expect_counter(counter is not None)
            symbol = report.symbol or (order.symbol if order is not None else None)
            if counter is not None and symbol is not None:
                self._correct(symbol, counter)

    def _expect_counter(self, has_counter: bool) -> None:
        """Warn once if the stream does not have the requested counter."""
        if has_counter or self._reports_without is None:
            self._reports_without = None
            return
        self._reports_without += 1
        if self._reports_without == SILENT_REPORTS:
            self._reports_without = None
            logger.warning(
                "executions was subscribed with ratecounter=True, and %d reports have no counter: "
                "what other programs of the account send is not counted",
                SILENT_REPORTS,
            )

    def _arrived(self, order: Order | None, exec_type: str) -> None:
        """Record that the exchange has counted the request that a report shows.

        Of several equal requests, such as two amends of one order, the report shows one. The others
        may not have arrived, nor may requests that were sent before (docs.kraken.com, FIX
        introduction: messages of one WebSocket take different paths to the engine).
        """
        about = [charge for charge in self._pending if order in charge.orders]
        makers = [charge for charge in about if not charge.reported_by]
        for charge in makers + [charge for charge in about if charge.reported_by == exec_type][:1]:
            self._counted(charge)

    def _correct(self, symbol: str, counter: Decimal) -> None:
        """Apply the exchange's counter; unanswered requests are added to it."""
        if not EXACT.remainder(counter, 1):
            # An integer may have been rounded.
            counter = min(max(counter, self._answered(symbol)), add(counter, Decimal(1)))
        self._set(symbol, counter)

    def _answered(self, symbol: str) -> Decimal:
        value, since_ns = self._counts.get(symbol, (ZERO, 0))
        if not value:
            return ZERO
        passed_ns = max(self._now_ns() - since_ns, 0)
        return max(EXACT.fma(Decimal(-passed_ns), self.tier.decay_per_ns, value), ZERO)

    def _unanswered(self, symbol: str) -> Decimal:
        return total(charge.costs[symbol] for charge in self._pending if symbol in charge.costs)

    def _counted(self, charge: Charge) -> None:
        """Let a request decay from now on, as the exchange has counted it."""
        if charge in self._pending:
            del self._pending[charge]
            for symbol, cost in charge.costs.items():
                self._put(symbol, add(self._answered(symbol), cost))

    def _put(self, symbol: str, value: Decimal) -> None:
        self._counts[symbol] = (value, self._now_ns())

    def _set(self, symbol: str, value: Decimal) -> None:
        """Set the count to that of the exchange."""
        self._check_levels((symbol,))
        self._put(symbol, value)
        self._check_levels((symbol,))

    def _check_levels(self, symbols: Iterable[str]) -> None:
        """Call the listeners whose level was reached; before and after a change of the count."""
        for symbol in list(symbols):
            count = self.count(symbol)
            for level in list(self._levels):
                level.check(symbol, count, self.tier.threshold)

    def _amend(self, params: AmendOrderParams, numbers: Mapping[str, Decimal]) -> Charge:
        order = self._orders.get(params.order_id or params.cl_ord_id or "")
        symbol = (order.symbol if order is not None else None) or params.symbol
        if symbol is None:
            return Charge({})
        cost = add(FIXED, self._age_cost("amend", order))
        qty = numbers.get("order_qty", params.order_qty)
        if order is not None and qty is not None and qty < order.cum_qty:  # type: ignore[operator]
            # Kraken cancels the rest of the order.
            cost = add(cost, self._age_cost("cancel", order))
        return Charge({symbol: cost}, _known(order), "amended", order)

    def _cancel(self, params: CancelOrderParams | BatchCancelParams) -> Charge:
        costs: dict[str, Decimal] = {}
        orders = self._named(params)
        for order in orders:
            if order.symbol is not None:
                cost = self._age_cost("cancel", order)
                costs[order.symbol] = add(costs.get(order.symbol, ZERO), cost)
        return Charge(costs, orders, "canceled")

    def _named(self, params: CancelOrderParams | BatchCancelParams) -> list[Order]:
        """Return the orders that a cancel names, as far as they are known."""
        numbers = {str(number) for number in getattr(params, "order_userref", None) or ()}
        names = [*(params.cl_ord_id or ())]
        if isinstance(params, BatchCancelParams):
            names += params.orders
            numbers |= {name for name in params.orders if self._orders.get(name) is None}
        else:
            names += params.order_id or ()
        found = [self._orders.get(name) for name in names]
        if numbers:
            found += [o for o in self._orders.open() if str(o.order_userref) in numbers]
        return list(dict.fromkeys(order for order in found if order is not None))

    def _age_cost(self, what: Literal["amend", "edit", "cancel"], order: Order | None) -> Decimal:
        """Return the cost for the age of an order; an unknown order counts as new."""
        if order is None or order.aged_from_ns is None:
            return age_cost(what, 0)
        if any(charge.amends is order for charge in self._pending):
            return age_cost(what, 0)
        return age_cost(what, max(self._now_ns() - order.aged_from_ns, 0))

    def __repr__(self) -> str:
        counts = ", ".join(f"{symbol} {self.count(symbol):.1f}" for symbol in self._counts)
        return f"<RateCounter {self.tier.name} of {self.tier.threshold}: {counts or 'nothing'}>"


def _checked_reserve(reserve: Number) -> Decimal:
    number = checked_number("rate_reserve", reserve)
    if number < 0:
        raise InvalidParameter("rate_reserve", "0 or more", reserve)
    return number


def _checked_fraction(fraction: Number) -> Decimal:
    number = checked_number("fraction", fraction)
    if not 0 < number <= 1:
        raise InvalidParameter("fraction", "more than 0 and at most 1", fraction)
    return number


def _known(order: Order | None) -> tuple[Order, ...]:
    return () if order is None else (order,)


def _counter_in(
    extra: Mapping[str, Any], whole: Mapping[str, Any], most: Decimal
) -> Decimal | None:
    """Return the counter in a report or its message, under any possible name."""
    for fields in (extra, whole):
        for name, value in fields.items():
            if not isinstance(value, Decimal) or not COUNTER_NAME.match(name):
                continue
            if value.is_finite() and 0 <= value <= most:
                return value
    return None
