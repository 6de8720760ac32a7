"""A model checker for the states of one order: it explores every sequence of events.

The model of the exchange, the network and the client is made of tables and a few numbers; the state
of the order is a real `Life`. A state of the model is a number, so that all states fit into a set.
Its `Life` is a number of `LifeStates`, which calls each method of `Life` once per state.

The assumptions of the model, with their source:

- A request is accepted at most once, and not after its deadline (page "Add Order"). It may be lost,
  and it may arrive after its socket was closed.
- Replies arrive in any order and may be lost with their socket. A certain refusal is true. After an
  uncertain one the order may exist.
- Reports and snapshots come from one feed. It may be behind the replies for longer than one
  snapshot takes, but not longer than two; once the slack after the deadline is over, it is up to
  date. Reports arrive in sequence. The next message reveals a gap; a lost socket shows at once.
- A snapshot is made after its request, may come in two parts, and has the order of each fill. With
  more than fifty newer fills of other orders it lacks older ones.
- REST may show the order as it was at any time before, and not at all for so long. Once the slack
  after the deadline is over, it lags no longer than one search and one snapshot take (chosen by
  this client: no bound is documented). It may or may not have the fills of what it shows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from kraken_connector.ws.orders.life import DONE, FINAL, OPEN, RANKS, Life

__all__ = ["Found", "LifeStates", "Limits", "explore"]

# The states of the order in the matching engine and in the feed.
NONE, PENDING, NEW, PARTLY, ALL, CANCELED, PARTLY_CANCELED, FILLED = range(8)
LIVE = (PENDING, NEW, PARTLY)
#: The number of fills in each state; two fill the order.
FILLS = (0, 0, 0, 1, 2, 0, 1, 2)
#: What the exchange can do by itself: accept, fill, refuse or expire the order.
MOVES = {PENDING: (NEW, CANCELED), NEW: (PARTLY, CANCELED), PARTLY: (ALL, PARTLY_CANCELED)}
CANCELS = {PENDING: CANCELED, NEW: CANCELED, PARTLY: PARTLY_CANCELED}
#: The reports that lead to each state of the engine.
WAYS = {
    NONE: (NONE,),
    PENDING: (NONE, PENDING),
    NEW: (NONE, PENDING, NEW),
    PARTLY: (NONE, PENDING, NEW, PARTLY),
    ALL: (NONE, PENDING, NEW, PARTLY, ALL, FILLED),
    CANCELED: (NONE, PENDING, NEW, CANCELED),
    PARTLY_CANCELED: (NONE, PENDING, NEW, PARTLY, PARTLY_CANCELED),
}
STATUS = {
    PENDING: "pending_new",
    NEW: "new",
    PARTLY: "partially_filled",
    ALL: "partially_filled",
    FILLED: "filled",
    CANCELED: "canceled",
    PARTLY_CANCELED: "canceled",
}
#: Messages of the stream: a report of the feed's state, or one of these. OTHER is a report of
#: another order from after the slack that follows the deadline.
AMENDED, OTHER, GAP = 8, 9, 10
#: From here on they are parts of snapshots: two bits for the state of the open order, two for the
#: number of past fills, whether older fills are missing, and whether it is the first part.
PART, FILLS_AT, PUSHED, FIRST = 64, 2, 16, 32

#: A request: not sent, on its way, on its way from a closed socket, carried out (an amend whose
#: report is still to come), finished.
UNSENT, AWAY, ASTRAY, CARRIED_OUT, OVER = range(5)
#: Replies that are on their way.
ACK, REFUSAL, ERROR, CANCELED_ACK, CANCEL_REFUSAL, AMEND_ACK, AMEND_REFUSAL = (
    1 << bit for bit in range(7)
)
ANSWERS = {
    ACK: "that it was accepted",
    REFUSAL: "that it was refused",
    ERROR: "that an error occurred",
    CANCELED_ACK: "that it is cancelled",
    CANCEL_REFUSAL: "that there is nothing to cancel",
    AMEND_ACK: "that it is amended",
    AMEND_REFUSAL: "that there is nothing to amend",
}
#: The subscription at the exchange: no socket, not subscribed, subscribe on its way, active,
#: unsubscribe on its way (before subscribing again), unsubscribed.
NO_SOCKET, SOCKET, SUBSCRIBING, ACTIVE, LEAVING, LEFT = range(6)
#: The replies that the client waits for, and whether the report of its amend came.
ADDING, CANCELING, AMENDING, IS_AMENDED = 1, 2, 4, 8
#: The client's snapshot: none or concluded, requested, begun; and what it contains.
NO_SNAPSHOT, AWAITED, BEGUN, HAS_ORDER, IS_PUSHED = 0, 1, 2, 4, 8
#: The open questions, and when a snapshot can answer them: after the deadline and its slack,
#: after a pause, after both, now, or since before the last snapshot was requested.
OUTCOME, END, TERMS = 1, 2, 4
NO_QUESTION, DEADLINE, PATIENCE, BOTH, DUE, DUE_AT_REQUEST = range(6)


class Exchange(NamedTuple):
    """The state of the exchange, and of the requests.

    Attributes:
        time: 0 before the deadline, 1 after it, 2 once the slack is over too.
        add: the request that places the order.
        cancel: the request to cancel it.
        amend: the request to amend it.
        engine: the order in the matching engine.
        feed: the order in reports and snapshots.
        pushed: how many of its fills are too old for snapshots, -1 before there were many others.
        other: whether another order was reported after the slack.
    """

    time: int = 0
    add: int = UNSENT
    cancel: int = UNSENT
    amend: int = UNSENT
    engine: int = NONE
    feed: int = NONE
    pushed: int = -1
    other: bool = False


class Network(NamedTuple):
    """The messages on their way to the client.

    Attributes:
        subscription: the subscription at the exchange.
        answers: the replies, which arrive in any order.
        stream: the messages of the stream, the next one first.
    """

    subscription: int = ACTIVE
    answers: int = 0
    stream: tuple[int, ...] = ()


class Client(NamedTuple):
    """The state of the client.

    Attributes:
        life: the `Life` of the order, a number of `LifeStates`.
        waiting: the requests that wait for a reply.
        is_current: whether the stream is followed without a gap.
        is_heard: whether a report or reply came since the last snapshot was requested.
        snapshot: the last snapshot.
        questions: the open questions.
        due: when a snapshot can answer them.
        fills: the number of known fills.
        is_past: whether the deadline and its slack were over when the client unsubscribed.
    """

    life: int
    waiting: int = 0
    is_current: bool = True
    is_heard: bool = False
    snapshot: int = NO_SNAPSHOT
    questions: int = 0
    due: int = NO_QUESTION
    fills: int = 0
    is_past: bool = False


@dataclass(frozen=True)
class Limits:
    """What can happen in a search.

    Attributes:
        has_cancels: whether the order may be cancelled.
        has_amends: whether the order may be amended.
        has_rest: whether REST is asked about orders.
        capacity: messages of the stream that can be on their way before the exchange waits.
    """

    has_rest: bool = False
    has_cancels: bool = True
    has_amends: bool = True
    capacity: int = 3


class LifeStates:
    """The states of `Life` as numbers, and the state after each method.

    Args:
        life: the class.
    """

    #: A higher number of misses makes no difference.
    MOST_MISSES = 3
    MOST_SEARCHES = 2

    def __init__(self, life: type[Life] = Life) -> None:
        self._type = life
        self._numbers: dict[tuple[object, ...], int] = {}
        self._made: dict[int, int] = {}
        self._slots: list[tuple[object, ...]] = []
        #: By number.
        self.status: list[str] = []
        self.is_shown: list[bool] = []
        self.is_past_deadline: list[bool] = []
        self.misses: list[int] = []
        self.searches: list[int] = []
        #: Errors: transitions to an earlier status.
        self.set_back: list[str] = []
        self.first = self._number(life("sending"))

    def after(self, number: int, call: int) -> int:
        """Return the number of the state after a call, one of `CALLS`."""
        key = number << 6 | call
        made = self._made.get(key)
        if made is None:
            life = self._type()
            for name, value in zip(Life.__slots__, self._slots[number], strict=True):
                setattr(life, name, value)
            CALLS[call](life)
            made = self._made[key] = self._number(life)
            self._compare(self.status[number], life.status)
        return made

    def _number(self, life: Life) -> int:
        life.misses = min(life.misses, self.MOST_MISSES)
        life.searches = min(life.searches, self.MOST_SEARCHES)
        slots = tuple(getattr(life, name) for name in Life.__slots__)
        number = self._numbers.setdefault(slots, len(self._slots))
        if number == len(self._slots):
            self._slots.append(slots)
            self.status.append(life.status)
            self.is_shown.append(life.is_shown)
            self.is_past_deadline.append(life.is_past_deadline)
            self.misses.append(life.misses)
            self.searches.append(life.searches)
        return number

    def _compare(self, before: str, after: str) -> None:
        """Record an error if the order went back to an earlier status, or left a final one."""
        if before in FINAL:
            is_right = before == after
        elif before == "gone":
            is_right = after not in OPEN
        else:
            ended = after in ("gone", "rejected")
            is_right = before not in OPEN or ended or RANKS.get(after, -1) >= RANKS[before]
        if not is_right:
            self.set_back.append(f"{before} became {after}")


def _sent(life: Life, is_current: bool) -> None:
    life.is_unbroken = is_current


def _missing(bits: int) -> Callable[[Life], None]:
    return lambda life: life.missing(
        is_past_deadline=bool(bits & 1), obstacle=bool(bits & 2), is_filled=bool(bits & 4)
    )


def _reported(status: str) -> Callable[[Life], None]:
    return lambda life: life.reported(status)


def _recorded(status: str) -> Callable[[Life], None]:
    return lambda life: life.recorded(status)


#: The calls of `Life` by number; reports by the state of the feed, records by that of REST,
#: `missing` by its arguments.
ACKED, REFUSED, UNANSWERED, BROKEN, PASSED, SILENT, FILLED_IN_PART = range(7)
SENT, REPORTED, MISSING, RECORDED, NOT_RECORDED = 8, 16, 32, 40, 48
CALLS: dict[int, Callable[[Life], None]] = {
    ACKED: lambda life: life.acknowledged(),
    REFUSED: lambda life: life.refused(),
    UNANSWERED: lambda life: life.left_unanswered(),
    BROKEN: lambda life: life.gap(),
    PASSED: lambda life: life.deadline_passed(),
    SILENT: lambda life: life.silent_past_deadline(),
    FILLED_IN_PART: lambda life: life.filled_in_part(),
    SENT: lambda life: _sent(life, False),
    SENT + 1: lambda life: _sent(life, True),
    **{REPORTED + code: _reported(status) for code, status in STATUS.items()},
    **{MISSING + bits: _missing(bits) for bits in range(8)},
    **{RECORDED + code: _recorded(status) for code, status in STATUS.items()},
    NOT_RECORDED: lambda life: life.not_recorded(obstacle=False),
}


class Driver:
    """The reaction of the client to each event, as in `Orders`.

    Args:
        states: the states of the order.
    """

    def __init__(self, states: LifeStates) -> None:
        self._states = states

    def sent(self, client: Client) -> Client:
        is_followed = client.is_current and client.snapshot != AWAITED
        life = self._states.after(client.life, SENT + is_followed)
        return client._replace(life=life, waiting=client.waiting | ADDING)

    def answered(self, client: Client, answer: int) -> Client:
        if answer == ACK:
            client = self._over(client, ADDING)
            if self._status(client) == "unknown":
                client = _end(client, ~0)
            client = self._after(client, ACKED)
            if self._states.is_shown[client.life]:
                return client
            if not self._is_done(client):
                client = _begin(client, OUTCOME, PATIENCE)
            return client._replace(is_heard=True)
        if answer == REFUSAL:
            client = self._after(self._over(client, ADDING), REFUSED)
            if self._status(client) == "rejected":
                return _end(client, ~0)
            return _begin(client, END, PATIENCE)
        if answer == ERROR:
            return self.unanswered(client, ADDING)
        if answer == AMEND_ACK:
            client = self._over(client, AMENDING)
            is_over = client.waiting & IS_AMENDED or self._is_done(client)
            return client if is_over else _begin(client, TERMS, PATIENCE)
        is_cancel = answer in (CANCELED_ACK, CANCEL_REFUSAL)
        client = self._over(client, CANCELING if is_cancel else AMENDING)
        return client if self._is_done(client) else _begin(client, END, PATIENCE)

    def unanswered(self, client: Client, request: int) -> Client:
        client = self._over(client, request)
        if request == ADDING:
            if self._status(client) != "sending":
                return client
            return _begin(self._after(client, UNANSWERED), OUTCOME, DEADLINE)
        if self._is_done(client):
            return client
        if request == CANCELING:
            return _begin(client, END, PATIENCE)
        return client if client.waiting & IS_AMENDED else _begin(client, TERMS, DEADLINE)

    def leaving(self, client: Client) -> Client:
        """Unsubscribe, to subscribe again for a snapshot."""
        is_past = client.due in (DUE, DUE_AT_REQUEST, PATIENCE) and client.is_current
        if is_past and self._status(client) == "unknown":
            client = client._replace(is_past=True)
        return client

    def subscribing(self, client: Client) -> Client:
        """Subscribe; after an unsubscribe, all earlier messages have arrived by now."""
        if client.is_past:
            client = self._after(client, PASSED)._replace(is_past=False)
        client = self._after(client, BROKEN)
        due = DUE_AT_REQUEST if client.due == DUE else client.due
        return client._replace(snapshot=AWAITED, is_heard=False, due=due)

    def broken(self, client: Client) -> Client:
        client = self._after(client, BROKEN)._replace(is_current=False, is_past=False)
        if client.snapshot & BEGUN:
            client = client._replace(snapshot=NO_SNAPSHOT)
        return client

    def lost(self, client: Client) -> Client:
        client = self.broken(client)
        for request in (ADDING, CANCELING, AMENDING):
            if client.waiting & request:
                client = self.unanswered(client, request)
        return client

    def heard(self, client: Client, message: int) -> Client:
        if message == GAP:
            return self.broken(client)
        if message >= PART:
            return self._apply_part(client, message)
        if message == OTHER:
            is_open = client.due != NO_QUESTION and self._status(client) == "unknown"
            if is_open and client.is_current:
                client = self._after(self._after(client, PASSED), SILENT)
            return _end(client, ~0) if self._status(client) == "absent" else client
        client = _end(client, OUTCOME)._replace(is_heard=True)
        if message == AMENDED:
            client = _end(client, TERMS)._replace(waiting=client.waiting | IS_AMENDED)
        client = self._apply_report(client, NEW if message == AMENDED else message)
        return _end(client, ~0) if self._is_done(client) else client

    def concluded(self, client: Client) -> Client:
        """Draw the conclusions from a complete snapshot."""
        has_order = client.snapshot & HAS_ORDER
        is_pushed = client.snapshot & IS_PUSHED
        client = client._replace(snapshot=NO_SNAPSHOT)
        if self._is_missing(client) and not has_order:
            client = self._missed(client, bool(is_pushed))
        return client._replace(due=PATIENCE) if client.due == DUE_AT_REQUEST else client

    def recorded(self, client: Client, record: int, *, has_fills: bool) -> Client:
        """Apply a record of REST, with or without its fills."""
        if FILLS[record] < client.fills:
            return client
        before = self._status(client)
        client = self._after(client, RECORDED + (NEW if record in (PARTLY, ALL) else record))
        status = self._status(client)
        if status != before:
            client = _end(client, ~0)
            if status not in DONE:
                client = _begin(client._replace(is_heard=True), OUTCOME, PATIENCE)
        if has_fills and FILLS[record]:
            client = self._after(client, RECORDED + PARTLY)._replace(fills=FILLS[record])
        return client

    def not_recorded(self, client: Client) -> Client:
        client = self._after(client, NOT_RECORDED)
        return _end(client, ~0) if self._status(client) == "absent" else client

    def _is_missing(self, client: Client) -> bool:
        """Return whether a snapshot without the order allows a conclusion."""
        status = self._status(client)
        return status != "sending" and status not in DONE and not client.is_heard

    def _missed(self, client: Client, is_pushed: bool) -> Client:
        before = self._status(client)
        is_past = client.due in (NO_QUESTION, DUE_AT_REQUEST)
        obstacle = is_pushed and not self._states.is_past_deadline[client.life]
        bits = is_past | obstacle << 1 | (client.fills == 2) << 2
        client = self._after(client, MISSING + bits)
        return client if self._status(client) == before else _end(client, ~0)

    def _apply_part(self, client: Client, part: int) -> Client:
        state, fills = part & 3, part >> FILLS_AT & 3
        snapshot = client.snapshot & (HAS_ORDER | IS_PUSHED) if client.snapshot & BEGUN else 0
        snapshot |= BEGUN | (HAS_ORDER if state else 0) | (IS_PUSHED if part & PUSHED else 0)
        if client.snapshot == AWAITED and not part & FIRST:
            client = client._replace(snapshot=NO_SNAPSHOT)
        elif client.snapshot != NO_SNAPSHOT:
            client = client._replace(snapshot=snapshot, is_current=True)
        if state:
            client = _end(self._apply_report(client, state), OUTCOME)
            if client.due in (NO_QUESTION, DUE_AT_REQUEST):
                client = _end(client, ~0)
        if fills > client.fills:
            client = self._after(client, FILLED_IN_PART)._replace(fills=fills)
        return client

    def _apply_report(self, client: Client, state: int) -> Client:
        client = self._after(client, REPORTED + state)
        if not (fills := max(client.fills, FILLS[state])):
            return client
        return self._after(client, FILLED_IN_PART)._replace(fills=fills)

    def _after(self, client: Client, call: int) -> Client:
        return client._replace(life=self._states.after(client.life, call))

    def _over(self, client: Client, request: int) -> Client:
        return client._replace(waiting=client.waiting & ~request)

    def _status(self, client: Client) -> str:
        return self._states.status[client.life]

    def _is_done(self, client: Client) -> bool:
        return self._status(client) in DONE


#: When a snapshot can answer all questions, after another one was added: by its time, and by the
#: time before.
LATER = {
    DEADLINE: (DEADLINE, DEADLINE, BOTH, BOTH, DEADLINE, DEADLINE),
    PATIENCE: (PATIENCE, BOTH, PATIENCE, BOTH, PATIENCE, PATIENCE),
}


def _begin(client: Client, question: int, due: int) -> Client:
    if client.questions & (OUTCOME | question):
        return client
    return client._replace(questions=client.questions | question, due=LATER[due][client.due])


def _end(client: Client, questions: int) -> Client:
    left = client.questions & ~questions
    return client._replace(questions=left, due=client.due if left else NO_QUESTION)


#: The priority of events that need not happen.
NEVER = 99

#: The name of an event, the two parts after it, its number of troubles, and its priority: without
#: further troubles, the event with the lowest priority number happens next.
Event = tuple[str, tuple[Any, Any], int, int]
#: An event at the exchange: the exchange after it, the message and the reply that it sends.
Move = tuple[str, Exchange, int, int, int, int]
#: An event as numbers: the difference of the state, the troubles that must remain, the priority and
#: the name.
Step = tuple[int, int, int, str]


class Numbered(dict[Any, int]):
    """Numbers for objects, and the objects by number."""

    def __init__(self) -> None:
        super().__init__()
        self.things: list[Any] = []

    def __missing__(self, thing: Any) -> int:
        number = self[thing] = len(self.things)
        self.things.append(thing)
        return number


#: A state is one number, made of those of the exchange, network and client, and of the number of
#: troubles that may still happen.
NETWORK_AT, CLIENT_AT, TROUBLES_AT = 20, 40, 60
ONE = (1 << 20) - 1
EXCHANGE, NETWORK, CLIENT = ONE, ONE << NETWORK_AT, ONE << CLIENT_AT
TROUBLE = 1 << TROUBLES_AT
#: Marks the events of REST, which need no socket.
REST = 1 << 200
NOTHING: Step = (0, 1 << 100, NEVER, "")


class World:
    """All events that can happen, by the rules of the exchange, the network and the client.

    Every event except the loss of a socket changes two parts of the state, so the events of each
    pair of parts are computed once.

    Args:
        states: the states of the order.
        limits: what can happen.
    """

    def __init__(self, states: LifeStates, limits: Limits) -> None:
        self.states = states
        self.has_rest = limits.has_rest
        self._limits = limits
        self._driver = Driver(states)
        self._exchanges, self._networks, self._clients = Numbered(), Numbered(), Numbered()
        self._off = self._networks[Network(NO_SOCKET)] << NETWORK_AT
        self._steps: list[tuple[dict[int, list[Step]], int]] = [
            ({}, EXCHANGE | NETWORK),
            ({}, NETWORK | CLIENT),
            ({}, EXCHANGE | CLIENT),
            ({}, EXCHANGE | CLIENT | REST),
        ]
        self._ways_off = (0, 1, 3) if limits.has_rest else (0, 1)
        self._ways_on = (0, 1, 2, 3) if limits.has_rest else (0, 1, 2)
        self._astray: dict[int, int] = {}
        self._lost: dict[int, int] = {}

    def first(self, troubles: int) -> int:
        """Return the initial state: an order is about to be sent, and the stream is followed."""
        exchange, network = self._exchanges[Exchange()], self._networks[Network()]
        client = self._clients[Client(self.states.first)]
        return exchange | network << NETWORK_AT | client << CLIENT_AT | troubles << TROUBLES_AT

    def parts(self, state: int) -> tuple[Exchange, Network, Client]:
        """Return the parts of a state."""
        return (
            self._exchanges.things[state & ONE],
            self._networks.things[state >> NETWORK_AT & ONE],
            self._clients.things[state >> CLIENT_AT & ONE],
        )

    def successors(self, state: int) -> list[int]:
        """Return all possible next states."""
        found = []
        for base, steps in self._pairs(state):
            found += [base + delta for delta, cost, _, _ in steps if cost <= base]
        if state >= TROUBLE and state & NETWORK != self._off:
            found.append(self._without_socket(state))
        return found

    def named(self, state: int) -> Iterator[tuple[str, int]]:
        """Yield all possible events and the states after them."""
        for base, steps in self._pairs(state):
            for delta, cost, _, name in steps:
                if cost <= base:
                    yield name, base + delta
        if state >= TROUBLE and state & NETWORK != self._off:
            yield "the socket is lost", self._without_socket(state)

    def calm(self, state: int) -> int | None:
        """Return the next state without further troubles, `None` if nothing more happens."""
        first, after = NEVER, None
        for base, steps in self._pairs(state):
            delta, _, turn, _ = steps[0]
            if turn < first:
                first, after = turn, base + delta
        return after

    def _pairs(self, state: int) -> list[tuple[int, list[Step]]]:
        """Return the state without each pair of parts, and the events of that pair."""
        there = []
        ways = self._ways_on if state & NETWORK != self._off else self._ways_off
        for steps, mask in map(self._steps.__getitem__, ways):
            pair = state & mask
            if pair not in steps:
                steps[pair] = self._work_out(state, mask)
            there.append((state - pair, steps[pair]))
        return there

    def _work_out(self, state: int, mask: int) -> list[Step]:
        """Return the events of two parts, by priority."""
        exchange, network, client = self.parts(state)
        exchanges, networks = (self._exchanges, 0), (self._networks, NETWORK_AT)
        clients = self._clients, CLIENT_AT
        if not mask & CLIENT:
            events, numbers = self._beside_client(exchange, network), (exchanges, networks)
        elif mask & REST:
            events, numbers = self._by_rest(exchange, client), (exchanges, clients)
        elif not mask & EXCHANGE:
            events, numbers = self._beside_exchange(network, client), (networks, clients)
        else:
            events, numbers = self._beside_network(exchange, client), (exchanges, clients)
        (first, first_at), (second, second_at) = numbers
        steps = [
            (
                (first[one] << first_at | second[two] << second_at) - cost * TROUBLE,
                cost * TROUBLE,
                turn,
                name,
            )
            for name, (one, two), cost, turn in events
        ]
        return sorted(steps, key=lambda step: step[2]) or [NOTHING]

    def _without_socket(self, state: int) -> int:
        exchange, client = state & ONE, state >> CLIENT_AT & ONE
        if exchange not in self._astray:
            was = self._exchanges.things[exchange]
            requests = {
                name: ASTRAY for name in ("add", "cancel", "amend") if getattr(was, name) == AWAY
            }
            self._astray[exchange] = self._exchanges[was._replace(**requests)]
        if client not in self._lost:
            self._lost[client] = self._clients[self._driver.lost(self._clients.things[client])]
        return (
            (state >> TROUBLES_AT) - 1 << TROUBLES_AT
            | self._lost[client] << CLIENT_AT
            | self._off
            | self._astray[exchange]
        )

    # The events.

    def _beside_client(self, exchange: Exchange, network: Network) -> Iterator[Event]:
        """Yield the events between the exchange and the network."""
        for name, after, message, answer, cost, turn in self._by_exchange(exchange):
            if message and len(network.stream) >= self._limits.capacity:
                continue
            yield name, (after, _carrying(network, message, answer)), cost, turn
        if network.subscription == LEAVING:
            left = network._replace(subscription=LEFT)
            yield "the stream is left", (exchange, left), 0, 2
        if network.subscription == SUBSCRIBING:
            for parts in _snapshots(exchange):
                stream = network.stream + parts
                built = network._replace(subscription=ACTIVE, stream=stream)
                yield "a snapshot is built", (exchange, built), 0, 2
        if exchange.time == 2 and not exchange.other and network.subscription == ACTIVE:
            other = exchange._replace(other=True), _carrying(network, OTHER, 0)
            yield "another order is reported", other, 0, NEVER

    def _by_exchange(self, was: Exchange) -> Iterator[Move]:
        """Yield the events of the exchange itself."""
        if was.add in (AWAY, ASTRAY):
            yield from self._receiving(was, was._replace(add=OVER))
        if was.cancel in (AWAY, ASTRAY):
            over = was._replace(cancel=OVER)
            if was.engine in LIVE:
                ended = over._replace(engine=CANCELS[was.engine])
                yield "it is cancelled", ended, 0, CANCELED_ACK, 0, 3
            else:
                yield "there is nothing to cancel", over, 0, CANCEL_REFUSAL, 0, 3
            yield "the cancel vanishes", over, 0, 0, 1, NEVER
        if was.amend in (AWAY, ASTRAY):
            over = was._replace(amend=OVER)
            if was.engine in (NEW, PARTLY) and was.time == 0:
                yield "it is amended", was._replace(amend=CARRIED_OUT), 0, AMEND_ACK, 0, 3
            else:
                yield "there is nothing to amend", over, 0, AMEND_REFUSAL, 0, 3
            yield "the amend vanishes", over, 0, 0, 1, NEVER
        for moved in MOVES.get(was.engine, ()):
            name = f"the order is {STATUS[moved]} at the exchange"
            yield name, was._replace(engine=moved), 0, 0, 0, NEVER
        yield from _following(was)

    def _receiving(self, was: Exchange, over: Exchange) -> Iterator[Move]:
        """Yield the events of a request that is on its way."""
        if was.time == 0:
            accepted = over._replace(engine=PENDING)
            yield "the order is accepted", accepted, 0, ACK, 0, 3
            yield "the order is accepted, with an error", accepted, 0, ERROR, 1, NEVER
            yield "the order is refused", over, 0, REFUSAL, 0, NEVER
            yield "an error, and it is not accepted", over, 0, ERROR, 1, NEVER
        else:
            yield "the order is too late", over, 0, REFUSAL, 0, 3
        yield "the order vanishes", over, 0, 0, 1, NEVER

    def _beside_exchange(self, network: Network, client: Client) -> Iterator[Event]:
        """Yield the events between the network and the client."""
        driver = self._driver
        if network.stream:
            heard = driver.heard(client, network.stream[0])
            yield "a message arrives", (network._replace(stream=network.stream[1:]), heard), 0, 0
            for index, message in enumerate(network.stream):
                if message != GAP:
                    stream = (*network.stream[:index], GAP, *network.stream[index + 1 :])
                    yield "a message is lost", (network._replace(stream=stream), client), 1, NEVER
        for answer in _bits(network.answers):
            fewer = network._replace(answers=network.answers & ~answer)
            name = f"the answer {ANSWERS[answer]}"
            yield f"{name} comes", (fewer, driver.answered(client, answer)), 0, 1
            yield f"{name} is lost", (fewer, client), 1, NEVER
        for request in _bits(client.waiting & ~IS_AMENDED):
            yield "an answer does not come", (network, driver.unanswered(client, request)), 0, 6
        if client.snapshot & BEGUN and not any(part >= GAP for part in network.stream):
            yield "the snapshot is complete", (network, driver.concluded(client)), 0, 5
        yield from self._subscribing(network, client)

    def _subscribing(self, network: Network, client: Client) -> Iterator[Event]:
        """Yield the client's subscribes and unsubscribes."""
        subscription = network.subscription
        subscribing = network._replace(subscription=SUBSCRIBING)
        if subscription == NO_SOCKET:
            yield "it connects", (network._replace(subscription=SOCKET), client), 0, 2
        elif subscription == SOCKET:
            yield "it subscribes", (subscribing, self._driver.subscribing(client)), 0, 2
        elif subscription == LEFT and not network.stream:
            yield "it subscribes again", (subscribing, self._driver.subscribing(client)), 0, 2
        elif subscription == ACTIVE and not any(part >= PART for part in network.stream):
            is_hopeless = self.states.misses[client.life] >= LifeStates.MOST_MISSES
            is_due = client.due in (DUE, DUE_AT_REQUEST) and not is_hopeless
            is_wanted = is_due or not client.is_current
            leaving = network._replace(subscription=LEAVING), self._driver.leaving(client)
            yield "it leaves the stream", leaving, int(not is_wanted), 8 if is_wanted else NEVER

    def _beside_network(self, exchange: Exchange, client: Client) -> Iterator[Event]:
        """Yield the events between the client and the exchange, while there is a socket."""
        driver, status = self._driver, self.states.status[client.life]
        if exchange.add == UNSENT:
            yield "it is sent", (exchange._replace(add=AWAY), driver.sent(client)), 0, 0
            return
        is_open = status not in DONE
        if exchange.cancel == UNSENT and is_open and self._limits.has_cancels:
            waiting = client.waiting | CANCELING
            sent = exchange._replace(cancel=AWAY), client._replace(waiting=waiting)
            yield "a cancel is sent", sent, 0, NEVER
        if self._may_amend(exchange, client) and is_open:
            waiting = client.waiting | AMENDING
            sent = exchange._replace(amend=AWAY), client._replace(waiting=waiting)
            yield "an amend is sent", sent, 0, NEVER
        if exchange.time == 2 and client.due in (DEADLINE, BOTH):
            due = DUE if client.due == DEADLINE else PATIENCE
            yield "the deadline is over", (exchange, client._replace(due=due)), 0, 7
        is_up_to_date = exchange.feed == WAYS[exchange.engine][-1]
        if client.due in (PATIENCE, BOTH) and (
            is_up_to_date or not self.states.misses[client.life]
        ):
            due = DUE if client.due == PATIENCE else DEADLINE
            yield "no message comes", (exchange, client._replace(due=due)), 0, 7

    def _by_rest(self, exchange: Exchange, client: Client) -> Iterator[Event]:
        """Yield the answers of REST about the order: as it is, and as it was before."""
        driver, status = self._driver, self.states.status[client.life]
        if exchange.add == UNSENT or status in ("sending", "rejected", "absent"):
            return
        is_unsettled = status in ("unknown", "gone")
        way = WAYS[exchange.engine]
        for record in way:
            if record == NONE:
                continue
            turn = 9 if is_unsettled and record == way[-1] else NEVER
            for has_fills in (True, False):
                after = driver.recorded(client, record, has_fills=has_fills)
                if after != client:
                    name = f"REST has that it is {STATUS[record]}"
                    yield name, (exchange, after), 0, turn if has_fills else NEVER
        searches, misses = self.states.searches[client.life], self.states.misses[client.life]
        is_lagging = exchange.engine != NONE
        if status == "unknown" and exchange.time == 2 and not (is_lagging and searches and misses):
            is_news = misses or searches < LifeStates.MOST_SEARCHES
            name, turn = "REST does not have it", 9 if is_news and not is_lagging else NEVER
            yield name, (exchange, driver.not_recorded(client)), 0, turn

    def _may_amend(self, exchange: Exchange, client: Client) -> bool:
        """Return whether an amend may be sent; it waits for the reply to the last request."""
        is_free = exchange.amend == UNSENT and not client.waiting and exchange.time == 0
        return self._limits.has_amends and is_free


