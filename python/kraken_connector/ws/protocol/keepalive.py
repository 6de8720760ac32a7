"""Whether a connection is alive: pings that must be answered, and a limit to silence.

Heartbeats start with the first subscription to any channel and come while no channel has data
(docs.kraken.com, page "Heartbeat"). So a connection with a subscription that receives nothing but
pongs counts as silent. After two sockets in a row without any heartbeat, pongs alone keep the
connection.
"""

from __future__ import annotations

import logging
from math import inf

from ...exceptions import ConnectionLost, HeartbeatTimeout, TransportError
from ..base.latency import LatencyHistogram

__all__ = ["Keepalive"]

logger = logging.getLogger(__name__)


class Keepalive:
    """Pings and silence of one connection. All times are monotonic seconds.

    Args:
        ping_interval: seconds between pings, which keep an idle connection open (docs.kraken.com,
            page "Ping").
        ping_timeout: seconds within which a ping must be answered.
        heartbeat_timeout: seconds of silence after which the connection counts as dead. Without
            other data the exchange sends about one heartbeat a second (page "Heartbeat").
    """

    #: Seconds; if a check is later than this, this process did not read in time.
    STALL = 0.1
    #: How many sockets in a row are dropped despite pongs, if none of them had a heartbeat.
    TRIES = 2

    def __init__(self, ping_interval: float, ping_timeout: float, heartbeat_timeout: float) -> None:
        self._ping_interval = ping_interval
        self._ping_timeout = ping_timeout
        self._heartbeat_timeout = heartbeat_timeout
        #: When the last frame came; the session sets it.
        self.heard = 0.0
        #: Seconds between the last ping and its pong, `None` before the first.
        self.latency: float | None = None
        #: Round trip times of all pings.
        self.round_trips = LatencyHistogram()
        self._ping_due = 0.0
        self._data_heard = inf
        self._frames: int | None = None
        self._paused = False
        self._pong_due: float | None = None
        self._pinged = 0.0
        self._opened = 0.0
        self._has_heartbeat = False
        self._without_heartbeat = 0

    def reset(self, now: float) -> None:
        """Begin with a new socket."""
        self.heard = self._opened = now
        self._has_heartbeat = False
        self._frames, self._data_heard = None, inf
        self._ping_due = now  # The pong gives an early estimate of the exchange's clock.
        self._pong_due = None
        self._paused = False

    def pause(self) -> None:
        """Stop all timeouts, as nothing is read; pings go on, to keep the connection open."""
        self._paused = True
        self._pong_due = None

    def resume(self, now: float, grace: float) -> None:
        """Start timeouts again, with at least `grace` seconds left."""
        self._paused = False
        self.excuse(now, grace)

    def deadline(self) -> float:
        """Return when the next check or ping is due."""
        if self._paused:
            return self._ping_due
        due = min(self._ping_due, self.heard + self._heartbeat_timeout)
        return due if self._pong_due is None else min(due, self._pong_due)

    def count_frames(self, frames: int | None, now: float) -> None:
        """Store the number of frames other than pongs; `None` if none are expected."""
        if frames != self._frames:
            if now - self._opened > self._heartbeat_timeout:
                self._without_heartbeat = 0
            self._data_heard = inf if frames is None else now
        self._frames = frames

    def failure(self, url: str, now: float) -> TransportError | None:
        """Return why the connection counts as dead, `None` if it is alive."""
        if self._paused:
            return None
        if now - self.heard >= self._heartbeat_timeout:
            return HeartbeatTimeout(url, now - self.heard)
        if now - self._data_heard >= self._heartbeat_timeout and self._wants_heartbeats(url):
            return HeartbeatTimeout(url, now - self._data_heard)
        if self._pong_due is not None and now >= self._pong_due:
            return ConnectionLost(url, f"no pong within {self._ping_timeout:g} s")
        return None

    def on_heartbeat(self) -> None:
        """Handle a heartbeat."""
        self._has_heartbeat = True
        self._without_heartbeat = 0

    def _wants_heartbeats(self, url: str) -> bool:
        """Return whether to drop a socket without heartbeats."""
        if self._has_heartbeat:
            return True
        if self._without_heartbeat == self.TRIES:
            return False
        self._without_heartbeat += 1
        if self._without_heartbeat == self.TRIES:
            logger.warning("%s sends no heartbeats: pongs are enough from now on", url)
        return True

    def start_ping(self, now: float) -> bool:
        """Return whether a ping must be sent now; unless paused, its timeout starts."""
        if now < self._ping_due:
            return False
        self._ping_due = now + self._ping_interval
        if self._pong_due is not None:
            return False
        if not self._paused:
            self._pinged = now
            self._pong_due = now + self._ping_timeout
        return True

    def ping_soon(self, now: float) -> None:
        """Make a ping due now."""
        self._ping_due = now

    def on_pong(self, now: float) -> None:
        """Handle the answer to a ping."""
        if self._pong_due is not None:
            self.latency = now - self._pinged
            self.round_trips.record(int(self.latency * 1e9))
            self._pong_due = None

    def excuse(self, now: float, grace: float) -> None:
        """Extend timeouts to `grace` seconds from now: received frames were not read yet."""
        self.heard = max(
            self.heard, now + min(grace, self._heartbeat_timeout) - self._heartbeat_timeout
        )
        self._data_heard = max(self._data_heard, self.heard)
        if self._pong_due is not None:
            self._pong_due = max(self._pong_due, now + grace)
