"""The records of what a connection missed."""

from __future__ import annotations

import pytest
from tests.unit.ws.rig import Bench

from kraken_connector.models import GapEvent
from kraken_connector.ws.protocol.gaps import Gaps
from kraken_connector.ws.subscribe import BookParams, TickerParams

BTC, ETH = "BTC/USD", "ETH/USD"


@pytest.fixture
def reported() -> list[GapEvent]:
    return []


@pytest.fixture
def gaps(bench: Bench, reported: list[GapEvent]) -> Gaps:
    """The gaps of a connection with a book and a ticker, on its third socket."""
    bench.subscribed(BookParams(symbol=[BTC]))
    bench.subscribed(TickerParams(symbol=[ETH]))
    made = Gaps("here", bench.session.registry, reported.append)
    made.epoch = 3
    return made


def test_gap_is_reported_when_it_ends(gaps: Gaps, reported: list[GapEvent]) -> None:
    gaps.begin("disconnect", 5, ())
    assert gaps.is_open
    assert reported == []
    gaps.end(9)
    assert not gaps.is_open
    assert reported == [
        GapEvent("disconnect", 5, 9, ["book", "ticker"], [BTC, ETH], "here", epoch=3),
    ]
    gaps.end(10)
    assert len(reported) == 1


def test_channels_with_records_of_their_own_are_left_out(
    gaps: Gaps, reported: list[GapEvent]
) -> None:
    gaps.begin("disconnect", 5, {"book"})
    gaps.end(9)
    assert (reported[0].channels, reported[0].symbols) == (["ticker"], [ETH])
    gaps.begin("disconnect", 5, {"book", "ticker"})
    assert not gaps.is_open


def test_losing_a_socket_again_makes_the_gap_longer(gaps: Gaps, reported: list[GapEvent]) -> None:
    gaps.begin("overflow", 5, {"book"})
    gaps.epoch = 4
    gaps.begin("disconnect", 7, {"ticker"})
    gaps.end(9)
    (gap,) = reported
    assert (gap.cause, gap.start_ns, gap.epoch) == ("overflow", 5, 3)
    assert gap.channels == ["book", "ticker"]


def test_gap_that_is_given_up_is_reported_once_and_again_with_its_end(
    gaps: Gaps, reported: list[GapEvent]
) -> None:
    gaps.give_up()
    assert reported == []
    gaps.begin("disconnect", 5, ())
    gaps.give_up()
    gaps.give_up()
    gaps.end(9)
    assert [gap.end_ns for gap in reported] == [None, 9]
    gaps.begin("disconnect", 10, ())
    gaps.forget()
    gaps.end(11)
    assert len(reported) == 2


def test_gaps_within_a_socket(gaps: Gaps, reported: list[GapEvent]) -> None:
    gaps.pause(1, 2)
    gaps.unreadable("trade", 3)
    gaps.unreadable(None, 4)
    gaps.resynced("book", BTC, "resync", 5, 6)
    gaps.resynced("executions", "", "sequence", 7, None)
    assert reported == [
        GapEvent("pause", 1, 2, ["book", "ticker"], [BTC, ETH], "here", epoch=3),
        GapEvent("unreadable", 3, 3, ["trade"], [], "here", 1, 3),
        GapEvent("unreadable", 4, 4, [], [], "here", 1, 3),
        GapEvent("resync", 5, 6, ["book"], [BTC], "here", epoch=3),
        GapEvent("sequence", 7, None, ["executions"], [], "here", epoch=3),
    ]


def test_nothing_is_missed_where_nothing_is_subscribed(reported: list[GapEvent]) -> None:
    gaps = Gaps("here", Bench().session.registry, reported.append)
    gaps.begin("disconnect", 5, ())
    gaps.pause(1, 2)
    assert not gaps.is_open
    assert reported == []