def _carrying(network: Network, message: int, answer: int) -> Network:
    """Return the network with a message and a reply on their way, if it can carry them."""
    if message and network.subscription in (ACTIVE, LEAVING):
        network = network._replace(stream=(*network.stream, message))
    if answer and network.subscription != NO_SOCKET:
        network = network._replace(answers=network.answers | answer)
    return network


def _snapshots(exchange: Exchange) -> list[tuple[int, ...]]:
    """Return the ways in which a snapshot can be split into messages."""
    feed = exchange.feed
    listed = feed if feed in LIVE else 0
    visible = FILLS[feed] - max(exchange.pushed, 0)
    fills = visible << FILLS_AT | (PUSHED if exchange.pushed >= 0 else 0)
    return [
        (PART | FIRST | listed | fills,),
        (PART | FIRST | listed, PART | fills),
        (PART | FIRST | fills, PART | listed),
    ]


def _bits(number: int) -> Iterator[int]:
    while number:
        bit = number & -number
        yield bit
        number &= ~bit


def _following(was: Exchange) -> Iterator[Move]:
    """Yield the steps of the feed and of time."""
    way = WAYS[was.engine]
    is_up_to_date = was.feed == way[-1] and was.amend != CARRIED_OUT
    if was.feed != way[-1]:
        step = way[way.index(was.feed) + 1] if was.feed in way else way[-1]
        yield "the feed follows", was._replace(feed=step), step, 0, 0, 4
    elif was.amend == CARRIED_OUT:
        message = AMENDED if was.feed in LIVE else 0
        yield "the amend is reported", was._replace(amend=OVER), message, 0, 0, 4
    if was.time == 0 or (was.time == 1 and is_up_to_date):
        yield "time passes", was._replace(time=was.time + 1), 0, 0, 0, 5
    if was.pushed < 0 and FILLS[was.feed]:
        yield "others have many fills", was._replace(pushed=FILLS[was.feed]), 0, 0, 1, NEVER


