"""Reads by REST what was missed in a gap: trades of the market, and fills of the account."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from ..._backend import Engine, WSDataMessage
from ...models import GapEvent, TradeData
from ...models.rest import PublicTrade, RestFill
from ...models.timestamps import timestamp_text
from ...rest.client import KrakenRest
from ...slices import in_slices
from ..base.exchange_clock import SECOND_NS
from ..orders import Fill, Order, Orders
from ..orders.life import FINAL

__all__ = ["Around", "Backfill", "ExecutionsBackfill", "TradesBackfill"]

#: By how much more than the gap is read: the times of a gap are local, and those of trades are not.
MARGIN_NS = 5 * SECOND_NS
#: How long after the end of a gap REST is asked first. No page says how far it lags.
LAG_NS = 2 * SECOND_NS
#: How often REST is asked while its answer lacks something that is known, and the pause between.
ATTEMPTS = 3
PAUSE = 2.5
#: Trades that are made at once, which holds the event loop for about a millisecond.
BATCH = 100

#: By symbol the `trade_id` of the last trade before a gap and of the first one after it.
Around = Mapping[str, tuple[int | None, int | None]]


@dataclass(frozen=True, slots=True)
class Backfill:
    """What REST has of a gap, and a few seconds around it.

    Attributes:
        gap: the gap.
        trades: the trades of each pair, oldest first, as in channel `trade`.
        missing: by symbol the ranges of `trade_id`s that REST does not have.
        fills: the fills of the account, oldest first.
        new_fills: those that `client.orders` did not know before.
        orders: the known orders of these fills.
        problems: why it is not complete, in words.
    """

    gap: GapEvent
    trades: tuple[TradeData, ...] = ()
    missing: Mapping[str, tuple[range, ...]] = field(default_factory=dict)
    fills: tuple[Fill, ...] = ()
    new_fills: tuple[Fill, ...] = ()
    orders: tuple[Order, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether nothing is known to be missing."""
        return not self.problems

    def joined(self, other: Backfill) -> Backfill:
        """Return the trades of this one and the fills of another one, of the same gap."""
        return replace(
            other,
            trades=self.trades,
            missing=self.missing,
            problems=self.problems + other.problems,
        )


async def _wait_for_lag(end_ns: int) -> None:
    """Wait until REST may have what happened at a local time."""
    await asyncio.sleep(max(end_ns + LAG_NS - time.time_ns(), 0) / SECOND_NS)


class TradesBackfill:
    """Reads the trades of a gap.

    Args:
        rest: the REST API; it needs no key.
        offset_ns: the exchange's clock minus the local one.
    """

    def __init__(self, rest: KrakenRest, offset_ns: int) -> None:
        self._rest = rest
        self._offset_ns = offset_ns

    async def read(self, gap: GapEvent, symbols: Iterable[str], around: Around) -> Backfill:
        """Read the trades of some pairs.

        Raises:
            RestError: a call failed.
        """
        end_ns = time.time_ns() if gap.end_ns is None else gap.end_ns
        await _wait_for_lag(end_ns)
        since_ns = gap.start_ns + self._offset_ns - MARGIN_NS
        until_ns = end_ns + self._offset_ns + MARGIN_NS
        trades: list[TradeData] = []
        missing: dict[str, tuple[range, ...]] = {}
        for symbol in symbols:
            before, after = around.get(symbol, (None, None))
            found = await self._until_joined(symbol, since_ns, until_ns, after)
            wanted = {
                trade_id: trade
                for trade_id, trade in sorted(found.items())
                if (before is None or trade_id > before) and (after is None or trade_id < after)
            }
            trades += await typed(symbol, list(wanted.values()))
            if ranges := tuple(missing_ranges(wanted, before, after)):
                missing[symbol] = ranges
        problems = [
            f"REST has no trade {ids[0]} to {ids[-1]} of {symbol}"
            for symbol, ranges in missing.items()
            for ids in ranges
        ]
        return Backfill(gap, tuple(trades), missing, problems=tuple(problems))

    async def _until_joined(
        self, symbol: str, since_ns: int, until_ns: int, after: int | None
    ) -> dict[int, PublicTrade]:
        """Read trades, again if they do not reach the first one after the gap."""
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(PAUSE)
            found = await self._walk(symbol, since_ns, until_ns)
            if after is None or after - 1 in found or after in found:
                break
        return found

    async def _walk(self, symbol: str, since_ns: int, until_ns: int) -> dict[int, PublicTrade]:
        """Read the trades between two times, page by page, each once."""
        found: dict[int, PublicTrade] = {}
        cursor = str(since_ns)
        while True:
            page = await self._rest.trades(symbol, cursor)
            new = [trade for trade in page.trades if trade.trade_id not in found]
            found |= {trade.trade_id: trade for trade in new}
            is_past = any(trade.time_ns > until_ns for trade in new)
            if not new or is_past or page.last in ("", cursor):
                break
            cursor = page.last
        return {
            trade_id: trade
            for trade_id, trade in found.items()
            if since_ns <= trade.time_ns <= until_ns
        }


