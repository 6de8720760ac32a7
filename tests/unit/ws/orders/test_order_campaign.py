"""Several orders at once, at random, compared with an exchange that was written independently.

A campaign is made from its number. Its faults: answers and reports are late or lost,
errors after which an order is open, sockets die under requests that arrive later, messages are
missed, snapshots come in parts and leave fills out, other programs trade, names are used again and
numbers shared, and fills may come without the name of their order.

Half of the campaigns have a second witness, REST, which lags by up to `REST_LAG` seconds, may fail
or lack fills, and whose answers are on their way like others. In those no order stays `unknown` or
`gone` in the end.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from tests.unit.ws.orders.bench import BTC, SECOND, Bench, record, record_of_fill
from tests.unit.ws.orders.venue import OrderAtVenue, Venue

from kraken_connector.models.rest import RestFill, RestOrder
from kraken_connector.models.timestamps import timestamp_ns
from kraken_connector.ws.orders import Order
from kraken_connector.ws.orders.order import Change

INF = float("inf")
CAMPAIGNS = int(os.environ.get("KRAKEN_CONNECTOR_CAMPAIGNS", settings().max_examples * 3 // 2))
#: Campaigns of one test, so that a failure names a small range.
TOGETHER = 10
ZERO = Decimal(0)
#: Seconds by which REST is behind at most. The client asks first 2 s after the slack that follows
#: a deadline.
REST_LAG = 4.0


@dataclass(eq=False)
class Placed:
    """An order of the client, and its true state.

    Attributes:
        order: the order as the client knows it.
        arrives: carries out the request when it arrives; `None` when that is over.
        deadline: when it must have arrived.
        truth: the order at the exchange, and what an edit made of it.
    """

    order: Order
    arrives: Callable[[], None] | None = None
    deadline: float = INF
    truth: list[OrderAtVenue] = field(default_factory=list)


@dataclass(eq=False)
class Sent:
    """A request on its way.

    Attributes:
        arrives: what happens when it arrives; returns the answer as a call, `None` for none.
        unanswered: what happens when the client stops waiting.
        deadline: when the exchange stops accepting it.
        epoch: the socket that it was sent on.
        patience: when the client stops waiting.
    """

    arrives: Callable[[], Callable[[], None] | None]
    unanswered: Callable[[], None]
    deadline: float
    epoch: int
    patience: float
    has_arrived: bool = False
    is_over: bool = False


class Campaign:
    """The client, the exchange and the network between them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.bench = Bench(is_followed=False)
        self.orders = self.bench.orders
        self.venue = Venue(
            names_fills=self.random.random() < 0.5, stamps_events=self.random.random() < 0.5
        )
        self.has_many_fills = self.random.random() < 0.3
        self.placed: list[Placed] = []
        self.sent: list[Sent] = []
        self.answers: list[Callable[[], None]] = []
        #: Frames of the stream as kind, reports and number; a subscription that ended is `None`.
        self.stream: list[tuple[str, list[dict[str, Any]], int] | None] = []
        self.epoch = 0
        self.subscription = "none"
        self.number = 0
        self.expected: int | None = None
        self.is_cut = False
        self.requested_at = 0.0
        self.prices = 100
        self.announced: list[tuple[Order | None, str]] = self.bench.fills
        self.log: list[str] = []
        self.has_rest = bool(seed % 2)
        self.chance = random.Random(-seed)
        #: Answers of REST on their way, and the orders that are asked about.
        self.rest_answers: list[Callable[[], None]] = []
        #: The records and fills that REST had: time, orders and `exec_id`s.
        self.history: list[tuple[float, dict[str, RestOrder], int]] = []
        if self.has_rest:
            self.orders.on_inquiry(lambda: None)
        self.venue.now = self.bench.now
        while not self.orders.has_history:
            # Orders are sent when the first snapshot is over.
            self._subscribe()
            self._deliver_all()
            self.bench.wait(1.0)

    # The client and its socket.

    def _subscribe(self) -> None:
        self.bench.subscribe()
        self.requested_at = self.bench.now
        self.subscription = "requested"

    def _emit(self) -> None:
        """Let the exchange send its next message."""
        reports, self.venue.out = self.venue.out, []
        if self.subscription not in ("active", "leaving"):
            return
        while reports:
            count = self.random.choice((1, 1, 1, 2))
            for _ in range(self.random.choice((1, 1, 1, 1, 2))):
                self._send("update", reports[:count])
            reports = reports[count:]

    def _send(self, kind: str, reports: list[dict[str, Any]]) -> None:
        self.number += 1
        self.stream.append((kind, reports, self.number))

    def _subscription_moves(self) -> None:
        """Let the exchange accept a subscribe or unsubscribe."""
        self._emit()
        if self.subscription == "requested":
            self.subscription, self.number = "active", 0
            reports = self.venue.snapshot()
            if self.random.random() < 0.3:
                self.random.shuffle(reports)
                cut = self.random.randint(0, len(reports))
                self._send("snapshot", reports[:cut])
                reports = reports[cut:]
            self._send("snapshot", reports)
        elif self.subscription == "leaving":
            self.subscription = "left"
            self.stream.append(None)

    def _leave(self) -> None:
        self.log.append("leaves the stream")
        self.orders.resubscribing()
        self.subscription = "leaving"

    def _lose_socket(self) -> None:
        self.log.append("socket lost")
        self._emit()
        self.epoch += 1
        self.stream.clear()
        self.answers.clear()
        self.subscription = "none"
        self.expected, self.is_cut = None, False
        self.orders.gap_began()
        for sent in self.sent:
            if not sent.is_over:
                sent.is_over = True
                sent.unanswered()

    def _deliver(self) -> None:
        """Let the client read the next frame of the stream."""
        frame = self.stream.pop(0)
        if frame is None:
            self.expected, self.is_cut = None, False
            self._subscribe()
            return
        kind, reports, number = frame
        if self.expected not in (None, number):
            self.log.append("gap noticed")
            self.orders.gap_began()
            self.is_cut = True
        self.expected = number + 1
        self.bench.hear(*reports, kind=kind, sequence=number)
        if kind == "snapshot" and self.stream and (self.stream[0] or "")[:1] == ("snapshot",):
            # Its parts come without a pause, unless the socket is lost.
            if self.random.random() < 0.1:
                self._lose_socket()
            else:
                self.bench.wait(self.random.choice((0.0, 0.4)))
                self._deliver()

    def _deliver_all(self) -> None:
        self._subscription_moves()
        while self.stream:
            self._deliver()

    def _wants_to_leave(self) -> bool:
        is_waiting = not self.orders.is_current and not self.is_cut
        if is_waiting and self.bench.now < self.requested_at + 5.0:
            return False
        is_due = self.orders.check_due() <= self.bench.now
        return self.subscription == "active" and (is_due or not self.orders.is_current)

    # Requests.

    def _request(
        self,
        arrives: Callable[[], Callable[[], None] | None],
        unanswered: Callable[[], None],
        deadline: float = INF,
    ) -> None:
        patience = self.bench.now + 4.0
        self.sent.append(Sent(arrives, unanswered, deadline, self.epoch, patience))

    def _arrive(self, sent: Sent) -> None:
        sent.has_arrived = True
        answer = sent.arrives()
        self._emit()
        if answer is None or sent.epoch != self.epoch:
            return

        def receive() -> None:
            sent.is_over = True
            self.bench.learn()
            answer()

        self.answers.append(receive)

    def place(self) -> None:
        """Send an order."""
        self.prices += 1
        side = self.random.choice(("buy", "sell"))
        qty = Decimal(self.random.randint(1, 5))
        price = Decimal(self.prices)
        options: dict[str, Any] = {"side": side, "limit_price": price, "tag": "ours"}
        name: str | None = None
        if self.random.random() < 0.25:
            options["order_userref"] = self.random.choice((7, 8))
        else:
            name = self._name()
        order = self.bench.send(name, str(qty), **options)
        placed = Placed(order)
        self.placed.append(placed)
        names = {"cl_ord_id": name} if name else {"order_userref": options.get("order_userref", 0)}
        self.log.append(f"places {name or names} {side} {qty} at {price}")
        deadline = self.bench.now + 5.0

        def arrive() -> Callable[[], None] | None:
            if self.bench.now > deadline:
                self.log.append(f"too late {name or names}")
                return lambda: self.bench.refuse(order, "EService:Deadline elapsed")
            kind = self.random.random()
            if kind < 0.1:
                return lambda: self.bench.refuse(order, "EOrder:Insufficient funds")
            if kind < 0.2:
                return lambda: self.orders.outcome_unknown(order)
            made = self.venue.add(side, qty, price, names)
            if made is None:
                self.log.append(f"duplicate {name}")
                return lambda: self.bench.refuse(order, "EOrder:Invalid cl_ord_id")
            placed.truth.append(made)
            self.log.append(f"made {made.order_id} of {name or names}")
            if kind < 0.3:
                return lambda: self.orders.outcome_unknown(order)
            return lambda: self.bench.ack(order, made.order_id)

        self._request(arrive, lambda: self.orders.outcome_unknown(order), deadline)

    def _name(self) -> str:
        """Return a new name, or one of an order that is done."""
        done = [p.order.cl_ord_id for p in self.placed if p.order.is_done and p.order.cl_ord_id]
        done = [name for name in done if self.orders[name].is_done]
        if done and self.random.random() < 0.3:
            return self.random.choice(done)
        return f"name{len(self.placed)}"

    def change(self) -> None:
        """Send an amend, an edit or a cancel."""
        found = [p for p in self.placed if p.order.is_open and p.order.order_id and p.truth]
        found = [p for p in found if p.order.order_id == p.truth[-1].order_id]
        if not found:
            return
        placed = self.random.choice(found)
        order, truth = placed.order, placed.truth[-1]
        method = self._method(order)
        if method is None:
            return
        qty = Decimal(self.random.randint(1, 9))
        has_qty = method == "amend_order" or (method == "edit_order" and self.random.random() < 0.7)
        numbers = {"order_qty": qty} if has_qty else {}
        change = Change(method, order, numbers)
        self.orders.changing(order, change)
        deadline = INF
        if method != "cancel_order":
            deadline = self.bench.now + 5.0
            change.deadline_ns = self.bench.at(-5.0)
        self.log.append(f"{method} {order.order_id} to {numbers.get('order_qty')}")

        def arrive() -> Callable[[], None] | None:
            is_gone = not truth.is_live
            if is_gone or self.bench.now > deadline or self.random.random() < 0.1:
                return lambda: self.orders.change_refused(order, change, is_gone=is_gone)
            if method == "cancel_order":
                self.venue.cancel(truth)
            elif method == "amend_order":
                self.venue.amend(truth, qty)
            else:
                new = self.venue.edit(truth, qty if has_qty else truth.left)
                placed.truth.append(new)
                return lambda: self._replaced(placed, order, new, change)
            return lambda: self.orders.changed_by(order, change, self.bench.now_ns)

        self._request(arrive, lambda: self.orders.change_unknown(order, change), deadline)

    def _method(self, order: Order) -> str | None:
        """Return the next request about an order, `None` for none."""
        method = self.random.choice(("amend_order", "amend_order", "cancel_order", "edit_order"))
        if method == "edit_order" and order.cl_ord_id is not None:
            # The exchange does not edit orders with a name.
            return "cancel_order"
        if method == "amend_order" and self.random.random() < 0.5:
            # It is sent at once, and may overtake another request (`sequencing="send"`).
            return method
        return method if method == "cancel_order" or not order.is_busy else None

    def _replaced(self, placed: Placed, order: Order, new: OrderAtVenue, change: Change) -> None:
        self.orders.changed_by(order, change, None)
        self.orders.replaced(order, new.order_id, change)

    # REST.

    def _rest_moves(self, *, is_calm: bool) -> None:
        """Let REST answer, or the client ask it."""
        self._record_history()
        if self.chance.random() < 0.3:
            if self.rest_answers:
                self.rest_answers.pop(0)()
            elif self.orders.inquiries():
                self._ask_rest(is_calm=is_calm)

    def _record_history(self) -> None:
        """Keep what REST will show later."""
        made = {name: _record(order) for name, order in self.venue.orders.items()}
        if not self.history or self.history[-1][1:] != (made, len(self.venue.fills)):
            self.history.append((self.bench.now, made, len(self.venue.fills)))

    def _view(self) -> tuple[dict[str, RestOrder], list[str]]:
        """Return the orders and fills that REST shows now, which may be those of before."""
        at = self.bench.now - self.chance.choice((0.0, 0.5, REST_LAG))
        for made_at, records, count in reversed(self.history):
            if made_at <= at:
                return records, list(self.venue.fills)[:count]
        return {}, []

    def _ask_rest(self, *, is_calm: bool) -> None:
        """Let the client ask REST about the orders that are due."""
        asked, began = self.orders.inquiries(), self.bench.now
        if not is_calm and self.chance.random() < 0.2:
            self.log.append("REST fails")
            self.rest_answers.append(lambda: self.orders.recorded(asked, [], is_answered=False))
            return
        names = {str(order.order_id) for order in asked if order.order_id is not None}
        others = [order for order in asked if order.order_id is None]
        for order in others:
            names.update(self.orders.claimants(order))
        known = self._view()[0]
        found = [known[name] for name in sorted(names) if name in known]
        searched = {}
        for order in others:
            records = self._view()[0]
            times = self.orders.search_ns(order)
            assert times is not None
            found += [
                row
                for row in records.values()
                if times[0] - 2 * SECOND <= row.opened_ns <= times[1] + 2 * SECOND
            ]
            searched[order] = began
        fills: list[RestFill] = []
        if is_calm or self.chance.random() < 0.8:
            shown = self._view()[1]
            fills = [
                _fill(self.venue.fills[name])
                for name in self.orders.unknown_fills(found)
                if name in shown
            ]

        def receive() -> None:
            self.log.append(f"REST has {[(row.order_id, row.status) for row in found]}")
            self.orders.recorded(asked, found, fills, searched=searched)

        self.rest_answers.append(receive)

    # What happens.

    def step(self, *, is_calm: bool = False) -> None:
        """Let one event happen."""
        pass_time = self.random.choice((0.0, 0.0, 0.0, 0.1, 0.5, 1.5))
        self.bench.wait(pass_time)
        self.venue.now = self.bench.now
        for sent in self.sent:
            if not sent.is_over and self.bench.now > sent.patience:
                self.log.append("no answer")
                sent.is_over = True
                sent.unanswered()
        doings = [self._network] * 12 if is_calm else self._doings()
        self.random.choice(doings)()
        self._emit()
        if self.has_rest:
            self._rest_moves(is_calm=is_calm)
        self.check()

    def _doings(self) -> list[Callable[[], None]]:
        return [
            *[self._network] * 14,
            *[self.place] * 3,
            *[self.change] * 3,
            *[self._venue_acts] * 5,
            self._trouble,
        ]

    def _network(self) -> None:
        """Deliver a message, a reply or a request."""
        doings: list[Callable[[], None]] = []
        if self.stream:
            doings += [self._deliver] * 4
        if self.answers:
            index = self.random.randrange(len(self.answers))
            doings.append(lambda: self._answer(index))
        waiting = [sent for sent in self.sent if not sent.has_arrived]
        if waiting:
            doings += [lambda: self._arrive(self.random.choice(waiting))] * 2
        if self.subscription in ("requested", "leaving"):
            doings += [self._subscription_moves] * 2
        if self.subscription == "none":
            doings.append(self._subscribe)
        elif self._wants_to_leave():
            doings.append(self._leave)
        if doings:
            self.random.choice(doings)()

    def _answer(self, index: int) -> None:
        self.answers.pop(index)()

    def _venue_acts(self) -> None:
        """Let the exchange fill or end an order, or another program trade."""
        live = list(self.venue.live)
        kind = self.random.random()
        if kind < 0.3 or not live:
            names = self.random.choice(
                ({"order_userref": 0}, {"order_userref": 7}, {"cl_ord_id": f"else{len(live)}"})
            )
            price = Decimal(1000 + len(self.venue.orders))
            self.venue.add(self.random.choice(("buy", "sell")), Decimal(3), price, names)
        elif kind < 0.8:
            self.venue.fill(self.random.choice(live), Decimal(self.random.randint(1, 3)))
        elif kind < 0.98:
            self.venue.cancel(self.random.choice(live), self.random.choice(("canceled", "expired")))
        elif self.has_many_fills:
            self._many_fills()

    def _many_fills(self) -> None:
        self.log.append("many fills of another program")
        order = self.venue.add("buy", Decimal(1000), Decimal(5000), {"order_userref": 0})
        assert order is not None
        for _ in range(60):
            self.venue.fill(order, Decimal(1))
        self.venue.cancel(order)

    def _trouble(self) -> None:
        kind = self.random.random()
        if kind < 0.3 and self.subscription != "none":
            self._lose_socket()
        elif kind < 0.6:
            updates = [f for f in self.stream if f is not None and f[0] == "update"]
            if updates:
                self.log.append("a message is lost")
                self.stream.remove(self.random.choice(updates))
        elif kind < 0.8 and self.answers:
            self.log.append("an answer is lost")
            self.answers.pop(self.random.randrange(len(self.answers)))
        elif self.sent:
            sent = self.random.choice(self.sent)
            self.log.append("a request is lost")
            sent.has_arrived = True

    # Invariants.

    def check(self) -> None:
        """Check the invariants."""
        owned = Counter(fill.exec_id for order in self.orders for fill in order.fills)
        assert max(owned.values(), default=1) == 1, "a fill of two orders"
        announced = Counter(exec_id for _, exec_id in self.announced)
        assert max(announced.values(), default=1) == 1, "a fill announced twice"
        for placed in self.placed:
            self._check_order(placed)
        for side in ("buy", "sell"):
            self._check_exposure(side)

    def _check_exposure(self, side: str) -> None:
        """Check that no less is counted than can be bought or sold."""
        made = [truth for placed in self.placed for truth in placed.truth if truth.side == side]
        exposure = self.orders.exposure(BTC, tag="ours")
        known = exposure.buy if side == "buy" else exposure.sell
        # What a lost edit made is known, but not always as an order of this client.
        edited = [self.orders.get(truth.order_id) for truth in made]
        others = [order for order in edited if order and not order.is_mine and order.is_open]
        known += sum((order.remaining_qty or ZERO for order in others), ZERO)
        truth = sum((order.left for order in made), ZERO)
        assert known >= truth, f"exposure {side} {known} < {truth}"

    def _check_order(self, placed: Placed) -> None:
        order, truth = placed.order, placed.truth[0] if placed.truth else None
        if truth is None:
            assert order.order_id is None or order.order_id in self.venue.orders
            assert not order.is_open, f"{order!r} was never made"
            assert not order.fills, f"{order!r} has fills of others"
            return
        assert order.order_id in (None, truth.order_id), f"{order!r} is {truth}"
        assert {fill.exec_id for fill in order.fills} <= set(truth.fills), "fills of another"
        assert order.cum_qty <= truth.cum, f"{order!r} of {truth}"
        if order.is_done:
            assert not truth.is_live, f"{order!r} is open: {truth}"
        if order.status in ("canceled", "expired"):
            assert order.status == truth.status, f"{order!r} is {truth}"
        if order.status == "filled":
            # An amend to what is filled ends an order; how it is called then is not documented.
            assert truth.cum == truth.qty, f"{order!r} is {truth}"
        if order.status in ("absent", "rejected"):
            assert not truth.cum, f"{order!r} has fills: {truth}"

    def finish(self) -> None:
        """Let events without troubles happen until nothing is pending, and check the end."""
        for _ in range(4000):
            self.step(is_calm=True)
            is_quiet = not (self.stream or self.answers) and all(
                sent.has_arrived and sent.is_over for sent in self.sent
            )
            if (
                is_quiet
                and self.subscription == "active"
                and self.orders.is_current
                and self.orders.check_due() == INF
                and not self.rest_answers
                and self.orders.next_inquiry() == INF
            ):
                break
        else:
            raise AssertionError("something is always pending")
        self.bench.wait(1.0)
        for _ in range(100):
            # The last snapshot may have shown that orders are gone.
            if (due := self.orders.next_inquiry()) == INF:
                break
            self.bench.wait(max(due - self.bench.now, 0.0))
            self._rest_moves(is_calm=True)
        self.check()
        for placed in self.placed:
            self._check_end(placed)
        assert {order.status for order in self.orders.unsettled} <= {"unknown"}
        if self.orders.are_fills_complete:
            assert {fill.exec_id for fill in self.orders.fills} == set(self.venue.fills)

    def _check_end(self, placed: Placed) -> None:
        order, truth = placed.order, placed.truth[0] if placed.truth else None
        if self.has_rest:
            assert order.status not in ("unknown", "gone"), f"{order!r} stays so: {order.reason}"
        if order.status == "unknown":
            assert order.reason, "an unsettled order must have a reason"
            return
        if truth is None:
            assert order.status in ("rejected", "absent"), f"{order!r} was never made"
            return
        if truth.is_live:
            assert order.status == truth.status, f"{order!r} is {truth}"
            assert (order.cum_qty, order.cum_cost) == (truth.cum, truth.cost)
            assert order.order_qty == truth.qty, f"{order!r} is {truth}"
            name = order.cl_ord_id
            assert name is None or self.orders[name] is order, f"{name} is not {order!r}"
        else:
            assert order.is_done, f"{order!r} is {truth}"
        if self.orders.are_fills_complete:
            fills = sorted(fill.exec_id for fill in order.fills)
            assert fills == truth.fills, f"{order!r} has {fills}, not {truth}"
            assert (order.cum_qty, order.cum_cost) == (truth.cum, truth.cost)
            # A fill from a gap is announced without its order, if that is not known.
            assert set(fills) <= {exec_id for _, exec_id in self.announced}, (
                f"not announced: {truth}"
            )