# The search.


@dataclass
class Found:
    """The result of a search.

    Attributes:
        states: the number of states.
        wrong: each violated property; after a complete search with the events that lead to it.
        longest: the highest number of events from a state to the end, without further troubles.
    """

    states: int
    wrong: dict[str, list[str]]
    longest: int = 0


def explore(
    troubles: int,
    limits: Limits,
    life: type[Life] = Life,
    *,
    is_first_enough: bool = False,
) -> Found:
    """Visit every state breadth first, and then check how each of them ends.

    Args:
        troubles: the highest number of troubles.
        limits: what can happen besides.
        life: the class to explore.
        is_first_enough: whether to stop at the first violated property.
    """
    world = World(LifeStates(life), limits)
    first = world.first(troubles)
    level, seen = [first], {first}
    wrong: dict[str, int] = {}
    judged: dict[int, str | None] = {}
    successors = world.successors
    while level and not (wrong and is_first_enough):
        found = []
        for state in level:
            for after in successors(state):
                if after not in seen:
                    seen.add(after)
                    found.append(after)
        level = found
        for state in level:
            parts = state & (EXCHANGE | CLIENT)
            if parts not in judged:
                judged[parts] = _verdict(world, state)
                if (text := judged[parts]) is not None:
                    wrong.setdefault(text, state)
        for text in world.states.set_back:
            wrong.setdefault(f"a status of the exchange's is set back: {text}", first)
    longest = 0
    if not (wrong and is_first_enough):
        longest, endings = _settle(world, seen)
        wrong |= endings
    ways = {
        text: [] if is_first_enough else _way(world, first, state) for text, state in wrong.items()
    }
    return Found(len(seen), ways, longest)


