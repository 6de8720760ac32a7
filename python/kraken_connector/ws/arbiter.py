"""One feed of books out of two: the same subscriptions on two connections, each message once.

The exchange numbers no book message, so a message is known by its time and checksum, and a leg's
place is kept in the history of what was presented. While a leg stands at the end of the history its
book equals the one presented, so that its next message is new and fits. A leg that is behind is
followed, without presenting anything, until it has caught up. Should the legs cut the same events
into different messages, or one begin with a snapshot that the other never shows, the one that is
ahead cannot be followed by message: then its whole book is presented, as a snapshot. Before that
the other one may be given some time to catch up, in which what the one ahead brings is kept: if it
comes to a message that both have, nothing is skipped.

The presented books live in an engine of their own, which verifies each message again. That costs a
third reading of each message, and gives books that keep their identity and content whichever leg is
lost. Like a session this has no socket, and no clock of its own.
"""

from __future__ import annotations

import logging
import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .._backend import Engine, OrderBook, WSDataMessage
from ..models import GapEvent
from ..models._time import timestamp_ns
from .encoding import encode

if TYPE_CHECKING:
    from .._backend import Event

__all__ = ["Arbiter", "Gate", "Leg"]

logger = logging.getLogger(__name__)

#: Messages of a book that are remembered: how far a leg may be behind and still be followed.
REMEMBERED = 1024
#: How the exchange ends a book message; a quarter of the time that looking for each key takes.
_USUAL_END = re.compile(rb'"checksum":(\d+),"timestamp":"([^"]+)"}\]}$')
_END = 80


class Gate(Protocol):
    """What stands between a connection's books and those who subscribed to them.

    Attributes:
        leads: the books of which something is kept back for a while, by symbol.
    """

    leads: dict[str, Lead]

    def admit(self, message: WSDataMessage) -> Iterable[Event]:
        """Take a book message; return what is to be delivered in its place."""

    def unsound(self, symbol: str, since_ns: int) -> bool:
        """Note that the connection's book cannot be read; true if it cannot be read at all now."""

    def given_up(self, symbol: str) -> bool:
        """Note that the connection's book is quarantined; true if it is given up everywhere."""

    def silent(self, symbol: str, last_ns: int | None) -> bool:
        """Note that the connection's book brings nothing since a time; true if none does."""

    def has_newer(self, symbol: str, last_ns: int) -> bool:
        """Tell whether a message of a book was presented that came later than a time."""

    def lost(self, since_ns: int, cause: str) -> None:
        """Note that the connection is lost."""

    def deadline(self) -> float:
        """Return when `overdue` has something to deliver, infinity if nothing is kept back."""

    def overdue(self) -> Iterable[Event]:
        """Return what is to be delivered of what was kept back for long enough."""


class _Mark(NamedTuple):
    """What a book message is known by: its texts, as reading them costs the least."""

    time: bytes
    checksum: bytes

    def fits(self, other: _Mark) -> bool:
        """Tell whether both may be of the same message; a snapshot may have no time."""
        return self.checksum == other.checksum and (
            self.time == other.time or not self.time or not other.time
        )

    def is_before(self, other: _Mark) -> bool:
        """Tell whether its time is an earlier one; false where there is none."""
        if len(self.time) == len(other.time):
            return self.time < other.time
        one, two = (timestamp_ns(mark.time.decode(errors="replace")) for mark in (self, other))
        return one is not None and two is not None and one < two


class Lead:
    """What a connection brought that is newer than what the other one has come to.

    Args:
        start: the end of the history when it began.
        until: when waiting for the other one ends, seconds of the arbiter's clock.

    Attributes:
        messages: what it brought, oldest first.
    """

    def __init__(self, start: int, until: float) -> None:
        self.start = start
        self.until = until
        self.messages: list[tuple[_Mark, WSDataMessage]] = []

    def reached(self, mark: _Mark) -> int:
        """Return how many messages are presented when one with this mark is; 0 if none."""
        if mark.time:
            for number, (known, _) in enumerate(self.messages, 1):
                if known == mark:
                    return number
        return 0