def missing_ranges(ids: Iterable[int], before: int | None, after: int | None) -> Iterator[range]:
    """Yield the ranges of `trade_id`s that are missing.

    That they are consecutive within a pair is inferred: page "Trade" calls them sequence numbers.

    Args:
        ids: those that are known, ascending.
        before: the last one before them, `None` if unknown.
        after: the first one after them, `None` if unknown.
    """
    known = [*([] if before is None else [before]), *ids, *([] if after is None else [after])]
    for one, next_one in pairwise(known):
        if next_one > one + 1:
            yield range(one + 1, next_one)


async def typed(symbol: str, trades: Sequence[PublicTrade]) -> list[TradeData]:
    """Return trades as channel `trade` has them, with the digits that REST sent."""
    engine = Engine()
    batches = range(0, len(trades), BATCH)
    return [
        trade
        async for at in in_slices(batches, 1)
        for trade in _typed(engine, symbol, trades[at : at + BATCH])
    ]


def _typed(engine: Engine, symbol: str, trades: Sequence[PublicTrade]) -> list[TradeData]:
    rows = [
        f'{{"symbol":{json.dumps(symbol)},"side":{json.dumps(trade.side)},"qty":{trade.qty:f},'
        f'"price":{trade.price:f},"ord_type":{json.dumps(trade.order_type)},'
        f'"trade_id":{trade.trade_id},"timestamp":"{timestamp_text(trade.time_ns)}"}}'
        for trade in trades
    ]
    frame = f'{{"channel":"trade","type":"update","data":[{",".join(rows)}]}}'
    events = engine.feed(frame, time.time_ns())
    return [item for event in events if isinstance(event, WSDataMessage) for item in event.data]


class ExecutionsBackfill:
    """Reads the fills of a gap and applies them to the orders.

    Args:
        rest: the REST API with a key.
        orders: the orders of the account.
        offset_ns: the exchange's clock minus the local one.
    """

    def __init__(self, rest: KrakenRest, orders: Orders, offset_ns: int) -> None:
        self._rest = rest
        self._orders = orders
        self._offset_ns = offset_ns

    async def read(self, gap: GapEvent) -> Backfill:
        """Read the fills, the orders that they are of, and apply both.

        Raises:
            RestError: a call failed.
        """
        end_ns = time.time_ns() if gap.end_ns is None else gap.end_ns
        await _wait_for_lag(end_ns)
        start_ns, until_ns = gap.start_ns + self._offset_ns, end_ns + self._offset_ns + MARGIN_NS
        new: list[Fill] = []
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(PAUSE)
            found = await self._found(start_ns - MARGIN_NS, until_ns)
            await self._settle({fill.order_id for fill in found.values()})
            new += self._orders.add_found(found.values())
            problems = self._problems(found, start_ns, until_ns)
            if not problems:
                self._orders.found_between(start_ns - SECOND_NS, until_ns)
                break
        fills = [fill for fill in self._orders.fills if fill.exec_id in found]
        orders = {order for fill in fills if (order := self._orders.get(fill.order_id))}
        return Backfill(
            gap,
            fills=tuple(sorted(fills, key=_when)),
            new_fills=tuple(sorted(new, key=_when)),
            orders=tuple(order for order in self._orders if order in orders),
            problems=tuple(problems),
        )

    async def _found(self, since_ns: int, until_ns: int) -> dict[str, RestFill]:
        rows = self._rest.trades_history(since_ns, until_ns)
        found = {fill.exec_id: fill async for fill in rows}
        return dict(sorted(found.items(), key=lambda item: item[1].time_ns))

    async def _settle(self, order_ids: Iterable[str]) -> None:
        """Read the records of orders whose end is not known."""
        known = {name: self._orders.get(name) for name in order_ids}
        open_ids = [
            name for name, order in known.items() if order is None or order.status not in FINAL
        ]
        if open_ids:
            records = await self._rest.query_orders(open_ids, trades=True)
            self._orders.recorded((), list(records.values()))

    def _problems(
        self, found: Mapping[str, RestFill], start_ns: int, until_ns: int
    ) -> Sequence[str]:
        """Return what shows that REST lags: it lacks fills that are known, or known quantities."""
        late = [
            f"REST has no fill {fill.exec_id} of {fill.order_id} yet"
            for fill in self._orders.fills
            if start_ns <= (fill.timestamp_ns or 0) <= until_ns and fill.exec_id not in found
        ]
        lacking = [
            f"REST has not all fills of {order.order_id} yet"
            for order in self._orders
            if order.is_mine and self._orders.lacks_fills(order)
        ]
        return late + lacking


def _when(fill: Fill) -> int:
    return fill.timestamp_ns or 0
