"""A running client, and its data for a screen."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress

from .. import backend
from ..exceptions import SubscriptionError
from ..ws import (
    BookParams,
    GapEvent,
    KrakenWSClient,
    Level3Params,
    SubscriptionParams,
    TickerData,
    TradeData,
    WSDataMessage,
)
from .digits import count, duration, rate
from .meter import Latency, Rate
from .notices import Notices
from .report import Fact
from .status import LatencyView, Status
from .views import BookView

#: More than arrive within the second between two lines.
_TRADES_KEPT = 20_000


class ClientSession:
    """Subscribes, counts messages, and keeps the data to show.

    Args:
        client: a client that is not connected yet.
        subscriptions: the subscriptions to make.
        extras: further subscriptions, which the exchange may refuse.
        title: the command.
        source: the name of the messages' source.
        notices: notices for the user; gets the gaps.
        seconds: duration of the command, `None` for no limit.
        has_live_times: whether the messages' timestamps are current, so that latency can be
            measured.

    Attributes:
        messages: channel messages so far.
        tickers: the latest ticker of each symbol.
        trades: the latest trades, newest first.
    """

    def __init__(
        self,
        client: KrakenWSClient,
        subscriptions: Sequence[SubscriptionParams],
        *,
        extras: Sequence[SubscriptionParams] = (),
        title: str,
        source: str,
        notices: Notices,
        seconds: float | None = None,
        has_live_times: bool = True,
    ) -> None:
        self.messages = 0
        self.tickers: dict[str, TickerData] = {}
        self.trades: deque[TradeData] = deque(maxlen=_TRADES_KEPT)
        self._notices = notices
        self._client = client
        self._subscriptions = subscriptions
        self._extras = extras
        self._title = title
        self._source = source
        self._seconds = seconds
        self._has_live_times = has_live_times
        self._began = time.monotonic()
        self._depths = {
            (params.channel, symbol): params.depth
            for params in subscriptions
            if isinstance(params, BookParams | Level3Params)
            for symbol in params.symbols
        }
        self._last_trades: dict[str, TradeData] = {}
        self._latency = Latency()
        self._rate = Rate(self._began)
        self._last: tuple[Status, list[BookView]] | None = None

    async def run(self) -> None:
        """Connect, subscribe and receive messages until cancelled.

        Raises:
            ConnectionError: all attempts to connect failed.
            SubscriptionError: the exchange refused all symbols.
        """
        async with self._client as client:
            try:
                for params in self._subscriptions:
                    await self._subscribe(params)
                for params in self._extras:
                    with suppress(SubscriptionError):
                        await self._subscribe(params)
                while True:
                    self._on_notice(await client.receive())
            finally:
                # The books of a closed client cannot be read.
                self._last = self.status(), self.books()

    async def _subscribe(self, params: SubscriptionParams) -> None:
        try:
            await self._client.subscribe(params, callback=self._on_event)
        except SubscriptionError as error:
            for symbol in error.rejected:
                self._depths.pop((params.channel, symbol), None)
            if not error.accepted:
                raise

    def _on_event(self, event: object) -> None:
        """Handle a message or event of a subscription."""
        if isinstance(event, WSDataMessage):
            self.messages += 1
            self._measure(event)
            if event.channel == "ticker":
                self.tickers.update((item.symbol, item) for item in event.data)
            elif event.channel == "trade":
                self.trades.extendleft(event.data)
                self._last_trades.update((trade.symbol, trade) for trade in event.data)
        else:
            self._on_notice(event)

    def _on_notice(self, event: object) -> None:
        """Handle an event about the feed."""
        if isinstance(event, GapEvent):
            seconds = ((event.end_ns or event.start_ns) - event.start_ns) / 1e9
            self._notices.add(f"gap of {seconds:.1f} s ({event.cause})")

    def _measure(self, message: WSDataMessage) -> None:
        sent, received = message.timestamp_ns, message.received_ns
        # A snapshot has the time of the last change, which may be long ago.
        if self._has_live_times and message.type == "update" and sent and received:
            self._latency.add(received - sent)

    def books(self) -> list[BookView]:
        """Return the books as they are, or were when the client was closed."""
        if self._last is not None:
            return self._last[1]
        return [self._book(*name, depth) for name, depth in self._depths.items()]

    def _book(self, channel: str, symbol: str, depth: int) -> BookView:
        trade = self._last_trades.get(symbol)
        try:
            if channel == "level3":
                return BookView.of_orders(self._client.level3(symbol)).with_trade(trade)
            return BookView.of(self._client.book(symbol)).with_trade(trade)
        except KeyError:
            return BookView(symbol, "awaiting_snapshot", depth)

    def status(self) -> Status:
        """Return the status now, or when the client was closed."""
        if self._last is not None:
            return self._last[0]
        now, books = time.monotonic(), self.books()
        connections = self._client.stats()["connections"].values()
        return Status(
            title=self._title,
            source=self._source,
            backend=backend(),
            state=self._client.state,
            system=self._client.system_status,
            elapsed=now - self._began,
            seconds=self._seconds,
            messages=self.messages,
            per_second=self._rate.per_second(now, self.messages),
            verified=sum(view.verified for view in books) if books else None,
            mismatches=sum(view.mismatches for view in books),
            latency=self._latency.view(),
            reconnects=sum(connection["reconnects"] for connection in connections),
            gaps=len(self._client.gaps),
            notice=self._notices.current(),
        )

    def facts(self) -> Iterator[Fact]:
        """Yield the facts of the summary."""
        status = self.status()
        yield "duration", duration(status.elapsed * 1e9)
        average = status.messages / status.elapsed if status.elapsed else 0.0
        yield "messages", f"{count(status.messages)} at {rate(average)}"
        if status.verified is not None:
            yield "verified", f"{count(status.verified)} book messages"
            yield "mismatches", count(status.mismatches)
        if status.latency.p50 is not None:
            yield "latency", _words(status.latency)
        yield "gaps", count(status.gaps)
        yield "reconnects", count(status.reconnects)


def _words(latency: LatencyView) -> str:
    parts = ("p50", latency.p50), ("p99", latency.p99), ("max", latency.largest)
    return ", ".join(f"{name} {duration(value)}" for name, value in parts)
