"""Every Python example of the README and the docs runs, against a simulated exchange.

Each also passes `mypy --strict`, so that none of them trips over a book with an empty side.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kraken_connector
from kraken_connector import ws
from kraken_connector.sim import SimulatedExchange

ROOT = Path(__file__).parents[2]
#: These documents bring their own simulators; tests/sim and tests/unified run their examples.
WITH_SIMULATOR = ("simulator.md", "unified.md")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: Text by document and line.
BLOCKS = {
    (path.name, text[: match.start()].count("\n")): match[1]
    for path in DOCUMENTS
    for text in (path.read_text("utf-8"),)
    for match in BLOCK.finditer(text)
}
#: Only the native core shares books, and only on Unix.
SHARES = pytest.mark.skipif(
    kraken_connector.backend() != "native" or sys.platform == "win32",
    reason="books cannot be shared",
)
EXAMPLES = [
    pytest.param(block, id=f"{name}:{line}", marks=[SHARES] if name == "shared-books.md" else [])
    for (name, line), block in BLOCKS.items()
    if name not in WITH_SIMULATOR
]
#: Messages after which an example's endless loop ends.
ENOUGH = 40


class SimulatorThread(threading.Thread):
    """A simulated exchange beside the example's own event loop."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.started = threading.Event()

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._stopped = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        async with SimulatedExchange(rate=500) as self.exchange:
            self.started.set()
            await self._stopped.wait()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self.join()


@pytest.fixture
def exchange() -> Iterator[SimulatedExchange]:
    """An exchange for one example: another one's orders would count for its rate limit."""
    thread = SimulatorThread()
    thread.start()
    assert thread.started.wait(10)
    yield thread.exchange
    thread.stop()


@pytest.fixture
def simulated(exchange: SimulatedExchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point what the examples make at the simulator, and let their loops end."""

    class Client(ws.KrakenWSClient):
        def __init__(self, **options: Any) -> None:
            super().__init__(**{**options, "url": exchange.url})
            self._received = 0

        async def __anext__(self) -> Any:
            self._received += 1
            if self._received > ENOUGH:
                raise StopAsyncIteration
            # A quiet account sends no more than its snapshots.
            try:
                return await asyncio.wait_for(super().__anext__(), 1)
            except TimeoutError:
                raise StopAsyncIteration from None

        async def wait_closed(self) -> None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(super().wait_closed(), 1)

    class HTTP(kraken_connector.HTTPAuthenticatedClient):
        def __init__(self, **options: Any) -> None:
            keys = {"api_key": exchange.api_key, "api_secret": exchange.api_secret}
            super().__init__(**{**options, **keys, "base_url": exchange.rest_url})

    def simulated(client: Any) -> Any:
        """Return a function that makes a client of the exchange."""
        keys = {"api_key": exchange.api_key, "api_secret": exchange.api_secret}
        where = {**keys, "base_url": exchange.rest_url, "proxy": False}
        return lambda **options: client(**{**options, **where})

    monkeypatch.setattr(ws, "KrakenWSClient", Client)
    monkeypatch.setattr(kraken_connector, "HTTPAuthenticatedClient", HTTP)
    for name in ("KrakenRest", "KrakenRestSync"):
        monkeypatch.setattr(kraken_connector, name, simulated(getattr(kraken_connector, name)))


def test_every_example_passes_a_strict_type_check(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    for (name, line), block in BLOCKS.items():
        file = tmp_path / f"{name.removesuffix('.md').replace('-', '_')}_{line}.py"
        file.write_text("\n" * (line + 1) + block, "utf-8")
    source = Path(kraken_connector.__file__).parents[1]
    # An installed package is found without `MYPYPATH`, and must not be on it.
    where = {} if "site-packages" in source.parts else {"MYPYPATH": str(source)}
    answer = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "."],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, **where},
    )
    assert answer.returncode == 0, answer.stdout


@pytest.mark.usefixtures("simulated")
@pytest.mark.parametrize("example", EXAMPLES)
def test_example_runs_and_shows_something(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(example, "example", "exec"), {"__name__": "example"})
    if "print(" in example:
        assert capsys.readouterr().out.strip()
