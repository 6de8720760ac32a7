"""Records of orders from the REST API, and when to ask for them.

REST may lag behind the matching engine, and a new order may be missing from it for a while
(Kraken's SDK). So a record proves what the order was like at some time, and its absence little.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import inf

from ...models.checks import client_id_key
from ...models.rest import RestOrder
from ..base.listeners import Listeners
from .identity import PLAIN_TYPES, SKEW_NS
from .order import Order

__all__ = ["GRACE", "Inquiries", "has_terms_of", "may_be_of"]

#: Seconds after a snapshot could have settled an order until REST is asked. This covers the lag of
#: REST, of which no bound is documented, and lets the stream be first.
GRACE = 2.0
#: Seconds of the first pause between two inquiries about an order; each further one is twice as
#: long, up to the longest. REST may lag, so inquiries at one time would prove no more than one.
PAUSE = 2.5
LONGEST_PAUSE = 60.0
#: Inquiries after which waits do not wait for REST any longer.
SAYS = 3
#: Answers without news after which REST is not asked any more about an order that is known.
ANSWERS = 6


# Whose record it is.


def may_be_of(order: Order, record: RestOrder, sent_ns: int | None) -> bool:
    """Return whether a record may be of an order that has no `order_id` yet.

    Pair, side, name and time must agree: an older order may have had the same name, and the
    exchange makes none after the deadline. A nameless order must have all terms of the record.

    Args:
        order: an order of this client.
        record: the record.
        sent_ns: the earliest exchange time at which the order can have been sent.
    """
    if (order.symbol, order.side) != (record.symbol, record.side):
        return False
    if not _has_same_name(order, record) or not _was_made_in_time(order, record, sent_ns):
        return False
    return order.cl_ord_id is not None or has_terms_of(order, record)


def has_terms_of(order: Order, record: RestOrder) -> bool:
    """Return whether a record has the terms that an order was sent with."""
    if order.order_type != record.order_type:
        return False
    pairs: list[tuple[Decimal | None, Decimal | None]] = []
    if order.order_type in PLAIN_TYPES:
        pairs.append((order.limit_price, record.limit_price))
    if "viqc" not in record.oflags:
        # Otherwise it is one in the quote asset.
        pairs.append((order.order_qty, record.order_qty))
    return all(ours is None or ours == theirs for ours, theirs in pairs)


def _has_same_name(order: Order, record: RestOrder) -> bool:
    """Return whether both have one `cl_ord_id`, or none and the same number."""
    ours, theirs = order.cl_ord_id, record.cl_ord_id
    if ours is None or theirs is None:
        is_same = (order.order_userref or 0) == (record.order_userref or 0)
        return ours is theirs and is_same
    return client_id_key(ours) == client_id_key(theirs)


def _was_made_in_time(order: Order, record: RestOrder, sent_ns: int | None) -> bool:
    if sent_ns is None or order.deadline_ns is None:
        return False
    return sent_ns - SKEW_NS <= record.opened_ns <= order.deadline_ns + SKEW_NS


# When to ask.


@dataclass(slots=True)
class _Inquiry:
    """What REST was asked about one order.

    Attributes:
        due: when to ask next, monotonic seconds.
        last: when it was last asked.
        made: how often it was asked.
        answered: how often it answered.
    """

    due: float
    last: float = -inf
    made: int = 0
    answered: int = 0


class Inquiries:
    """The orders to ask REST about, and when.

    Attributes:
        listeners: called when there is something new to ask; while there are none, nobody asks.
    """

    def __init__(self) -> None:
        self.listeners = Listeners()
        self._inquiries: dict[Order, _Inquiry] = {}

    def __iter__(self) -> Iterator[Order]:
        return iter(list(self._inquiries))

    def begin(self, order: Order, due: float) -> None:
        """Ask about an order from a time on, unless it is asked about already."""
        if self.listeners and order not in self._inquiries:
            self._inquiries[order] = _Inquiry(due)
            self.listeners.call()

    def hasten(self, order: Order, now: float) -> None:
        """Ask about an order soon: there is news about it."""
        inquiry = self._inquiries.get(order)
        if inquiry is not None and inquiry.made:
            soon = max(now, inquiry.last + PAUSE)
            if soon < inquiry.due:
                inquiry.due = soon
                self.listeners.call()

    def end(self, order: Order) -> None:
        """Ask about an order no more."""
        self._inquiries.pop(order, None)

    def next_at(self) -> float:
        """Return when to ask next, monotonic seconds; infinity if there is nothing to ask."""
        return min((inquiry.due for inquiry in self._inquiries.values()), default=inf)

    def due(self, now: float) -> list[Order]:
        """Return the orders to ask about now."""
        return [order for order, inquiry in self._inquiries.items() if inquiry.due <= now]

    def made(self, order: Order, now: float, *, is_answered: bool) -> None:
        """Record that REST was asked about an order, and whether it answered."""
        inquiry = self._inquiries.get(order)
        if inquiry is not None:
            inquiry.last = now
            inquiry.due = now + min(PAUSE * 2 ** min(inquiry.made, 10), LONGEST_PAUSE)
            inquiry.made += 1
            inquiry.answered += is_answered

    def may_say(self, order: Order) -> bool:
        """Return whether REST may soon say something about an order."""
        inquiry = self._inquiries.get(order)
        return inquiry is not None and inquiry.made < SAYS

    def is_exhausted(self, order: Order) -> bool:
        """Return whether REST answered so often that it will have no news about a known order."""
        inquiry = self._inquiries.get(order)
        return inquiry is not None and inquiry.answered >= ANSWERS