class _Hole:
    """A time without any sound leg, for one or several books."""

    def __init__(self, cause: str, since_ns: int) -> None:
        self.cause = cause
        self.since_ns = since_ns
        self.end_ns: int | None = None
        self.is_told = False
        self.symbols: set[str] = set()
        self.missing: set[str] = set()


class _Feed:
    """One book as it is presented.

    Attributes:
        depth: levels per side.
        is_sound: whether the book is the exchange's.
        base: how many marks the history has forgotten.
        marks: the history's end, oldest first.
        newest: the mark with the latest time among what was presented.
        hole: since when it has not been sound.
        silent_ns: the last message that was presented before a silence that was told of; 0 if
            there was none yet.
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.is_sound = False
        self.base = 0
        self.marks: deque[_Mark] = deque()
        self.newest = _Mark(b"", b"")
        self.hole: _Hole | None = None
        self.silent_ns: int | None = None

    @property
    def end(self) -> int:
        """The place of what will be presented next."""
        return self.base + len(self.marks)

    def note(self, mark: _Mark) -> None:
        """Add what is being presented."""
        self.marks.append(mark)
        if len(self.marks) > REMEMBERED:
            self.marks.popleft()
            self.base += 1
        if not self.newest.time or self.newest.is_before(mark):
            self.newest = mark

    def after(self, mark: _Mark, start: int) -> int | None:
        """Return the place after the first equal mark from `start` on, if there is one."""
        for offset in range(max(0, start - self.base), len(self.marks)):
            if self.marks[offset].fits(mark):
                return self.base + offset + 1
        return None

    def place_of(self, mark: _Mark) -> int:
        """Return where a leg stands that shows an older state."""
        for offset in range(len(self.marks) - 1, -1, -1):
            known = self.marks[offset]
            if known.fits(mark):
                return self.base + offset + 1
            if known.is_before(mark):
                # At the end it would count as equal to what is presented.
                return self.base + min(offset + 1, len(self.marks) - 1)
        return self.base

    def may_end_with(self, mark: _Mark) -> bool:
        """Tell whether a mark may be that of the state presented, under another time."""
        if not self.marks or self.marks[-1].checksum != mark.checksum:
            return False
        return len(self.marks) < 2 or not mark.is_before(self.marks[-2])


class Leg:
    """One of the connections, as a `Gate`.

    Args:
        arbiter: makes one feed of them.

    Attributes:
        book: gives the connection's own live book of a symbol.
        places: where in the history of what was presented its sound books stand.
        leads: its sound books that are ahead, and wait for the other connection.
        quarantined: the symbols whose books it has given up.
    """

    book: Callable[[str], OrderBook]

    def __init__(self, arbiter: Arbiter) -> None:
        self.places: dict[str, int] = {}
        self.leads: dict[str, Lead] = {}
        self.quarantined: set[str] = set()
        self._arbiter = arbiter

    def is_sound(self, symbol: str) -> bool:
        """Tell whether the connection's book is the exchange's."""
        return symbol in self.places and self.book(symbol).is_valid

    def carries(self, symbol: str) -> bool:
        """Tell whether the connection's book is the exchange's, be it ahead or not."""
        return (symbol in self.places or symbol in self.leads) and self.book(symbol).is_valid

    def admit(self, message: WSDataMessage) -> Iterable[Event]:
        """Take a book message; return what is to be delivered in its place."""
        return self._arbiter.admit(self, message)

    def unsound(self, symbol: str, since_ns: int) -> bool:
        """Note that the connection's book cannot be read; true if it cannot be read at all now."""
        self.forget(symbol)
        return self._arbiter.missed([symbol], since_ns, "resync")

    def given_up(self, symbol: str) -> bool:
        """Note that the connection's book is quarantined; true if it is given up everywhere."""
        self.quarantined.add(symbol)
        return self._arbiter.given_up(symbol)

    def silent(self, symbol: str, last_ns: int | None) -> bool:
        """Note that the connection's book brings nothing since a time; true if none does."""
        return self._arbiter.silent(symbol, last_ns)

    def has_newer(self, symbol: str, last_ns: int) -> bool:
        """Tell whether a message of a book was presented that came later than a time."""
        return self._arbiter.shown_ns(symbol) > last_ns

    def lost(self, since_ns: int, cause: str) -> None:
        """Note that the connection is lost."""
        symbols = [*self.places, *self.leads]
        self.places.clear()
        self.leads.clear()
        self.quarantined.clear()
        self._arbiter.missed(symbols, since_ns, cause)

    def deadline(self) -> float:
        """Return when `overdue` has something to deliver, infinity if nothing is kept back."""
        return min((lead.until for lead in self.leads.values()), default=math.inf)

    def overdue(self) -> Iterator[Event]:
        """Return what is to be delivered of what was kept back for long enough."""
        for symbol in list(self.leads):
            if symbol in self.leads:
                yield from self._arbiter.look(self, symbol)

    def forget(self, symbol: str) -> None:
        """Forget where its book stands."""
        self.places.pop(symbol, None)
        self.leads.pop(symbol, None)


