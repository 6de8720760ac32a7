"""Nonces of a key arrive in order, whoever uses it (guide "Spot REST Authentication")."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.rest.server import SECRET, Call, Late, Server

from kraken_connector import AddOrderParams, KrakenRest, RestError, security
from kraken_connector.rest import nonces
from kraken_connector.security import decode_secret, sign

fcntl = pytest.importorskip("fcntl", reason="Windows: processes do not share nonces")

ORDER = AddOrderParams("BTC/USD", "buy", "limit", "1", limit_price="1")
WORKER = Path(__file__).with_name("nonce_worker.py")
PROCESSES, CALLS = 4, 50


class Strict:
    """Checks signature and nonce as the exchange does: a nonce must be larger than the last."""

    def __init__(self, result: Any) -> None:
        self.result = result
        self.last = 0
        self.refused = 0

    def __call__(self, call: Call) -> Any:
        path, nonce = f"/0/private/{call.name}", call.params["nonce"]
        if call.headers["api-sign"] != sign(decode_secret(SECRET), path, nonce, call.body):
            return "EAPI:Invalid signature"
        if int(nonce) <= self.last:
            self.refused += 1
            return "EAPI:Invalid nonce"
        self.last = int(nonce)
        return self.result


PLACED = {"txid": ["OABCDE-FGHIJ-KLMNOP"]}


@pytest.fixture
def strict(server: Server) -> Strict:
    """Answers orders and balances, with one sequence of nonces."""
    one = Strict(PLACED)
    server.answers |= {"AddOrder": one, "BalanceEx": one}
    return one


def forget() -> None:
    """Forget the nonces of this process, as a restart does."""
    security._last_nonces.clear()


async def test_processes_share_the_nonces_of_a_key(server: Server, strict: Strict) -> None:
    arguments = [str(WORKER), server.url, server.api_key, SECRET, str(CALLS)]
    source = Path(security.__file__).parents[1]
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable, *arguments, env={**os.environ, "PYTHONPATH": str(source)}
        )
        for _ in range(PROCESSES)
    ]
    assert [await process.wait() for process in running] == [0] * PROCESSES
    assert (strict.refused, len(server.named("AddOrder"))) == (0, PROCESSES * CALLS)


async def test_tasks_and_clients_take_turns(server: Server, strict: Strict) -> None:
    async with server.client() as one, server.client() as other:
        calls = [rest.add_order(ORDER) for rest in (one, other) for _ in range(20)]
        await asyncio.gather(*calls)
    assert (strict.refused, len(server.named("AddOrder"))) == (0, 40)


@pytest.mark.virtual_time
@pytest.mark.parametrize("has_folder", [True, False])
async def test_slow_calls_take_turns_however_long_they_wait(
    server: Server, strict: Strict, monkeypatch: pytest.MonkeyPatch, has_folder: bool
) -> None:
    """The last of them waits for twelve seconds. Clients of a process need no file for that."""
    if not has_folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", "/proc")
    server.answers["AddOrder"] = lambda call: Late(0.4, strict(call))
    rests = [server.client(timeout=60.0) for _ in range(2)]
    await asyncio.gather(*(rest.add_order(ORDER) for rest in rests for _ in range(15)))
    for rest in rests:
        await rest.aclose()
    at = [call.at for call in server.named("AddOrder")]
    assert min(after - before for before, after in itertools.pairwise(at)) >= 0.4
    assert strict.refused == 0


@pytest.mark.parametrize("back", [1, 3600, 10**7])
async def test_clock_that_was_set_back_before_a_restart(
    server: Server, strict: Strict, monkeypatch: pytest.MonkeyPatch, back: int
) -> None:
    async with server.client() as rest:
        await rest.add_order(ORDER)
    forget()
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - back * 10**9)
    async with server.client() as rest:
        await rest.add_order(ORDER)
        await rest.add_order(ORDER)
    assert strict.refused == 0


async def test_larger_nonce_of_another_process_is_passed(server: Server, strict: Strict) -> None:
    """Such as one that counted nanoseconds with the same key."""
    async with server.client(nonce_unit="ns") as rest:
        await rest.add_order(ORDER)
    forget()
    async with server.client() as rest:
        await rest.add_order(ORDER)
    assert strict.refused == 0


@pytest.mark.virtual_time
async def test_stopped_process_does_not_stop_others(server: Server, strict: Strict) -> None:
    """It keeps its turn; others go ahead after `LONGEST_WAIT`, and none waits for ever."""
    async with server.client() as rest:
        await rest.add_order(ORDER)
        turns = turn_file(rest)
        with turns.open("r+b") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            began = asyncio.get_running_loop().time()
            await rest.add_order(ORDER)
            waited = asyncio.get_running_loop().time() - began
    assert waited == pytest.approx(nonces.LONGEST_WAIT, abs=0.2)
    assert strict.refused == 0


def turn_file(rest: KrakenRest) -> Path:
    """Return the file whose lock is the turn of a client's key."""
    file = rest._caller.nonces._turns
    assert file is not None
    return file


