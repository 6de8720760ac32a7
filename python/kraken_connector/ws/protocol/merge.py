"""Merge the books of two connections: each message is published once.

The same books are subscribed on two connections, the sources. The exchange does not number book
messages, so a message is known by its key: timestamp and checksum. For each book `Merge` keeps the
keys of the messages that it has published, the history, and each source's position in it::

    history     k1    k2    k3    k4
    source A                         ^      at the end: its next message is new and is published
    source B                ^               behind: its next message is k3, a duplicate

The book of a source at the end equals the published book, so its next message can be applied. A
source that is behind publishes nothing until it has caught up.

The sources may divide the same changes into different messages, or one of them may begin with a
snapshot that the other one never gets. Then a source can be ahead: its message is not in the
history and newer than all that is::

    history     k1    k2    k3
    source A                   ^            still sends k4, k5, k6
    source B    k1    k2          k5        ahead: its book includes changes of k4

This message cannot be applied to the published book. So the whole book of the source is published,
as a snapshot, which skips messages: that is a switch, and is recorded as a gap. With `patience` the
messages of the source that is ahead are kept for a while first. When the other source brings one
of them (here k5), the messages after it are published and nothing is skipped.

The published books belong to an engine of their own, which verifies each message again. That costs
a third parse of each message, and gives books that keep their identity and content whichever source
is lost. Like a session this has no socket, and no clock of its own.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ..._backend import Engine, OrderBook, WSDataMessage
from ...models import GapEvent, timestamp_ns
from ..base.encoding import encode

if TYPE_CHECKING:
    from ..._backend import Event

__all__ = ["OPEN", "Gate", "Lead", "Merge", "Source"]

logger = logging.getLogger(__name__)

#: Keys kept of each book: how many messages a source may be behind and still be followed.
REMEMBERED = 1024


class Gate:
    """Decides which messages of a connection's books are delivered. This one passes all of them.

    Attributes:
        leads: messages that are kept for a while, by symbol.
    """

    leads: Mapping[str, Lead] = MappingProxyType({})

    def admit(self, message: WSDataMessage) -> Iterable[Event]:
        """Return the events to deliver in place of a book message."""
        return (message,)

    def on_invalid(self, symbol: str, since_ns: int) -> bool:
        """Handle a book that became invalid; return whether no connection has a valid one."""
        return True

    def on_quarantined(self, symbol: str) -> bool:
        """Handle a book that was quarantined; return whether it is on all connections."""
        return True

    def on_silent(self, symbol: str, last_ns: int | None) -> bool:
        """Handle a book without messages since `last_ns`; return whether to report the silence."""
        return True

    def has_newer(self, symbol: str, last_ns: int) -> bool:
        """Return whether a message of a book that came after `last_ns` was published."""
        return False

    def connection_lost(self, since_ns: int, cause: str) -> None:
        """Handle the loss of the connection."""

    def deadline(self) -> float:
        """Return when to call `overdue`; infinity if nothing is kept."""
        return math.inf

    def overdue(self) -> Iterable[Event]:
        """Return the messages to deliver after they were kept for long enough."""
        return ()


#: The gate of books that are subscribed on one connection only.
OPEN = Gate()


class _Key(NamedTuple):
    """What identifies a book message."""

    time_ns: int | None
    checksum: int | None

    def matches(self, other: _Key) -> bool:
        """Return whether both may be of the same message; a snapshot may have no time."""
        return self.checksum == other.checksum and (
            self.time_ns == other.time_ns or self.time_ns is None or other.time_ns is None
        )

    def is_before(self, other: _Key) -> bool:
        """Return whether its time is earlier; false if one of them has no time."""
        if self.time_ns is None or other.time_ns is None:
            return False
        return self.time_ns < other.time_ns


class Lead:
    """The messages that a source brought before the other one, kept while it is waited for.

    Args:
        start: the end of the history when the first of them came.
        until: when the wait ends, seconds of the clock of `Merge`.

    Attributes:
        messages: the messages with their keys, oldest first.
    """

    def __init__(self, start: int, until: float) -> None:
        self.start = start
        self.until = until
        self.messages: list[tuple[_Key, WSDataMessage]] = []

    def count_until(self, key: _Key) -> int:
        """Return the number of messages up to the one with this key; 0 if there is none."""
        if key.time_ns is not None:
            for number, (known, _) in enumerate(self.messages, 1):
                if known == key:
                    return number
        return 0


class _OpenGap:
    """A time in which no source had a valid book, for one or several symbols."""

    def __init__(self, cause: str, since_ns: int) -> None:
        self.cause = cause
        self.since_ns = since_ns
        self.end_ns: int | None = None
        self.is_reported = False
        self.symbols: set[str] = set()
        self.missing: set[str] = set()


class _History:
    """What was published of one book.

    Attributes:
        depth: levels per side.
        is_valid: whether the published book is valid.
        base: how many keys were dropped from the start.
        keys: the last keys, oldest first.
        newest: the key with the latest time of all.
        gap: the gap that began when the book became invalid.
        silent_ns: when the last message came before the silence that was reported last; 0 if
            no message had come, `None` if no silence was reported.
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.is_valid = False
        self.base = 0
        self.keys: deque[_Key] = deque()
        self.newest = _Key(None, None)
        self.gap: _OpenGap | None = None
        self.silent_ns: int | None = None

    @property
    def end(self) -> int:
        """The position of the next message that will be published."""
        return self.base + len(self.keys)

    def append(self, key: _Key) -> None:
        """Add the key of a published message."""
        self.keys.append(key)
        if len(self.keys) > REMEMBERED:
            self.keys.popleft()
            self.base += 1
        if self.newest.time_ns is None or self.newest.is_before(key):
            self.newest = key

    def position_after(self, key: _Key, start: int) -> int | None:
        """Return the position after the first key from `start` on that matches."""
        for offset in range(max(0, start - self.base), len(self.keys)):
            if self.keys[offset].matches(key):
                return self.base + offset + 1
        return None

    def position_of(self, key: _Key) -> int:
        """Return the position of a source whose book is older than the published one."""
        for offset in range(len(self.keys) - 1, -1, -1):
            known = self.keys[offset]
            if known.matches(key):
                return self.base + offset + 1
            if known.is_before(key):
                # The end would mean that the book equals the published one.
                return self.base + min(offset + 1, len(self.keys) - 1)
        return self.base

    def may_end_with(self, key: _Key) -> bool:
        """Return whether a key may be of the last published state, with a different time."""
        if not self.keys or self.keys[-1].checksum != key.checksum:
            return False
        return len(self.keys) < 2 or not key.is_before(self.keys[-2])


