"""Checks whether a bot may start: reads everything, then judges it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ...models.rest.key import ApiKeyInfo
from ...rest.client import KrakenRest
from .account_checks import check_account
from .exchange_checks import check_exchange, system_status
from .key_checks import check_key, held_permissions
from .readings import ClockBounds, Known, Need, read
from .report import Preflight

__all__ = ["run_preflight"]


async def run_preflight(
    rest: KrakenRest,
    known: Known,
    symbols: Sequence[str],
    needs: Collection[Need],
    *,
    account: bool,
    seconds: float,
) -> Preflight:
    """Check everything, see `client.preflight`."""
    uses_key = rest.has_key or bool(needs) or account
    readings = await read(rest, known, symbols, needs, account=account, seconds=seconds)
    trades = "trade" in needs
    checks = [
        *(check_key(readings, needs, rest.nonce_unit) if uses_key else ()),
        *check_exchange(readings, known, symbols, trades=trades),
        *check_account(
            readings,
            known,
            symbols,
            rest.rate_counter if rest.has_key else None,
            trades=trades,
        ),
    ]
    key = readings.key if isinstance(readings.key, ApiKeyInfo) else None
    clock = readings.clock if isinstance(readings.clock, ClockBounds) else None
    return Preflight(
        tuple(checks),
        permissions=held_permissions(key),
        clock_offset=None if clock is None else clock.offset,
        clock_error=None if clock is None else clock.error,
        status=system_status(readings, known),
        tier=known.counter.tier.name if known.counter.is_tier_known else None,
    )