@pytest.mark.virtual_time
def test_forked_process_does_not_keep_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "turn"
    with nonces._locked(path):
        child = os.fork()
        if child == 0:
            signal.pause()
    with nonces._locked(path) as file:
        assert file is not None
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_forked_process_does_not_end_a_turn_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "turn"
    with contextlib.ExitStack() as stack:
        stack.enter_context(nonces._locked(path))
        child = os.fork()
        if child == 0:
            stack.close()
            os._exit(0)
        os.waitpid(child, 0)
        with pytest.raises(BlockingIOError), nonces._locked(path):
            pass


async def test_cancels_do_not_wait_for_a_turn(server: Server, strict: Strict) -> None:
    server.answers["CancelAll"] = Strict({"count": 0})
    async with server.client() as rest:
        await rest.add_order(ORDER)
        with turn_file(rest).open("r+b") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            began = asyncio.get_running_loop().time()
            await rest.cancel_all()
            assert asyncio.get_running_loop().time() - began < 0.1


@pytest.mark.virtual_time
async def test_call_that_is_cancelled_while_it_waits_gives_up_its_place(
    server: Server, strict: Strict
) -> None:
    server.answers["AddOrder"] = lambda call: Late(1.0, strict(call))
    async with server.client() as rest:
        tasks = [asyncio.create_task(rest.add_order(ORDER)) for _ in range(5)]
        await asyncio.sleep(0.5)
        for task in tasks[1:4]:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result).__name__ for result in done[1:4]] == ["CancelledError"] * 3
        assert len(server.named("AddOrder")) == 2
        tasks = [asyncio.create_task(rest.add_order(ORDER))]
        await asyncio.sleep(0.5)
        tasks[0].cancel()  # during the call: its turn ends
        began = asyncio.get_running_loop().time()
        await rest.add_order(ORDER)
        assert asyncio.get_running_loop().time() - began < 1.2
    assert strict.refused == 0


@pytest.mark.virtual_time
async def test_call_whose_turn_does_not_come_in_time_is_not_sent(
    server: Server, strict: Strict
) -> None:
    server.answers["AddOrder"] = lambda call: Late(1.5, strict(call))
    async with server.client(timeout=2.0) as rest:
        results = await asyncio.gather(
            *(rest.add_order(ORDER) for _ in range(3)), return_exceptions=True
        )
    late = [result for result in results if isinstance(result, RestError)]
    assert [error.was_sent for error in late] == [False] * len(late)
    assert late


@pytest.mark.parametrize("base", ["file", "full"])
async def test_without_a_folder_nonces_grow_in_the_process(
    server: Server, strict: Strict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    if base == "file":
        (tmp_path / "a file").write_text("")
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "a file"))
    else:
        monkeypatch.setenv("XDG_RUNTIME_DIR", "/proc")
    assert nonces.state_folder() is None
    async with server.client() as one, server.client() as other:
        await asyncio.gather(*(rest.add_order(ORDER) for _ in range(9) for rest in (one,)))
        await other.add_order(ORDER)
    assert strict.refused == 0


@pytest.mark.parametrize("content", [b"", b"garbage", b"9" * 40, b"\xff" * 20])
async def test_file_of_another_content_is_no_error(
    server: Server, strict: Strict, content: bytes
) -> None:
    async with server.client() as rest:
        await rest.add_order(ORDER)
        turn_file(rest).with_suffix(".nonce").write_bytes(content)
        await rest.add_order(ORDER)
    assert strict.refused == 0


async def test_file_holds_no_key_and_belongs_to_its_user(server: Server, strict: Strict) -> None:
    async with server.client() as rest:
        await rest.add_order(ORDER)
        turns = turn_file(rest)
    files = list(turns.parent.iterdir())
    assert {file.suffix for file in files} == {".nonce", ".turn"}
    for file in files:
        assert server.api_key not in file.name
        assert SECRET.encode() not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0
    assert turns.parent.stat().st_mode & 0o077 == 0


def test_client_without_a_key_makes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    KrakenRest()
    assert list(tmp_path.iterdir()) == []
