"""Positions in a queue that only a checksum decides."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest
from tests.level3_oracle import TextOrder, level3_message

from kraken_connector import _pure
from kraken_connector._pure.checksum import level_digits
from kraken_connector.ws import Level3Data, Level3Order

SYMBOL, PRICE = "A/B", "10.0"


def at(second: int) -> str:
    return f"2026-01-01T00:00:{second:02}.000000000Z"


def row(order_id: str, qty: str, second: int, price: str = PRICE) -> TextOrder:
    return TextOrder(order_id, price, qty, at(second))


def checksum(queue: Iterable[TextOrder]) -> int:
    """Return the checksum of a book with these bids only."""
    digits = [text.replace(".", "").lstrip("0") for o in queue for text in (o[1], o[2])]
    return zlib.crc32("".join(digits).encode())


QUEUE = [row("OA", "2.0", 1), row("OB", "1.0", 2), row("OC", "4.0", 3)]
#: Nine levels under that, and an eleventh, which no checksum has.
DEEP = [row(f"O{n}", "1.0", 4, f"{9 - n}.0") for n in range(9)]
BELOW = [row("OX", "3.0", 5, "0.5"), row("OY", "1.0", 6, "0.5")]


class Exchange:
    """One bid level, sent to an engine."""

    def __init__(self, core: Any, queue: list[TextOrder] = QUEUE) -> None:
        self.engine = core.Engine()
        self.book = self.engine.level3(SYMBOL)
        rows = [(None, one) for one in queue]
        self.engine.feed(level3_message(SYMBOL, "snapshot", rows, [], checksum(queue)))

    def send(self, changes: list[tuple[str, TextOrder]], queue: list[TextOrder]) -> bool:
        """Send changes, with the checksum that the book has with this queue."""
        frame = level3_message(SYMBOL, "update", changes, [], checksum(queue))
        verified: bool = self.engine.feed(frame)[-1].verified
        return verified

    def deepen(self) -> None:
        """Send the snapshot of eleven levels."""
        self.engine.level3_books.expect(SYMBOL, 100)
        rows = [(None, one) for one in (*QUEUE, *DEEP, *BELOW)]
        whole = level3_message(SYMBOL, "snapshot", rows, [], checksum([*QUEUE, *DEEP]))
        self.engine.feed(whole)

    def ids(self) -> list[str]:
        return [order.order_id for order in self.book.orders("bid")]

    def proofs(self) -> dict[str, int]:
        return {name: count for name, count in self.book.placement_counts.items() if count}


@pytest.mark.parametrize(
    ("qty", "kind"), [("0.5", "lowered"), ("2.0", "raised"), ("9.0", "raised")]
)
@pytest.mark.parametrize(("position", "outcome"), [(0, "kept"), (2, "requeued")])
def test_both_positions_are_tried(
    core: Any, qty: str, kind: str, position: int, outcome: str
) -> None:
    exchange = Exchange(core)
    amended = row("OA", qty, 9)
    queue = QUEUE[1:]
    queue.insert(position, amended)
    assert exchange.send([("modify", amended)], queue)
    assert exchange.ids() == [one.order_id for one in queue]
    assert exchange.proofs() == {f"{kind}_{outcome}": 1}
    assert exchange.book.mismatch_count == 0
    assert exchange.engine.counters()["mismatches"] == 0


def test_the_book_is_unchanged_when_no_position_fits(core: Any) -> None:
    exchange = Exchange(core)
    assert not exchange.send([("modify", row("OA", "0.5", 9))], QUEUE)
    assert (exchange.book.state, exchange.proofs()) == ("stale", {})
    bids, _ = exchange.book.unverified_orders()
    assert [order.order_id for order in bids] == ["OA", "OB", "OC"]
    assert exchange.book.mismatch_counts["modify_lowered"] == 1


def test_the_rule_that_was_proved_is_tried_first(core: Any) -> None:
    """A rule that was proved also holds where no checksum reaches."""
    exchange = Exchange(core)
    exchange.deepen()
    amended = row("OA", "0.5", 9)
    top = [*QUEUE[1:], amended, *DEEP]
    assert exchange.send([("modify", amended)], top)
    assert exchange.send([("modify", row("OX", "2.0", 10, "0.5"))], top)
    assert exchange.ids()[-2:] == ["OY", "OX"]
    assert exchange.book.queue_position("OX").orders_ahead == 1


def test_position_below_the_top_is_decided_when_its_level_gets_there(core: Any) -> None:
    exchange = Exchange(core)
    exchange.deepen()
    amended = row("OX", "2.0", 9, "0.5")
    assert exchange.send([("modify", amended)], [*QUEUE, *DEEP])
    assert exchange.proofs() == {}
    gone = [("delete", DEEP[0])]
    assert exchange.send(gone, [*QUEUE, *DEEP[1:], BELOW[1], amended])
    assert exchange.ids()[-2:] == ["OY", "OX"]
    assert exchange.proofs() == {"lowered_requeued": 1}


def test_position_among_equal_quantities_stays_undecided(core: Any) -> None:
    """The checksum does not distinguish equal orders until one of them changes."""
    exchange = Exchange(core, [row("OA", "2.0", 1), row("OB", "1.0", 2)])
    amended = row("OA", "1.0", 9)
    assert exchange.send([("modify", amended)], [amended, row("OB", "1.0", 2)])
    assert exchange.proofs() == {}
    filled = row("OB", "0.5", 2)
    assert exchange.send([("modify", filled)], [filled, amended])
    assert (exchange.ids(), exchange.proofs()) == (["OB", "OA"], {"lowered_requeued": 1})


def test_orders_of_one_message_are_decided_one_by_one(core: Any) -> None:
    """No rule holds for both: one keeps its position, the other does not."""
    exchange = Exchange(core)
    first, second = row("OA", "0.7", 8), row("OB", "0.3", 9)
    assert exchange.send([("modify", first), ("modify", second)], [QUEUE[2], first, second])
    assert exchange.proofs() == {"lowered_requeued": 2}
    exchange = Exchange(core)
    assert exchange.send([("modify", first), ("modify", second)], [second, QUEUE[2], first])
    assert exchange.ids() == ["OB", "OC", "OA"]
    assert exchange.proofs() == {"lowered_kept": 1, "lowered_requeued": 1}


def test_order_amended_twice_has_three_positions(core: Any) -> None:
    lowered, raised = row("OA", "0.5", 8), row("OA", "3.0", 10)
    new = row("OD", "7.0", 9)
    for queue in (
        [raised, *QUEUE[1:], new],
        [*QUEUE[1:], raised, new],
        [*QUEUE[1:], new, raised],
    ):
        exchange = Exchange(core)
        exchange.send([("modify", lowered), ("add", new), ("modify", raised)], queue)
        assert exchange.ids() == [one.order_id for one in queue]


def test_queues_by_timestamp_are_tried_too(core: Any) -> None:
    queue = [row("OA", "2.0", 3), row("OB", "1.0", 1), row("OC", "4.0", 2)]
    exchange = Exchange(core, queue)
    assert exchange.ids() == ["OA", "OB", "OC"]
    by_time = [queue[1], queue[2], queue[0]]
    frame = level3_message(SYMBOL, "snapshot", [(None, o) for o in queue], [], checksum(by_time))
    assert exchange.engine.feed(frame)[-1].verified
    assert (exchange.ids(), exchange.proofs()) == (["OB", "OC", "OA"], {"by_time": 1})
    added = row("OD", "9.0", 9)
    assert exchange.send([("add", added)], [*by_time, added])
    assert exchange.ids() == ["OB", "OC", "OA", "OD"]
    amended = row("OC", "0.5", 10)
    assert exchange.send([("modify", amended)], [queue[1], queue[0], added, amended])
    assert exchange.ids() == ["OB", "OA", "OD", "OC"]
    assert exchange.proofs() == {"by_time": 1, "lowered_requeued": 1}


def test_order_that_left_is_no_longer_undecided(core: Any) -> None:
    exchange = Exchange(core, [row("OA", "2.0", 1), row("OB", "1.0", 2), row("OC", "1.0", 3)])
    equal = [row("OA", "1.0", 9), row("OB", "1.0", 2), row("OC", "1.0", 3)]
    assert exchange.send([("modify", equal[0])], equal)
    assert exchange.send([("delete", equal[0])], equal[1:])
    new = row("OD", "5.0", 10)
    assert exchange.send([("add", new)], [*equal[1:], new])
    assert not exchange.send([], [new, *equal[1:]])
    assert exchange.proofs() == {}


def test_many_undecided_orders_are_bounded(core: Any) -> None:
    """Of more than sixteen in one queue the oldest count as decided; that verifies nothing."""

    def amended(total: int) -> tuple[Exchange, list[TextOrder]]:
        queue = [row(f"O{n:02}", "2.0", n) for n in range(total)]
        exchange = Exchange(core, [*queue, last])
        queue = [one._replace(order_qty="1.0", timestamp=at(41)) for one in queue]
        assert exchange.send([("modify", one) for one in queue], [*queue, last])
        return exchange, queue

    last = row("OX", "1.0", 45)
    larger = last._replace(order_qty="7.0")
    exchange, queue = amended(16)
    assert exchange.send([("modify", larger)], [larger, *queue])
    exchange, queue = amended(17)
    assert not exchange.send([("modify", larger)], [larger, *queue])


def test_failure_writes_only_queues_anew_that_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some ninety positions are tried, so the cost of each matters."""
    written = 0

    def counted(price: int, qty: int) -> bytes:
        nonlocal written
        written += 1
        return level_digits(price, qty)

    exchange = Exchange(_pure)
    rows = [row(f"O{n}", f"{n % 40 + 1}.0", 1, f"{n // 40 + 1}.0") for n in range(400)]
    best_first = [(None, one) for one in sorted(rows, key=lambda one: -float(one.limit_price))]
    whole = checksum([one for _, one in best_first])
    frame = level3_message(SYMBOL, "snapshot", best_first, [], whole)
    assert exchange.engine.feed(frame)[-1].verified
    monkeypatch.setattr("kraken_connector._pure.queues.level_digits", counted)
    assert not exchange.send([("modify", row("O399", "3.5", 9, "10.0"))], rows)
    assert written < len(rows)


def test_free_books_do_the_same(core: Any) -> None:
    def order(one: TextOrder, event: str | None = None) -> Level3Order:
        numbers = Decimal(one.limit_price), Decimal(one.order_qty)
        return Level3Order(one.order_id, *numbers, one.timestamp, event)

    book = core.Level3Book(SYMBOL)
    book.apply_snapshot(Level3Data(SYMBOL, [order(one) for one in QUEUE], []))
    amended = row("OA", "0.5", 9)
    right = checksum([*QUEUE[1:], amended])
    book.apply_update(Level3Data(SYMBOL, [order(amended, "modify")], [], checksum=right))
    assert [one.order_id for one in book.orders("bid")] == ["OB", "OC", "OA"]
    assert (book.is_valid, book.mismatch_count) == (True, 0)
