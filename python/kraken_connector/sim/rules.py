"""What a fault does to the messages that are about to leave."""

from __future__ import annotations

import asyncio
import random
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Generic, TypeAlias, TypeVar

from .requests import Role
from .session import Outgoing, Session

T = TypeVar("T")

Act: TypeAlias = Callable[[Session, T], list[T]]
"""Returns what goes on now in the place of a message, or of a request."""
Deliver: TypeAlias = Callable[[Session, T], object]
"""Sends a message, or lets a request arrive, past all faults."""


@dataclass(eq=False, slots=True)
class Counted:
    """A fault that happens so many times.

    Attributes:
        name: as in the log.
        times: how often at most; `None` is for ever.
        fired: how often so far.
    """

    name: str
    times: int | None = field(default=1, kw_only=True)
    fired: int = field(default=0, kw_only=True)

    @property
    def spent(self) -> bool:
        """Whether the rule does nothing any more."""
        return self.times is not None and self.fired >= self.times

    def cancel(self) -> None:
        """Do nothing any more."""
        self.times = self.fired


@dataclass(eq=False, slots=True)
class Rule(Counted, Generic[T]):
    """A fault on outgoing messages, or on requests that come in: which, what, and how often.

    Attributes:
        matches: whether a message is meant.
        act: what happens to it.
        host: the host whose connections are meant; `None` is all of them.
    """

    matches: Callable[[T], bool]
    act: Act[T]
    host: Role | None = field(default=None, kw_only=True)

    def meets(self, session: Session, item: T) -> bool:
        """Tell whether the rule acts on a message to a client, or on a client's request."""
        meant = not self.spent and session.connection.host.plays(self.host)
        return meant and self.matches(item)

    @property
    def is_over(self) -> bool:
        """Whether it can be forgotten."""
        return self.spent

    def apply(self, session: Session, item: T) -> list[T]:
        """Count and act."""
        self.fired += 1
        return self.act(session, item)


@dataclass(eq=False, slots=True)
class Held(Rule[T]):
    """Messages or requests that are on their way until they are let go.

    Attributes:
        deliver: how they arrive.
        held: those that are on their way.
    """

    deliver: Deliver[T] = field(kw_only=True)
    held: list[tuple[Session, T]] = field(default_factory=list, kw_only=True)

    def apply(self, session: Session, item: T) -> list[T]:
        """Keep it."""
        self.fired += 1
        self.held.append((session, item))
        return []

    def release(self) -> None:
        """Let them arrive in their order, and hold no more."""
        self.cancel()
        held, self.held = self.held, []
        for session, item in held:
            self.deliver(session, item)


@dataclass(eq=False, slots=True)
class Overtaken(Rule[T]):
    """Messages or requests that the next one of their connection overtakes.

    Attributes:
        deliver: how they arrive.
        passes: whether a message can overtake.
        wait: seconds after which one that nothing overtakes arrives all the same; `None` is never.
        waiting: the one of each connection that waits.
    """

    deliver: Deliver[T] = field(kw_only=True)
    passes: Callable[[T], bool] = field(kw_only=True)
    wait: float | None = field(kw_only=True)
    waiting: dict[Session, T] = field(default_factory=dict, kw_only=True)

    def meets(self, session: Session, item: T) -> bool:
        """Tell whether it is to be overtaken, or overtakes what waits."""
        # Named in full: a class made anew for its slots is not the one that `super()` means.
        return self._waits(session, item) or Rule.meets(self, session, item)

    def apply(self, session: Session, item: T) -> list[T]:
        """Let it wait, or go before the one that waits."""
        if self._waits(session, item):
            return [item, self.waiting.pop(session)]
        self.fired += 1
        self.waiting[session] = item
        if self.wait is not None:
            asyncio.get_running_loop().call_later(self.wait, self._give_up, session, item)
        return []

    @property
    def is_over(self) -> bool:
        """Whether it can be forgotten: nothing waits to be overtaken."""
        return self.spent and not self.waiting

    def _waits(self, session: Session, item: T) -> bool:
        return session in self.waiting and self.passes(item)

    def _give_up(self, session: Session, item: T) -> None:
        if self.waiting.get(session) is item:
            del self.waiting[session]
            self.deliver(session, item)


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


def transmit(session: Session, message: Outgoing) -> None:
    """Send a message, whatever faults there are."""
    session.connection.transmit(message)


def abort(session: Session, item: T) -> list[T]:
    """Let it not arrive, and reset the connection."""
    session.connection.abort()
    return []


def swallow(session: Session, item: T) -> list[T]:
    """Let it not arrive."""
    return []


def double(session: Session, item: T) -> list[T]:
    """Let it arrive twice."""
    return [item, item]


def truncate(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send the message without its end."""
    return [replace(message, payload=message.payload[:-3])]


def delay(seconds: float, deliver: Deliver[T]) -> Act[T]:
    """Let it arrive later; what is not delayed overtakes it, what is stays in order."""
    under_way: deque[tuple[Session, T]] = deque()

    def act(session: Session, item: T) -> list[T]:
        under_way.append((session, item))
        asyncio.get_running_loop().call_later(seconds, lambda: deliver(*under_way.popleft()))
        return []

    return act


def scatter(seconds: float, seed: int, deliver: Deliver[T]) -> Act[T]:
    """Let each arrive after a time of its own, up to so many seconds."""
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
    """Send the message with its checksum as a text."""
    payload = re.sub(rb'"checksum":(\d+)', rb'"checksum":"\1"', message.payload)
    return [replace(message, payload=payload)]


def spoil_qty(session: Session, message: Outgoing) -> list[Outgoing]:
    """Send the message with another last digit of its first quantity."""

    def spoil(found: re.Match[bytes]) -> bytes:
        return b"%s%d" % (found[1], (int(found[2]) + 1) % 10)

    payload = re.sub(rb'(qty":[\d.]*)(\d)', spoil, message.payload, count=1)
    return [replace(message, payload=payload)]
