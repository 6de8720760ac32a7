"""Rules: what a fault does to messages before they are sent, and to requests that arrive."""

from __future__ import annotations

import asyncio
import random
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeAlias, TypeVar

from .requests import Role
from .session import Session
from .writer import Outgoing

T = TypeVar("T")

Act: TypeAlias = Callable[[Session, T], list[T]]
"""Returns the messages that are sent now, or the requests that arrive now, instead of one."""
Deliver: TypeAlias = Callable[[Session, T], object]
"""Sends a message, or lets a request arrive, past all faults."""


@dataclass(eq=False, slots=True)
class Counted:
    """A fault that acts a number of times.

    Attributes:
        name: as in the log.
        times: how often at most; `None` is without a limit.
        fired: how often so far.
    """

    name: str
    times: int | None = field(default=1, kw_only=True)
    fired: int = field(default=0, kw_only=True)

    @property
    def spent(self) -> bool:
        """Whether the fault has acted as often as it may."""
        return self.times is not None and self.fired >= self.times

    def cancel(self) -> None:
        """End the fault."""
        self.times = self.fired


@dataclass(eq=False, slots=True)
class Rule(Counted, Generic[T]):
    """A fault on outgoing messages, or on requests that arrive.

    Attributes:
        matches: whether it acts on a message.
        act: what it does to the message.
        host: the host on whose connections it acts; `None` is all of them.
    """

    matches: Callable[[T], bool]
    act: Act[T]
    host: Role | None = field(default=None, kw_only=True)

    def meets(self, session: Session, item: T) -> bool:
        """Return whether the rule acts on a message to a client, or on a client's request."""
        in_force = not self.spent and session.connection.host.plays(self.host)
        return in_force and self.matches(item)

    @property
    def is_over(self) -> bool:
        """Whether the rule can be removed."""
        return self.spent

    def apply(self, session: Session, item: T) -> list[T]:
        """Act, and count it."""
        self.fired += 1
        return self.act(session, item)


def swallow(session: Session, item: T) -> list[T]:
    """Drop it."""
    return []


@dataclass(eq=False, slots=True)
class Held(Rule[T]):
    """Holds messages or requests until `release()`.

    Attributes:
        deliver: delivers one that was held.
        held: those held so far, in order.
    """

    act: Act[T] = field(default=swallow, kw_only=True)
    deliver: Deliver[T] = field(kw_only=True)
    held: list[tuple[Session, T]] = field(default_factory=list, kw_only=True)

    def apply(self, session: Session, item: T) -> list[T]:
        """Hold a message or request."""
        self.fired += 1
        self.held.append((session, item))
        return []

    def release(self) -> None:
        """Deliver all that is held, in order, and hold no more."""
        self.cancel()
        held, self.held = self.held, []
        for session, item in held:
            self.deliver(session, item)


@dataclass(eq=False, slots=True)
class Overtaken(Rule[T]):
    """Lets the next message or request of the same connection overtake one.

    Attributes:
        deliver: delivers one that nothing overtook in time.
        passes: whether a message can overtake.
        wait: seconds until one is delivered that nothing overtakes; `None` is never.
        waiting: the message or request to be overtaken, by connection.
    """

    act: Act[T] = field(default=swallow, kw_only=True)
    deliver: Deliver[T] = field(kw_only=True)
    passes: Callable[[T], bool] = field(kw_only=True)
    wait: float | None = field(kw_only=True)
    waiting: dict[Session, T] = field(default_factory=dict, kw_only=True)

    def meets(self, session: Session, item: T) -> bool:
        """Return whether it is to be overtaken, or overtakes another."""
        # `super()` does not work here: `slots=True` replaces the class that it refers to.
        return self._overtakes(session, item) or Rule.meets(self, session, item)

    def apply(self, session: Session, item: T) -> list[T]:
        """Let it wait, or deliver it before the one that waits."""
        if self._overtakes(session, item):
            return [item, self.waiting.pop(session)]
        self.fired += 1
        self.waiting[session] = item
        if self.wait is not None:
            asyncio.get_running_loop().call_later(self.wait, self._give_up, session, item)
        return []

    @property
    def is_over(self) -> bool:
        """Whether the rule can be removed: it is spent and nothing waits."""
        return self.spent and not self.waiting

    def _overtakes(self, session: Session, item: T) -> bool:
        return session in self.waiting and self.passes(item)

    def _give_up(self, session: Session, item: T) -> None:
        if self.waiting.get(session) is item:
            del self.waiting[session]
            self.deliver(session, item)


@dataclass(eq=False, slots=True)
class Countdown:
    """Does something after a number of messages.

    Attributes:
        left: how many messages are still to come.
        matches: whether a message counts.
        act: what happens then.
        host: the host whose connections count; `None` is all of them.
    """

    left: int
    matches: Callable[[Outgoing], bool]
    act: Callable[[], object]
    host: Role | None = None

    def cancel(self) -> None:
        """End the countdown; nothing happens."""
        self.left = 0

    def count(self, session: Session, message: Outgoing) -> bool:
        """Count a message, and return whether it was the last one."""
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


def transmit(session: Session, message: Outgoing) -> None:
    """Send a message, past all faults."""
    session.connection.transmit(message)


def abort(session: Session, item: T) -> list[T]:
    """Drop it, and reset the connection."""
    session.connection.abort()
    return []


def double(session: Session, item: T) -> list[T]:
    """Deliver it twice."""
    return [item, item]


def truncate(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send the message without its end."""
    return [replace(message, payload=message.payload[:-3])]


def delay(seconds: float, deliver: Deliver[T]) -> Act[T]:
    """Deliver each `seconds` later, in order; those that are not delayed overtake it."""
    delayed: deque[tuple[Session, T]] = deque()

    def act(session: Session, item: T) -> list[T]:
        delayed.append((session, item))
        asyncio.get_running_loop().call_later(seconds, lambda: deliver(*delayed.popleft()))
        return []

    return act


def scatter(seconds: float, seed: int, deliver: Deliver[T]) -> Act[T]:
    """Deliver each after a random time of up to `seconds`."""
    chance = random.Random(seed)

    def act(session: Session, item: T) -> list[T]:
        loop = asyncio.get_running_loop()
        loop.call_later(chance.uniform(0, seconds), deliver, session, item)
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
    """Send the message with its checksum as a string."""
    payload = re.sub(rb'"checksum":(\d+)', rb'"checksum":"\1"', message.payload)
    return [replace(message, payload=payload)]


def spoil_qty(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send the message with another last digit of its first quantity."""

    def spoil(found: re.Match[bytes]) -> bytes:
        return b"%s%d" % (found[1], (int(found[2]) + 1) % 10)

    payload = re.sub(rb'(qty":[\d.]*)(\d)', spoil, message.payload, count=1)
    return [replace(message, payload=payload)]
