"""What a fault does to the messages that are about to leave."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from .requests import Role
from .session import Outgoing, Session

Act: TypeAlias = Callable[[Session, Outgoing], list[Outgoing]]
"""Returns what leaves now in the message's place."""


@dataclass(eq=False, slots=True)
class Rule:
    """A fault on messages: which, what, and how often.

    Attributes:
        name: as in the log.
        matches: whether a message is meant.
        act: what happens to it.
        times: how often at most; `None` is for ever.
        host: the host whose connections are meant; `None` is all of them.
        fired: how often so far.
    """

    name: str
    matches: Callable[[Outgoing], bool]
    act: Act
    times: int | None = 1
    host: Role | None = None
    fired: int = 0

    @property
    def spent(self) -> bool:
        """Whether the rule does nothing any more."""
        return self.times is not None and self.fired >= self.times

    def meets(self, session: Session, message: Outgoing) -> bool:
        """Tell whether the rule acts on a message to a client."""
        meant = not self.spent and session.connection.host.plays(self.host)
        return meant and self.matches(message)

    def cancel(self) -> None:
        """Do nothing any more."""
        self.times = self.fired

    def apply(self, session: Session, message: Outgoing) -> list[Outgoing]:
        """Count and act."""
        self.fired += 1
        return self.act(session, message)


@dataclass(eq=False, slots=True)
class Countdown:
    """What comes about when enough messages have left.

    Attributes:
        left: how many still have to.
        matches: which count.
        act: what comes about.
        host: the host whose connections count; `None` is all of them.
    """

    left: int
    matches: Callable[[Outgoing], bool]
    act: Callable[[], object]
    host: Role | None = None

    def cancel(self) -> None:
        """Let nothing come about."""
        self.left = 0

    def count(self, session: Session, message: Outgoing) -> bool:
        """Count a message, and tell whether it was the last."""
        counts = session.connection.host.plays(self.host) and self.matches(message)
        if self.left and counts:
            self.left -= 1
            return self.left == 0
        return False


def data(channel: str, symbol: str | None, *, type: str = "update") -> Callable[[Outgoing], bool]:
    """Match channel messages of one symbol, or of all."""

    def matches(message: Outgoing) -> bool:
        return (
            message.kind == "data"
            and message.channel == channel
            and message.type == type
            and symbol in (None, message.symbol)
        )

    return matches


def kind(name: str) -> Callable[[Outgoing], bool]:
    """Match a family of messages."""
    return lambda message: message.kind == name


def reply(method: str | None) -> Callable[[Outgoing], bool]:
    """Match replies to one order method, or to all."""
    return lambda message: message.kind == "reply" and method in (None, message.method)


def abort(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send nothing, and reset the connection."""
    session.connection.abort()
    return []


def swallow(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send nothing."""
    return []


def double(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send the message twice."""
    return [message, message]


def truncate(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send the message without its end."""
    return [replace(message, payload=message.payload[:-3])]


def delay(seconds: float) -> Act:
    """Send the message later; what is sent meanwhile overtakes it."""

    def act(session: Session, message: Outgoing) -> list[Outgoing]:
        asyncio.get_running_loop().call_later(seconds, session.connection.transmit, message)
        return []

    return act


def spoil_checksum(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send the message with a checksum that is off by one bit."""

    def spoil(found: re.Match[bytes]) -> bytes:
        return b'"checksum":%d' % (int(found[1]) ^ 1)

    return [replace(message, payload=re.sub(rb'"checksum":(\d+)', spoil, message.payload))]


def drop_checksum(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send the message without its checksum."""
    return [replace(message, payload=re.sub(rb',"checksum":\d+', b"", message.payload))]


def quote_checksum(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send the message with its checksum as a text."""
    payload = re.sub(rb'"checksum":(\d+)', rb'"checksum":"\1"', message.payload)
    return [replace(message, payload=payload)]


def spoil_qty(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send the message with another last digit of its first quantity."""

    def spoil(found: re.Match[bytes]) -> bytes:
        return b"%s%d" % (found[1], (int(found[2]) + 1) % 10)

    payload = re.sub(rb'(qty":[\d.]*)(\d)', spoil, message.payload, count=1)
    return [replace(message, payload=payload)]


@dataclass(eq=False, slots=True)
class Swap:
    """Send two messages of a connection in the wrong order."""

    _held: dict[Session, Outgoing] = field(default_factory=dict)

    def __call__(self, session: Session, message: Outgoing) -> list[Outgoing]:
        """Hold the first message back until the second has left."""
        if session not in self._held:
            self._held[session] = message
            return []
        return [message, self._held.pop(session)]
