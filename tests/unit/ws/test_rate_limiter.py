"""When the rate limiter admits requests, and what it counts for them; in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

import pytest
from tests import virtual

from kraken_connector.exceptions import RateLimitExceeded, TradingError
from kraken_connector.ws.orders import Orders
from kraken_connector.ws.trading import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    CancelOrderParams,
    EditOrderParams,
)
from kraken_connector.ws.trading.rate_counter import RateCounter
from kraken_connector.ws.trading.rate_limiter import RateLimiter

pytestmark = pytest.mark.virtual_time

BTC, ETH = "BTC/USD", "ETH/USD"


def add(symbol: str = BTC) -> AddOrderParams:
    return AddOrderParams(symbol, "buy", "limit", 1, limit_price=100)


def batch(size: int) -> BatchAddParams:
    return BatchAddParams(BTC, orders=[add()] * size)


class Stage:
    """A limiter whose counter uses the virtual clock."""

    def __init__(
        self, policy: str = "report", count: int = 0, *, reserve: int = 0, **options: Any
    ) -> None:
        self._loop = virtual.current()
        self._start = self._loop.time()
        clock = lambda: round(self._loop.time() * 1e9)  # noqa: E731
        self.counter = RateCounter(Orders(), "starter", clock, reserve=reserve)
        self.limiter = RateLimiter(self.counter, policy, **options)
        self.set(count)
        #: The admitted requests, and the seconds until then.
        self.passed: list[tuple[str, float]] = []

    def count(self, symbol: str = BTC) -> Decimal:
        return self.counter.count(symbol)

    def set(self, count: int) -> None:
        """Set the count as the exchange reports it."""
        self.counter._put(BTC, Decimal(count))

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return round(self._loop.time() - self._start, 3)

    async def send(self, name: str = "", params: Any = None, **options: Any) -> None:
        """Send a request that is answered at once."""
        params = params or add()
        charge = await self.limiter.admit(params, **options)
        self.passed.append((name, self.seconds))
        await self.limiter.watch(charge, asyncio.sleep(0), params, was_sent=yes)


def yes() -> bool:
    return True


async def ends(error: Exception) -> None:
    raise error


def refused(text: str) -> Coroutine[Any, Any, Any]:
    return ends(TradingError(text, venue_error=text))


# Replies and the count.


@pytest.mark.parametrize(
    ("text", "is_raised"),
    [
        ("EOrder:Rate limit exceeded", True),
        ("EOrder:Rate limit exceeded: try later", True),
        ("EOrder:Domain rate limit exceeded", True),
        ("EOrder:Orders limit exceeded", False),
        ("EOrder:Unknown order", False),
        ("EAPI:Rate limit exceeded", False),
        ("Exceeded msg rate", False),
    ],
)
async def test_refusal_for_the_trading_rate_limit_raises_the_count(
    text: str, is_raised: bool
) -> None:
    stage = Stage()
    with pytest.raises(TradingError):
        await stage.limiter.watch(None, refused(text), add(), was_sent=yes)
    assert stage.count() == (59 if is_raised else 1)
    assert stage.count(ETH) == 0


@pytest.mark.parametrize("policy", ["report", "wait", "refuse"])
@pytest.mark.parametrize("was_sent", [False, True])
async def test_request_of_a_cancelled_caller_is_uncounted_if_it_was_not_sent(
    policy: str, was_sent: bool
) -> None:
    stage = Stage(policy)

    async def request() -> None:
        charge = await stage.limiter.admit(add())
        await stage.limiter.watch(charge, asyncio.sleep(100), add(), was_sent=lambda: was_sent)

    task = asyncio.create_task(request())
    await asyncio.sleep(1)
    assert stage.count() == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert stage.count() == (1 if was_sent else 0)


@pytest.mark.parametrize("was_sent", [False, True])
async def test_request_that_fails_is_uncounted_if_it_was_not_sent(was_sent: bool) -> None:
    stage = Stage()
    failing = ends(ValueError("no token"))
    with pytest.raises(ValueError, match="token"):
        await stage.limiter.watch(None, failing, add(), was_sent=lambda: was_sent)
    assert stage.count() == was_sent


# Waiting.


async def test_request_that_would_wait_too_long_is_refused_at_once() -> None:
    stage = Stage("wait", 64, max_wait=3.0)
    with pytest.raises(RateLimitExceeded) as refused:
        await stage.send()
    assert stage.seconds == 0
    assert (refused.value.seconds, refused.value.headroom) == (5, -4)
    assert stage.count() == 64
    await asyncio.sleep(2)
    await stage.send("second")
    assert stage.passed == [("second", 5)]


async def test_longest_wait_can_be_given_for_one_request() -> None:
    stage = Stage("wait", 63, max_wait=3.0)
    for most in (0, 3.9):
        with pytest.raises(RateLimitExceeded):
            await stage.send(max_wait=most)
    await stage.send("patient", max_wait=float("inf"))
    assert stage.passed == [("patient", 4)]


async def test_requests_that_wait_before_it_count() -> None:
    stage = Stage("wait", 60, max_wait=10.0)
    first = asyncio.create_task(stage.send("batch", batch(12)))
    await asyncio.sleep(1)
    # The batch has 5 s to go, then 5 more orders can pass within ten seconds of now.
    tasks = [asyncio.create_task(stage.send(f"{n}")) for n in range(6)]
    await asyncio.sleep(0.1)
    with pytest.raises(RateLimitExceeded) as refused:
        await tasks[5]
    assert refused.value.seconds == pytest.approx(11)
    await asyncio.gather(first, *tasks[:5])
    assert stage.passed == [("batch", 6), *((f"{n}", n + 7) for n in range(5))]


async def test_request_that_gives_up_lets_the_next_one_go() -> None:
    stage = Stage("wait", 60, max_wait=5.0)
    tasks = [asyncio.create_task(stage.send(f"{n}", batch(4))) for n in range(2)]
    await asyncio.sleep(0.5)
    with pytest.raises(RateLimitExceeded):
        await stage.send("too late", batch(4))
    tasks[0].cancel()
    await asyncio.sleep(0)
    await stage.send("next")
    assert stage.passed == [("1", 2), ("next", 3)]


@pytest.mark.parametrize(("count", "passes"), [(63, ["first"]), (1000, [])])
async def test_wait_ends_in_time_although_the_count_rises_meanwhile(
    count: int, passes: list[str]
) -> None:
    stage = Stage("wait", 62, max_wait=5.0)
    tasks = [asyncio.create_task(stage.send(name)) for name in ("first", "second")]
    await asyncio.sleep(1)
    # Another program of the account was busy.
    stage.set(count)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [name for name, _ in stage.passed] == passes
    late = [outcome for outcome in outcomes if isinstance(outcome, RateLimitExceeded)]
    assert len(late) == 2 - len(passes)
    assert stage.seconds <= 5


async def test_cheap_request_does_not_pass_a_dear_one_when_its_time_is_up() -> None:
    stage = Stage("wait", 60, max_wait=10.0)
    first = asyncio.create_task(stage.send("first", batch(10)))
    second = asyncio.create_task(stage.send("second", max_wait=6.0))
    await asyncio.sleep(1)
    stage.set(62)
    with pytest.raises(RateLimitExceeded):
        await second
    assert stage.seconds == 6
    await first
    assert stage.passed == [("first", 8)]


async def test_order_of_calls_is_kept_when_there_is_room_early() -> None:
    stage = Stage("wait", 70)
    first = asyncio.create_task(stage.send("first"))
    await asyncio.sleep(1)
    stage.set(0)
    await stage.send("second")
    await first
    assert [name for name, _ in stage.passed] == ["first", "second"]


@pytest.mark.parametrize("seconds", [-1, float("nan")])
async def test_longest_wait_must_be_a_duration(seconds: float) -> None:
    with pytest.raises(ValueError, match="rate_max_wait"):
        Stage("wait", max_wait=seconds)
    stage = Stage("wait")
    with pytest.raises(ValueError, match="max_wait"):
        await stage.limiter.admit(add(), max_wait=seconds)
    for wrong in ("1", True):
        with pytest.raises(TypeError, match="max_wait"):
            Stage("wait", max_wait=wrong)


# Checks after a wait.


async def test_request_that_is_stale_after_its_wait_is_not_sent() -> None:
    stage = Stage("wait", 62)
    is_stale = False

    def recheck() -> None:
        if is_stale:
            raise TradingError("its deadline has passed")

    task = asyncio.create_task(stage.send("stale", recheck=recheck))
    other = asyncio.create_task(stage.send("fresh"))
    await asyncio.sleep(1)
    is_stale = True
    with pytest.raises(TradingError, match="deadline"):
        await task
    await other
    assert stage.passed == [("fresh", 3)]
    assert stage.count() == 60


@pytest.mark.parametrize("policy", ["report", "wait", "refuse"])
async def test_request_that_did_not_wait_is_not_checked_again(policy: str) -> None:
    stage = Stage(policy)
    await stage.send(recheck=lambda: pytest.fail("it was checked just before"))
    assert stage.count() == 1


async def test_request_that_only_waited_for_others_is_checked_again() -> None:
    stage = Stage("wait", 62)
    first = asyncio.create_task(stage.send("first"))
    checks: list[float] = []
    second = asyncio.create_task(stage.send("second", recheck=lambda: checks.append(stage.seconds)))
    await asyncio.sleep(1)
    stage.set(0)
    await asyncio.gather(first, second)
    assert checks == [3]


# The reserve for cancels.

CHANGES = [
    add(),
    batch(2),
    AmendOrderParams("O1", limit_price=1, symbol=BTC),
    EditOrderParams("O1", BTC, limit_price=1),
]


@pytest.mark.parametrize("params", CHANGES, ids=lambda params: params.METHOD)
async def test_reserve_is_kept_from_what_makes_and_changes_orders(params: Any) -> None:
    stage = Stage("refuse", reserve=20)
    cost = stage.counter.cost_of(params)[BTC]
    stage.counter._put(BTC, 40 - cost)
    assert stage.counter.headroom(BTC) == 20 + cost
    await stage.send(params=params)
    with pytest.raises(RateLimitExceeded) as refused:
        await stage.send(params=params)
    assert refused.value.headroom == 0
    assert refused.value.seconds == cost
    await stage.send(params=CancelOrderParams(order_id=["O1"]))
    assert stage.counter.seconds_until(BTC, 20) == 0


async def test_reserve_is_waited_for() -> None:
    stage = Stage("wait", 45, reserve=20)
    await stage.send("first")
    await stage.send("second")
    assert stage.passed == [("first", 6), ("second", 7)]


async def test_report_sends_in_spite_of_the_reserve() -> None:
    stage = Stage("report", reserve=60)
    await stage.send("first")
    assert stage.passed == [("first", 0)]


async def test_reserve_that_leaves_nothing_is_not_waited_for() -> None:
    stage = Stage("wait", reserve=60)
    with pytest.raises(RateLimitExceeded) as refused:
        await stage.send()
    assert refused.value.seconds == float("inf")


@pytest.mark.parametrize(
    ("reserve", "error"), [(-1, ValueError), ("x", ValueError), ([], TypeError)]
)
def test_reserve_must_be_a_number(reserve: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="rate_reserve"):
        RateCounter(Orders(), reserve=reserve)
