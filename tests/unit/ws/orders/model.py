"""A small world around one order, and every way that its events can follow each other.

The exchange, the network and what `Orders` does are tables and a few numbers; what is known of the
order is a real `Life`. A state is a tuple, so that it can be kept in a set; the life in it is a
number of `Lives`, which calls the methods of `Life` once for each state that it can be in.

What the world promises, each with its source:

- A request is taken once at most, and not after its deadline (page "Add Order"). It may vanish, and
  it may arrive after its socket was lost.
- Answers come in any order and may vanish with their socket. A certain refusal is true. After an
  uncertain one the order may live.
- Reports and snapshots come from one feed, which may be behind answers, but is less than the slack
  behind when the slack after the deadline is over. Reports come in sequence. A gap is noticed by
  the next message, a lost socket at once.
- A snapshot is built after it was asked for, may come in two parts, and names each fill's order. More
  than fifty fills of others may push older ones out of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from kraken_connector.ws.orders.life import DONE, FINAL, OPEN, RANKS, Life

__all__ = ["Found", "Lives", "Rules", "State", "World", "explore"]

# What the exchange's engine has. `MADE` and what follows are in the order of the reports.
NONE, PENDING, NEW, PARTLY, ALL, CANCELED, PARTLY_CANCELED, FILLED = range(8)
LIVE = (PENDING, NEW, PARTLY)
#: Fills by what the engine has.
FILLS = (0, 0, 0, 1, 2, 0, 1, 2)
#: How the feed follows the engine: the next of its steps on the way to each state.
STEPS = {
    PENDING: {NONE: PENDING},
    NEW: {NONE: PENDING, PENDING: NEW},
    PARTLY: {NONE: PENDING, PENDING: NEW, NEW: PARTLY},
    ALL: {NONE: PENDING, PENDING: NEW, NEW: PARTLY, PARTLY: ALL, ALL: FILLED},
    CANCELED: {NONE: PENDING, PENDING: NEW, NEW: CANCELED},
    PARTLY_CANCELED: {NONE: PENDING, PENDING: NEW, NEW: PARTLY, PARTLY: PARTLY_CANCELED},
}
#: Messages of the stream: a report that shows what the feed has, or one of these.
AMENDED, OTHER, GAP = 8, 9, 10
#: From here on they are parts of snapshots: two bits of the listed state, two bits of the number of
#: fills, whether fills were pushed out, and whether another part follows.
PART, LISTED, FILLS_AT, PUSHED, MORE = 64, 3, 2, 16, 32
STATUS = {
    PENDING: "pending_new",
    NEW: "new",
    PARTLY: "partially_filled",
    ALL: "partially_filled",
    FILLED: "filled",
    CANCELED: "canceled",
    PARTLY_CANCELED: "canceled",
}

#: A request: not sent, on its way by the socket or after its loss, dealt with or vanished.
UNSENT, AWAY, ASTRAY, OVER = range(4)
#: Answers on their way, and requests that wait for one.
ACK, REFUSAL, ERROR, CANCEL_ACK, CANCEL_REFUSAL, AMEND_ACK, AMEND_REFUSAL = (1 << n for n in range(7))
ADDING, CANCELING, AMENDING = 1, 2, 4
#: The subscription: no socket, socket, asked for, active, ended to be asked for again.
NO_SOCKET, SOCKET, ASKED, ACTIVE, LEFT = range(5)
#: The snapshot at the client: none that is not concluded, asked for, begun. And what it has.
NO_SNAPSHOT, AWAITED, BEGUN = 0, 1, 2
HAS_ORDER, IS_PUSHED = 4, 8
#: What is awaited about the order, and from when on a snapshot can tell: nothing is awaited, from the
#: deadline and its slack on, after some patience, after both, from now on, before the snapshot
#: was asked for.
OUTCOME, END, TERMS = 1, 2, 4
NO_DOUBT, DEADLINE, PATIENCE, BOTH, DUE, DUE_WHEN_ASKED = range(6)


class State(NamedTuple):
    """Everything, in small numbers. `explore` handles it as a plain tuple."""

    #: 0 before the deadline, 1 after it, 2 when the slack is over.
    time: int
    #: Troubles that may still come.
    troubles: int
    # The exchange.
    add: int
    cancel: int
    amend: int
    engine: int
    feed: int
    #: Fills that were pushed out of snapshots, -1 while none were.
    pushed: int
    # The network.
    answers: int
    stream: tuple[int, ...]
    # The client.
    subscription: int
    waiting: int
    life: int
    is_current: int
    is_heard: int
    snapshot: int
    questions: int
    due: int
    fills: int


@dataclass(frozen=True)
class Rules:
    """How `Orders` drives a life; each can be switched off, to show that the properties notice.

    Attributes:
        drops_cut_snapshots: a gap ends a snapshot that is not complete.
        heeds_later_words: a snapshot tells nothing about what was heard of after it was asked for.
        heeds_due: a snapshot that was asked for too early counts as such.
        followed_until_left: the stream counts as followed until its end was asked for.
        keeps_deadlines: the exchange takes nothing after its deadline.
    """

    drops_cut_snapshots: bool = True
    heeds_later_words: bool = True
    heeds_due: bool = True
    followed_until_left: bool = True
    keeps_deadlines: bool = True


class Lives:
    """The states of `Life` as numbers, and what each method makes of each."""

    #: Looks beyond so many are alike.
    MOST_LOOKS = 3

    def __init__(self, life: type[Life] = Life) -> None:
        self._type = life
        self._numbers: dict[tuple[object, ...], int] = {}
        self._made: dict[object, int] = {}
        self.slots: list[tuple[object, ...]] = []
        self.status: list[str] = []

    def first(self) -> int:
        """Return the life of an order that is being sent."""
        return self._number(self._type("sending"))

    def after(self, number: int, method: str, *args: object, **options: object) -> int:
        """Return what a life is after a method was called."""
        key = (number, method, args, tuple(options.items()))
        made = self._made.get(key)
        if made is None:
            life = self._type()
            for name, value in zip(Life.__slots__, self.slots[number], strict=True):
                setattr(life, name, value)
            getattr(life, method)(*args, **options)
            made = self._made[key] = self._number(life)
        return made

    def sent(self, number: int, *, is_current: bool) -> int:
        """Return what a life is when its request is sent."""
        life = self._type()
        for name, value in zip(Life.__slots__, self.slots[number], strict=True):
            setattr(life, name, value)
        life.is_unbroken = is_current
        return self._number(life)

    def _number(self, life: Life) -> int:
        life.looks = min(life.looks, self.MOST_LOOKS)
        slots = tuple(getattr(life, name) for name in Life.__slots__)
        number = self._numbers.setdefault(slots, len(self.slots))
        if number == len(self.slots):
            self.slots.append(slots)
            self.status.append(life.status)
        return number
