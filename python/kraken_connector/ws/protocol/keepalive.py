"""Whether a connection is alive: pings that want an answer, and a limit to silence.

Heartbeats cannot be subscribed to: they come by themselves with the first subscription to any
channel, while no channel has something to send (docs.kraken.com, page "Heartbeat"). So a connection
with a subscription on which nothing but pongs comes counts as silent. Should a host send no
heartbeats all the same, a quiet connection to it is given up twice and then left alone.
"""

from __future__ import annotations

import logging

from ...exceptions import ConnectionLost, HeartbeatTimeout, TransportError
from ..base.latency import LatencyHistogram

__all__ = ["Keepalive"]

logger = logging.getLogger(__name__)


class Keepalive:
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
    #: Sockets in a row that are given up although pongs come, if none of them had a heartbeat.
    BARREN = 2

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
        self._opened = 0.0
        self._has_beat = False
        self._barren = 0

    def opened(self, now: float) -> None:
        """Begin with a new socket."""
        self.heard = self._opened = now
        self._has_beat = False
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
            if now - self._opened > self._heartbeat_timeout:
                self._barren = 0
            self._fed = float("inf") if frames is None else now
        self._frames = frames

    def failure(self, url: str, now: float) -> TransportError | None:
        """Return why the connection counts as dead, if it does."""
        if self._paused:
            return None
        if now - self.heard >= self._heartbeat_timeout:
            return HeartbeatTimeout(url, now - self.heard)
        if now - self._fed >= self._heartbeat_timeout and self._wants_heartbeats(url):
            return HeartbeatTimeout(url, now - self._fed)
        if self._pong_due is not None and now >= self._pong_due:
            return ConnectionLost(url, f"no pong within {self._ping_timeout:g} s")
        return None

    def beat(self) -> None:
        """Take a heartbeat."""
        self._has_beat = True
        self._barren = 0

    def _wants_heartbeats(self, url: str) -> bool:
        """Tell whether to give up a socket without them."""
        if self._has_beat:
            return True
        if self._barren == self.BARREN:
            return False
        self._barren += 1
        if self._barren == self.BARREN:
            logger.warning("%s sends no heartbeats: pongs are enough from now on", url)
        return True

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
            self.round_trips.record(int(self.latency * 1e9))
            self._pong_due = None

    def excuse(self, now: float, grace: float) -> None:
        """Grant `grace` seconds more: what came meanwhile was not read yet."""
        self.heard = max(
            self.heard, now + min(grace, self._heartbeat_timeout) - self._heartbeat_timeout
        )
        self._fed = max(self._fed, self.heard)
        if self._pong_due is not None:
            self._pong_due = max(self._pong_due, now + grace)
