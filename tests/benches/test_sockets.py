"""Sender and receivers of the socket benchmarks, in processes of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("trustme")

from benches import corpus
from benches.remote import Worker, WorkerError

from kraken_connector import backend

pytestmark = pytest.mark.long

STREAM = "replay-10"
UPDATES = len(corpus.endless(STREAM).frames) - 1


@pytest.fixture
def sender() -> Iterator[Worker]:
    with Worker() as worker:
        yield worker


@pytest.fixture
def receiver() -> Iterator[Worker]:
    with Worker() as worker:
        yield worker


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    "client", ["callback", "async for", "websockets + orjson.loads", "recv alone"]
)
def test_every_message_of_a_flat_out_stream_arrives(
    sender: Worker, receiver: Worker, client: str, tls: bool
) -> None:
    address = sender.call("benches.sender:address")
    sender.start("benches.sender:flat_out", stream=STREAM, loops=2, tls=tls)
    measured = receiver.call(
        "benches.receivers:receive",
        client=client,
        loop="asyncio",
        port=address["port"],
        authority=address["authority"] if tls else "",
        stream=STREAM,
        skip=10,
        count=2 * UPDATES + 1,
    )
    assert measured["wall"] > 0
    assert measured["cpu"] > 0
    assert sender.wait() is None


def test_a_timetable_is_kept_and_every_arrival_stamped(
    sender: Worker, receiver: Worker, tmp_path: Path
) -> None:
    address = sender.call("benches.sender:address")
    sender.start("benches.sender:timetable", stream=STREAM, rate=20_000, count=600, tls=False)
    receiver.call(
        "benches.receivers:receive",
        client="callback",
        loop="asyncio",
        port=address["port"],
        authority="",
        stream=STREAM,
        skip=0,
        count=601,
        stamps=str(tmp_path / "stamps"),
    )
    account = sender.wait()
    assert account["late_p50_ns"] >= 0
    stamps = memoryview((tmp_path / "stamps").read_bytes()).cast("q").tolist()
    assert stamps == sorted(stamps)
    assert stamps[1] >= account["first_ns"]
    assert stamps[-1] >= account["first_ns"] + 599 * 1_000_000_000 // 20_000


def test_what_fails_in_a_worker_is_raised_here(receiver: Worker) -> None:
    with pytest.raises(WorkerError, match="KeyError: 'nobody'"):
        receiver.call("benches.receivers:receive", client="nobody", loop="asyncio")
    assert receiver.call("kraken_connector:backend") == backend()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured on Linux only")
@pytest.mark.parametrize("kind", ["deep", "many"])
def test_books_take_memory(receiver: Worker, kind: str) -> None:
    core = backend()
    assert receiver.call("benches.memory_rows:grow", core=core, kind=kind) > 100_000
