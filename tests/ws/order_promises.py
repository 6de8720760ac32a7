"""What is promised about orders, compared with the simulated exchange's records.

Always: no order that the client calls done is open at the exchange, every open order of the client
is among `orders.working()`, and what it can still fill is within the exposure. In the end: nothing
is forgotten, nothing is doubled, and everything is settled within `settled_within` seconds of the
last trouble.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tests.ws.helpers import BTC

from kraken_connector.exceptions import (
    ConnectionLost,
    NotConnected,
    OrderCheckFailed,
    OrderOutcomeUnknown,
    OrdersStillWorking,
    OrderUnresolved,
    RequestTimeout,
    TokenAcquisitionError,
    TradingError,
)
from kraken_connector.sim.trading.order import Order as SimOrder
from kraken_connector.ws import Order
from kraken_connector.ws.orders import Exposure
from kraken_connector.ws.orders.evidence import (
    CHECKS,
    DEADLINE_SLACK_NS,
    FRAME_PAUSE,
    PAUSE,
    SNAPSHOT_PAUSE,
)
from kraken_connector.ws.orders.life import DONE, OPEN
from kraken_connector.ws.token.pacer import LOCKOUT
from kraken_connector.ws.trading import AddOrderParams, BatchAddParams

if TYPE_CHECKING:
    from tests.ws.order_scenarios import Bench

#: Requests that provably never left raise one of these.
NEVER_LEFT = (
    NotConnected,
    ConnectionLost,
    RequestTimeout,
    TokenAcquisitionError,
    OrderCheckFailed,
)
#: Seconds in which a client with short timeouts has a connection and its streams again.
RECOVERY = 60.0
#: Steps after which tokens are not fetched for many minutes: a lockout, or no permission.
LONG_PAUSES = {"lock_out_tokens", "lock_out_calls", "refuse_calls", "fail_calls"}
#: Seconds between two reports at the end of a scenario, until one is known.
MARK = 5.0
#: Seconds until a frame comes surely, a heartbeat or a pong, and is noticed.
FRAME = 1.0 + FRAME_PAUSE
#: Check interval, seconds; not a multiple of the interval of fills (`MAKER_PAUSE`).
CHECK_INTERVAL = 0.07


def settled_within(order_deadline: float, request_timeout: float) -> float:
    """Return within how many seconds of the last trouble every order is settled.

    The exchange may accept a request until its deadline; the slack later it was reported. The
    pause before the next snapshot may just have begun, at its longest the one before the last
    check; where the first snapshot does not prove an absence, a second one does. Each of the two
    takes an unsubscribe, a subscribe, and the time in which further parts of it may come.
    """
    longest_pause = PAUSE * 2 ** (CHECKS - 2)
    snapshot = 2 * request_timeout + SNAPSHOT_PAUSE + FRAME
    return order_deadline + DEADLINE_SLACK_NS / 1e9 + longest_pause + PAUSE + 2 * snapshot


def reported_within(order_deadline: float, request_timeout: float) -> float:
    """Return within how many seconds of it every order is settled, or `OrderUnresolved` is raised.

    That is when all requested snapshots brought no evidence.
    """
    pauses = PAUSE + sum(PAUSE * 2**check for check in range(CHECKS - 1))
    snapshots = CHECKS * (2 * request_timeout + SNAPSHOT_PAUSE + FRAME)
    return order_deadline + DEADLINE_SLACK_NS / 1e9 + pauses + snapshots


class Promises:
    """Checks whether the promises are kept.

    Args:
        bench: the client and the exchange.
        script: what happens.
    """

    def __init__(self, bench: Bench, script: Sequence[tuple[Any, ...]]) -> None:
        self._bench = bench
        self._steps = {name for name, *_ in script}
        self._hides = any(name == "lag_stream" and not args[-1] for name, *args in script)
        self._records = bench.sim.account.records
        self._errors: list[AssertionError] = []
        self._by_mark: dict[str, Order] = {}
        #: The order that a request made, by its mark; another one with the mark replaces it.
        self._first: dict[str, str] = {}
        self._changes = 0
        self._seen: object = None
        self._announced: Counter[str] = Counter()
        bench.client.orders.on_change(self._on_change)
        bench.client.orders.on_fill(lambda _, fill: self._announced.update([fill.exec_id]))

    # Always.

    def check(self) -> None:
        """Record what is broken, if anything happened since the last check."""
        now = (self._changes, len(self._records.orders), len(self._records.open))
        if now != self._seen:
            self._seen = now
            try:
                self._hold()
            except AssertionError as error:
                self._errors.append(error)

    def hold(self) -> None:
        """Check what must hold at any instant.

        Raises:
            AssertionError: it does not, or did not since the last call.
        """
        self.check()
        if self._errors:
            raise self._errors[0]

    def _on_change(self, order: Order) -> None:
        self._changes += 1
        if order.params is not None and order.params.sender_sub_id is not None:
            self._by_mark[order.params.sender_sub_id] = order

    def _hold(self) -> None:
        working = set(self._bench.client.orders.working())
        for theirs in self._records.open.values():
            ours = self._ours(theirs)
            if ours is None or self._is_another(ours, theirs):
                continue
            if ours.status == "gone" and self._hides:
                # A snapshot is assumed to include earlier reports (`ws/orders/life.py`):
                # nothing is on record of one that is behind them. The next one corrects that.
                continue
            assert ours.status not in DONE, f"{ours!r} is final, but {theirs!r} is open"
            assert ours in working, f"{ours!r} is not working, but {theirs!r} is open"
            if not ours.is_mine or _is_of_another(theirs, ours):
                continue
            exposure = Exposure.of([ours])
            most = exposure.buy if theirs.side == "buy" else exposure.sell
            assert most >= theirs.left, f"{ours!r} has {exposure}, but {theirs!r} is open"

    def _ours(self, theirs: SimOrder) -> Order | None:
        """Return what the client regards as an order of the exchange."""
        known = self._bench.client.orders.get(theirs.order_id)
        mark = theirs.flags.get("sender_sub_id")
        if known is not None or mark is None:
            return known
        first = self._first.setdefault(mark, theirs.order_id)
        return self._by_mark.get(mark) if first == theirs.order_id else None

    @staticmethod
    def _is_another(ours: Order, theirs: SimOrder) -> bool:
        """Return whether an order was mistaken for another one that has its name.

        A name joins a report to an order without an `order_id` (`ws/orders/identity.py`); another
        program that uses the name at that moment can be mistaken for this one.
        """
        return ours.order_id is not None and ours.order_id != theirs.order_id

    # In the end.

    async def hold_in_the_end(self) -> None:
        """Check what must hold in time after the last trouble.

        Raises:
            AssertionError: it does not.
        """
        bench, client = self._bench, self._bench.client
        if self._hides:
            # What happened while only snapshots showed the past is in the next one alone.
            bench.sim.faults.reset_connections()
        # Each pauses the token call, as it would on the exchange.
        recovery = RECOVERY + LOCKOUT * bool(LONG_PAUSES & set(self._steps))
        connected = await self._until(lambda: str(client.state) == "connected", recovery)
        assert connected, f"no connection within {recovery:g} s"
        for _ in range(int(recovery / MARK)):
            if await self._until(await self._mark(), MARK):
                break
        else:
            raise AssertionError(f"no stream within {recovery:g} s")
        seconds = (bench.options["order_deadline"], bench.options["request_timeout"])
        await self._until(self._is_over, settled_within(*seconds))
        async with asyncio.timeout(recovery + reported_within(*seconds)):
            futures = [future for _, future in bench.calls]
            await asyncio.gather(*futures, return_exceptions=True)
        unresolved = [order for order in client.orders.unsettled if self._may_stay_open(order)]
        for order in unresolved:
            await self._check_reported(order, reported_within(*seconds))
        self.hold()
        # A fill of a maker may be under way.
        await self._until(lambda: not self.differences(), 2 * CHECK_INTERVAL)
        found = self.differences()
        assert not found, "; ".join(found)
        self._check_outcomes()

    async def _mark(self) -> Callable[[], bool]:
        """Let something be reported: whatever was lost before, this shows that it is missing.

        Returns:
            A function that returns whether the client knows.
        """
        client, account = self._bench.client, self._bench.sim.account
        marker = await account.place(BTC, "buy", 1, limit_price=1)
        await account.deposit("EUR", 1)

        def is_known() -> bool:
            are_current = client.orders.is_current and client.balances.is_current
            is_paid = client.balances.get("EUR") == account.balances["EUR"]
            return are_current and marker in client.orders and is_paid

        return is_known

    async def _until(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Wait for something, and check meanwhile; return whether it came in time."""
        for _ in range(int(seconds / CHECK_INTERVAL) + 1):
            self.hold()
            if is_so():
                return True
            await asyncio.sleep(CHECK_INTERVAL)
        return False

    def _is_over(self) -> bool:
        # A request that is still waiting may end with an unknown outcome.
        are_over = all(future.done() for _, future in self._bench.calls)
        return are_over and not self.differences() and not self._bench.client.orders.unsettled

    async def _check_reported(self, order: Order, seconds: float) -> None:
        """Check that waiting for an order ends when nothing more will be learnt of it."""
        try:
            await order.wait_settled(seconds)
        except OrderUnresolved:
            return
        except TimeoutError:
            raise AssertionError(
                f"{order!r} is neither settled nor given up: {order.reason}"
            ) from None

    def _may_stay_open(self, order: Order) -> bool:
        """Return whether nothing can prove what became of an order (`ws/orders/evidence.py`).

        Without a name of its own it may be any that the exchange shows, and without all fills it
        may have been filled.
        """
        return (
            not self._has_own_name(order)
            or self._bench.client.orders.lost_fills > 0
            or "nameless_reports" in self._steps
            or self._may_be_filled_by_another(order)
        )

    def _may_be_filled_by_another(self, order: Order) -> bool:
        """Return whether a past fill of an order that the client never saw may be the order's.

        The name of an order is no field of a fill (page "Executions", `trade`).
        """
        known = self._bench.client.orders
        return any(
            name_of(other) is None
            and other.cum_qty
            and other.side == order.side
            and other.order_id not in known
            for other in self._records.orders.values()
        )

    def _has_own_name(self, order: Order) -> bool:
        name = order.cl_ord_id
        ours = [other for other in self._by_mark.values() if other.cl_ord_id == name]
        theirs = [other for other in self._records.orders.values() if name_of(other) == name]
        return name is not None and len(ours) < 2 and all(map(mark_of, theirs))

    def differences(self) -> list[str]:
        """Return in what the client's orders, fills and balances are not the exchange's."""
        client, account = self._bench.client, self._bench.sim.account
        excused = {o for o in client.orders.unsettled if self._may_stay_open(o)}
        found = [
            f"{o!r} is not settled: {o.reason}" for o in client.orders.unsettled if o not in excused
        ]
        for ours in client.orders:
            found += self._wrong_about(ours) if ours not in excused else []
        for theirs in account.orders.values():
            mark = mark_of(theirs)
            if mark in self._by_mark and self._by_mark[mark] in excused:
                continue
            known = client.orders.get(theirs.order_id)
            if known is not None:
                found += self._differences(known, theirs)
            elif theirs.is_open:
                # Of one that came and ended in a gap the fills are known, and no more.
                found.append(f"{theirs} is forgotten")
        for asset, amount in account.balances.items():
            if client.balances.get(asset) != amount:
                found.append(f"{asset} is {amount}, not {client.balances.get(asset)}")
        if not client.orders.lost_fills and not self._hides:
            missing = {fill.exec_id for fill in account.fills} - self._announced.keys()
            found += [f"fill {exec_id} was not announced" for exec_id in missing]
        return found

    def _wrong_about(self, ours: Order) -> list[str]:
        """Return what is wrong about an order, whatever the exchange has."""
        found = [f"{ours!r} waits for {ours.pending}"] if ours.pending else []
        if not ours.is_certain and not ours.is_done:
            found.append(f"{ours!r} is not certain")
        is_there = ours.order_id in self._records.orders
        if ours.status in OPEN and not is_there:
            found.append(f"{ours!r} does not exist")
        mark = ours.params.sender_sub_id if ours.params is not None else None
        if mark is not None and ours.tag != self._bench.tags.get(mark):
            found.append(f"{ours!r} has the tag {ours.tag}")
        return found

    def _differences(self, ours: Order, theirs: SimOrder) -> list[str]:
        lost = self._bench.client.orders.lost_fills
        fills = {
            fill.exec_id: (fill.qty, fill.price)
            for fill in self._bench.sim.account.fills
            if fill.order_id == theirs.order_id
        }
        reported = {fill.exec_id: (fill.qty, fill.price) for fill in ours.fills}
        # A snapshot that is behind the reports leaves out the fills between the two.
        may_lack = lost or self._hides
        pairs: dict[str, tuple[Any, Any]] = {
            "fills": (reported, {key: fills.get(key) for key in reported} if may_lack else fills),
            "status": (ours.status, theirs.status),
        }
        if not may_lack:
            pairs["cum_qty"] = (ours.cum_qty, theirs.cum_qty)
            pairs["cum_cost"] = (ours.cum_cost, theirs.cum_cost)
        # Of an order of another program the quantity may never have been reported.
        is_unlike = not ours.order_qty or _is_of_another(theirs, ours)
        may_be_larger = is_unlike or self._may_be_larger(ours)
        if ours.status in ("gone", "absent") and (
            theirs.status in ("canceled", "expired")
            or ((may_lack or may_be_larger) and theirs.status == "filled")
        ):
            # How it ended was not reported, and no snapshot shows it: no more can be known.
            del pairs["status"]
        if theirs.is_open:
            pairs["limit_price"] = (ours.limit_price, theirs.limit_price)
            pairs["order_qty"] = (ours.order_qty, theirs.order_qty)
        return [
            f"{name} of {ours} is {right}, not {wrong}"
            for name, (wrong, right) in pairs.items()
            if wrong != right
        ]

    def _may_be_larger(self, ours: Order) -> bool:
        """Return whether a change of an order had no known outcome: it may be larger."""
        over = [future for _, future in self._bench.calls if future.done()]
        errors = [future.exception() for future in over if not future.cancelled()]
        return any(
            isinstance(error, OrderOutcomeUnknown)
            and error.method in ("amend_order", "edit_order")
            and ours in error.orders
            for error in errors
        )

    # What was said of requests.

    def _check_outcomes(self) -> None:
        """Check that every request was made once at most, and that what was said of it is so."""
        requests = [r for r in self._bench.sim.requests if r.method != "ping"]
        arrived = Counter(
            params.get("sender_sub_id")
            for request in requests
            if request.method in ("add_order", "batch_add")
            for params in request.params.get("orders", [request.params])
        )
        assert set(arrived.values()) <= {1}, "an order was sent twice"
        numbers = Counter((request.connection, request.req_id) for request in requests)
        assert set(numbers.values()) <= {1}, "a request was sent twice"
        assert set(self._announced.values()) <= {1}, "a fill was announced twice"
        placed = {mark_of(order) for order in self._records.orders.values()}
        for params, future in self._bench.calls:
            if not future.cancelled():
                self._check_outcome(params, future, set(arrived), placed)

    def _check_outcome(
        self, params: Any, future: asyncio.Future[Any], arrived: set[Any], placed: set[Any]
    ) -> None:
        error = future.exception()
        allowed = (
            TradingError,
            OrderOutcomeUnknown,
            OrderUnresolved,
            OrdersStillWorking,
            *NEVER_LEFT,
        )
        assert error is None or isinstance(error, allowed), repr(error)
        orders = params.orders if isinstance(params, BatchAddParams) else [params]
        marks = {order.sender_sub_id for order in orders if isinstance(order, AddOrderParams)}
        if isinstance(error, NEVER_LEFT):
            assert not marks & arrived, f"{error!r}, but it left"
        elif isinstance(error, TradingError):
            assert not marks & placed, f"{error!r}, but it was placed"
        elif error is None and marks:
            for order in future.result().orders:
                mark = order.params.sender_sub_id
                is_placed = order.status != "rejected"
                assert is_placed == (mark in placed), f"{order!r}, but its mark is {mark in placed}"


def _is_of_another(theirs: SimOrder, ours: Order) -> bool:
    """Return whether an order that is regarded as one of the client's is of another program."""
    return ours.params is not None and ours.params.sender_sub_id != mark_of(theirs)


def mark_of(order: SimOrder) -> str | None:
    """Return by what an order of the exchange is known to be ours."""
    mark: str | None = order.flags.get("sender_sub_id")
    return mark


def name_of(order: SimOrder) -> object:
    """Return the client's name of an order of the exchange."""
    return order.client_id.get("cl_ord_id")