#: The possible states in the engine of an order with a final status; any for `gone`.
MAY_BE = {
    "rejected": (NONE,),
    "absent": (NONE, CANCELED),
    "filled": (ALL,),
    "canceled": (CANCELED, PARTLY_CANCELED),
}


def _verdict(world: World, state: int) -> str | None:
    """Return the property that a state violates, `None` if there is none."""
    exchange, _, client = world.parts(state)
    status, engine = world.states.status[client.life], exchange.engine
    can_come = exchange.add in (AWAY, ASTRAY) and exchange.time == 0
    if status in DONE and (engine in LIVE or can_come):
        return f"an order that is open or may still be accepted is called {status}"
    if status in OPEN and engine == NONE:
        return f"an order that the exchange never accepted is called {status}"
    if status in MAY_BE and engine not in MAY_BE[status]:
        return f"an order of which the exchange has {STATUS.get(engine)} is called {status}"
    if client.fills > FILLS[engine]:
        return "more fills are known than there are"
    if status == "partially_filled" and not client.fills:
        return "an order is called partially_filled, and no fill is known"
    is_waiting = client.waiting & ADDING or client.questions
    if status in ("sending", "unknown") and exchange.add != UNSENT and not is_waiting:
        return f"there is no open question about an order that is {status}"
    return None


