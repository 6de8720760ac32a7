"""Updates as fast as the socket accepts them, for benchmarks.

Nothing is computed while updates are sent: every topic has a loop of ready-made WebSocket frames.
The last update of a loop of `book` or `level3` restores its snapshot, so that checksums stay right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from copy import deepcopy
from itertools import cycle

from websockets.frames import Frame, Opcode

from . import messages
from .book import DEPTHS, ReferenceBook, Rows, Side
from .feeds import MarketFeed, updates
from .level3 import EventRow, EventRows, Level
from .market import SimMarket, Step
from .queues import Event
from .statistics import INTERVALS
from .subscription import Subscription, Topic
from .writer import Writer

LOOP_STEPS = 2000
CHUNK_BYTES = 16_384


class FlatOutFeed:
    """Sends every subscription a loop of ready-made frames, as fast as its client reads.

    Args:
        markets: the markets to make the loops from; they do not move.
        steps: market steps in a loop.
    """

    def __init__(self, markets: MarketFeed, *, steps: int = LOOP_STEPS) -> None:
        self._markets = markets
        self._steps = steps
        self._loops: dict[Topic, list[bytes]] = {}
        self._playing: dict[Writer, list[Subscription]] = {}
        self._players = asyncio.TaskGroup()

    @property
    def symbols(self) -> list[str]:
        """The listed symbols."""
        return self._markets.symbols

    def check(self, subscription: Subscription) -> None:
        self._markets.check(subscription)

    def start(self, subscription: Subscription) -> None:
        self._markets.start(subscription)
        if not self._loop(subscription.topic):
            return
        if subscription.writer not in self._playing:
            self._playing[subscription.writer] = []
            self._players.create_task(self._play(subscription.writer))
        self._playing[subscription.writer].append(subscription)

    async def run(self) -> None:
        async with self._players:
            await asyncio.get_running_loop().create_future()

    async def _play(self, writer: Writer) -> None:
        positions: dict[Subscription, Iterator[bytes]] = {}
        while playing := self._active(writer):
            for subscription in playing:
                chunks = positions.setdefault(subscription, cycle(self._loop(subscription.topic)))
                writer.send_frames(next(chunks))
                await writer.writable()
            await asyncio.sleep(0)
        del self._playing[writer]

    def _active(self, writer: Writer) -> list[Subscription]:
        active = [one for one in self._playing[writer] if writer.open and one.is_active]
        self._playing[writer] = active
        return active

    def _loop(self, topic: Topic) -> list[bytes]:
        if topic not in self._loops:
            self._loops[topic] = list(_chunks(self._frames(topic)))
        return self._loops[topic]

    def _frames(self, topic: Topic) -> Iterator[bytes]:
        channel, symbol, option = topic
        if symbol is None:
            return
        if channel == "level3":
            yield from self._order_frames(symbol, int(option or 0))
            return
        market = self._markets.new_market(symbol)
        depths = [depth for depth in DEPTHS if topic == ("book", symbol, depth)]
        start = {depth: _view(market.book, depth) for depth in depths}
        if channel == "ohlc":
            market.candles(int(option or INTERVALS[0]))
        for _ in range(self._steps):
            for _, payload in updates(market, market.step(depths), topic.__eq__):
                yield _frame(payload)
        for depth in depths:
            yield _frame(_way_back(market, depth, start[depth], self._markets.market(symbol)))

    def _order_frames(self, symbol: str, depth: int) -> Iterator[bytes]:
        origin = self._markets.market(symbol)
        market = deepcopy(origin, {id(self._markets.clock): self._markets.clock})
        start, topic = _orders(market, depth), ("level3", symbol, depth)
        for _ in range(self._steps):
            for _, payload in updates(market, market.step(), topic.__eq__):
                yield _frame(payload)
        back = EventRows(*map(_orders_back, _orders(market, depth), start))
        yield _frame(messages.level3_update(market, back, origin.orders().checksum()))


def _orders(market: SimMarket, depth: int) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    return market.orders().levels("bid", depth), market.orders().levels("ask", depth)


def _orders_back(now: Iterable[Level], start: Iterable[Level]) -> list[EventRow]:
    """Return the events that restore the orders of one side at the start."""
    here, there = dict(now), dict(start)
    gone = [(ticks, here[ticks]) for ticks in here if there.get(ticks) != here[ticks]]
    back = [(ticks, there[ticks]) for ticks in there if here.get(ticks) != there[ticks]]
    deletes = [EventRow(ticks, Event("delete", order)) for ticks, queue in gone for order in queue]
    adds = [EventRow(ticks, Event("add", order)) for ticks, queue in back for order in queue]
    return deletes + adds


def _view(book: ReferenceBook, depth: int) -> dict[Side, dict[int, int]]:
    return {"bid": dict(book.bids.rows(depth)), "ask": dict(book.asks.rows(depth))}


def _way_back(
    market: SimMarket, depth: int, start: dict[Side, dict[int, int]], origin: SimMarket
) -> bytes:
    """Return the update that restores the book at the start, for a subscriber of `depth`."""
    now = _view(market.book, depth)
    rows = Rows()
    for side, levels in start.items():
        gone = [(ticks, 0) for ticks in now[side] if ticks not in levels]
        back = [row for row in levels.items() if now[side].get(row[0]) != row[1]]
        rows.of(side).extend(gone + back)
    step = Step(market.pair.symbol, market.now(), {depth: rows}, origin.book.checksum())
    return messages.book_update(market.pair, step, depth)


def _frame(payload: bytes) -> bytes:
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


def _chunks(frames: Iterator[bytes]) -> Iterator[bytes]:
    chunk = bytearray()
    for frame in frames:
        chunk += frame
        if len(chunk) >= CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    if chunk:
        yield bytes(chunk)
