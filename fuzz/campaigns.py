"""Campaigns of faults against the whole client for a while; ends with 1 at the first one in which a
promise breaks. They run in virtual time, those of TLS on sockets. What fails is shrunk to a script:
for tests/faults/scripts.py where it is about streams, for `FAILED_ONCE` in
tests/ws/test_order_scenarios.py where it is about orders, and where it is about TLS for an
`@example` in tests/ws/test_tls_faults.py.

    python fuzz/campaigns.py --seconds 60 --seed 1 --of orders
"""

from __future__ import annotations

import argparse
import itertools
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tests.faults import campaign, test_campaigns
from tests.ws import order_scenarios, test_order_scenarios, test_tls_faults

from kraken_connector import backend

BATCH = 20

Run = Callable[[Any, Any], None]
Drawn = tuple[st.SearchStrategy[Any], st.SearchStrategy[Any], Run]
#: Scripts, setups, and how they are run.
KINDS: dict[str, Drawn] = {
    "streams": (test_campaigns.scripts, test_campaigns.setups, campaign.run),
    "tls": (test_tls_faults.scripts, test_tls_faults.setups, test_tls_faults.run_faults),
    "orders": (test_order_scenarios.scenarios, test_order_scenarios.setups, order_scenarios.run),
}


class Tally:
    """What ran so far."""

    campaigns = 0
    steps = 0


def batch(number: int, kind: str, tally: Tally) -> None:
    """Run `BATCH` campaigns.

    Raises:
        Exception: one failed; hypothesis has printed its script.
    """

    scripts, setups, run = KINDS[kind]

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
    def act(script: list[Any], setup: Any) -> None:
        tally.campaigns += 1
        tally.steps += len(script)
        run(script, setup)

    act()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9)
    parser.add_argument("--of", choices=KINDS, help="one kind only; by default all in turn")
    options = parser.parse_args()
    kinds = itertools.cycle([options.of] if options.of else KINDS)
    logging.disable()
    tally, until, number = Tally(), time.monotonic() + options.seconds, options.seed
    while time.monotonic() < until:
        batch(number, next(kinds), tally)
        number += 1
    print(
        f"{'campaigns':<26}{tally.campaigns:>12,} runs in {options.seconds:g} s"
        f"  {tally.steps:,} steps  seed {options.seed}  {backend()} core   ok"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
