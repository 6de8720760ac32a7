"""Processor time of one turn of the event loop that brings one message."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from benches import ours
from benches.link import PLAIN, SETTINGS, TLS, Setting, working
from benches.remote import Worker, two_processors
from benches.results import Results
from benches.targets import PICOWS, PICOWS_ASYNCIO
from benches.timing import interleave

STREAM = "replay-10"
#: Turns of the loop of one contender before the next.
TURNS = 4_000
#: The seconds given to a comparison, times this: there are many contenders.
PATIENCE = 8


def contenders() -> list[tuple[str, Setting]]:
    """Return clients with their event loops."""
    return [
        *((way, TLS) for way in ours.ways()),
        *((way, PLAIN) for way in ours.ways(tls=False)),
        (PICOWS_ASYNCIO, TLS),
        (PICOWS_ASYNCIO, PLAIN),
        (PICOWS, TLS),
        (PICOWS, PLAIN),
        *((ours.CALLBACK, setting) for setting in SETTINGS if setting.tls and setting != TLS),
    ]


def label(name: str, setting: Setting) -> str:
    return f"{name} ({setting})"


def measure(results: Results, seconds: float) -> None:
    """Measure all contenders in turns, each in a process of its own."""
    with ExitStack() as stack:
        turns = {
            label(name, setting): partial(
                stack.enter_context(Worker(cpu=two_processors()[0])).call,
                "benches.turns:receive",
                client=name,
                loop=setting.loop,
                tls=setting.tls,
                stream=STREAM,
                count=TURNS,
            )
            for name, setting in contenders()
        }
        turns = working(results, "turn of the loop", turns)
        rounds = interleave(turns, seconds=seconds * PATIENCE)
    results.add("turn of the loop, processor time", "one message", "ns/turn", rounds)
    both = label(ours.CALLBACK, TLS), label(ours.CALLBACK, PLAIN)
    results.compare("turn-plain", str(TLS), rounds, both)
    for setting, decides in ((TLS, True), (PLAIN, False)):
        both = label(ours.CALLBACK, setting), label(PICOWS_ASYNCIO, setting)
        results.compare("turn-picows", str(setting), rounds, both, decides=decides)
