"""The exchange's trading rate limit: a counter for each pair that requests raise and time lowers.

Source: docs.kraken.com, page "Spot trading rate limits". The counter of a pair is shared by all
that the account does on every interface; what the stream says about it corrects ours.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from ...exceptions import InvalidParameter
from ...models import ExecutionData
from ...models._checks import Number, check_choice, checked_number
from ...models._decimals import EXACT, ZERO, add, divide, multiply, subtract, total
from ...models._model import exact_document
from ...models.trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelOrderParams,
    EditOrderParams,
    TradingParams,
)
from ..base.callbacks import Callback
from ..base.followers import Follower
from ..orders import Order, Orders

__all__ = ["TIERS", "Charge", "RateCounter", "RatePolicy", "Tier", "TierName", "age_cost"]

logger = logging.getLogger(__name__)

TierName = Literal["starter", "intermediate", "pro"]
#: `report` only counts, `wait` sends when there is room, `refuse` raises when there is none.
RatePolicy = Literal["report", "wait", "refuse"]
SECOND_NS = 1_000_000_000
#: A nanosecond in seconds.
NANO = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class Tier:
    """What an account may do.

    Attributes:
        name: what it is called.
        threshold: count above which requests fail.
        decay: what the counter loses a second.
        open_orders: most open orders of a pair.
        decay_per_ns: what the counter loses a nanosecond.
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

#: What an add, an amend and an edit cost whatever becomes of them.
FIXED = Decimal(1)
#: What each order of a `batch_add` costs.
BATCHED = Decimal("0.5")
#: Seconds of age, and what changing a younger order costs.
AGES = (5, 10, 15, 45, 90, 300)
AGE_COSTS = {
    what: tuple(map(Decimal, costs))
    for what, costs in {
        "amend": (3, 2, 1),
        "edit": (6, 5, 4, 2, 1),
        "cancel": (8, 6, 5, 4, 2, 1),
    }.items()
}

#: Names that the stream's counter may have: its documentation gives none. The API's first version
#: called it `ratecount`; `maxratecount` is the threshold.
COUNTER_NAME = re.compile(
    r"(?!.*(max|threshold|limit$)).*rate.*(?<!ac)(?<!dis)count", re.IGNORECASE
)
#: How far above the threshold a counter can be: a batch cancel that overshoots is carried out
#: (page "Spot trading rate limits"), and has up to 50 orders of 8 each. More is no counter.
OVERSHOOT = Decimal(50 * 8)
#: Reports without a counter after which a warning says that none comes.
SILENT_REPORTS = 50


def age_cost(what: Literal["amend", "edit", "cancel"], age_ns: int) -> Decimal:
    """Return what changing an order costs for its age since it was made or last amended."""
    for seconds, cost in zip(AGES, AGE_COSTS[what], strict=False):
        if age_ns < seconds * SECOND_NS:
            return cost
    return ZERO


@dataclass(eq=False, slots=True)
class Charge:
    """What one request costs, by pair.

    Attributes:
        costs: what it adds to the counter of each pair.
        orders: the orders that it is about.
        told_by: the `exec_type` of the report that shows it to be counted, any if empty.
        amends: the order whose age begins anew when it succeeds.
        makes: whether it makes its orders.
    """

    costs: dict[str, Decimal]
    orders: Sequence[Order] = ()
    told_by: str = ""
    amends: Order | None = None
    makes: bool = False


@dataclass(eq=False, slots=True)
class _Level:
    """A listener, and the pairs whose counter is at its level or above.

    Attributes:
        fraction: the level, as a part of the threshold.
        listener: is called with symbol and count.
        reached: the pairs.
    """

    fraction: Decimal
    listener: Callback
    reached: set[str] = field(default_factory=set)

    def look(self, symbol: str, count: Decimal, threshold: Decimal) -> None:
        """Call the listener if the counter of a pair has reached the level."""
        if count < multiply(self.fraction, threshold):
            self.reached.discard(symbol)
        elif symbol not in self.reached:
            self.reached.add(symbol)
            self.listener.call(symbol, count)


