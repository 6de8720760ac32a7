"""Whether a connection is alive: pings that want an answer, and a limit to silence."""

from __future__ import annotations

from ..exceptions import ConnectionLost, HeartbeatTimeout, TransportError
from .latency import LatencyHistogram

__all__ = ["Liveness"]


class Liveness:
    """Ping, pong and watchdog of one connection; all times in seconds of one monotonic clock.

    Args:
        ping_interval: between pings; they keep an idle connection open (docs.kraken.com, page
            "Ping").
        ping_timeout: until a ping must be answered.
        heartbeat_timeout: of silence until the connection counts as dead. The exchange sends a
            heartbeat about once a second when there is nothing else (page "Heartbeat").
    """

    #: How much a check may come late before we were the ones who did not listen.
    STALL = 0.1

    def __init__(self, ping_interval: float, ping_timeout: float, heartbeat_timeout: float) -> None:
        self._ping_interval = ping_interval
        self._ping_timeout = ping_timeout
        self._heartbeat_timeout = heartbeat_timeout
        #: When the last frame came; whoever reads frames sets it.
        self.heard = 0.0
        #: Seconds between the last ping and its pong, `None` before the first.
        self.latency: float | None = None
        #: What all pings took.
        self.round_trips = LatencyHistogram()
        self._ping_due = 0.0
        self._fed = float("inf")
        self._frames: int | None = None
        self._paused = False
        self._pong_due: float | None = None
        self._pinged = 0.0

    def opened(self, now: float) -> None:
        """Begin with a new socket."""
        self.heard = now
        self._frames, self._fed = None, float("inf")
        self._ping_due = now  # Its pong tells early what time it is at the exchange.
        self._pong_due = None
        self._paused = False

    def pause(self) -> None:
        """Judge nothing for a while, as nothing is read; pings go on, so that it stays open."""
        self._paused = True
        self._pong_due = None

    def resume(self, now: float, grace: float) -> None:
        """Judge again, `grace` seconds from now at the earliest."""
        self._paused = False
        self.excuse(now, grace)

    def deadline(self) -> float:
        """Return when to look next."""
        if self._paused:
            return self._ping_due
        due = min(self._ping_due, self.heard + self._heartbeat_timeout)
        return due if self._pong_due is None else min(due, self._pong_due)

    def count(self, frames: int | None, now: float) -> None:
        """Note how many frames came that are no pongs; `None` where none need come.

        An exchange that answers pings and sends nothing else is as good as silent.
        """
        if frames != self._frames:
            self._fed = float("inf") if frames is None else now
        self._frames = frames

    def failure(self, url: str, now: float) -> TransportError | None:
        """Return why the connection counts as dead, if it does."""
        if self._paused:
            return None
        silence = now - min(self.heard, self._fed)
        if silence >= self._heartbeat_timeout:
            return HeartbeatTimeout(url, silence)
        if self._pong_due is not None and now >= self._pong_due:
            return ConnectionLost(url, f"no pong within {self._ping_timeout:g} s")
        return None

    def wants_ping(self, now: float) -> bool:
        """Tell whether to send a ping now; if so it counts as sent."""
        if now < self._ping_due:
            return False
        self._ping_due = now + self._ping_interval
        if self._pong_due is not None:
            return False
        if not self._paused:
            self._pinged = now
            self._pong_due = now + self._ping_timeout
        return True

    def pong(self, now: float) -> None:
        """Take the answer to a ping."""
        if self._pong_due is not None:
            self.latency = now - self._pinged
            self.round_trips.note(int(self.latency * 1e9))
            self._pong_due = None

    def excuse(self, now: float, grace: float) -> None:
        """Grant `grace` seconds more: what came meanwhile was not read yet."""
        self.heard = max(
            self.heard, now + min(grace, self._heartbeat_timeout) - self._heartbeat_timeout
        )
        self._fed = max(self._fed, self.heard)
        if self._pong_due is not None:
            self._pong_due = max(self._pong_due, now + grace)
