"""Every example runs to its end and shows what its docstring promises."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kraken_connector.sim import SimulatedExchange

EXAMPLES = Path(__file__).parents[2] / "examples"
#: Files beside the examples that are not run by themselves.
NO_SCRIPTS = {"exchange.py", "pytest_simulator.py"}

#: What the output must hold, as regular expressions over its lines.
SHOWN = {
    "quickstart.py": [r"^\(Decimal\('\d+\.\d'\), .*\) spread \d+\.\d$"],
    "books.py": [
        r"^mismatch: BTC/USD cannot be read now, it is stale$",
        r"^ETH/USD \d+\.\d{8} @ \d+\.\d\d \| \d+\.\d{8} @ \d+\.\d\d$",
        r"^BTC/USD: \d{2,} verified, 1 not$",
        r"^ETH/USD: \d{2,} verified, 0 not$",
    ],
    "callbacks.py": [
        r"^5\d\d verified messages, highest best bid \d+\.\d$",
        r"^exchange to strategy: \d+ us",
    ],
    "private.py": [
        r"^2: pending_new BTC/USD$",
        r"^3: new$",
        r"^4: trade BTC/USD 0\.20*$",
        r"^6: filled 0\.50*$",
        r"^\d+: trade 0\.3\d* BTC$",
        r"^\d+: trade -24000\.0* USD$",
    ],
    "reconnect.py": [
        r"^connected as \d+$",
        r"^missed 0\.\d+ s of book, trade: disconnect$",
        r"^connected as \d+ and the book is verified again$",
    ],
    "market_maker.py": [
        r"^\d+ orders, \d+ fills, position 0\.0+ BTC$",
        r"^refused \{.*\}, in doubt at first \d+$",
        r"^longest time without all quotes: \d+\.\d s$",
        r"^realized -?\d+\.\d\d USD, fees \d+\.\d\d USD$",
        r"^the exchange counts \d+ fills, position 0\.0+ BTC$",
    ],
    "engine_only.py": [r"^BTC/USD: .*, 510 verified$", r"'verified': 510, 'mismatches': 0"],
    "orderbook_only.py": [
        r"^verified: 3310070434 spread 1\.7 mid 45284\.35$",
        r"^without its best ask: \(Decimal\('45286\.4'\), Decimal\('1\.54571953'\)\)$",
        r"^no longer that book: ",
    ],
}


def run(*command: str | Path) -> str:
    answer = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=50, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert "Traceback" not in answer.stderr
    return answer.stdout


def test_every_example_is_tested() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == SHOWN.keys() | NO_SCRIPTS


@pytest.mark.parametrize("name", SHOWN)
def test_example_shows_what_it_promises(name: str) -> None:
    output = run(EXAMPLES / name)
    for pattern in SHOWN[name]:
        assert re.search(pattern, output, re.MULTILINE), f"{pattern} is not in:\n{output}"


@pytest.mark.long
@pytest.mark.parametrize("run_number", range(2))
def test_the_market_maker_ends_flat_when_things_go_wrong(run_number: int) -> None:
    """Over real sockets; tests/examples/test_market_maker.py has more of it in virtual time."""
    output = run(EXAMPLES / "market_maker.py", "--faults", "--seconds", "6")
    for pattern in SHOWN["market_maker.py"]:
        assert re.search(pattern, output, re.MULTILINE), f"{pattern} is not in:\n{output}"


async def test_examples_accept_another_exchange_by_its_url() -> None:
    async with SimulatedExchange(symbols=["BTC/USD"]) as exchange:
        output = await asyncio.to_thread(run, EXAMPLES / "quickstart.py", "--url", exchange.url)
        assert exchange.connections_total == 1
    assert len(output.splitlines()) == 10


def test_the_example_tests_pass(tmp_path: Path) -> None:
    """They are run with settings of their own, as a reader's project would."""
    settings = tmp_path / "pytest.ini"
    settings.write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    plugin = ("-p", "kraken_connector.sim.pytest_plugin", "-p", "no:cacheprovider")
    output = run("-m", "pytest", "-c", settings, *plugin, EXAMPLES / "pytest_simulator.py")
    assert "2 passed" in output