class Source(Gate):
    """One of the two connections.

    Args:
        merge: merges the books of both.
        book: returns the connection's own live book of a symbol.

    Attributes:
        book: as given.
        positions: the position in the history, by symbol, of each valid book that is not ahead.
        leads: the messages that are kept, by symbol, of each valid book that is ahead.
        quarantined: the symbols whose books are quarantined on this connection.
    """

    def __init__(self, merge: Merge, book: Callable[[str], OrderBook]) -> None:
        self.book = book
        self.positions: dict[str, int] = {}
        self.leads: dict[str, Lead] = {}
        self.quarantined: set[str] = set()
        self._merge = merge

    def has_position(self, symbol: str) -> bool:
        """Return whether its book is valid and not ahead of the published one."""
        return symbol in self.positions and self.book(symbol).is_valid

    def has_valid_book(self, symbol: str) -> bool:
        """Return whether its book is valid, whether it is ahead or not."""
        return (symbol in self.positions or symbol in self.leads) and self.book(symbol).is_valid

    def admit(self, message: WSDataMessage) -> Iterable[Event]:
        """Return the events to deliver in place of a book message."""
        return self._merge.admit(self, message)

    def on_invalid(self, symbol: str, since_ns: int) -> bool:
        """Handle a book that became invalid; return whether no connection has a valid one."""
        self.forget(symbol)
        return self._merge.on_invalid([symbol], since_ns, "resync")

    def on_quarantined(self, symbol: str) -> bool:
        """Handle a book that was quarantined; return whether it is on all connections."""
        self.quarantined.add(symbol)
        return self._merge.on_quarantined(symbol)

    def on_silent(self, symbol: str, last_ns: int | None) -> bool:
        """Handle a book without messages since `last_ns`; return whether to report the silence."""
        return self._merge.on_silent(symbol, last_ns)

    def has_newer(self, symbol: str, last_ns: int) -> bool:
        """Return whether a message of a book that came after `last_ns` was published."""
        return self._merge.published_ns(symbol) > last_ns

    def connection_lost(self, since_ns: int, cause: str) -> None:
        """Handle the loss of the connection."""
        symbols = [*self.positions, *self.leads]
        self.positions.clear()
        self.leads.clear()
        self.quarantined.clear()
        self._merge.on_invalid(symbols, since_ns, cause)

    def deadline(self) -> float:
        """Return when to call `overdue`; infinity if nothing is kept."""
        return min((lead.until for lead in self.leads.values()), default=math.inf)

    def overdue(self) -> Iterator[Event]:
        """Return the messages to deliver after they were kept for long enough."""
        for symbol in list(self.leads):
            if symbol in self.leads:
                yield from self._merge.end_lead_if_due(self, symbol)

    def forget(self, symbol: str) -> None:
        """Forget the position of a book and the messages kept of it."""
        self.positions.pop(symbol, None)
        self.leads.pop(symbol, None)


