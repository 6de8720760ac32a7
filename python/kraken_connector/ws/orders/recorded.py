"""Applies records of the REST API: orders that the stream cannot settle, and lost fills."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from ...models.rest import RestFill, RestOrder
from . import reports as reading
from .evidence import ACK_PATIENCE
from .identity import agrees
from .known import REASONS, KnownOrders
from .life import FINAL
from .order import Fill, Order
from .records import GRACE, has_terms_of, may_be_of

__all__ = ["RecordedOrders"]

NOTHING: Mapping[Order, float] = MappingProxyType({})
#: Records of unknown orders that are kept while orders are unknown.
RECORDS_KEPT = 1_000


class RecordedOrders(KnownOrders):
    """The part of `Orders` that asks the REST API and applies its answers."""

    # What to ask.

    def on_inquiry(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call a plain function when there is something new to ask REST.

        While there is no such function, waits do not wait for what REST says.

        Returns:
            A function that removes the listener.
        """
        return self._inquiries.listeners.add("on_inquiry", listener)

    def next_inquiry(self) -> float:
        """Return when to ask REST next, monotonic seconds; infinity if there is no reason to."""
        self._end_inquiries()
        return self._inquiries.next_at()

    def inquiries(self) -> list[Order]:
        """Return the orders to ask REST about now: `unknown` ones, and ended ones without a report
        of their end."""
        self._end_inquiries()
        return self._inquiries.due(self._now())

    def claimants(self, order: Order) -> list[str]:
        """Return the `order_id`s that may be those of an unreported order of this client."""
        return [] if order.order_id is not None else [name for name, _ in self._claims(order)]

    def search_ns(self, order: Order) -> tuple[int, int] | None:
        """Return between which exchange times an order can have been made; `None` if unknown."""
        sent_ns = self._sent_ns(order)
        return None if sent_ns is None else (sent_ns, order.deadline_ns or sent_ns)

    def unknown_fills(self, records: Iterable[RestOrder]) -> list[str]:
        """Return the executions in records of known orders, or of unknown ones that may be those
        of this client, which are not known."""
        names = [
            exec_id
            for record in records
            if self._identities.of_id(record.order_id) is not None or self._owners(record)
            for exec_id in record.exec_ids
        ]
        return [name for name in dict.fromkeys(names) if self._executions.known_at(name) is None]

    def _end_inquiries(self) -> None:
        """Ask no more about orders that something else has settled, or that REST cannot settle."""
        for order in self._inquiries:
            is_exhausted = order.status != "unknown" and self._inquiries.is_exhausted(order)
            if is_exhausted or not self._is_in_question(order):
                self._inquiries.end(order)
        if not self._questions.uncertain:
            self._records.clear()

    def _is_in_question(self, order: Order) -> bool:
        if order.status in FINAL:
            return self.lacks_fills(order)
        if order.is_open:
            return self._questions.is_given_up(order)
        return order.status in ("unknown", "gone")

    # Answers.

    def recorded(
        self,
        asked: Collection[Order],
        records: Sequence[RestOrder],
        fills: Iterable[RestFill] = (),
        *,
        searched: Mapping[Order, float] = NOTHING,
        is_answered: bool = True,
    ) -> None:
        """Apply an answer of REST about orders.

        Args:
            asked: the orders that it was asked about.
            records: all records of the answer.
            fills: fills of these orders that were not known.
            searched: for which of `asked` all open and ended orders that may be theirs were read,
                and when that began, monotonic seconds.
            is_answered: whether REST answered all questions.
        """
        self._step += 1
        unknown = [order for order in searched if order.status == "unknown"]
        self._bind_owners(records)
        for record in records:
            order = self._identities.of_id(record.order_id)
            if order is not None:
                self._apply_record(order, record)
        self.add_found(fills)
        for order in unknown:
            is_late = self._is_past_deadline(order, searched[order] - GRACE)
            if is_late and order.status == "unknown":
                self._not_recorded(order)
        self._release_held()
        self._asked(asked, is_answered=is_answered)

    def add_found(self, fills: Iterable[RestFill]) -> list[Fill]:
        """Add fills that REST has, each once, and return the new ones."""
        self._step += 1
        new = []
        for fill in map(reading.found_fill, fills):
            order = self._identities.of_id(fill.order_id)
            if self._executions.record_found(fill, order, self._step):
                new.append(fill)
                self._apply_found(order, fill)
        return new

    def _apply_found(self, order: Order | None, fill: Fill) -> None:
        if order is not None:
            reading.add_fill(order, fill, is_past=True)
            is_filled = order.status == "gone" and reading.is_filled(order)
            order._life.recorded("filled" if is_filled else "partially_filled")
            self._changed(order)
        self._executions.announce(order, fill)

    def found_between(self, since_ns: int, until_ns: int) -> None:
        """Record that all fills between two exchange times are known now."""
        self._executions.found(since_ns, until_ns)

    def lacks_fills(self, order: Order) -> bool:
        """Return whether more of an order was filled than its known fills add up to."""
        return order._unreported[0] > 0

    # Applying a record.

    def _bind_owners(self, records: Iterable[RestOrder]) -> None:
        """Find the orders without `order_id` that records are of; keep the records of others."""
        for record in records:
            if not self._is_of_known(record):
                self._records.pop(record.order_id, None)
                self._records[record.order_id] = record
        while len(self._records) > RECORDS_KEPT:
            del self._records[next(iter(self._records))]
        owners = {name: self._owners(record) for name, record in self._records.items()}
        counts = Counter(order for found in owners.values() for order in found)
        for name, found in owners.items():
            if len(found) == 1 and counts[found[0]] == 1:
                self._bind_recorded(found[0], self._records[name])

    def _is_of_known(self, record: RestOrder) -> bool:
        """Return whether a record is of an order of this client that has an `order_id`."""
        order = self._identities.of_id(record.order_id)
        if order is None or not order.is_mine:
            return False
        is_certain = order.params is None or order._life.is_acked
        # A name without a slash is one that could not be translated.
        if is_certain or "/" not in record.symbol or agrees(order, record):
            return True
        # Reports were matched with this order by name, and the record contradicts it.
        self._correct_match(order)
        return False

    def _owners(self, record: RestOrder) -> list[Order]:
        """Return the orders without `order_id` that a record may be of."""
        return [
            order
            for order in self._identities.unbound
            if order.sent_at is not None and may_be_of(order, record, self._sent_ns(order))
        ]

    def _bind_recorded(self, order: Order, record: RestOrder) -> None:
        """Set the `order_id` of an order by its record; one that is being sent awaits its reply."""
        if order.status == "unknown" and has_terms_of(order, record):
            del self._records[record.order_id]
            self._bind(order, record.order_id)

    def _apply_record(self, order: Order, record: RestOrder) -> None:
        """Apply a record; one with less than was filled is older than what is known."""
        if record.cum_qty < order.cum_qty:
            return
        before = order.status
        # Its fills are added one by one.
        order._life.recorded("new" if record.status == "partially_filled" else record.status)
        reading.update_from_record(order, record)
        if order.status == before:
            return
        order.reason, order.error = record.reason, None
        if order.is_done:
            self._close(order)
            return
        if before == "unknown":
            # A snapshot may lag behind REST as behind a reply: the order is like an answered one.
            order._heard = self._step
            self._answer(order, "outcome")
            self._await(order, "outcome", ACK_PATIENCE)
        self._changed(order)

    def _not_recorded(self, order: Order) -> None:
        """Record that a search of REST did not find an order."""
        claim = self._claim(order)
        order._life.not_recorded(obstacle=claim is not None)
        if order.status == "absent":
            order.reason = REASONS["absent"]
            self._close(order)
        elif claim is not None:
            order.reason = f"REST does not settle it: {claim}"
            self._changed(order)

    def _asked(self, orders: Iterable[Order], *, is_answered: bool) -> None:
        """Schedule the next inquiry, and wake the tasks that wait for what REST says."""
        for order in orders:
            self._inquiries.made(order, self._now(), is_answered=is_answered)
            order._notify()
