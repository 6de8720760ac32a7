"""The native core against the pure one, on real frames whose JSON was rebuilt a little and on the
frames of tests/parity, for a while; ends with 1 at the first difference.

    python fuzz/cores.py --seconds 60 --seed 1
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benches.corpus import FIXTURES, read_lines, streams
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning
from hypothesis.stateful import run_state_machine_as_test
from tests.parity import frames, pictures
from tests.parity.test_engine_machine import Connection

from kraken_connector import _native as native
from kraken_connector import _pure as pure

FOUND = ROOT / "fuzz" / "artifacts" / "cores"
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|\w+|\s+|.', re.DOTALL)
ODD = [
    *(
        b"0",
        b"-0",
        b"0.0",
        b"1e-08",
        b"1E+5",
        b"1.50",
        b"9" * 38,
        b"9" * 39,
        b"-1",
        b"01",
        b"1e400",
    ),
    *(b"4294967295", b"4294967296", b"9223372036854775808", b"1.0", b"10", b"true", b"null", b"[]"),
    *(b'""', b'"\\u00e9"', b'"\\ud83d\\ude00"', b'"\\ud800"', '"é"'.encode(), b"\xff", b" \n"),
    *(b'"book"', b'"channel"', b'"type"', b'"data"', b'"symbol"', b'"method"', b'"update"'),
    *(b"{", b"}", b"[", b"]", b",", b":"),
]
#: Frames of one connection; at its end the engines are thrown away.
SESSION = 8
EXAMPLES = 200
CONNECTIONS = 5


class Difference(AssertionError):
    """What the two cores make of the frames of `session` differs."""

    def __init__(self, session: list[bytes], ours: Any, reference: Any) -> None:
        self.session = session
        super().__init__(f"native {ours!r}\npure   {reference!r}")


def compare(session: list[bytes]) -> None:
    """Feed both cores.

    Raises:
        Difference: they returned different results.
    """
    ours, reference = native.Engine(), pure.Engine()
    for number, frame in enumerate(session):
        single = [pictures.of_message(core.parse_message, frame) for core in (native, pure)]
        fed = [pictures.of_feed(engine, frame, number) for engine in (ours, reference)]
        after = [pictures.of_engine(engine) for engine in (ours, reference)]
        for left, right in (single, fed, after):
            if left != right:
                raise Difference(session, left, right)


def real_frames() -> list[bytes]:
    folders = (FIXTURES / "examples", FIXTURES / "observed")
    lines = [line for folder in folders for path in folder.iterdir() for line in read_lines(path)]
    return lines + [line for stream in streams().values() for line in stream.frames[:30]]


def rebuilt(frame: bytes, pool: list[bytes], chance: random.Random) -> bytes:
    """Return the frame with some of its tokens replaced, doubled, lost, moved or put in."""
    tokens = TOKEN.findall(frame)
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        at, other = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        first, last = sorted((at, other))
        act = chance.randrange(6)
        if act == 0:
            tokens[at] = chance.choice(ODD)
        elif act == 1:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif act == 2:
            tokens.insert(at, chance.choice((*ODD, tokens[other])))
        elif act == 3:
            tokens[at] = b"" if len(tokens) > 1 else tokens[at]
        elif act == 4:
            tokens[at:at] = tokens[first : min(last, first + 12)]
        else:
            donor = TOKEN.findall(chance.choice(pool))
            start = chance.randrange(len(donor))
            tokens[at : at + 3] = donor[start : start + 3]
    return b"".join(tokens)


def sessions(chance: random.Random) -> Iterator[list[bytes]]:
    """Give connections for ever: parts of a book's stream, or any frames, some of them rebuilt."""
    pool = real_frames()
    books = [stream.frames for stream in streams().values() if stream.depth <= 25]
    while True:
        frames_of_book = chance.choice(books)
        start = [*frames_of_book[: chance.randrange(SESSION)]]
        session = start + chance.choices(pool, k=SESSION - len(start))
        yield [
            rebuilt(frame, pool, chance) if chance.random() < 0.5 else frame for frame in session
        ]


def batch_of(examples: int) -> settings:
    return settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def generated(number: int) -> None:
    """Compare a batch of what the strategies of tests/parity make, and a few whole connections."""

    @seed(number)
    @batch_of(EXAMPLES)
    @given(st.lists(frames.any_frame, min_size=1, max_size=SESSION))
    def batch(session: list[bytes]) -> None:
        compare(session)

    batch()
    run_state_machine_as_test(Connection, settings=batch_of(CONNECTIONS))


def keep(session: list[bytes], name: str) -> Path:
    """Write frames that show a difference, one a line; frames with line ends are shown as such."""
    FOUND.mkdir(parents=True, exist_ok=True)
    path = FOUND / f"{name}.txt"
    path.write_text("\n".join(map(repr, session)) + "\n")
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    options = parser.parse_args()
    warnings.simplefilter("ignore", HypothesisWarning)  # the strategies have long names
    chance, until, compared = random.Random(options.seed), time.monotonic() + options.seconds, 0
    batches = 0
    verdict: Any = "ok"
    try:
        for session in sessions(chance):
            compare(session)
            compared += 1
            if compared % (4 * EXAMPLES) == 0:
                batches += 1
                generated(options.seed + batches)
            if time.monotonic() > until:
                break
    except Difference as difference:
        verdict = f"FAILED, see {keep(difference.session, str(options.seed))}\n{difference}"
    total = compared + batches * EXAMPLES
    print(
        f"{'native_against_pure':<26}{total:>12,} connections in {options.seconds:g} s"
        f"  seed {options.seed}   {verdict}"
    )
    return int(verdict != "ok")


if __name__ == "__main__":
    sys.exit(main())
