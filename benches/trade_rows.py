"""Tick to trade: from a book update being due until the amend that it causes arrives.

The client's callback reads the best bid and ask and amends an order. The sender, on one socket for
both directions, watches for the amend, checks its price and answers.
"""

from __future__ import annotations

from contextlib import ExitStack
from decimal import Decimal
from functools import partial

from benches import corpus, ours
from benches.link import PLAIN, TLS, Link, Setting, link, working
from benches.remote import Worker, two_processors
from benches.results import Results
from benches.targets import PICOWS_DICT
from benches.timing import alternate, interleave, middle_and_tail
from benches.traders import ALONE
from tests.oracle import SIDES

STREAM = "replay-10"
#: Trades of a turn, and those that are not counted, at the beginning.
TRADES, WARM_UP = 600, 100
ROUNDS = 12
#: Trades of a turn when processor time is measured.
TURNS = 2_000


def measure(results: Results, seconds: float) -> None:
    """Measure with TLS, which decides, and without."""
    prices = expected_prices()
    for setting in (TLS, PLAIN):
        _measure_work(results, setting, prices, seconds)
    count = max(2 * WARM_UP, int(TRADES * seconds / 2))
    with link() as pair:
        for setting in (TLS, PLAIN):
            turns = {
                name: middle_and_tail(partial(trade, pair, name, setting, prices, count))
                for name in (*ours.ways(tls=setting.tls), PICOWS_DICT, ALONE)
            }
            case, both = str(setting), (ours.CALLBACK, PICOWS_DICT)
            turns = working(results, f"tick to trade, {case}", turns)
            for percentile, rounds in alternate(turns, ROUNDS).items():
                results.add(f"tick to trade {percentile}", case, "us", rounds)
                target = f"trade-{percentile}"
                results.compare(target, case, rounds, both, decides=setting == TLS)


def _measure_work(results: Results, setting: Setting, prices: list[str], seconds: float) -> None:
    """Measure the processor time, which does not include that the scheduler wakes a process."""
    with ExitStack() as stack:
        turns = {
            name: partial(
                stack.enter_context(Worker(cpu=two_processors()[0])).call,
                "benches.turns:trade",
                client=name,
                loop=setting.loop,
                tls=setting.tls,
                stream=STREAM,
                count=TURNS,
                prices=prices,
            )
            for name in (*ours.ways(tls=setting.tls), PICOWS_DICT)
        }
        case, both = str(setting), (ours.CALLBACK, PICOWS_DICT)
        turns = working(results, f"tick to trade, processor time, {case}", turns)
        rounds = interleave(turns, seconds=seconds)
        results.add("tick to trade, processor time", case, "ns/trade", rounds)
        results.compare("trade-work", case, rounds, both, decides=setting == TLS)


def trade(pair: Link, name: str, setting: Setting, prices: list[str], count: int) -> list[int]:
    """Return the times of the counted trades in ns."""
    served = pair.serve(
        name,
        setting,
        send=("trade", {"stream": STREAM, "count": count, "prices": prices}),
        receive=("benches.traders:follow", {"stream": STREAM, "count": count + 1}),
    )
    times: list[int] = served.sent["trade_ns"]
    return times[WARM_UP:]


def expected_prices() -> list[str]:
    """Return the price that each update of the endless stream leads to, computed in decimals."""
    stream = corpus.endless(STREAM)
    book = corpus.book_after(stream.depth, stream.frames[:1])
    prices = []
    for frame in stream.frames[1:]:
        corpus.apply(book, frame)
        bid, ask = (Decimal(book.levels(side)[0][0]) for side in SIDES)
        prices.append(str(bid - 2 * (ask - bid)))
    return prices
