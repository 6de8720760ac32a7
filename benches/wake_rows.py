"""From the read of a message to its callback: with a reading thread, the wake-up of the loop."""

from __future__ import annotations

from benches import ours
from benches.link import PLAIN, TLS, Link, Setting, link
from benches.remote import WorkerError
from benches.results import Results
from benches.targets import TARGETS
from benches.timing import Rounds

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
    with link() as pair:
        for setting in (TLS, PLAIN):
            _measure(results, pair, setting, int(RATE * seconds * TURN_SHARE))


def _measure(results: Results, pair: Link, setting: Setting, count: int) -> None:
    taken: dict[str, Rounds] = {each: {} for each in ("p50", "p99")}
    for number in range(ROUNDS):
        for name in (ours.CALLBACK, ours.THREAD)[:: -1 if number % 2 else 1]:
            try:
                figures = waits(pair, name, setting, count)
            except WorkerError as error:
                results.add_note(f"from read to callback, {name} on {setting}: {error}")
                return
            for percentile, rounds in taken.items():
                rounds.setdefault(name, []).append(figures[percentile] / 1000)
    for percentile, rounds in taken.items():
        results.add(f"from read to callback {percentile}", str(setting), "us", rounds)
    values, decides = taken["p50"][ours.THREAD], setting == TLS
    results.amount("wake-up", str(setting), values, decides=decides)


def waits(pair: Link, name: str, setting: Setting, count: int) -> dict[str, float]:
    """Return percentiles of the time between read and callback, ns."""
    figures: dict[str, float] = pair.serve(
        name,
        setting,
        send=("timetable", {"stream": STREAM, "rate": RATE, "count": count}),
        receive=("benches.receivers:wait", {"stream": STREAM, "count": count + 1}),
    ).received
    return figures
