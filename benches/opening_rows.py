"""Connect, subscribe, first book: the time, and the longest callback of the loop meanwhile."""

from __future__ import annotations

import statistics

from benches import ours
from benches.link import PLAIN, TLS, Link, Setting, link
from benches.remote import WorkerError
from benches.results import Results
from benches.targets import PICOWS_DICT
from benches.timing import Rounds

STREAM = "replay-10"
#: Connections of a turn.
CONNECTIONS = 8
#: Rounds for each second given to a comparison.
ROUNDS = 8


def measure(results: Results, seconds: float) -> None:
    """Measure with TLS, which decides, and without."""
    with link() as pair:
        for setting in (TLS, PLAIN):
            _measure(results, pair, setting, max(5, int(ROUNDS * seconds)))


def _measure(results: Results, pair: Link, setting: Setting, rounds: int) -> None:
    names = []
    for name in (*ours.ways(tls=setting.tls), PICOWS_DICT):
        try:
            openings(pair, name, setting)
        except WorkerError as error:
            results.add_note(f"opening, {name} on {setting}: {error}")
        else:
            names.append(name)
    opened: Rounds = {name: [] for name in names}
    stalls: Rounds = {name: [] for name in names}
    for number in range(rounds):
        for name in names if number % 2 else reversed(names):
            figures = openings(pair, name, setting)
            opened[name].append(statistics.median(one["opened"] for one in figures) / 1000)
            stalls[name].append(statistics.median(one["stall"] for one in figures) / 1e6)
    case, decides = str(setting), setting == TLS
    results.add("opening", case, "us", opened)
    results.add("opening, longest callback", case, "ms", stalls)
    results.compare("opening", case, opened, (ours.CALLBACK, PICOWS_DICT), decides=decides)
    if ours.CALLBACK in names:
        results.amount("stall", case, stalls[ours.CALLBACK], decides=decides)


def openings(pair: Link, name: str, setting: Setting) -> list[dict[str, float]]:
    """Return the figures of a turn's connections."""
    figures: list[dict[str, float]] = pair.serve(
        name,
        setting,
        send=("snapshots", {"stream": STREAM, "clients": CONNECTIONS}),
        receive=("benches.opening:open_books", {"stream": STREAM, "count": CONNECTIONS}),
    ).received
    return figures
