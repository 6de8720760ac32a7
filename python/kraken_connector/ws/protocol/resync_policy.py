"""When to subscribe to a stream again, and when to give it up.

Attempts are paced: without pauses they would exceed the exchange's message limit, and the book
would never recover. The number of attempts is limited for books only, because a quarantined book
raises when it is read. A private stream is never given up, because a missing fill looks like no
fill; neither are other streams, because missing candles and trades look like a quiet market. Their
pauses grow longest: a pair that never traded may have nothing to send, and each attempt interrupts
what does come. `resync.py` sends the messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..base.streams import ACCOUNT_CHANNELS
from ..constants import BOOK_CHANNELS
from .registry import Topic

__all__ = ["Resync", "ResyncPolicy"]

Phase = Literal["waiting", "unsubscribing", "subscribing", "snapshot", "done"]


@dataclass(eq=False, slots=True)
class Resync:
    """The resync of one stream.

    Attributes:
        topic: the stream.
        cause: `resync`, `sequence` or `disconnect`, as in `GapEvent`.
        since_ns: local time of the last trusted message, nanoseconds since the epoch.
        attempts: the number of attempts so far.
        phase: the answer or message it waits for; `waiting` for the next attempt.
        deadline: when the next attempt is due or, in other phases, the answer is overdue.
    """

    topic: Topic
    cause: str
    since_ns: int
    attempts: int = 0
    phase: Phase = "waiting"
    deadline: float = 0.0


class ResyncPolicy:
    """The resyncs under way, and those that ended a short time ago.

    Args:
        attempts: number of attempts after which a book is given up; other streams never are.
    """

    #: Seconds before the second attempt; the pause doubles with each further one.
    PAUSE = 0.5
    #: The longest pause in seconds of a book or a private stream, and of any other stream.
    LONGEST, LONGEST_OF_OTHERS = 30.0, 600.0
    #: Seconds after which the attempts of a resynced stream are forgotten. If it fails again
    #: sooner, they add up.
    FORGET_AFTER = 60.0

    def __init__(self, attempts: int) -> None:
        self.limit = attempts
        self._entries: dict[Topic, Resync] = {}

    def __iter__(self) -> Iterator[Resync]:
        """Iterate over the resyncs under way."""
        return (entry for entry in list(self._entries.values()) if entry.phase != "done")

    def get(self, topic: Topic) -> Resync | None:
        """Return the resync of a stream, `None` if none is under way."""
        entry = self._entries.get(topic)
        return entry if entry is not None and entry.phase != "done" else None

    def entry(self, topic: Topic) -> Resync | None:
        """Return the resync of a stream, even if it has ended."""
        return self._entries.get(topic)

    def begin(
        self, topic: Topic, cause: str, since_ns: int, now: float, *, tried: int = 0
    ) -> Resync | None:
        """Plan the next attempt for a stream; return `None` if it must be given up.

        `cause` and `since_ns` are those of `Resync`; `tried` is the number of attempts made before,
        as by the replay after a reconnect.
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
        """Record that a stream is resynced."""
        entry.phase = "done"
        entry.deadline = now + self.FORGET_AFTER

    def forget(self, topic: Topic) -> None:
        """Forget a stream and its attempts: it was unsubscribed or given up."""
        self._entries.pop(topic, None)

    def clear(self) -> None:
        """Forget all streams: a new socket begins with snapshots."""
        self._entries.clear()

    def _delay(self, topic: Topic, attempt: int) -> float:
        if attempt == 1:
            return 0.0
        is_urgent = topic.channel in BOOK_CHANNELS or topic.channel in ACCOUNT_CHANNELS
        longest = self.LONGEST if is_urgent else self.LONGEST_OF_OTHERS
        # Limit the exponent, as the attempts of some streams have no limit.
        return min(self.PAUSE * 2.0 ** min(attempt - 2, 64), longest)
