"""Every example of docs/simulator.md runs."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# pytester drops modules that its tests import first, but the native core keeps their classes.
import kraken_connector.ws  # noqa: F401
from kraken_connector.sim import Faults, SimulatedExchange

TEXT = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text("utf-8")
RECORDING = Path(__file__).parents[1] / "fixtures/vectors/book-replay-btcusd-2023-07-30.jsonl"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
PROGRAMS = [example for example in EXAMPLES if "asyncio.run" in example]
CONFTEST, TEST = (example for example in EXAMPLES if example not in PROGRAMS)

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda text: str(TEXT.index(text)))
def test_program_runs(program: str, tmp_path: Path) -> None:
    shutil.copy(RECORDING, tmp_path / "btcusd.jsonl")
    subprocess.run(
        [sys.executable, "-W", "error", "-c", program], check=True, timeout=50, cwd=tmp_path
    )


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_no_program_uses_a_proxy_for_this_machine(scheme: str) -> None:
    program = next(program for program in PROGRAMS if "TokenManager" in program)
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SOCKS_PROXY")
    proxies = dict.fromkeys(names, f"{scheme}://127.0.0.1:9")
    subprocess.run(
        [sys.executable, "-c", program], check=True, timeout=50, env={**os.environ, **proxies}
    )


#: Methods that the exchange calls; all others are for users.
INNER = {"arriving", "lets_through", "pass_on", "refusal_of"}
FAULTS = sorted(
    name for name in dir(Faults) if not name.startswith("_") and callable(getattr(Faults, name))
)


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in INNER])
def test_fault_is_documented(name: str) -> None:
    assert re.search(rf"\b{name}\b", TEXT)


@pytest.mark.parametrize("name", inspect.signature(SimulatedExchange.__init__).parameters)
def test_argument_is_documented(name: str) -> None:
    assert name in (SimulatedExchange.__doc__ or "") or name == "self"
    if name.startswith(("batch", "report", "snapshot", "timer", "names", "rate_", "texts")):
        assert f"`{name}`" in TEXT


@pytest.mark.parametrize("mode", ["", "asyncio_mode = strict\n", "asyncio_mode = auto\n"])
def test_pytest_example_passes_as_printed(pytester: pytest.Pytester, mode: str) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TEST)
    scope = "asyncio_default_fixture_loop_scope = function"
    pytester.makeini(f"[pytest]\naddopts = --strict-markers\n{scope}\n{mode}")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
