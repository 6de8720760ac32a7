"""What a user reads: levels, fields, quotes. Typed baselines need msgspec."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from benches import corpus, workloads
from benches.workloads import ITEMS

Measure = Callable[..., None]
REPLAY = corpus.stream("replay-10")


def test_bench_levels(measure: Measure, core: Any) -> None:
    measure(workloads.feed_levels(core, REPLAY), "every level as Decimal")


def test_bench_levels_baseline_msgspec(measure: Measure) -> None:
    typed = pytest.importorskip("benches.typed")
    measure(workloads.decode_levels(typed.decode_book, REPLAY), "every level as Decimal")


@pytest.mark.parametrize("channel", ITEMS)
def test_bench_fields(measure: Measure, core: Any, channel: str) -> None:
    frames = corpus.plain(channel)
    measure(workloads.feed_fields(core, frames, ITEMS[channel]), f"every field of {channel}")


@pytest.mark.parametrize("channel", ITEMS)
def test_bench_fields_baseline_msgspec(measure: Measure, channel: str) -> None:
    decode = pytest.importorskip("benches.typed").decoder(ITEMS[channel])
    decoding = workloads.decode_fields(decode, corpus.plain(channel), ITEMS[channel])
    measure(decoding, f"every field of {channel}")


def test_bench_quotes(measure: Measure, core: Any) -> None:
    book = workloads.live_book(core, REPLAY)
    measure(workloads.read_quotes(book, (book.bid, book.ask)), "best bid and ask")


def test_bench_quotes_baseline_slots(measure: Measure) -> None:
    quote = workloads.Quote(29278.6, 29278.7)
    measure(workloads.read_quotes(quote, (quote.bid, quote.ask)), "best bid and ask")
