"""Reads what `client.preflight` checks: by REST, and what the client knows without asking."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, TypeVar

from ...exceptions import KrakenConnectorError, RequestTimeout, RestError
from ...loop_time import now
from ...models import InstrumentPair
from ...models.rest.account import RestBalance
from ...models.rest.key import ApiKeyInfo
from ...models.rest.market import AssetPair, SystemStatus
from ...models.rest.orders import RestOrder
from ...rest.client import KrakenRest
from ..base.exchange_clock import SECOND_NS, ExchangeClock
from ..orders import Orders
from ..token.manager import TokenManager
from ..trading.protection import Protection
from ..trading.rate_counter import RateCounter
from .pairs import listed_pairs

__all__ = ["INVALID_NONCE", "ClockBounds", "Known", "Need", "Readings", "described", "read"]

T = TypeVar("T")

Need: TypeAlias = Literal["query", "trade", "cancel", "token"]

INVALID_NONCE: Final = "EAPI:Invalid nonce"


class NotAsked(KrakenConnectorError):
    """A call that was not made."""

    def __init__(self) -> None:
        super().__init__("not asked, as the key could not be checked")


@dataclass(frozen=True, slots=True)
class Known:
    """What the client knows without asking.

    Attributes:
        exchange: the exchange's clock by the replies on sockets.
        systems: the system status and announced maintenance of each connection.
        instruments: the pairs, empty unless `instrument` is subscribed.
        counter: knows the tier.
        orders: the orders, complete while they are current.
        protection: the dead man's switch of this client.
        tokens: where tokens come from, `None` without.
    """

    exchange: ExchangeClock
    systems: Sequence[tuple[str | None, Sequence[Any]]]
    instruments: Mapping[str, InstrumentPair]
    counter: RateCounter
    orders: Orders
    protection: Protection
    tokens: TokenManager | None

    @property
    def is_connected(self) -> bool:
        """Whether a connection is open and has told the system status."""
        return any(state is not None for state, _ in self.systems)


@dataclass(frozen=True, slots=True)
class ClockBounds:
    """Between what the exchange's clock minus the wall clock of this machine is, seconds.

    Attributes:
        least: lower bound.
        most: upper bound.
        source: `socket` or `rest`.
    """

    least: float
    most: float
    source: Literal["socket", "rest"]

    @property
    def offset(self) -> float:
        """The middle."""
        return (self.least + self.most) / 2

    @property
    def error(self) -> float:
        """By how much the middle may be wrong."""
        return (self.most - self.least) / 2


@dataclass(frozen=True, slots=True)
class Readings:
    """What was read, or the exceptions because of which it was not; `None` was not asked for.

    Attributes:
        key: what the exchange knows of the key.
        told_ns: the wall clock just after the exchange was asked about the key.
        status: the state of the exchange.
        clock: the clock.
        pairs: those of the pairs that are listed.
        token: `True` if there is a token.
        orders: the open orders.
        balances: the balances.
    """

    key: ApiKeyInfo | Exception
    told_ns: int
    status: SystemStatus | Exception
    clock: ClockBounds | Exception
    pairs: Mapping[str, AssetPair] | Exception
    token: bool | Exception | None
    orders: Mapping[str, RestOrder] | Exception | None
    balances: Mapping[str, RestBalance] | Exception | None

    @property
    def exchange_ns(self) -> int:
        """The exchange's clock when the key was read; that of this machine if it is not known."""
        if isinstance(self.clock, Exception):
            return self.told_ns
        return self.told_ns + int(self.clock.offset * SECOND_NS)


async def read(
    rest: KrakenRest,
    known: Known,
    symbols: Sequence[str],
    needs: Collection[Need],
    *,
    account: bool,
    seconds: float,
) -> Readings:
    """Read everything within a time.

    Private calls follow only once the exchange has accepted the key: it locks accounts out that
    send many calls with a wrong one.
    """
    until = now() + seconds
    (key, told_ns), status, clock, pairs = await asyncio.gather(
        _key(rest, until),
        _reading(rest.system_status, until),
        _reading(lambda: _clock(rest, known), until),
        _reading(lambda: listed_pairs(rest, symbols), until),
    )
    may_go_on = _may_go_on(key)

    async def private(is_wanted: bool, call: Callable[[], Awaitable[T]]) -> T | Exception | None:
        if not is_wanted:
            return None
        return await _reading(call, until) if may_go_on else NotAsked()

    return Readings(
        key,
        told_ns,
        status,
        clock,
        pairs,
        token=await private("token" in needs, lambda: _token(rest, known.tokens)),
        orders=await private(account and not known.orders.is_current, rest.open_orders),
        balances=await private(account, rest.balances),
    )


async def _reading(call: Callable[[], Awaitable[T]], until: float) -> T | Exception:
    """Return the result of a call, or why there is none."""
    try:
        async with asyncio.timeout_at(until):
            return await call()
    except KrakenConnectorError as error:
        return error
    except TimeoutError:
        return RequestTimeout("there was no reply in time")
    except Exception as error:  # noqa: BLE001 (a user's own token manager may raise anything)
        return error


async def _key(rest: KrakenRest, until: float) -> tuple[ApiKeyInfo | Exception, int]:
    """Return what the exchange knows of the key, and the wall clock just after."""
    return await _reading(rest.api_key_info, until), time.time_ns()


def _may_go_on(key: ApiKeyInfo | Exception) -> bool:
    """Return whether further private calls may succeed."""
    if not isinstance(key, RestError) or not key.was_sent:
        return True
    return key.kind in ("service", "other") and key.code != INVALID_NONCE


async def _token(rest: KrakenRest, tokens: TokenManager | None) -> bool:
    """Get a token; a manager keeps it for the next connection."""
    if tokens is not None:
        await tokens.get_token()
    else:
        await rest.get_websockets_token()
    return True


async def _clock(rest: KrakenRest, known: Known) -> ClockBounds:
    """Return the bounds by the replies on sockets, or by REST.

    Bounds of an ended connection do not count, as the machine may have slept since. REST tells
    whole seconds: the exchange's clock was at one of them, or up to a second later, at some time
    between request and reply.
    """
    wall_ns, local = time.time_ns(), now()
    least_ns, most_ns = known.exchange.earliest_ns(local), known.exchange.latest_ns(local)
    if known.is_connected and least_ns is not None and most_ns is not None:
        return ClockBounds(_seconds(least_ns - wall_ns), _seconds(most_ns - wall_ns), "socket")
    told_ns = (await rest.server_time()).unixtime * SECOND_NS
    passed = now() - local
    least = _seconds(told_ns - wall_ns) - passed
    return ClockBounds(least, _seconds(told_ns + SECOND_NS - wall_ns), "rest")


def _seconds(span_ns: int) -> float:
    return span_ns / SECOND_NS


def described(error: Exception) -> str:
    """Return why something was not read; other exceptions may hold secrets in their texts."""
    return str(error) if isinstance(error, KrakenConnectorError) else type(error).__name__