class Arbiter:
    """Presents the books of several legs as one.

    Args:
        url: what the records of holes name.
        on_gap: takes the record of a hole: there was no sound leg.
        patience: how many seconds a connection that is ahead waits for the other one before its
            book is presented and what lies between is skipped.
        now: the clock by which it does.

    Attributes:
        engine: holds the books as they are presented.
        duplicates: messages that another leg had brought before.
        switches: books that were presented whole because the legs differed.
    """

    def __init__(
        self,
        url: str,
        on_gap: Callable[[GapEvent], None],
        *,
        patience: float = 0.0,
        now: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.engine = Engine()
        self.duplicates = self.switches = 0
        self._url = url
        self._on_gap = on_gap
        self._patience = patience
        self._now = now
        self._legs: list[Leg] = []
        self._feeds: dict[str, _Feed] = {}

    def leg(self) -> Leg:
        """Add a connection; its `book` must be set before its first message."""
        leg = Leg(self)
        self._legs.append(leg)
        return leg

    def expect(self, symbol: str, depth: int) -> None:
        """Begin to present a book, unless it is presented already."""
        feed = self._feeds.get(symbol)
        if feed is None or (not feed.is_sound and feed.depth != depth):
            self._feeds[symbol] = _Feed(depth)
            self.engine.books.expect(symbol, depth)

    def forget(self, symbol: str) -> None:
        """Present a book no longer: it was unsubscribed."""
        feed = self._feeds.pop(symbol, None)
        if feed is not None:
            self._end_hole(feed, symbol, None)
            self.engine.books.invalidate(symbol, "awaiting_snapshot")
        for leg in self._legs:
            leg.forget(symbol)

    def close(self) -> None:
        """Present nothing any more; open holes are reported as such."""
        for symbol in list(self._feeds):
            self.forget(symbol)

    def report_holes(self) -> None:
        """Report open holes as such; should a book come back, its hole is reported again."""
        holes = {feed.hole for feed in self._feeds.values() if feed.hole is not None}
        for hole in holes:
            if not hole.is_told:
                hole.is_told = True
                self._report(hole, None, sorted(hole.symbols))

    # What legs bring.

    def admit(self, leg: Leg, message: WSDataMessage) -> Iterable[Event]:
        """Take a book message of one leg; return what is to be delivered in its place."""
        symbol = message.symbol or ""
        feed = self._feeds.get(symbol)
        if feed is None:
            return (message,)
        raw = message.raw
        if not message.verified or raw is None:
            return ()
        mark = _mark(raw)
        if leg.leads and symbol in leg.leads:
            return self._keep(leg, feed, symbol, mark, message)
        if message.type == "snapshot":
            return self._snapshot(leg, feed, symbol, mark, message)
        place = leg.places.get(symbol)
        if place is None:
            return ()
        if place == feed.end:
            return self._present(leg, feed, symbol, mark, raw, message.received_ns)
        after = feed.after(mark, place)
        if after is None and self._is_ahead(leg, feed, symbol, mark):
            if self._may_wait(leg, symbol):
                return self._lead(leg, feed, symbol, mark, message)
            return self._switch(leg, feed, symbol, mark)
        self._follow(leg, feed, symbol, mark, after)
        return ()

    def missed(self, symbols: Iterable[str], since_ns: int, cause: str) -> bool:
        """Note that a leg has no sound book of some symbols; true if a book is lost by that."""
        hole = _Hole(cause, since_ns)
        for symbol in symbols:
            feed = self._feeds.get(symbol)
            if feed is None or not feed.is_sound or self._is_carried(symbol):
                continue
            feed.is_sound = False
            feed.hole = hole
            hole.symbols.add(symbol)
            is_stale = cause == "resync"
            self.engine.books.invalidate(symbol, "stale" if is_stale else "awaiting_snapshot")
        hole.missing |= hole.symbols
        return bool(hole.symbols)

    def given_up(self, symbol: str) -> bool:
        """Note that a leg has given a book up; true if all have."""
        if not all(symbol in leg.quarantined for leg in self._legs):
            logger.error("the book of %s has one connection left", symbol)
            return False
        self.engine.books.invalidate(symbol, "quarantined")
        feed = self._feeds.get(symbol)
        if feed is not None:
            self._end_hole(feed, symbol, None)
        return True

    def silent(self, symbol: str, last_ns: int | None) -> bool:
        """Note that a connection brings nothing of a book; true, once, if none does."""
        feed, shown_ns = self._feeds.get(symbol), self.shown_ns(symbol)
        if feed is None or shown_ns > (last_ns or 0) or feed.silent_ns == shown_ns:
            return False
        feed.silent_ns = shown_ns
        return True

    def shown_ns(self, symbol: str) -> int:
        """Return when the last message came that was presented of a book; 0 if there is none."""
        return self.engine.book(symbol).received_ns or 0

    def look(self, leg: Leg, symbol: str) -> Iterable[Event]:
        """Present what a connection that is ahead brought, if it need not wait any longer."""
        feed, lead = self._feeds.get(symbol), leg.leads[symbol]
        if feed is None:
            del leg.leads[symbol]
            return ()
        is_patient = self._now() < lead.until and len(lead.messages) < REMEMBERED
        if is_patient and self._may_wait(leg, symbol):
            return ()
        del leg.leads[symbol]
        (mark, first), *others = lead.messages
        if first.type != "snapshot":
            last = lead.messages[-1][0]
            if not feed.is_sound or feed.newest.is_before(last):
                return self._switch(leg, feed, symbol, last)
            self._follow(leg, feed, symbol, last, None)
            return ()
        events = self._snapshot(leg, feed, symbol, mark, first, may_wait=False)
        return chain(events, self._replay(leg, others))

    # Inner workings.

    def _snapshot(
        self,
        leg: Leg,
        feed: _Feed,
        symbol: str,
        mark: _Mark,
        message: WSDataMessage,
        *,
        may_wait: bool = True,
    ) -> Iterable[Event]:
        leg.quarantined.discard(symbol)
        is_newer = feed.newest.is_before(mark)
        if not feed.is_sound or (is_newer and not self._is_presented(leg, feed, symbol, mark)):
            if feed.is_sound and may_wait and self._may_wait(leg, symbol):
                return self._lead(leg, feed, symbol, mark, message)
            if self.engine.book(symbol).state == "quarantined":
                self.engine.books.expect(symbol, feed.depth)
            assert message.raw is not None
            self._tell_what_is_skipped(feed, symbol, message.received_ns)
            return self._present(leg, feed, symbol, mark, message.raw, message.received_ns)
        self._follow(leg, feed, symbol, mark, None)
        return ()

    def _may_wait(self, leg: Leg, symbol: str) -> bool:
        """Tell whether another connection may come to what this one is ahead of."""
        return self._patience > 0 and any(
            other is not leg and other.is_sound(symbol) for other in self._legs
        )

    def _lead(
        self, leg: Leg, feed: _Feed, symbol: str, mark: _Mark, message: WSDataMessage
    ) -> Iterable[Event]:
        """Begin to keep what a connection brings that is ahead."""
        leg.places.pop(symbol, None)
        leg.leads[symbol] = lead = Lead(feed.end, self._now() + self._patience)
        lead.messages.append((mark, message))
        return ()

    def _keep(
        self, leg: Leg, feed: _Feed, symbol: str, mark: _Mark, message: WSDataMessage
    ) -> Iterable[Event]:
        """Keep a message of a connection that is ahead, unless the other one has come to it."""
        lead = leg.leads[symbol]
        if message.type == "snapshot":
            lead.messages.clear()
        lead.messages.append((mark, message))
        if mark.time and (place := feed.after(mark, lead.start)) is not None:
            return self._resume(leg, symbol, len(lead.messages), place)
        return self.look(leg, symbol)

    def _catch_up(self, feed: _Feed, symbol: str) -> Iterator[Event]:
        """Go on with those that were ahead of what has just been presented."""
        for leg in self._legs:
            lead = leg.leads.get(symbol)
            if lead is None:
                continue
            count = lead.reached(feed.marks[-1])
            if len(lead.messages) == 1 and not count:
                count = int(self._is_presented(leg, feed, symbol, lead.messages[0][0]))
            if count:
                yield from self._resume(leg, symbol, count, feed.end)

    def _resume(self, leg: Leg, symbol: str, count: int, place: int) -> Iterator[Event]:
        """Go on with a connection whose first messages that were kept have been presented."""
        kept = leg.leads.pop(symbol).messages
        self.duplicates += count
        leg.places[symbol] = place
        return self._replay(leg, kept[count:])

    def _replay(self, leg: Leg, kept: list[tuple[_Mark, WSDataMessage]]) -> Iterator[Event]:
        """Take what was kept, each when the one before has been delivered, as books show it."""
        for _, message in kept:
            yield from self.admit(leg, message)

    def _follow(self, leg: Leg, feed: _Feed, symbol: str, mark: _Mark, after: int | None) -> None:
        """Keep a leg's place, whose message shows nothing new."""
        self.duplicates += 1
        if after is None:
            is_level = self._is_presented(leg, feed, symbol, mark)
            after = feed.end if is_level else feed.place_of(mark)
        leg.places[symbol] = after

    def _is_presented(self, leg: Leg, feed: _Feed, symbol: str, mark: _Mark) -> bool:
        """Tell whether a leg's book equals the one presented, level for level."""
        if not feed.may_end_with(mark):
            return False
        theirs, ours = leg.book(symbol), self.engine.book(symbol)
        if not (theirs.is_valid and ours.is_valid):
            return False
        return theirs.bids == ours.bids and theirs.asks == ours.asks

    def _is_ahead(self, leg: Leg, feed: _Feed, symbol: str, mark: _Mark) -> bool:
        """Tell whether a message that was not presented yet is newer than what was."""
        if feed.newest.is_before(mark):
            return True
        # Of the same moment, or without a time: as new, if nobody else could have brought it.
        is_alone = self._sound_legs(symbol) == [leg]
        return is_alone and (not mark.time or mark.time == feed.newest.time)

    def _present(
        self,
        leg: Leg,
        feed: _Feed,
        symbol: str,
        mark: _Mark,
        raw: bytes,
        received_ns: int | None,
    ) -> Iterable[Event]:
        """Present a message that continues what was presented."""
        events = self.engine.feed(raw, received_ns)
        shown = events[-1]
        if not (type(shown) is WSDataMessage and shown.verified):
            return self._switch(leg, feed, symbol, mark)
        feed.note(mark)
        leg.places[symbol] = feed.end
        if not feed.is_sound:
            self._sound_again(feed, symbol, received_ns)
        if self._patience and any(other.leads for other in self._legs):
            return chain(events, self._catch_up(feed, symbol))
        return events

    def _switch(self, leg: Leg, feed: _Feed, symbol: str, mark: _Mark) -> Iterable[Event]:
        """Present a leg's book as a whole, in place of the messages that led there."""
        book = leg.book(symbol)
        if not book.is_valid:
            return ()
        self.switches += 1
        self._tell_what_is_skipped(feed, symbol, book.received_ns)
        raw = _as_snapshot(book)
        events = self.engine.feed(raw, book.received_ns)
        presented = _mark(raw)
        feed.note(presented)
        # The leg may have read more than it has handed out yet; then what it hands out next is
        # older than this, up to the message that this state came with.
        leg.places[symbol] = feed.end if presented.fits(mark) else feed.end - 1
        self._sound_again(feed, symbol, book.received_ns)
        return events

    def _tell_what_is_skipped(self, feed: _Feed, symbol: str, now_ns: int | None) -> None:
        """Record that a whole book is about to make up for messages nobody brought."""
        since_ns = self.engine.book(symbol).received_ns
        if feed.is_sound and since_ns is not None:
            self._report(_Hole("resync", since_ns), now_ns, [symbol])

    def _sound_legs(self, symbol: str) -> list[Leg]:
        return [leg for leg in self._legs if leg.is_sound(symbol)]

    def _is_carried(self, symbol: str) -> bool:
        return any(leg.carries(symbol) for leg in self._legs)

    def _sound_again(self, feed: _Feed, symbol: str, now_ns: int | None) -> None:
        if not feed.is_sound:
            feed.is_sound = True
            self._end_hole(feed, symbol, now_ns)

    def _end_hole(self, feed: _Feed, symbol: str, now_ns: int | None) -> None:
        """Report a hole when the last of its books is back, or will not come."""
        hole, feed.hole = feed.hole, None
        if hole is None:
            return
        hole.missing.discard(symbol)
        if now_ns is None:
            hole.symbols.discard(symbol)
            self._report(hole, None, [symbol])
        else:
            hole.end_ns = now_ns
        if hole.symbols and not hole.missing:
            self._report(hole, hole.end_ns, sorted(hole.symbols))
            hole.symbols.clear()

    def _report(self, hole: _Hole, end_ns: int | None, symbols: list[str]) -> None:
        self._on_gap(GapEvent(hole.cause, hole.since_ns, end_ns, ["book"], symbols, self._url))


def _mark(raw: bytes) -> _Mark:
    """Return what a book message is known by, without decoding it."""
    if usual := _USUAL_END.search(raw, max(0, len(raw) - _END)):
        return _Mark(usual[2], usual[1])
    return _Mark(_value(raw, b'"timestamp":').strip(b'"'), _value(raw, b'"checksum":'))


def _value(raw: bytes, key: bytes) -> bytes:
    """Return the text of a value near the end of a message, empty when there is none."""
    start = raw.rfind(key)
    if start < 0:
        return b""
    start += len(key)
    return raw[start : start + 40].partition(b",")[0].partition(b"}")[0].strip()


def _as_snapshot(book: OrderBook) -> bytes:
    """Return a book as the message that would bring it."""
    item = {
        "symbol": book.symbol,
        "bids": [{"price": price, "qty": qty} for price, qty in book.bids],
        "asks": [{"price": price, "qty": qty} for price, qty in book.asks],
        "checksum": book.checksum(),
        **({"timestamp": book.timestamp} if book.timestamp else {}),
    }
    return encode({"channel": "book", "type": "snapshot", "data": [item]})
