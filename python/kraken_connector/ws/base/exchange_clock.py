"""The exchange's clock, estimated from the timestamps of its replies.

Every reply has the time at which the exchange received the request (`time_in`) and sent the reply
(`time_out`; README of the protocol, "Response envelope"). Together with the local times of sending
and receiving they bound the difference of the two clocks from both sides.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from ...models.timestamps import timestamp_ns

__all__ = ["SECOND_NS", "ExchangeClock", "milliseconds_json", "nanoseconds"]

SECOND_NS = 1_000_000_000
#: Nanoseconds per second by which two clocks may drift apart: far more than quartz clocks do.
DRIFT_NS = 200_000


def nanoseconds(seconds: float) -> int:
    """Return seconds of a monotonic clock as nanoseconds."""
    return int(seconds * SECOND_NS)


class ExchangeClock:
    """The exchange's time at any local time, with a lower bound.

    Local times are monotonic seconds, times of the exchange nanoseconds since the epoch. The wall
    clock of this machine is not used, so it may be wrong or jump.
    """

    def __init__(self) -> None:
        #: Bounds of the exchange's time minus the local time, each with its local time in ns.
        self._lower: tuple[int, int] | None = None
        self._upper: tuple[int, int] | None = None
        self._offset_ns: int | None = None

    def learn(
        self, time_in: str | None, time_out: str | None, sent: float | None, received: float
    ) -> None:
        """Update the bounds with the times of a reply.

        Args:
            time_in: RFC 3339 time at which the exchange received the request.
            time_out: RFC 3339 time at which the exchange sent the reply.
            sent: local time of sending the request, `None` if unknown.
            received: local time of receiving the reply.
        """
        in_ns = timestamp_ns(time_in)
        out_ns = timestamp_ns(time_out) or in_ns
        now_ns = nanoseconds(received)
        if out_ns is not None:
            least = out_ns - now_ns
            if self._lower is None or least >= self._aged(self._lower, now_ns, -DRIFT_NS):
                self._lower = least, now_ns
        if in_ns is not None and sent is not None:
            most = in_ns - nanoseconds(sent)
            if self._upper is None or most <= self._aged(self._upper, now_ns, DRIFT_NS):
                self._upper = most, now_ns
        self._resolve_contradiction(out_ns, now_ns)
        known = [bound[0] for bound in (self._lower, self._upper) if bound is not None]
        self._offset_ns = sum(known) // len(known) if known else None

    def earliest_ns(self, now: float) -> int | None:
        """Return the lower bound of the exchange's time; `None` before the first reply."""
        now_ns = nanoseconds(now)
        if self._lower is None:
            return None
        return now_ns + self._aged(self._lower, now_ns, -DRIFT_NS)

    def latest_ns(self, now: float) -> int | None:
        """Return the upper bound of the exchange's time; `None` before the first reply."""
        now_ns = nanoseconds(now)
        if self._upper is None:
            return None
        return now_ns + self._aged(self._upper, now_ns, DRIFT_NS)

    def estimate_ns(self, now: float) -> int | None:
        """Return the best estimate of the exchange's time; `None` before the first reply."""
        return None if self._offset_ns is None else nanoseconds(now) + self._offset_ns

    def _aged(self, bound: tuple[int, int], now_ns: int, drift_ns: int) -> int:
        """Return a bound, loosened by the drift since it was found."""
        offset, since_ns = bound
        return offset + drift_ns * max(now_ns - since_ns, 0) // SECOND_NS

    def _resolve_contradiction(self, out_ns: int | None, now_ns: int) -> None:
        """Drop the bound that a newer reply disproves: a clock was set, or the machine slept."""
        if self._lower is None or self._upper is None or self._lower[0] <= self._upper[0]:
            return
        if self._lower[1] == now_ns and self._upper[1] != now_ns:
            self._upper = None
        elif out_ns is not None:
            self._lower = out_ns - now_ns, now_ns


def milliseconds_json(at_ns: int) -> bytes:
    """Return a time as JSON, RFC 3339 with milliseconds (page "Add Order", `deadline`)."""
    seconds, rest = divmod(at_ns, SECOND_NS)
    return b'"%b.%03dZ"' % (_second(seconds), rest // 1_000_000)


@lru_cache(maxsize=8)
def _second(seconds: int) -> bytes:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()
