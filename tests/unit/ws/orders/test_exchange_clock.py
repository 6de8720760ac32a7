"""The estimate of the exchange's clock, on any network and with drifting clocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from kraken_connector.ws.base.exchange_clock import ExchangeClock

SECOND = 1_000_000_000
#: The exchange's time at local time 0, nanoseconds since the epoch.
EPOCH = 1_700_000_000 * SECOND
#: The exchange writes microseconds, and floats of seconds round too.
ROUNDING_NS = 2_000
#: By how much two clocks may drift apart while requests are under way, nanoseconds.
DRIFT_NS = 5_000_000


@dataclass
class Clocks:
    """A local clock that may drift and stand still, and the exchange's, which may be set.

    Attributes:
        true_ns: time that has passed.
        slept_ns: what of it the local clock did not count.
        drift_ppm: how much faster the local clock is, millionths.
        set_ns: by how much the exchange's was set forward.
    """

    drift_ppm: int
    true_ns: int = 0
    slept_ns: int = 0
    set_ns: int = 0

    @property
    def local(self) -> float:
        """Monotonic local seconds."""
        counted = self.true_ns - self.slept_ns
        return 1000.0 + (counted + counted * self.drift_ppm // 1_000_000) / SECOND

    @property
    def exchange_ns(self) -> int:
        """The exchange's time."""
        return EPOCH + self.true_ns + self.set_ns

    def wait(self, seconds: float) -> None:
        self.true_ns += int(seconds * SECOND)

    def sleep(self, seconds: float) -> None:
        """Let the machine sleep."""
        self.wait(seconds)
        self.slept_ns += int(seconds * SECOND)

    def text(self) -> str:
        seconds, rest = divmod(self.exchange_ns, SECOND)
        moment = datetime.fromtimestamp(seconds, UTC)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1000:06}Z"

    def request(
        self, clock: ExchangeClock, out: float, work: float, back: float, *, known: bool
    ) -> int:
        """Send a request and learn from its reply; return its local duration."""
        sent = self.local
        self.wait(out)
        time_in = self.text()
        self.wait(work)
        time_out = self.text()
        self.wait(back)
        clock.learn(time_in, time_out, sent if known else None, self.local)
        return int((self.local - sent) * SECOND)


LATENCY = st.floats(0.0001, 5.0)
EXCHANGES = st.tuples(LATENCY, st.floats(0.0, 0.1), LATENCY, st.booleans(), st.floats(0.0, 7200.0))
DRIFT = st.integers(-100, 100)


@given(DRIFT, st.lists(EXCHANGES, min_size=1, max_size=12))
def test_earliest_is_never_later_than_the_truth(
    drift: int, exchanges: list[tuple[float, float, float, bool, float]]
) -> None:
    clocks, clock = Clocks(drift), ExchangeClock()
    assert clock.earliest_ns(clocks.local) is None
    for out, work, back, known, pause in exchanges:
        clocks.request(clock, out, work, back, known=known)
        for seconds in (0.0, pause):
            clocks.wait(seconds)
            earliest = clock.earliest_ns(clocks.local)
            assert earliest is not None
            assert earliest <= clocks.exchange_ns + ROUNDING_NS


@given(
    DRIFT,
    st.lists(st.one_of(EXCHANGES, st.floats(0.0, 86_400.0)), min_size=1, max_size=12),
)
def test_earliest_is_never_later_than_the_truth_though_the_machine_slept(
    drift: int, events: list[tuple[float, float, float, bool, float] | float]
) -> None:
    clocks, clock = Clocks(drift), ExchangeClock()
    for event in events:
        if isinstance(event, float):
            clocks.sleep(event)
        else:
            out, work, back, known, pause = event
            clocks.request(clock, out, work, back, known=known)
            clocks.wait(pause)
        earliest = clock.earliest_ns(clocks.local)
        assert earliest is None or earliest <= clocks.exchange_ns + ROUNDING_NS


@given(DRIFT, st.lists(EXCHANGES, min_size=1, max_size=12))
def test_estimate_is_within_the_round_trip(
    drift: int, exchanges: list[tuple[float, float, float, bool, float]]
) -> None:
    clocks, clock = Clocks(drift), ExchangeClock()
    for out, work, back, _, pause in exchanges:
        trip = clocks.request(clock, out, work, back, known=True)
        estimate = clock.estimate_ns(clocks.local)
        assert estimate is not None
        assert abs(estimate - clocks.exchange_ns) <= trip + ROUNDING_NS
        clocks.wait(pause)


@given(DRIFT, EXCHANGES, st.floats(0.0, 86_400.0), st.tuples(LATENCY, LATENCY))
def test_estimate_is_within_the_round_trip_after_the_machine_slept(
    drift: int,
    before: tuple[float, float, float, bool, float],
    slept: float,
    after: tuple[float, float],
) -> None:
    clocks, clock = Clocks(drift), ExchangeClock()
    longest = clocks.request(clock, *before[:3], known=True)
    clocks.sleep(slept)
    longest = max(longest, clocks.request(clock, after[0], 0.0, after[1], known=True))
    estimate = clock.estimate_ns(clocks.local)
    assert estimate is not None
    assert abs(estimate - clocks.exchange_ns) <= longest + DRIFT_NS


@given(DRIFT, EXCHANGES, st.floats(-1.0, 1.0), st.lists(EXCHANGES, max_size=5))
def test_clock_that_was_set_is_known_again_within_a_round_trip(
    drift: int,
    before: tuple[float, float, float, bool, float],
    step: float,
    after: list[tuple[float, float, float, bool, float]],
) -> None:
    """Until a reply comes `earliest` is too late by the step, then by a round trip at most."""
    clocks, clock = Clocks(drift), ExchangeClock()
    longest = clocks.request(clock, *before[:3], known=True)
    clocks.set_ns = step_ns = int(step * SECOND)
    earliest = clock.earliest_ns(clocks.local)
    assert earliest is not None
    assert earliest <= clocks.exchange_ns + max(-step_ns, 0) + ROUNDING_NS
    for out, work, back, _, pause in after:
        longest = max(longest, clocks.request(clock, out, work, back, known=True))
        earliest, estimate = clock.earliest_ns(clocks.local), clock.estimate_ns(clocks.local)
        assert earliest is not None
        assert estimate is not None
        too_late = min(max(-step_ns, 0), longest)
        assert earliest <= clocks.exchange_ns + too_late + ROUNDING_NS
        assert abs(estimate - clocks.exchange_ns) <= longest + DRIFT_NS
        clocks.wait(pause)
