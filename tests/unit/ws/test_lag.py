"""How far a consumer is behind."""

from __future__ import annotations

from typing import Any

import pytest

from kraken_connector import Engine
from kraken_connector.models import BookCrossedEvent
from kraken_connector.ws.delivery import lag as lag_module
from kraken_connector.ws.delivery import queues as inbox_module
from kraken_connector.ws.delivery.lag import lag
from kraken_connector.ws.delivery.queues import OVERFLOWS, Inbox

SECOND = 1_000_000_000


def ticker(symbol: str, received_s: int) -> Any:
    frame = f'{{"channel":"ticker","type":"update","data":[{{"symbol":"{symbol}"}}]}}'
    return Engine().feed(frame.encode(), received_s * SECOND)[0]


def inbox() -> Inbox:
    made = Inbox(bound=3, private_bound=8, on_gap=lambda _: None)
    made.open()
    return made


def test_nothing_waits() -> None:
    now = lag(inbox().queues, 10 * SECOND)
    assert now["waiting"] == {}
    assert list(now["queues"]) == ["private", "events", *OVERFLOWS]
    assert now["queues"]["private"] == {"queued": 0, "bound": 8, "dropped": 0, "oldest": 0.0}
    assert now["queues"]["conflate"]["bound"] is None


def test_waiting_messages_by_queue_and_by_subscription() -> None:
    queues = inbox()
    for at in (2, 4):
        queues.dropping.put(ticker("BTC/USD", at))
    queues.blocking.put(ticker("ETH/USD", 7))
    now = lag(queues.queues, 10 * SECOND)
    assert now["queues"]["drop_oldest"] == {"queued": 2, "bound": 3, "dropped": 0, "oldest": 8.0}
    assert now["queues"]["block"]["oldest"] == 3.0
    assert now["waiting"] == {
        "ticker BTC/USD": {"queued": 2, "oldest": 8.0},
        "ticker ETH/USD": {"queued": 1, "oldest": 3.0},
    }


def test_drops_are_counted_and_conflated_messages_wait_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbox_module, "PATIENCE", 0.0)
    queues = inbox()
    for at in range(5):
        queues.dropping.put(ticker("BTC/USD", at))
        queues.conflating.put(ticker("BTC/USD", at))
    now = lag(queues.queues, 10 * SECOND)
    assert now["queues"]["drop_oldest"]["dropped"] == 2
    assert now["queues"]["conflate"] == {"queued": 1, "bound": None, "dropped": 4, "oldest": 6.0}


def test_notes_count_by_their_class_and_have_no_age_without_a_time() -> None:
    queues = inbox()
    queues.notes.put("a note")
    queues.notes.put(BookCrossedEvent("BTC/USD", 1, 1, received_ns=SECOND))  # type: ignore[arg-type]
    now = lag(queues.queues, 3 * SECOND)
    assert now["queues"]["events"]["oldest"] == 2.0
    assert now["waiting"]["str"] == {"queued": 1, "oldest": 0.0}
    assert {"queued": 1, "oldest": 2.0} in now["waiting"].values()


def test_clock_that_was_set_back_makes_nothing_younger_than_now() -> None:
    queues = inbox()
    queues.private.put(ticker("BTC/USD", 50))
    assert lag(queues.queues, SECOND)["queues"]["private"]["oldest"] == 0.0


def test_of_a_long_queue_only_the_oldest_messages_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lag_module, "LIMIT", 2)
    queues = inbox()
    for at, symbol in enumerate(("BTC/USD", "ETH/USD", "SOL/USD")):
        queues.dropping.put(ticker(symbol, at))
    now = lag(queues.queues, 10 * SECOND)
    assert now["queues"]["drop_oldest"]["queued"] == 3
    assert now["queues"]["drop_oldest"]["oldest"] == 10.0
    assert list(now["waiting"]) == ["ticker BTC/USD", "ticker ETH/USD"]
