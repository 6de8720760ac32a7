"""Both cores group the events of a read by channel in the same way."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import native_core

from kraken_connector import _pure as pure

FRAMES = {
    "book": b'{"channel":"book","type":"update","data":[]}',
    "trade": b'{"channel":"trade","type":"update","data":[]}',
    "new": b'{"channel":"new","type":"update","data":[]}',
    "newer": b'{"channel":"newer","type":"update","data":[]}',
    None: b'{"channel":"heartbeat"}',
    "": b"no JSON",
}


def runs_of(core: Any, channels: list[str | None]) -> list[tuple[str | None, int]]:
    """Return the channels and lengths of the runs, whose events are those of the read, in order."""
    engine = core.Engine()
    events = [event for channel in channels for event in engine.feed(FRAMES[channel])]
    runs = core.runs(events)
    assert list(map(id, events)) == [id(event) for _, run in runs for event in run]
    return [(channel, len(run)) for channel, run in runs]


@given(st.lists(st.sampled_from(list(FRAMES)), min_size=1))
def test_runs(channels: list[str | None]) -> None:
    assert runs_of(native_core(), channels) == runs_of(pure, channels)


def test_a_run_ends_where_the_channel_changes() -> None:
    channels = ["book", "book", None, "trade", "new", "new", "newer", None, None, "book"]
    expected = [("book", 2), (None, 1), ("trade", 1), ("new", 2), ("newer", 1), (None, 2)]
    assert runs_of(pure, channels) == [*expected, ("book", 1)]
