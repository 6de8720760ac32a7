"""Both engines through random events of connections: subscribe, lose, mismatch, resync, reset."""

from __future__ import annotations

import copy
import json
from operator import attrgetter
from typing import Any
from unittest import mock

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.conftest import native_core
from tests.level3_oracle import OrderMarket, TextOrder, level3_message
from tests.oracle import Market, book_message
from tests.parity import frames, pictures

from kraken_connector import _pure as pure
from kraken_connector._pure.book_handle import BookHandle
from kraken_connector.models import BookChecksumEvent

SYMBOLS = ("BTC/USD", "ETH/USD")
symbols = st.sampled_from(SYMBOLS)
channels = st.sampled_from(["book", "level3"])
depths = st.sampled_from([10, 25, 100])
row_lists = st.lists(
    st.tuples(
        st.sampled_from(["1", "1.0", "2.50", "25e-1", "99999.123", "1e-9"]),
        st.sampled_from(["0", "0.0", "1", "2.000", "3e-10", "12345678901234567890"]),
    ),
    max_size=4,
)


order_entries = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "modify", "modify", "delete", "amend", None]),
        st.builds(
            TextOrder,
            st.sampled_from(["OA", "OB", "OC", "OD", "OE"]),
            st.sampled_from(["1", "1.0", "2.50", "25e-1", "99999.123", "1e-9", "1e29"]),
            st.sampled_from(["0", "0.0", "1", "2.000", "3e-10", "12345678901234567890"]),
            st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.1Z", "2026", ""]),
        ),
    ),
    max_size=5,
)

#: A step that is refused makes hypothesis print its strategies, which are large.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")


class Connection(RuleBasedStateMachine):
    """Every step goes to both engines; after it their states must be equal."""

    def __init__(self) -> None:
        super().__init__()
        self.engines: list[Any] = [native_core().Engine(), pure.Engine()]
        self.markets: dict[tuple[str, str], Market | OrderMarket] = {}
        self.sequences = {"executions": 0, "balances": 0}
        self.clock = 0

    def feed(self, frame: bytes) -> None:
        self.clock += 1
        ours, reference = (pictures.of_feed(engine, frame, self.clock) for engine in self.engines)
        assert ours == reference

    def call(self, path: str, *args: Any) -> None:
        ours, reference = (
            pictures.outcome(attrgetter(path)(engine), *args)[:3] for engine in self.engines
        )
        assert ours == reference

    @initialize(depth=depths)
    def open(self, depth: int) -> None:
        for seed, symbol in enumerate(SYMBOLS):
            self.markets["book", symbol] = Market(symbol, depth, seed=seed, price_decimals=1 + seed)
            keeping = None if seed else ("lowered",)
            self.markets["level3", symbol] = OrderMarket(
                symbol, 10, seed=seed, orders_a_level=2, keeping=keeping
            )

    @rule(channel=channels, symbol=symbols)
    def snapshot(self, channel: str, symbol: str) -> None:
        self.feed(self.markets[channel, symbol].snapshot())

    @rule(channel=channels, symbol=symbols, events=st.integers(1, 8), lost=st.integers(0, 9))
    def update(self, channel: str, symbol: str, events: int, lost: int) -> None:
        frame = self.markets[channel, symbol].update(events)
        if lost:
            self.feed(frame)

    @rule(
        symbol=symbols,
        kind=st.sampled_from(["snapshot", "update"]),
        bids=row_lists,
        asks=row_lists,
        checksum=st.none() | st.just(12345) | st.just(-1),
    )
    def odd_book(self, symbol: str, kind: str, bids: Any, asks: Any, checksum: int | None) -> None:
        """Rows from elsewhere; with -1 their checksum is right."""
        if checksum == -1:
            checksum = self.computed_checksum(book_message(symbol, kind, bids, asks, 0))
        self.feed(book_message(symbol, kind, bids, asks, checksum))

    def computed_checksum(self, frame: bytes) -> int:
        """Return what the book of a message with a wrong checksum has instead."""
        # Books refuse to be copied, as those of the native core cannot be.
        with mock.patch.object(BookHandle, "__reduce_ex__", object.__reduce_ex__):
            engine = copy.deepcopy(self.engines[1])
        events = engine.feed(frame)
        checksums = [event.computed for event in events if isinstance(event, BookChecksumEvent)]
        return checksums[0] if checksums else 0

    @rule(
        symbol=symbols,
        kind=st.sampled_from(["snapshot", "update", "update"]),
        bids=order_entries,
        asks=order_entries,
        checksum=st.none() | st.just(12345) | st.just(-1) | st.just(-1),
    )
    def odd_level3(
        self, symbol: str, kind: str, bids: Any, asks: Any, checksum: int | None
    ) -> None:
        """Entries from elsewhere; with -1 their checksum is right."""
        if checksum == -1:
            checksum = self.computed_checksum(level3_message(symbol, kind, bids, asks, 0))
        self.feed(level3_message(symbol, kind, bids, asks, checksum))

    @rule(frame=frames.any_frame)
    def anything(self, frame: bytes) -> None:
        self.feed(frame)

    @rule(symbol=symbols, part=st.floats(0, 1))
    def cut_update(self, symbol: str, part: float) -> None:
        frame = self.markets["book", symbol].update()
        self.feed(frame[: int(len(frame) * part)])

    @rule(
        method=st.sampled_from(["subscribe", "unsubscribe"]),
        channel=st.sampled_from(["book", "level3", "executions", "balances", "ticker"]),
        symbol=symbols,
        depth=st.none() | depths,
        success=st.booleans(),
    )
    def answer(self, method: str, channel: str, symbol: str, depth: Any, success: bool) -> None:
        result = {"channel": channel, "symbol": symbol, "depth": depth}
        document = {"method": method, "success": success, "result": result, "error": "no"}
        self.feed(json.dumps(document).encode())

    @rule(
        channel=st.sampled_from(["executions", "balances"]),
        kind=st.sampled_from(["snapshot", "update", "update", "update"]),
        step=st.sampled_from([1, 1, 1, 0, 2, -3]),
    )
    def private(self, channel: str, kind: str, step: int) -> None:
        self.sequences[channel] += step
        document = {"channel": channel, "type": kind, "data": []}
        self.feed(json.dumps({**document, "sequence": self.sequences[channel]}).encode())

    @rule(
        call=st.sampled_from(["books.expect", "level3_books.expect"]),
        symbol=symbols,
        depth=depths | st.sampled_from([0, 11, -10]),
    )
    def expect(self, call: str, symbol: str, depth: int) -> None:
        self.call(call, symbol, depth)

    @rule(
        call=st.sampled_from(["books.invalidate", "level3_books.invalidate"]),
        symbol=symbols,
        state=st.sampled_from(["awaiting_snapshot", "stale", "quarantined", "x"]),
    )
    def invalidate(self, call: str, symbol: str, state: str) -> None:
        self.call(call, symbol, state)

    @rule()
    def reset(self) -> None:
        self.call("reset")

    @precondition(lambda self: self.markets)
    @invariant()
    def states_are_equal(self) -> None:
        ours, reference = map(pictures.of_engine, self.engines)
        assert ours == reference


TestConnection = Connection.TestCase