class RateCounter(Follower):
    """The counters of the account, as far as this client can know them: `client.rate_counter`.

    A request counts in full from its sending, and begins to decay with its answer: the exchange
    counted it somewhen in between, so this count is not below the exchange's on account of the
    way. Requests of other clients are learnt from the stream, which tells the counter with each
    report when it was subscribed with `ratecounter=True` (`client.track_orders()` does that).
    Until the tier is known it is taken for the lowest.

    Its clock is monotonic, so setting the system's clock changes nothing. `aged_from_ns` of the
    orders is on the same clock. While the machine sleeps the clock may stand still: the count is
    too high then, never too low.

    Args:
        orders: knows pair and age of the orders.
        tier: the account's; by default it is learnt when `executions` is subscribed.
        now_ns: the clock, in nanoseconds from any beginning; by default `time.monotonic_ns`.
        reserve: room that the policies `wait` and `refuse` keep for cancels.

    Raises:
        TypeError, ValueError: there is no such tier, or the reserve is no number from 0 on.

    Attributes:
        tier: the account's.
        is_tier_known: whether it was given or learnt.
        reserve: what of the threshold new, amended and edited orders leave free, so that cancels
            find room; `headroom` and `seconds_until` do not take it away.
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
        #: What is answered or reported, and when that was worked out.
        self._counts: dict[str, tuple[Decimal, int]] = {}
        #: What the exchange may not have counted yet.
        self._under_way: dict[Charge, None] = {}
        self._levels: dict[_Level, None] = {}
        #: Reports so far without the counter that was asked for; `None` if it was not, or was told.
        self._silent: int | None = None
        self._was_asked = False

    # What users read.

    def count(self, symbol: str) -> Decimal:
        """Return the counter of a pair now, requests without an answer included."""
        answered = self._answered(symbol)
        return add(answered, self._coming(symbol)) if self._under_way else answered

    def headroom(self, symbol: str) -> Decimal:
        """Return what can be added to the counter of a pair now; negative when it is above."""
        return subtract(self.tier.threshold, self.count(symbol))

    def seconds_until(
        self, symbol: str, cost: Decimal | float = 1, *, before: Decimal = ZERO
    ) -> float:
        """Return after how many seconds `cost` can be added; infinite if it never can.

        Args:
            symbol: the pair.
            cost: what is to be added.
            before: what will be added before it.
        """
        wanted = cost if isinstance(cost, Decimal) else Decimal(str(cost))
        if wanted > self.tier.threshold:
            return float("inf")
        missing = subtract(add(wanted, before), self.headroom(symbol))
        return float(divide(missing, self.tier.decay)) if missing > 0 else 0.0

    def cost_of(self, params: TradingParams) -> dict[str, Decimal]:
        """Return what a request would cost now, by pair; without orders that are not known."""
        return self.charge_of(params).costs

    def on_level(
        self, fraction: Number, listener: Callable[[str, Decimal], object]
    ) -> Callable[[], None]:
        """Let a plain function know when the counter of a pair comes near the threshold.

        It is called with the symbol and the count when the count reaches `fraction` of the
        threshold, and again when it does so after it has fallen below. Looked at is the count
        whenever it rises: with a request, or by what the exchange says.

        Args:
            fraction: of the threshold, more than 0 and at most 1: 0.8.
            listener: must be quick; what it raises is logged.

        Returns:
            A function that ends this; calling it again does nothing.

        Raises:
            TypeError, ValueError: `fraction` is no such number, or `listener` no plain function.
        """
        level = _Level(_checked_fraction(fraction), Callback("on_level", listener))
        self._levels[level] = None
        return lambda: self._levels.pop(level, None)

    # What requests do.

    def charge_of(
        self, params: TradingParams, numbers: Mapping[str, Decimal] | None = None
    ) -> Charge:
        """Return what a request would cost now.

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
            self._look_at_levels(charge.costs)
        self._under_way[charge] = None
        if self._levels:
            self._look_at_levels(charge.costs)

    def withdraw(self, charge: Charge) -> None:
        """Take back what was counted for a request that did not leave."""
        self._under_way.pop(charge, None)

    def landed(self, charge: Charge, *, success: bool = False, exceeded: bool = False) -> None:
        """Note that a request was answered, or is not waited for any more.

        Args:
            charge: what was counted for it.
            success: whether it was carried out.
            exceeded: whether it was refused for the rate limit: then ours was too low.
        """
        self._counted(charge)
        if success and charge.amends is not None:
            charge.amends.aged_from_ns = self._now_ns()
        if charge.makes:
            # The exchange made them after they were sent, so they are not older than this.
            for order in charge.orders:
                order.aged_from_ns = self._now_ns()
        if exceeded:
            for symbol, cost in charge.costs.items():
                missing = subtract(self.headroom(symbol), cost)
                self._tell(symbol, add(self._answered(symbol), max(missing, ZERO)))

    # What the stream says.

    def subscribing(self, params: Mapping[str, Any]) -> None:
        """Expect the counter with the reports if it was asked for."""
        if params.get("ratecounter") and not self._was_asked:
            self._was_asked, self._silent = True, 0

    def subscribed(self, result: Mapping[str, Any]) -> None:
        """Learn the tier from the ack of `executions`."""
        told = result.get("maxratecount")
        if not isinstance(told, int) or isinstance(told, bool) or told <= 0:
            return
        threshold = Decimal(told)
        if threshold != self.tier.threshold:
            known = [tier for tier in TIERS.values() if tier.threshold <= threshold]
            nearest = max(known, key=lambda tier: tier.threshold, default=TIERS["starter"])
            if self.is_tier_known:
                logger.warning("the rate limit is %s, not that of %s", told, self.tier.name)
            self.tier = Tier(nearest.name, threshold, nearest.decay, nearest.open_orders)
        self.is_tier_known = True

    def observe(self, message: Any) -> None:
        """Take the counters that a message tells; those of a snapshot are of no certain time."""
        if message.type == "snapshot":
            return
        whole = {} if message.raw is None else exact_document(message.raw)
        most = add(self.tier.threshold, OVERSHOOT)
        for report in message.data:
            if not isinstance(report, ExecutionData):
                continue
            order = self._orders.get(report.order_id)
            self._arrived(order, report.exec_type)
            told = _told(report.extra, whole, most)
            self._expect(told is not None)
            symbol = report.symbol or (order.symbol if order is not None else None)
            if told is not None and symbol is not None:
                self._correct(symbol, told)

    def _expect(self, is_told: bool) -> None:
        """Warn, once, if the stream was asked for its counter and does not tell it."""
        if is_told or self._silent is None:
            self._silent = None
            return
        self._silent += 1
        if self._silent == SILENT_REPORTS:
            self._silent = None
            logger.warning(
                "executions was subscribed with ratecounter=True, and %d reports have no counter: "
                "what other programs of the account send is not counted",
                SILENT_REPORTS,
            )

    def _arrived(self, order: Order | None, exec_type: str) -> None:
        """Note that the exchange has counted the request that a report shows.

        Of several alike, as two amends of one order, it shows one: the others may still be on
        their way, and so may requests that were sent before (docs.kraken.com, FIX introduction:
        messages of one WebSocket take different paths to the engine).
        """
        about = [charge for charge in self._under_way if order in charge.orders]
        makers = [charge for charge in about if not charge.told_by]
        for charge in makers + [charge for charge in about if charge.told_by == exec_type][:1]:
            self._counted(charge)

    def _correct(self, symbol: str, told: Decimal) -> None:
        """Take the exchange's count, with what it cannot have counted yet."""
        if not EXACT.remainder(told, 1):
            # It may have been rounded.
            told = min(max(told, self._answered(symbol)), add(told, Decimal(1)))
        # What is still coming stays on top.
        self._tell(symbol, told)

    # Inner workings.

    def _answered(self, symbol: str) -> Decimal:
        value, since_ns = self._counts.get(symbol, (ZERO, 0))
        if not value:
            return ZERO
        passed_ns = max(self._now_ns() - since_ns, 0)
        return max(EXACT.fma(Decimal(-passed_ns), self.tier.decay_per_ns, value), ZERO)

    def _coming(self, symbol: str) -> Decimal:
        return total(charge.costs[symbol] for charge in self._under_way if symbol in charge.costs)

    def _counted(self, charge: Charge) -> None:
        """Let a request decay, which the exchange has counted by now."""
        if charge in self._under_way:
            del self._under_way[charge]
            for symbol, cost in charge.costs.items():
                self._put(symbol, add(self._answered(symbol), cost))

    def _put(self, symbol: str, value: Decimal) -> None:
        self._counts[symbol] = (value, self._now_ns())

    def _tell(self, symbol: str, value: Decimal) -> None:
        """Set what the exchange says, or shows by a refusal."""
        self._look_at_levels((symbol,))
        self._put(symbol, value)
        self._look_at_levels((symbol,))

    def _look_at_levels(self, symbols: Iterable[str]) -> None:
        """Call the listeners whose level was reached, before and after what may change a count."""
        for symbol in list(symbols):
            count = self.count(symbol)
            for level in list(self._levels):
                level.look(symbol, count, self.tier.threshold)

    def _amend(self, params: AmendOrderParams, numbers: Mapping[str, Decimal]) -> Charge:
        order = self._orders.get(params.order_id or params.cl_ord_id or "")
        symbol = (order.symbol if order is not None else None) or params.symbol
        if symbol is None:
            return Charge({})
        cost = add(FIXED, self._age_cost("amend", order))
        qty = numbers.get("order_qty", params.order_qty)
        if order is not None and qty is not None and qty < order.cum_qty:  # type: ignore[operator]
            # The rest is cancelled.
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
        """Return the orders that a cancel is about, as far as they are known."""
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
        """Return what an order's age adds; one that is not known counts as new."""
        if order is None or order.aged_from_ns is None:
            return age_cost(what, 0)
        if any(charge.amends is order for charge in self._under_way):
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


def _told(extra: Mapping[str, Any], whole: Mapping[str, Any], most: Decimal) -> Decimal | None:
    """Return the counter that a report tells, or its message, under any name it may have."""
    for fields in (extra, whole):
        for name, value in fields.items():
            if not isinstance(value, Decimal) or not COUNTER_NAME.match(name):
                continue
            if value.is_finite() and 0 <= value <= most:
                return value
    return None
