"""When to subscribe to a stream again, and when to give it up.

Subscribing anew without a pause trips the exchange's message limit and the book then never
recovers, so attempts are paced. Those of a book are bounded: it says by itself that it cannot be
read. Those of a private stream are not, as a fill that does not arrive looks like no fill. Nor are
those of other streams: candles and trades that do not arrive look like a quiet market. Their pauses
grow longer, as a pair that never traded may have nothing to send, and each attempt interrupts what
does come. What is sent is the session's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .constants import BOOK_CHANNELS, PRIVATE_CHANNELS
from .subscriptions import Topic

__all__ = ["Resync", "ResyncPolicy"]

Phase = Literal["waiting", "unsubscribing", "subscribing", "snapshot", "done"]


@dataclass(eq=False, slots=True)
class Resync:
    """One stream that is asked for again.

    Attributes:
        topic: the stream.
        cause: `resync`, `sequence` or `disconnect`, as in `GapEvent`.
        since_ns: local time of the last trusted message, nanoseconds since the epoch.
        attempts: how often it was asked for.
        phase: what it waits for.
        deadline: until when: the next step in `waiting`, the end of patience otherwise.
    """

    topic: Topic
    cause: str
    since_ns: int
    attempts: int = 0
    phase: Phase = "waiting"
    deadline: float = 0.0


class ResyncPolicy:
    """The streams that are asked for again, and those that were lately.

    Args:
        attempts: how often a book is asked for before it is given up; other streams never are.
        pause: seconds before the second attempt; each further one waits twice as long.
        longest: seconds of the longest pause of a book or a private stream.
        longest_of_others: that of any other stream.
        forget_after: seconds after which a repaired stream counts as sound, so that its next
            failure is its first. One that keeps failing sooner adds up its attempts.
    """

    def __init__(
        self,
        attempts: int,
        *,
        pause: float = 0.5,
        longest: float = 30.0,
        longest_of_others: float = 600.0,
        forget_after: float = 60.0,
    ) -> None:
        self.limit = attempts
        self._pause = pause
        self._longest = longest
        self._longest_of_others = longest_of_others
        self._forget_after = forget_after
        self._entries: dict[Topic, Resync] = {}

    def __iter__(self) -> Iterator[Resync]:
        """Iterate over what is being repaired."""
        return (entry for entry in list(self._entries.values()) if entry.phase != "done")

    def get(self, topic: Topic) -> Resync | None:
        """Return the repair of a stream, if one is under way."""
        entry = self._entries.get(topic)
        return entry if entry is not None and entry.phase != "done" else None

    def entry(self, topic: Topic) -> Resync | None:
        """Return what is known about a stream, repaired ones included."""
        return self._entries.get(topic)

    def begin(
        self, topic: Topic, cause: str, since_ns: int, now: float, *, tried: int = 0
    ) -> Resync | None:
        """Plan the next attempt for a stream; `None` when it is to be given up.

        Args:
            topic: the stream.
            cause: as in `GapEvent`.
            since_ns: local time of the last trusted message, nanoseconds since the epoch.
            now: monotonic seconds.
            tried: attempts that were made elsewhere, as by the replay after a reconnect.
        """
        entry = self._entries.get(topic)
        if entry is None or (entry.phase == "done" and now > entry.deadline):
            entry = self._entries[topic] = Resync(topic, cause, since_ns, tried)
        elif entry.phase == "done":
            entry.cause, entry.since_ns = cause, since_ns
        if topic.channel in BOOK_CHANNELS and entry.attempts >= self.limit:
            return None
        entry.attempts += 1
        entry.phase = "waiting"
        entry.deadline = now + self._delay(topic, entry.attempts)
        return entry

    def finish(self, entry: Resync, now: float) -> None:
        """Note that a stream is sound again."""
        entry.phase = "done"
        entry.deadline = now + self._forget_after

    def forget(self, topic: Topic) -> None:
        """Drop a stream and its history: it was unsubscribed or given up."""
        self._entries.pop(topic, None)

    def clear(self) -> None:
        """Drop everything: a new connection begins with snapshots of everything."""
        self._entries.clear()

    def _delay(self, topic: Topic, attempt: int) -> float:
        if attempt == 1:
            return 0.0
        is_urgent = topic.channel in BOOK_CHANNELS or topic.channel in PRIVATE_CHANNELS
        longest = self._longest if is_urgent else self._longest_of_others
        # The exponent has a bound, as attempts of some streams have none.
        return min(self._pause * 2.0 ** min(attempt - 2, 64), longest)
