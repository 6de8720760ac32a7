"""What all tests share: the two cores by fixture, the short run, and patience."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from tests.patience import PatientLoop

if TYPE_CHECKING:
    from tests.slow_callbacks import SlowCallbacks

settings.register_profile("default", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("short", settings.get_profile("default"), max_examples=20)
settings.load_profile("default")

TESTS = Path(__file__).parent
#: Tests that never use the core of `KRAKEN_CONNECTOR_BACKEND`, as do those with the fixture `core`.
WITHOUT_BACKEND = re.compile(
    r"cli/test_processes|cli/test_terminal|leaks/|packaging/test_(?!backend|exported|imports|predecessor|stub)|parity/|rest/"
    r"|sim/(?!test_docs|test_live_suite)|unit/ws/orders/test_exploration|ws/test_connecting"
)
#: Seconds of processor time, with that of child processes, after which a test has to be `long`.
LONG = 10.0


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run a coroutine of a test in virtual time, or by a clock that stops with the machine."""
    if item.get_closest_marker("virtual_time"):
        from tests.virtual import VirtualLoop  # noqa: PLC0415 (imports the package)

        return {"virtual": VirtualLoop}
    if sys.platform == "win32":  # whose loops for sockets start no processes
        return {"default": asyncio.new_event_loop}
    return {"patient": patient_loop}


def patient_loop() -> PatientLoop:
    """Return a loop; with `KRAKEN_CONNECTOR_TASKS=eager` its tasks begin when they are made."""
    loop = PatientLoop()
    if sys.version_info >= (3, 12) and os.environ.get("KRAKEN_CONNECTOR_TASKS") == "eager":
        loop.set_task_factory(asyncio.eager_task_factory)
    return loop


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--short",
        action="store_true",
        help="leave out the tests marked `long`, generate fewer examples for the others",
    )
    parser.addoption(
        "--backend-only",
        action="store_true",
        help="run only tests that use the core of KRAKEN_CONNECTOR_BACKEND",
    )
    parser.addoption(
        "--slow-callbacks",
        type=float,
        metavar="SECONDS",
        help="fail a test during which this package holds an event loop for so much processor time",
    )


@pytest.fixture(scope="session", autouse=True)
def nonces(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep files of nonces out of the user's folders; processes started by tests share them."""
    os.environ["XDG_RUNTIME_DIR"] = str(tmp_path_factory.mktemp("runtime"))


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--short"):
        settings.load_profile("short")
        chosen = config.option.markexpr
        config.option.markexpr = f"({chosen}) and not long" if chosen else "not long"
    config.stash[_SLOW] = None
    if (limit := config.getoption("--slow-callbacks")) is not None:
        from tests.slow_callbacks import SlowCallbacks  # noqa: PLC0415 (imports the package)

        config.stash[_SLOW] = SlowCallbacks(limit)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--backend-only"):
        left_out = [item for item in items if not _uses_backend(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if _uses_backend(item)]


def pytest_collection_finish() -> None:
    """Leave out of the garbage collections of tests what collecting them has made."""
    gc.freeze()


def _uses_backend(item: pytest.Item) -> bool:
    if "core" in getattr(item, "fixturenames", ()) or not item.path.is_relative_to(TESTS):
        return False
    return not WITHOUT_BACKEND.match(item.path.relative_to(TESTS).as_posix())


def pytest_unconfigure(config: pytest.Config) -> None:
    if (slow := config.stash.get(_SLOW, None)) is not None:
        slow.close()


_SLOW: pytest.StashKey[SlowCallbacks | None] = pytest.StashKey()


@pytest.fixture(autouse=True)
def no_slow_callbacks(pytestconfig: pytest.Config) -> Iterator[None]:
    """Fail the test, with `--slow-callbacks`, when this package held an event loop."""
    slow = pytestconfig.stash[_SLOW]
    if slow is None:
        yield
        return
    slow.found.clear()
    yield
    assert not slow.found


@pytest.fixture(autouse=True)
def no_long_test(pytestconfig: pytest.Config) -> Iterator[None]:
    """Fail a test of the short run that takes long: it misses its mark."""
    before = sum(os.times()[:4])
    yield
    used = sum(os.times()[:4]) - before
    if pytestconfig.getoption("--short"):
        assert used < LONG, "make the test shorter, or mark it `long` if another one covers it"


@pytest.fixture(params=["native", "pure"], scope="session")
def core(request: pytest.FixtureRequest) -> Any:
    """The module of one core: `Engine`, `OrderBook`, `WSDataMessage` and `parse_message`."""
    return native_core() if request.param == "native" else import_module("kraken_connector._pure")


def native_core() -> Any:
    """Return the extension module; skip where it is absent, unless it is required."""
    if find_spec("kraken_connector._native") is None:
        reason = "the extension kraken_connector._native is not built"
        if os.environ.get("KRAKEN_CONNECTOR_REQUIRE_NATIVE"):
            pytest.fail(f"{reason}, but KRAKEN_CONNECTOR_REQUIRE_NATIVE is set")
        pytest.skip(reason)
    return import_module("kraken_connector._native")
