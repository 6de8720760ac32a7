"""Checks of the exchange: clock, status, maintenance, pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any, Final

from ...models.rest.market import SystemStatus
from ..base.exchange_clock import SECOND_NS
from ..trading.maintenance import maintenance_start
from .readings import Known, Readings, described
from .report import CheckState, PreflightCheck

__all__ = ["check_exchange", "system_status"]

#: Up to so many seconds a clock is right, and from so many on wrong. Without a reply on the socket,
#: deadlines of orders (5 s by default) are by the clock of this machine.
RIGHT: Final = 2.0
WRONG: Final = 5.0
#: Characters of an announcement that are shown.
SHOWN: Final = 80

#: The states of the engine and of pairs (pages "Get System Status" and "Instrument").
STATES: Final[dict[str, tuple[CheckState, str]]] = {
    "online": ("ok", ""),
    "post_only": ("warning", ": only post-only orders are accepted"),
    "limit_only": ("warning", ": only limit orders are accepted"),
    "reduce_only": ("warning", ": only orders that reduce a position are accepted"),
    "cancel_only": ("failed", ": no orders are accepted, only cancels; wait"),
    "maintenance": ("failed", ": the exchange does not trade; wait"),
    "delisted": ("failed", ": it is not traded any more"),
    "work_in_progress": ("failed", ": it is not traded yet"),
}
#: From best to worst.
RANKS: Final[tuple[CheckState, ...]] = ("ok", "warning", "unknown", "failed")


def check_exchange(
    readings: Readings, known: Known, symbols: Sequence[str], *, trades: bool
) -> Iterator[PreflightCheck]:
    """Check the exchange.

    Args:
        readings: what was read.
        known: what the client knows.
        symbols: the pairs to check.
        trades: whether orders are to be placed.
    """
    yield _clock(readings)
    yield _system(readings, known, trades=trades)
    yield _maintenance(readings, known)
    for symbol in symbols:
        yield _pair(symbol, readings, known, trades=trades)


def _clock(readings: Readings) -> PreflightCheck:
    bounds = readings.clock
    if isinstance(bounds, Exception):
        return PreflightCheck("clock", "unknown", described(bounds))
    source = "replies on the socket" if bounds.source == "socket" else "REST in whole seconds"
    text = (
        f"the exchange's is between {bounds.least:+.3f} and {bounds.most:+.3f} s ahead of this "
        f"machine's, by {source}"
    )
    if bounds.least >= -RIGHT and bounds.most <= RIGHT:
        return PreflightCheck("clock", "ok", text)
    off = max(bounds.least, -bounds.most, 0.0)
    if off <= RIGHT:
        return PreflightCheck("clock", "unknown", f"{text}: too inexact to tell; try again")
    state: CheckState = "failed" if off > WRONG else "warning"
    return PreflightCheck("clock", state, f"{text}: set the clock of this machine (NTP)")


def system_status(readings: Readings, known: Known) -> str | None:
    """Return the worst of the states of the engine, `None` if none is known."""
    return max(_system_states(readings, known).values(), key=_rank, default=None)


def _system_states(readings: Readings, known: Known) -> dict[str, str]:
    """Return the states of the engine by where they come from."""
    states: dict[str, str] = {}
    if told := [state for state, _ in known.systems if state is not None]:
        states["socket"] = max(told, key=_rank)
    if isinstance(readings.status, SystemStatus):
        states["REST"] = readings.status.status
    return states


def _system(readings: Readings, known: Known, *, trades: bool) -> PreflightCheck:
    states = _system_states(readings, known)
    if not states and isinstance(readings.status, Exception):
        return PreflightCheck("system", "unknown", described(readings.status))
    return _worst("system", states, trades=trades)


def _worst(name: str, states: dict[str, str], *, trades: bool) -> PreflightCheck:
    """Return the check of the worst of some states, by where they come from."""
    worst = max(states.values(), key=_rank)
    state, advice = _judged(worst)
    if state == "failed" and not trades:
        state = "warning"
    said = worst
    if len(set(states.values())) > 1:
        said = ", ".join(f"{one} by {source}" for source, one in states.items())
    return PreflightCheck(name, state, f"{said}{advice}")


def _rank(state: str) -> int:
    return RANKS.index(_judged(state)[0])


def _judged(state: str) -> tuple[CheckState, str]:
    return STATES.get(state, ("unknown", ": this state is not documented"))


def _maintenance(readings: Readings, known: Known) -> PreflightCheck:
    """Check what is announced; the exchange does not document its content."""
    announced = [entry for _, entries in known.systems for entry in entries]
    incidents: list[Any] = []
    status = readings.status
    if isinstance(status, SystemStatus):
        announced += status.upcoming_maintenance
        incidents += status.emergency
    elif not known.is_connected:
        return PreflightCheck("maintenance", "unknown", described(status), is_required=False)
    now = readings.exchange_ns / SECOND_NS
    texts = dict.fromkeys(_announcement(entry, now) for entry in announced)
    texts |= dict.fromkeys(f"incident: {_short(entry)}" for entry in incidents)
    if not texts:
        return PreflightCheck("maintenance", "ok", "none is announced")
    return PreflightCheck("maintenance", "warning", "; ".join(texts))


def _announcement(entry: Any, now: float) -> str:
    start = maintenance_start(entry, now)
    if start is None or not isfinite(start):
        return f"announced: {_short(entry)}"
    return f"announced from {datetime.fromtimestamp(start, UTC):%Y-%m-%d %H:%M} UTC"


def _short(entry: Any) -> str:
    text = repr(entry)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _pair(symbol: str, readings: Readings, known: Known, *, trades: bool) -> PreflightCheck:
    """Check that a pair exists and can be traded."""
    pairs, live = readings.pairs, known.instruments.get(symbol)
    states = {} if live is None else {"socket": live.status}
    if isinstance(pairs, Exception):
        if not states:
            return PreflightCheck(symbol, "unknown", described(pairs))
    elif symbol not in pairs:
        return PreflightCheck(symbol, "failed", "the exchange has no such pair: check its name")
    elif (status := pairs[symbol].status) is not None:
        states["REST"] = status
    if not states:
        # REST leaves it out for some pairs (Kraken's SDK).
        text = "listed; the exchange did not send its status: subscribe to `instrument`"
        return PreflightCheck(symbol, "unknown", text, is_required=False)
    return _worst(symbol, states, trades=trades)
