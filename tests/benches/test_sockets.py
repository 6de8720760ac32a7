"""Sender and receivers of the socket benchmarks, in processes of their own."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("trustme")

from benches import age_rows, opening_rows, ours, socket_rows, trade_rows
from benches.link import PLAIN, TLS, Link, Setting, link
from benches.remote import Worker, WorkerError
from benches.results import Results
from benches.targets import PICOWS, PICOWS_DICT
from benches.traders import ALONE

from kraken_connector import backend

pytestmark = pytest.mark.long

STREAM = "replay-10"
needs_picows = pytest.mark.skipif(find_spec("picows") is None, reason="needs picows")
picows = pytest.param(PICOWS, marks=needs_picows)
picows_dict = pytest.param(PICOWS_DICT, marks=needs_picows)
settings = pytest.mark.parametrize("setting", [PLAIN, TLS], ids=str)


@pytest.fixture(scope="module")
def pair() -> Iterator[Link]:
    with link() as made:
        yield made


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker() as made:
        yield made


@settings
@pytest.mark.parametrize(
    "client", ["callback", "async for", "websockets + orjson.loads", "recv alone", picows]
)
def test_every_message_of_a_flat_out_stream_arrives(
    pair: Link, client: str, setting: Setting
) -> None:
    measured = socket_rows.flat_out(pair, client, setting, 2)
    assert measured["wall"] > 0
    assert measured["cpu"] > 0


def test_a_timetable_is_kept_and_every_arrival_stamped(pair: Link, tmp_path: Path) -> None:
    file = tmp_path / "stamps"
    served = pair.serve(
        ours.CALLBACK,
        PLAIN,
        send=("timetable", {"stream": STREAM, "rate": 20_000, "count": 600}),
        receive=(
            "benches.receivers:stamp",
            {"stream": STREAM, "count": 601, "file": str(file)},
        ),
    )
    assert served.sent["late_ns"]["p50"] >= 0
    stamps = array("q", file.read_bytes()).tolist()
    assert stamps == sorted(stamps)
    assert stamps[1] >= served.sent["first_ns"]
    assert stamps[-1] >= served.sent["first_ns"] + 599 * 1_000_000_000 // 20_000


def test_rounds_with_a_late_sender_are_left_out_and_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late_us = iter([1, 1, 500, 1] * socket_rows.ROUNDS * socket_rows.PATIENCE)
    monkeypatch.setattr(
        socket_rows,
        "timetable",
        lambda _, name, *__: ({"p99.9": 1000.0 * next(late_us)}, [2000.0 if name == PICOWS else 1]),
    )
    results = Results()
    names = list(socket_rows.LATENCY)
    uvloop = Setting("uvloop", tls=False)
    socket_rows._latencies(results, None, names, uvloop, 1000, 1.0)  # type: ignore[arg-type]
    (note,) = results.notes
    assert "4 of 9 rounds are left out" in note
    assert {group.rounds for group in results.groups if "latency" in group.section} == {5}
    assert [row.figure.median for row in results.rows] == [0.0005] * 3


def test_without_punctual_rounds_no_latency_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_rows, "timetable", lambda *_: ({"p99.9": 1e6}, [1.0]))
    results = Results()
    names = list(socket_rows.LATENCY)
    socket_rows._latencies(results, None, names, PLAIN, 1000, 1.0)  # type: ignore[arg-type]
    assert results.rows == []


@settings
@pytest.mark.parametrize("client", ["callback", ALONE, picows_dict])
def test_every_update_leads_to_an_amend(pair: Link, client: str, setting: Setting) -> None:
    prices = trade_rows.expected_prices()
    times = trade_rows.trade(pair, client, setting, prices, trade_rows.WARM_UP + 20)
    assert len(times) == 20
    assert min(times) > 0


def test_the_prices_of_amends_are_computed_from_the_frames() -> None:
    # By hand: after the first update, best bid 29430.2 and ask 29430.3.
    assert trade_rows.expected_prices()[0] == "29430.0"


def test_an_amend_with_another_price_is_noticed(pair: Link) -> None:
    prices = ["1.0"] * len(trade_rows.expected_prices())
    with pytest.raises(WorkerError):
        trade_rows.trade(pair, ours.CALLBACK, PLAIN, prices, trade_rows.WARM_UP + 20)


@pytest.mark.parametrize(
    ("at", "contained", "age"),
    [(50, 1, 50), (50, 2, 0), (100_050, 2, 50), (5_000_000, 1, 5_000_000)],
    ids=["one-is-missing", "all-are-there", "the-second-is-missing", "fifty-are-missing"],
)
def test_a_book_is_as_old_as_the_first_message_that_it_lacks(
    at: int, contained: int, age: int
) -> None:
    # 10,000 a second: update 0 is due at 0, update 1 at 100,000 ns.
    assert age_rows.age(at, contained) == age


@pytest.mark.parametrize("client", ["callback", picows_dict])
def test_the_reader_of_a_book_computes_between_reads(pair: Link, client: str) -> None:
    ages = age_rows.ages(pair, client, PLAIN, 500)
    assert len(ages) > 1
    assert max(ages) > 0


@settings
@pytest.mark.parametrize("client", ["callback", picows_dict])
def test_connections_are_opened_one_by_one(pair: Link, client: str, setting: Setting) -> None:
    figures = opening_rows.open_books(pair, client, setting)
    assert 0 < figures["stall"] < figures["opened"]


def test_messages_wait_between_read_and_callback(pair: Link) -> None:
    served = pair.serve(
        ours.CALLBACK,
        PLAIN,
        send=("timetable", {"stream": STREAM, "rate": 5_000, "count": 100}),
        receive=("benches.receivers:wait", {"stream": STREAM, "count": 101}),
    )
    assert 0 < served.received["p50"] <= served.received["p99"]


@settings
@pytest.mark.parametrize("client", ["callback", picows])
def test_each_turn_of_the_loop_has_one_message(
    worker: Worker, client: str, setting: Setting
) -> None:
    turn = worker.call(
        "benches.turns:receive",
        client=client,
        loop=setting.loop,
        tls=setting.tls,
        stream=STREAM,
        count=100,
    )
    assert turn > 0


@settings
@pytest.mark.parametrize("client", ["callback", picows_dict])
def test_each_trade_is_checked_and_timed(worker: Worker, client: str, setting: Setting) -> None:
    turn = {
        "client": client,
        "loop": setting.loop,
        "tls": setting.tls,
        "stream": STREAM,
        "count": 100,
    }
    prices = trade_rows.expected_prices()
    assert worker.call("benches.turns:trade", prices=prices, **turn) > 0
    with pytest.raises(WorkerError, match="another price"):
        worker.call("benches.turns:trade", prices=["1.0"], **turn)


def test_what_fails_in_a_worker_is_raised_here(worker: Worker) -> None:
    with pytest.raises(WorkerError, match="KeyError: 'nobody'"):
        worker.call(
            "benches.receivers:receive",
            client="nobody",
            loop="asyncio",
            port=1,
            tls=False,
            stream=STREAM,
            count=1,
            skip=0,
        )
    assert worker.call("kraken_connector:backend") == backend()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured on Linux only")
@pytest.mark.parametrize("kind", ["deep", "many"])
def test_books_take_memory(worker: Worker, kind: str) -> None:
    core = backend()
    assert worker.call("benches.memory_rows:grow", core=core, kind=kind) > 100_000
