"""Campaigns of faults against the whole client in virtual time, for a while; ends with 1 at the
first one in which a promise breaks, shrunk to a script for tests/faults/scripts.py.

    python fuzz/campaigns.py --seconds 60 --seed 1
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hypothesis import HealthCheck, Phase, given, seed, settings
from tests.faults.campaign import Setup, Step, run
from tests.faults.test_campaigns import scripts, setups

from kraken_connector import backend

BATCH = 20


class Tally:
    """What ran so far."""

    campaigns = 0
    steps = 0


def batch(number: int, tally: Tally) -> None:
    """Run `BATCH` campaigns.

    Raises:
        Exception: one failed; hypothesis has printed its script.
    """

    @seed(number)
    @settings(
        max_examples=BATCH,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(script=scripts, setup=setups)
    def campaign(script: list[Step], setup: Setup) -> None:
        tally.campaigns += 1
        tally.steps += len(script)
        run(script, setup)

    campaign()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    options = parser.parse_args()
    logging.disable()
    tally, until, number = Tally(), time.monotonic() + options.seconds, options.seed
    while time.monotonic() < until:
        batch(number, tally)
        number += 1
    print(
        f"{'campaigns':<26}{tally.campaigns:>12,} runs in {options.seconds:g} s"
        f"  {tally.steps:,} steps  seed {options.seed}  {backend()} core   ok"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
