"""Checks of the account: tier, limits, and the orders and balances that are already there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from ...models.decimals import ZERO
from ...models.rest.account import RestBalance
from ...rest.counter import RestCounter
from ..trading.rate_counter import RateCounter
from .readings import Known, Readings, described
from .report import CheckState, PreflightCheck

__all__ = ["check_account"]

#: Points of the REST rate limit that an emergency needs: three readings of the open orders.
ROOM = 6.0


def check_account(
    readings: Readings,
    known: Known,
    symbols: Sequence[str],
    rest_counter: RestCounter | None,
    *,
    trades: bool,
) -> Iterator[PreflightCheck]:
    """Check the account; `rest_counter` is `None` without a key."""
    yield _tier(known)
    if rest_counter is not None:
        yield _rest_limit(rest_counter)
    yield from _orders(readings, known, trades=trades)
    if readings.balances is not None:
        yield _balances(readings.balances, symbols)
    yield _switch(known)


def _tier(known: Known) -> PreflightCheck:
    tier = known.counter.tier
    limits = f"{tier.threshold} points and {tier.open_orders} open orders for each pair"
    if known.counter.is_tier_known:
        source = "" if known.orders.is_followed else ", as given or last told"
        return PreflightCheck("tier", "ok", f"{tier.name}: {limits}{source}")
    text = (
        f"no REST call tells it: {tier.name} ({limits}) is assumed. Call track_orders(), whose "
        "subscription tells the limit, or pass tier="
    )
    return PreflightCheck("tier", "unknown", text, is_required=False)


def _rest_limit(counter: RestCounter) -> PreflightCheck:
    room = counter.maximum - counter.value
    text = f"{room:.1f} of {counter.maximum:.0f} points are free, without calls of other programs"
    if room >= ROOM:
        return PreflightCheck("REST limit", "ok", text)
    text += f": wait {counter.wait(ROOM):.0f} s, so that an emergency can read what is open"
    return PreflightCheck("REST limit", "warning", text)


def _orders(readings: Readings, known: Known, *, trades: bool) -> Iterator[PreflightCheck]:
    """Check the open orders, if the client follows them or they were read."""
    if known.orders.is_current:
        counts = Counter(order.symbol or "?" for order in known.orders.working())
    elif isinstance(readings.orders, Exception):
        text = described(readings.orders)
        yield PreflightCheck("open orders", "unknown", text, is_required=False)
        return
    elif readings.orders is not None:
        counts = Counter(order.symbol for order in readings.orders.values())
    else:
        return
    yield _open_orders(counts, known.counter, trades=trades)


def _open_orders(counts: Counter[str], counter: RateCounter, *, trades: bool) -> PreflightCheck:
    if not counts:
        return PreflightCheck("open orders", "ok", "none")
    most, is_known = counter.tier.open_orders, counter.is_tier_known
    text = ", ".join(f"{count} of {symbol}" for symbol, count in counts.most_common())
    if max(counts.values()) < most:
        text = f"already there: {text}. Cancel them, or let the bot take them over"
        return PreflightCheck("open orders", "warning", text)
    text += f"; of a pair, {most} are accepted from {counter.tier.name} accounts. Cancel some"
    state: CheckState = "failed" if trades and is_known else "warning"
    return PreflightCheck("open orders", state, text)


def _balances(
    balances: Mapping[str, RestBalance] | Exception, symbols: Collection[str]
) -> PreflightCheck:
    if isinstance(balances, Exception):
        return PreflightCheck("balances", "unknown", described(balances), is_required=False)
    assets = dict.fromkeys(asset for symbol in symbols for asset in symbol.split("/")) or balances
    free = {asset: balances[asset].available if asset in balances else ZERO for asset in assets}
    text = ", ".join(f"{amount:f} {asset}" for asset, amount in free.items() if amount)
    empty = [symbol for symbol in symbols if not any(free[one] for one in symbol.split("/"))]
    if empty or not text:
        lacks = f"nothing is available for {', '.join(empty)}" if empty else "nothing is available"
        return PreflightCheck("balances", "warning", f"{lacks}{text and f'; there is {text}'}")
    return PreflightCheck("balances", "ok", f"available: {text}")


def _switch(known: Known) -> PreflightCheck:
    name = "dead man's switch"
    until = known.protection.until
    if until is not None:
        return PreflightCheck(name, "ok", f"armed by this client until {until:%H:%M:%S} UTC")
    text = (
        "not armed by this client. No call tells whether another program armed it, which would "
        "cancel all orders of the account"
    )
    return PreflightCheck(name, "unknown", text, is_required=False)
