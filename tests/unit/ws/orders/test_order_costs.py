"""What a report costs does not grow with what came before it: counted in calls, not in time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from statistics import median
from typing import Any

from tests.unit.ws.orders.bench import BTC, Bench, ended, new, pending, trade

from kraken_connector.ws.account.positions import Positions


def calls(act: Callable[[], object]) -> int:
    """Return how many functions of Python and C are called."""
    count = 0

    def record(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(record)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


def test_a_fill_costs_the_same_after_thousands_of_fills() -> None:
    bench = Bench()
    positions = Positions(bench.orders)
    order = bench.send("mine", "100000")
    bench.ack(order, "O1")
    bench.hear(pending("O1", 100000.0, cl_ord_id="mine"), new("O1"))

    def fill(number: int) -> int:
        return calls(lambda: bench.hear(trade("O1", f"E{number}", 1.0)))

    early = [fill(number) for number in range(20)]
    for number in range(20, 5000):
        bench.hear(trade("O1", f"E{number}", 1.0))
    late = [fill(number) for number in range(5000, 5020)]
    assert (order.cum_qty, positions[BTC].qty) == (5020, 5020)
    # Now and then the collector of garbage calls something of its own.
    assert median(late) <= median(early)


def test_the_end_of_an_order_costs_the_same_among_thousands() -> None:
    def cost_of_ends(count: int) -> float:
        bench = Bench()
        for number in range(count):
            bench.ack(bench.send(f"name{number}"), f"O{number}")
            bench.hear(new(f"O{number}"))
        bench.orders.may_have_ended(bench.orders.open())
        canceled = [ended(f"O{n}") for n in range(count)]

        def end_all() -> None:
            for report in canceled:
                bench.hear(report)
                bench.orders.check_due()

        spent = calls(end_all)
        assert bench.orders.open() == []
        return spent / count

    assert cost_of_ends(2000) < 1.5 * cost_of_ends(100)