def _record(order: OrderAtVenue) -> RestOrder:
    """Return an order as REST shows it."""
    return record(
        order.order_id,
        order.status,
        timestamp_ns(order.made) or 0,
        cl_ord_id=order.names.get("cl_ord_id"),
        order_userref=order.names.get("order_userref"),
        side=order.side,
        order_qty=order.qty,
        limit_price=order.price,
        cum_qty=order.cum,
        cum_cost=order.cost,
        average_price=order.cost / order.cum if order.cum else None,
        closed_ns=None if order.is_live else timestamp_ns(order.updated),
        exec_ids=tuple(order.fills),
    )


def _fill(fill: dict[str, Any]) -> RestFill:
    """Return a past fill as REST shows it."""
    return record_of_fill(
        fill["exec_id"],
        fill["order_id"],
        str(Decimal(fill["last_qty"])),
        timestamp_ns(fill["timestamp"]) or 0,
        side=fill["side"],
        price=str(Decimal(fill["last_price"])),
        trade_id=fill["trade_id"],
    )


@pytest.mark.parametrize("first", range(0, CAMPAIGNS, TOGETHER))
def test_orders_are_what_the_exchange_has(first: int) -> None:
    for seed in range(first, first + TOGETHER):
        campaign = Campaign(seed)
        try:
            for _ in range(250):
                campaign.step()
            campaign.finish()
        except AssertionError as error:
            error.add_note(f"campaign {seed}:\n" + "\n".join(campaign.log[-40:]))
            raise
