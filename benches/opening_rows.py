"""Connect, subscribe, first book: the time, and the longest callback of the loop meanwhile."""

from __future__ import annotations

import statistics
from functools import partial

from benches import ours
from benches.link import PLAIN, TLS, Link, Setting, link, working
from benches.results import Results
from benches.targets import PICOWS_DICT
from benches.timing import LEAST_ROUNDS, alternate

STREAM = "replay-10"
#: Connections of a turn.
CONNECTIONS = 8
#: Rounds for each second given to a comparison.
ROUNDS = 8


def measure(results: Results, seconds: float) -> None:
    """Measure with TLS, which decides, and without."""
    with link() as pair:
        for setting in (TLS, PLAIN):
            case, decides = str(setting), setting == TLS
            turns = {
                name: partial(open_books, pair, name, setting)
                for name in (*ours.ways(tls=setting.tls), PICOWS_DICT)
            }
            turns = working(results, f"opening, {case}", turns)
            taken = alternate(turns, max(LEAST_ROUNDS, int(ROUNDS * seconds)))
            both = ours.CALLBACK, PICOWS_DICT
            results.add("opening", case, "us", taken["opened"])
            results.add("opening, longest callback", case, "ms", taken["stall"])
            results.compare("opening", case, taken["opened"], both, decides=decides)
            if ours.CALLBACK in turns:
                results.amount("stall", case, taken["stall"][ours.CALLBACK], decides=decides)


def open_books(pair: Link, name: str, setting: Setting) -> dict[str, float]:
    """Return medians of a turn's connections: `opened` in us, `stall` in ms."""
    figures = pair.serve(
        name,
        setting,
        send=("snapshots", {"stream": STREAM, "clients": CONNECTIONS}),
        receive=("benches.opening:open_books", {"stream": STREAM, "count": CONNECTIONS}),
    ).received
    return {
        "opened": statistics.median(one["opened"] for one in figures) / 1000,
        "stall": statistics.median(one["stall"] for one in figures) / 1e6,
    }