def _settle(world: World, seen: set[int]) -> tuple[int, dict[str, int]]:
    """Return the highest number of events until nothing more happens, and wrong final states."""
    left: dict[int, int] = {}
    wrong: dict[str, int] = {}
    for state in seen:
        path: list[int] = []
        on_path: set[int] = set()
        at: int | None = state
        while at is not None and at not in left and at not in on_path:
            path.append(at)
            on_path.add(at)
            at = world.calm(at)
        if at is None:
            if (text := _end_verdict(world, path[-1])) is not None:
                wrong.setdefault(text, path[-1])
            steps = -1
        elif at in left:
            steps = left[at]
        else:
            wrong.setdefault("it never comes to an end", at)
            steps = 0
        for visited in reversed(path):
            steps += 1
            left[visited] = steps
    return max(left.values()), wrong


def _end_verdict(world: World, state: int) -> str | None:
    """Return the property that a final state violates, `None` if there is none."""
    exchange, _, client = world.parts(state)
    status, engine = world.states.status[client.life], exchange.engine
    if exchange.add == UNSENT:
        return None
    if status == "unknown" and exchange.pushed >= 0 and not world.has_rest:
        # The fills that would settle it are missing in snapshots.
        return None
    if status == "gone" and world.has_rest:
        return "in the end REST was not asked how an order ended"
    is_right = status == STATUS[engine] if engine in LIVE else status in DONE
    if is_right and not client.questions:
        return None
    have = STATUS.get(engine, "nothing")
    return f"in the end an order is called {status}, and the exchange has {have}"


def _way(world: World, first: int, state: int) -> list[str]:
    """Return the names of the events of the shortest way to a state."""
    came: dict[int, tuple[int, str]] = {first: (first, "")}
    queue = deque([first])
    while queue and state not in came:
        at = queue.popleft()
        for name, after in world.named(at):
            if after not in came:
                came[after] = (at, name)
                queue.append(after)
    words: list[str] = []
    while state != first:
        state, name = came[state]
        words.append(name)
    return words[::-1]
