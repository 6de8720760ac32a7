"""Gaps in message numbers, without an engine."""

from __future__ import annotations

from kraken_connector.ws.sequence import SequenceGapEvent, SequenceTracker


def test_successors_are_no_gap() -> None:
    tracker = SequenceTracker()
    assert [tracker.check(n, "executions") for n in (5, 6, 7)] == [None, None, None]


def test_gap_is_reported_once() -> None:
    tracker = SequenceTracker()
    tracker.check(1, "executions")
    assert tracker.check(4, "executions") == SequenceGapEvent(2, 4, "executions")
    assert tracker.check(5, "executions") is None


def test_repetition_is_a_gap_too() -> None:
    tracker = SequenceTracker()
    tracker.check(4, "balances")
    assert tracker.check(4, "balances") == SequenceGapEvent(5, 4, "balances")


def test_channels_count_on_their_own() -> None:
    tracker = SequenceTracker()
    tracker.check(7, "executions")
    assert tracker.check(1, "balances") is None


def test_reset_begins_anew() -> None:
    tracker = SequenceTracker()
    tracker.check(7, "executions")
    tracker.check(3, "balances")
    tracker.reset("executions")
    assert tracker.check(1, "executions") is None
    assert tracker.check(9, "balances") is not None
    tracker.reset()
    assert tracker.check(1, "balances") is None
