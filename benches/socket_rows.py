"""From socket to function: time per message at full load, and latency at fixed rates."""

from __future__ import annotations

import tempfile
from array import array
from pathlib import Path

from benches import corpus, ours
from benches.link import PLAIN, SETTINGS, Link, Setting, link
from benches.remote import WorkerError
from benches.results import Results
from benches.targets import OLD, PICOWS
from benches.timing import LEAST_ROUNDS, PERCENTILES, Turn, alternate, percentiles

STREAM = "replay-10"
ITERATOR, RECV = "async for", "recv alone"
SLOW = (OLD, "python-kraken-sdk")
#: Length of a round at full load, as a share of the seconds given to a comparison.
ROUND_SHARE = 0.25
ROUNDS = 5
RATES = (1_000, 10_000, 50_000)
LATENCY = (ours.CALLBACK, PICOWS)
#: A turn at a fixed rate takes this share of the seconds, or has this many messages, which the
#: 99.9th percentile needs.
TURN_SHARE, LEAST_MESSAGES = 0.25, 1_200
#: Rounds with a punctual sender to take on the loop that decides: tails come from the machine as
#: well as from a client, and only many separate them.
DECISIVE_ROUNDS = 16
#: At most so many rounds for each that is wanted, and so many before the first punctual one.
PATIENCE, HOPELESS = 4, 10
#: The share of messages at a fixed rate that is not counted, at the beginning.
WARM_UP = 0.1
#: A round is judged if in each of its turns 99.9 % of the messages were sent less than this late.
PUNCTUAL_US = 100.0


def contenders(setting: Setting) -> list[str]:
    """Return the clients at full load."""
    if not setting.decides:
        return [ours.CALLBACK, ITERATOR, PICOWS, "websockets + orjson.loads"]
    slow = SLOW if setting == PLAIN else ()
    ways = ours.ways(tls=setting.tls)
    return [*ways, ITERATOR, PICOWS, "websockets + orjson.loads", *slow, RECV]


def flat_out(pair: Link, name: str, setting: Setting, loops: int) -> dict[str, float]:
    """Return ns per message, `wall` and `cpu`."""
    updates = len(corpus.endless(STREAM).frames) - 1
    measured: dict[str, float] = pair.serve(
        name,
        setting,
        send=("flat_out", {"stream": STREAM, "loops": loops}),
        receive=(
            "benches.receivers:receive",
            {"stream": STREAM, "skip": updates, "count": loops * updates + 1},
        ),
    ).received
    return measured


def timetable(
    pair: Link, name: str, setting: Setting, rate: int, count: int
) -> tuple[dict[str, float], list[float]]:
    """Return how late the sender was, and the latencies of the counted messages, both in ns."""
    with tempfile.TemporaryDirectory() as folder:
        stamps = Path(folder) / "arrivals"
        report = pair.serve(
            name,
            setting,
            send=("timetable", {"stream": STREAM, "rate": rate, "count": count}),
            receive=(
                "benches.receivers:stamp",
                {"stream": STREAM, "count": count + 1, "file": str(stamps)},
            ),
        ).sent
        arrivals = array("q", stamps.read_bytes())[1:]
    due = (report["first_ns"] + number * 1_000_000_000 // rate for number in range(count))
    latencies = [at - when for at, when in zip(arrivals, due, strict=True)]
    return report["late_ns"], latencies[int(WARM_UP * count) :]


def measure_throughput(results: Results, seconds: float) -> None:
    """Measure ns per message at full load for every loop, plain and with TLS."""
    with link() as pair:
        for setting in SETTINGS:
            turns = {}
            for name in contenders(setting):
                turn = _calibrated(results, pair, name, setting, seconds * ROUND_SHARE)
                if turn is not None:
                    turns[name] = turn
            if turns:
                _throughput(results, setting, turns)


def _throughput(results: Results, setting: Setting, turns: dict[str, Turn]) -> None:
    taken = alternate(turns, ROUNDS)
    wall, cpu = taken["wall"], taken["cpu"]
    case, decides = str(setting), setting.decides
    results.add("full load", case, "ns/message", wall)
    results.add("full load, processor time", case, "ns/message", cpu)
    results.compare("callback", case, wall, (ours.CALLBACK, PICOWS), decides=decides)
    iterate = "iterate-tls" if setting.tls else "iterate-plain"
    results.compare(iterate, case, wall, (ITERATOR, PICOWS), decides=decides)
    if setting == PLAIN:
        results.compare("iterate-old", case, wall, (ITERATOR, OLD))


def _calibrated(
    results: Results, pair: Link, name: str, setting: Setting, seconds: float
) -> Turn | None:
    """Return a turn of about `seconds`, `None` for a client that fails."""
    try:
        flat_out(pair, name, setting, 4)
        measured = flat_out(pair, name, setting, 4)
    except WorkerError as error:
        results.add_note(f"{name} on {setting}: {error}")
        return None
    updates = len(corpus.endless(STREAM).frames) - 1
    loops = max(4, int(seconds * 1e9 / measured["wall"] / updates))
    return lambda: flat_out(pair, name, setting, loops)


def measure_latency(results: Results, seconds: float) -> None:
    """Measure the time from when a message is due until the callback gets it."""
    with link() as pair:
        for setting in SETTINGS:
            names = [name for name in LATENCY if _calibrated(results, pair, name, setting, seconds)]
            for rate in RATES if names else ():
                _latencies(results, pair, names, setting, rate, seconds)


def _latencies(
    results: Results, pair: Link, names: list[str], setting: Setting, rate: int, seconds: float
) -> None:
    """Take turns at one rate; every percentile of every turn is a figure."""
    count = max(int(rate * seconds * TURN_SHARE), LEAST_MESSAGES)
    wanted = DECISIVE_ROUNDS if setting.decides else ROUNDS
    late: list[float] = []
    kept: list[dict[str, dict[str, float]]] = []
    taken = 0
    while len(kept) < wanted and taken < (PATIENCE * wanted if kept else HOPELESS):
        taken += 1
        lateness, figures = {}, {}
        for name in names if taken % 2 else reversed(names):
            sent, latencies = timetable(pair, name, setting, rate, count)
            lateness[name] = sent["p99.9"] / 1000
            figures[name] = percentiles(latencies)
        late += lateness.values()
        if max(lateness.values()) < PUNCTUAL_US:
            kept.append(figures)
    case = f"{rate:,}/s, {setting}"
    results.add("sender late p99.9", case, "us", {"sender": late})
    if len(kept) < taken:
        results.add_note(
            f"latency at {case}: {taken - len(kept)} of {taken} rounds are left out, as the sender "
            f"was late: p99.9 of {PUNCTUAL_US:g} us or more"
        )
    if len(kept) >= LEAST_ROUNDS:
        _add_latencies(results, kept, case, rate, decides=setting.decides)


def _add_latencies(
    results: Results,
    kept: list[dict[str, dict[str, float]]],
    case: str,
    rate: int,
    *,
    decides: bool,
) -> None:
    for percentile in PERCENTILES:
        rounds = {name: [figures[name][percentile] / 1000 for figures in kept] for name in kept[0]}
        results.add(f"latency {percentile}", case, "us", rounds)
        target = f"latency-{rate}-{percentile}"
        results.compare(target, case, rounds, (ours.CALLBACK, PICOWS), decides=decides)
