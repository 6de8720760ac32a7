"""`RateLimiter` by tier, in a time that the tests set, and `ResilienceConfig`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from kraken_connector import KrakenTier, RateLimiter, ResilienceConfig, resilience

#: Size and tokens per second (docs.kraken.com, guide "Spot REST rate limits").
TIERS = {"starter": (15, 0.33), "intermediate": (20, 0.5), "pro": (20, 1.0)}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that only sleeping and the test move; `slept` has the pauses."""
    clock = SimpleNamespace(now=1000.0, slept=[])

    def sleep(seconds: float) -> None:
        clock.slept.append(seconds)
        clock.now += seconds

    times = SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep)
    monkeypatch.setattr(resilience, "time", times)
    return clock


@pytest.mark.parametrize("tier", TIERS)
def test_calls_wait_when_the_bucket_of_the_tier_is_empty(tier: str, clock: SimpleNamespace) -> None:
    size, per_second = TIERS[tier]
    limiter = RateLimiter.from_tier(KrakenTier(tier))
    for _ in range(size):
        with limiter.acquire():
            pass
    assert clock.slept == []
    for cost in (1.0, 2.0):
        with limiter.acquire(cost):
            pass
    assert clock.slept == pytest.approx([1 / per_second, 2 / per_second])


@pytest.mark.virtual_time
@pytest.mark.parametrize("tier", TIERS)
async def test_tasks_wait_in_the_order_in_which_they_came(tier: str) -> None:
    size, per_second = TIERS[tier]
    limiter = RateLimiter.from_tier(KrakenTier(tier))
    loop = asyncio.get_running_loop()
    start, served = loop.time(), []

    async def call(number: int) -> None:
        async with limiter.async_acquire():
            served.append((number, loop.time() - start))

    await asyncio.gather(*(call(number) for number in range(size + 3)))
    assert [number for number, _ in served] == list(range(size + 3))
    waits = [0.0] * size + [(number + 1) / per_second for number in range(3)]
    assert [at for _, at in served] == pytest.approx(waits)


@pytest.mark.virtual_time
async def test_cancelled_task_gives_its_tokens_back() -> None:
    limiter = RateLimiter(1.0, 1.0)
    loop = asyncio.get_running_loop()
    async with limiter.async_acquire():
        start = loop.time()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5), limiter.async_acquire():
            pytest.fail("there was a token")
    async with limiter.async_acquire():
        assert loop.time() - start == pytest.approx(1.0)


def test_interrupted_thread_gives_its_tokens_back(
    clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiter = RateLimiter(1.0, 1.0)
    with limiter.acquire():
        pass

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    sleep = resilience.time.sleep
    monkeypatch.setattr(resilience.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt), limiter.acquire():
        pass
    monkeypatch.setattr(resilience.time, "sleep", sleep)
    with limiter.acquire():
        pass
    assert clock.slept == [1.0]


def test_bucket_does_not_grow_beyond_its_size(clock: SimpleNamespace) -> None:
    limiter = RateLimiter(2.0, 1.0)
    clock.now += 3600
    for _ in range(3):
        with limiter.acquire():
            pass
    assert clock.slept == [1.0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: RateLimiter(0.0, 1.0),
        lambda: RateLimiter(1.0, 0.0),
        lambda: RateLimiter(float("nan"), 1.0),
        lambda: RateLimiter.from_tier("gold"),  # type: ignore[arg-type]
    ],
)
def test_wrong_figures_are_refused(make: Callable[[], RateLimiter]) -> None:
    with pytest.raises(ValueError, match=r"positive|gold"):
        make()


@pytest.mark.parametrize("cost", [-1.0, float("inf"), float("nan")])
def test_wrong_cost_is_refused(cost: float) -> None:
    limiter = RateLimiter(2.0, 1.0)
    with pytest.raises(ValueError, match="cost must be 0 or more"), limiter.acquire(cost):
        pass


def test_cost_above_the_size_of_the_bucket_waits_for_what_is_missing(
    clock: SimpleNamespace,
) -> None:
    with RateLimiter(2.0, 0.5).acquire(3.0):
        assert clock.slept == [2.0]


def test_pauses_between_retries_double_up_to_the_longest() -> None:
    config = ResilienceConfig(max_retries=5, backoff_base=1.0, backoff_max=5.0)
    request = resilience.httpx.Request("GET", "https://exchange.test")
    error = resilience.httpx.ConnectError("refused")
    pauses = [resilience._pause(config, attempt, request, error) for attempt in range(6)]
    assert pauses == [1.0, 2.0, 4.0, 5.0, 5.0, None]
