"""Counts of the messages in a recording."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ..models import BookChecksumEvent, InvalidFrameEvent, WSErrorResponse, WSResponse
from ..ws import WSDataMessage


class Flaw(NamedTuple):
    """A line of the file that failed.

    Attributes:
        line: its number, from 1.
        what: the reason.
    """

    line: int
    what: str


@dataclass
class Tally:
    """Counts over the frames of a file.

    Attributes:
        frames: lines fed, except blank ones.
        seconds: time spent in the engine.
        kinds: messages by kind, such as `book update` or `heartbeat`.
        flaws: checksums that did not match and frames that could not be read.
        verified: book messages whose checksum matched.
        mismatches: book messages whose checksum did not match.
        unverified: book messages for a book without a verified snapshot.
    """

    frames: int = 0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    flaws: list[Flaw] = field(default_factory=list)
    verified: int = 0
    mismatches: int = 0
    unverified: int = 0

    @property
    def holds(self) -> bool:
        """Whether every line could be read and every book message was verified."""
        return not self.flaws and not self.unverified

    @property
    def messages(self) -> int:
        """Messages of all kinds."""
        return self.kinds.total()

    def add(self, line: int, events: Iterable[object]) -> None:
        """Count the events of one frame."""
        mismatch = False
        for event in events:
            if isinstance(event, BookChecksumEvent):
                mismatch = True
                self.mismatches += 1
                self.flaws.append(Flaw(line, _mismatch(event)))
            elif isinstance(event, InvalidFrameEvent):
                self.flaws.append(Flaw(line, f"unreadable at byte {event.offset}: {event.kind}"))
            elif isinstance(event, WSDataMessage):
                self.kinds[f"{event.channel} {event.type}"] += 1
                self.verified += event.verified is True
                self.unverified += event.verified is False and not mismatch
            elif isinstance(event, WSResponse | WSErrorResponse):
                outcome = "ack" if isinstance(event, WSResponse) else "refused"
                self.kinds[f"{event.method} {outcome}"] += 1
            elif isinstance(channel := getattr(event, "channel", "pong"), str):
                self.kinds[channel] += 1


def _mismatch(event: BookChecksumEvent) -> str:
    if event.expected is None:
        return f"{event.symbol} came without a checksum"
    return (
        f"{event.symbol} does not match: the exchange says {event.expected}, "
        f"the book gives {event.computed}"
    )
