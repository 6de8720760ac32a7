"""Messages that several threads read, and make, at once."""

from __future__ import annotations

from typing import Any

import pytest
from benches.corpus import frames, streams
from tests.parity import pictures
from tests.threads.race import together

THREADS = 4
CHANNELS = sorted(name for name, frame in frames().items() if frame.startswith(b'{"channel"'))


@pytest.mark.parametrize("name", [name for name in CHANNELS if name != "heartbeat"])
def test_items_are_made_once_whichever_thread_reads_first(core: Any, name: str) -> None:
    reference = core.parse_message(frames()[name])
    symbol, expected = reference.symbol, reference.data
    for _ in range(50):
        message = core.parse_message(frames()[name])

        def read(message: Any = message) -> Any:
            return message.symbol, message.data, message.symbol

        seen = together(*[read] * THREADS)
        first = seen[0][1]
        assert first == expected
        assert all(data is first for _, data, _ in seen)
        assert {text for before, _, after in seen for text in (before, after)} == {symbol}


def test_a_raced_message_shows_the_same_everywhere(core: Any) -> None:
    expected = {name: pictures.of_message(core.parse_message, frame) for name, frame in PLAIN}
    for _ in range(20):
        messages = {name: core.parse_message(frame) for name, frame in PLAIN}

        def picture(messages: Any = messages) -> Any:
            return {name: pictures.of_event(message) for name, message in messages.items()}

        assert together(*[picture] * THREADS) == [expected] * THREADS


PLAIN = [(name, frame) for name, frame in sorted(frames().items())]


def test_threads_that_parse_at_once_get_their_own_messages(core: Any) -> None:
    """What the core keeps between frames, such as texts and numbers, is shared by all threads."""
    own = [streams()[name].frames[:80] for name in ("replay-10", "synthetic-25", "synthetic-100")]
    expected = [[repr(core.parse_message(frame)) for frame in part] for part in own]

    def parse(part: tuple[bytes, ...]) -> Any:
        return lambda: [repr(core.parse_message(frame)) for frame in part]

    for _ in range(3):
        assert together(*map(parse, own)) == expected


def test_a_message_is_let_go_by_several_threads(core: Any) -> None:
    """Dropping the last reference may happen in any thread, not in that which made it."""
    raw = streams()["synthetic-100"].frames[:100]
    shared = [core.parse_message(frame) for frame in raw]
    sums = [message.data[0].checksum for message in shared[::2]]

    def consume() -> int:
        consumed = 0
        while shared:
            try:
                message = shared.pop()
            except IndexError:
                break
            consumed += len(message.data[0].bids) >= 0
        return consumed

    assert sum(together(*[consume] * THREADS)) == len(raw)
    assert [core.parse_message(frame).data[0].checksum for frame in raw[::2]] == sums