class Merge:
    """Publishes the books of two sources as one.

    Args:
        url: what the records of gaps name.
        on_gap: called with the record of each gap: no source had a valid book, or messages were
            skipped.
        patience: how many seconds a source that is ahead waits for the other one before its whole
            book is published.
        now: the clock for this, in seconds.

    Attributes:
        engine: holds the published books.
        duplicates: how many messages were dropped because the other source had brought them.
        switches: how often a whole book was published because the sources differed.
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
        self._sources: list[Source] = []
        self._histories: dict[str, _History] = {}

    def add_source(self, book: Callable[[str], OrderBook]) -> Source:
        """Add a connection; `book` returns its own live book of a symbol."""
        source = Source(self, book)
        self._sources.append(source)
        return source

    def expect(self, symbol: str, depth: int) -> None:
        """Begin to publish a book, unless it is published already."""
        history = self._histories.get(symbol)
        if history is None or (not history.is_valid and history.depth != depth):
            self._histories[symbol] = _History(depth)
            self.engine.books.expect(symbol, depth)

    def forget(self, symbol: str) -> None:
        """Stop publishing a book: it was unsubscribed."""
        history = self._histories.pop(symbol, None)
        if history is not None:
            self._end_gap(history, symbol, None)
            self.engine.books.invalidate(symbol, "awaiting_snapshot")
        for source in self._sources:
            source.forget(symbol)

    def close(self) -> None:
        """Stop publishing all books; open gaps are reported without an end."""
        for symbol in list(self._histories):
            self.forget(symbol)

    def report_gaps(self) -> None:
        """Report open gaps without an end; a gap that ends later is reported again."""
        gaps = {history.gap for history in self._histories.values() if history.gap is not None}
        for gap in gaps:
            if not gap.is_reported:
                gap.is_reported = True
                self._report(gap, None, sorted(gap.symbols))

    # Calls of the sources.

    def admit(self, source: Source, message: WSDataMessage) -> Iterable[Event]:
        """Return the events to deliver in place of a book message of one source."""
        symbol = message.symbol or ""
        history = self._histories.get(symbol)
        if history is None:
            return (message,)
        if not message.verified:
            return ()
        key = _Key(message.timestamp_ns, message.checksum)
        if source.leads and symbol in source.leads:
            return self._extend_lead(source, history, symbol, key, message)
        if message.type == "snapshot":
            return self._snapshot(source, history, symbol, key, message)
        position = source.positions.get(symbol)
        if position is None:
            return ()
        if position == history.end:
            return self._publish(source, history, symbol, key, message)
        after = history.position_after(key, position)
        if after is None and self._is_ahead(source, history, symbol, key):
            if self._may_wait(source, symbol):
                return self._begin_lead(source, history, symbol, key, message)
            return self._switch(source, history, symbol, key)
        self._drop_duplicate(source, history, symbol, key, after)
        return ()

    def on_invalid(self, symbols: Iterable[str], since_ns: int, cause: str) -> bool:
        """Handle books that became invalid on a source; return whether one is invalid on all."""
        gap = _OpenGap(cause, since_ns)
        for symbol in symbols:
            history = self._histories.get(symbol)
            if history is None or not history.is_valid:
                continue
            if any(source.has_valid_book(symbol) for source in self._sources):
                continue
            history.is_valid = False
            history.gap = gap
            gap.symbols.add(symbol)
            is_stale = cause == "resync"
            self.engine.books.invalidate(symbol, "stale" if is_stale else "awaiting_snapshot")
        gap.missing |= gap.symbols
        return bool(gap.symbols)

    def on_quarantined(self, symbol: str) -> bool:
        """Handle a book that was quarantined on a source; return whether it is on all of them."""
        if not all(symbol in source.quarantined for source in self._sources):
            logger.error("the book of %s has one connection left", symbol)
            return False
        self.engine.books.invalidate(symbol, "quarantined")
        history = self._histories.get(symbol)
        if history is not None:
            self._end_gap(history, symbol, None)
        return True

    def on_silent(self, symbol: str, last_ns: int | None) -> bool:
        """Handle a book that is silent on a source; return true, once, if it is on all of them."""
        history, published_ns = self._histories.get(symbol), self.published_ns(symbol)
        if history is None or published_ns > (last_ns or 0) or history.silent_ns == published_ns:
            return False
        history.silent_ns = published_ns
        return True

    def published_ns(self, symbol: str) -> int:
        """Return when the last published message of a book came; 0 if there is none."""
        return self.engine.book(symbol).received_ns or 0

    def end_lead_if_due(self, source: Source, symbol: str) -> Iterable[Event]:
        """Publish the messages of a source that is ahead, if it need not wait any longer."""
        history, lead = self._histories.get(symbol), source.leads[symbol]
        if history is None:
            del source.leads[symbol]
            return ()
        is_patient = self._now() < lead.until and len(lead.messages) < REMEMBERED
        if is_patient and self._may_wait(source, symbol):
            return ()
        del source.leads[symbol]
        (key, first), *others = lead.messages
        if first.type != "snapshot":
            last = lead.messages[-1][0]
            if not history.is_valid or history.newest.is_before(last):
                return self._switch(source, history, symbol, last)
            self._drop_duplicate(source, history, symbol, last, None)
            return ()
        events = self._snapshot(source, history, symbol, key, first, may_wait=False)
        return chain(events, self._replay(source, others))

    # A source that is ahead.

    def _may_wait(self, source: Source, symbol: str) -> bool:
        """Return whether the other source may still catch up with this one."""
        return self._patience > 0 and any(
            other is not source and other.has_position(symbol) for other in self._sources
        )

    def _begin_lead(
        self, source: Source, history: _History, symbol: str, key: _Key, message: WSDataMessage
    ) -> Iterable[Event]:
        """Begin to keep the messages of a source that is ahead."""
        source.positions.pop(symbol, None)
        source.leads[symbol] = lead = Lead(history.end, self._now() + self._patience)
        lead.messages.append((key, message))
        return ()

    def _extend_lead(
        self, source: Source, history: _History, symbol: str, key: _Key, message: WSDataMessage
    ) -> Iterable[Event]:
        """Keep one more message, unless the other source has brought it meanwhile."""
        lead = source.leads[symbol]
        if message.type == "snapshot":
            lead.messages.clear()
        lead.messages.append((key, message))
        position = history.position_after(key, lead.start)
        if key.time_ns is not None and position is not None:
            return self._resume(source, symbol, len(lead.messages), position)
        return self.end_lead_if_due(source, symbol)

    def _resume_leads(self, history: _History, symbol: str) -> Iterator[Event]:
        """Continue with each source that was ahead and has just been caught up with."""
        for source in self._sources:
            lead = source.leads.get(symbol)
            if lead is None:
                continue
            count = lead.count_until(history.keys[-1])
            if len(lead.messages) == 1 and not count:
                count = int(self._equals_published(source, history, symbol, lead.messages[0][0]))
            if count:
                yield from self._resume(source, symbol, count, history.end)

    def _resume(self, source: Source, symbol: str, count: int, position: int) -> Iterator[Event]:
        """End a lead whose first `count` messages have been published; publish the others."""
        kept = source.leads.pop(symbol).messages
        self.duplicates += count
        source.positions[symbol] = position
        return self._replay(source, kept[count:])

    def _replay(self, source: Source, kept: list[tuple[_Key, WSDataMessage]]) -> Iterator[Event]:
        """Admit kept messages, each after the one before was delivered: books must fit to it."""
        for _, message in kept:
            yield from self.admit(source, message)

    # Inner workings.

    def _snapshot(
        self,
        source: Source,
        history: _History,
        symbol: str,
        key: _Key,
        message: WSDataMessage,
        *,
        may_wait: bool = True,
    ) -> Iterable[Event]:
        source.quarantined.discard(symbol)
        is_newer = history.newest.is_before(key)
        if not history.is_valid or (
            is_newer and not self._equals_published(source, history, symbol, key)
        ):
            if history.is_valid and may_wait and self._may_wait(source, symbol):
                return self._begin_lead(source, history, symbol, key, message)
            if self.engine.book(symbol).state == "quarantined":
                self.engine.books.expect(symbol, history.depth)
            self._report_skipped(history, symbol, message.received_ns)
            return self._publish(source, history, symbol, key, message)
        self._drop_duplicate(source, history, symbol, key, None)
        return ()

    def _drop_duplicate(
        self, source: Source, history: _History, symbol: str, key: _Key, after: int | None
    ) -> None:
        """Count a duplicate, and move its source to the position after it."""
        self.duplicates += 1
        if after is None:
            is_equal = self._equals_published(source, history, symbol, key)
            after = history.end if is_equal else history.position_of(key)
        source.positions[symbol] = after

    def _equals_published(self, source: Source, history: _History, symbol: str, key: _Key) -> bool:
        """Return whether a source's book equals the published one, level for level."""
        if not history.may_end_with(key):
            return False
        theirs, ours = source.book(symbol), self.engine.book(symbol)
        if not (theirs.is_valid and ours.is_valid):
            return False
        return theirs.bids == ours.bids and theirs.asks == ours.asks

    def _is_ahead(self, source: Source, history: _History, symbol: str, key: _Key) -> bool:
        """Return whether a message that is not in the history is newer than all that are."""
        if history.newest.is_before(key):
            return True
        # With the same time, or without one, it is new if no other source could have brought it.
        current = [other for other in self._sources if other.has_position(symbol)]
        return current == [source] and key.time_ns in (None, history.newest.time_ns)

    def _publish(
        self, source: Source, history: _History, symbol: str, key: _Key, message: WSDataMessage
    ) -> Iterable[Event]:
        """Publish a message that continues the history, or begins it."""
        assert message.raw is not None, "a verified message has its frame"
        events = self.engine.feed(message.raw, message.received_ns)
        published = events[-1]
        if not (type(published) is WSDataMessage and published.verified):
            return self._switch(source, history, symbol, key)
        history.append(key)
        source.positions[symbol] = history.end
        if not history.is_valid:
            self._mark_valid(history, symbol, message.received_ns)
        if self._patience and any(other.leads for other in self._sources):
            return chain(events, self._resume_leads(history, symbol))
        return events

    def _switch(self, source: Source, history: _History, symbol: str, key: _Key) -> Iterable[Event]:
        """Publish a source's whole book, in place of the messages that led to it."""
        book = source.book(symbol)
        if not book.is_valid:
            return ()
        self.switches += 1
        self._report_skipped(history, symbol, book.received_ns)
        events = self.engine.feed(_as_snapshot(book), book.received_ns)
        published = _Key(timestamp_ns(book.timestamp), book.checksum())
        history.append(published)
        # The source's engine may have parsed more messages than were admitted yet. Those that are
        # admitted next are then older than the published book, up to the one of this state.
        source.positions[symbol] = history.end if published.matches(key) else history.end - 1
        self._mark_valid(history, symbol, book.received_ns)
        return events

    def _report_skipped(self, history: _History, symbol: str, now_ns: int | None) -> None:
        """Report the gap that publishing a whole book leaves in a valid one."""
        since_ns = self.engine.book(symbol).received_ns
        if history.is_valid and since_ns is not None:
            self._report(_OpenGap("resync", since_ns), now_ns, [symbol])

    def _mark_valid(self, history: _History, symbol: str, now_ns: int | None) -> None:
        if not history.is_valid:
            history.is_valid = True
            self._end_gap(history, symbol, now_ns)

    def _end_gap(self, history: _History, symbol: str, now_ns: int | None) -> None:
        """Report a gap when the last of its books is valid again, or never will be."""
        gap, history.gap = history.gap, None
        if gap is None:
            return
        gap.missing.discard(symbol)
        if now_ns is None:
            gap.symbols.discard(symbol)
            self._report(gap, None, [symbol])
        else:
            gap.end_ns = now_ns
        if gap.symbols and not gap.missing:
            self._report(gap, gap.end_ns, sorted(gap.symbols))
            gap.symbols.clear()

    def _report(self, gap: _OpenGap, end_ns: int | None, symbols: list[str]) -> None:
        self._on_gap(GapEvent(gap.cause, gap.since_ns, end_ns, ["book"], symbols, self._url))


def _as_snapshot(book: OrderBook) -> bytes:
    """Return a book as the snapshot message that subscribers get of it."""
    item = {
        "symbol": book.symbol,
        "bids": [{"price": price, "qty": qty} for price, qty in book.bids],
        "asks": [{"price": price, "qty": qty} for price, qty in book.asks],
        "checksum": book.checksum(),
        **({"timestamp": book.timestamp} if book.timestamp else {}),
    }
    return encode({"channel": "book", "type": "snapshot", "data": [item]})
