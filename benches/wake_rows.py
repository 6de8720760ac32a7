"""From the read of a message to its callback: with a reading thread, the wake-up of the loop."""

from __future__ import annotations

from functools import partial

from benches import ours
from benches.link import PLAIN, TLS, Link, Setting, link, working
from benches.results import Results
from benches.targets import TARGETS
from benches.timing import alternate

STREAM = "replay-10"
RATE = 1_000
#: Length of a turn as a share of the seconds given to a comparison.
TURN_SHARE = 0.5
ROUNDS = 8


def measure(results: Results, seconds: float) -> None:
    """Measure with TLS, which decides, and without."""
    if ours.THREAD not in ours.ways():
        results.add_note(f"{TARGETS['wake-up'].what}: not measured, the client has no such thread")
        return
    count = int(RATE * seconds * TURN_SHARE)
    with link() as pair:
        for setting in (TLS, PLAIN):
            case = str(setting)
            turns = {
                name: partial(waits, pair, name, setting, count)
                for name in (ours.CALLBACK, ours.THREAD)
            }
            turns = working(results, f"from read to callback, {case}", turns)
            for percentile, rounds in alternate(turns, ROUNDS).items():
                results.add(f"from read to callback {percentile}", case, "us", rounds)
                if percentile == "p50" and ours.THREAD in rounds:
                    values, decides = rounds[ours.THREAD], setting == TLS
                    results.amount("wake-up", case, values, decides=decides)


def waits(pair: Link, name: str, setting: Setting, count: int) -> dict[str, float]:
    """Return percentiles of the time between read and callback, us."""
    figures = pair.serve(
        name,
        setting,
        send=("timetable", {"stream": STREAM, "rate": RATE, "count": count}),
        receive=("benches.receivers:wait", {"stream": STREAM, "count": count + 1}),
    ).received
    return {name: value / 1000 for name, value in figures.items()}
