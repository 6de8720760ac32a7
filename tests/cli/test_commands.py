"""The commands in process: what they print, and what their exit codes say."""

from __future__ import annotations

import functools
import gzip
import importlib.util
import json
import logging
import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import kraken_connector
from kraken_connector import KrakenWSClient, SharedBooks, backend
from kraken_connector._backend import BookWriter
from kraken_connector.cli import inputs, live
from kraken_connector.cli.app import app
from kraken_connector.shared_books import shared_path
from kraken_connector.sim import SimulatedExchange

RECORDING = Path(__file__).parents[1] / "fixtures/vectors/book-replay-btcusd-2023-07-30.jsonl"


@pytest.fixture(autouse=True)
def nothing_stays_behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hold commands to leaving the process's log as it was, and to no key of ours."""
    for name in ("KRAKEN_API", "KRAKEN_CONNECTOR_API"):
        monkeypatch.delenv(f"{name}_KEY", raising=False)
        monkeypatch.delenv(f"{name}_SECRET", raising=False)
    before = logging.getLogger().handlers[:]
    yield
    assert logging.getLogger().handlers == before


def kraken_ws(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def fact(result: Result, name: str) -> str:
    """Return what the summary says about something."""
    found = re.search(rf"^  {name}  +(.+)$", result.output, re.MULTILINE)
    assert found, result.output
    return found[1]


def spoiled(path: Path, line: int, **changes: object) -> Path:
    """Write the recording with one item changed."""
    lines = RECORDING.read_text().splitlines()
    message = json.loads(lines[line - 1])
    message["data"][0] |= changes
    lines[line - 1] = json.dumps(message)
    path.write_text("\n".join(lines))
    return path


def test_version_names_the_core() -> None:
    result = kraken_ws("--version")
    assert result.stdout.split() == [
        "kraken-ws",
        kraken_connector.__version__,
        f"({kraken_connector.backend()}",
        "core)",
    ]


def test_help_lists_the_commands_and_is_the_default() -> None:
    assert kraken_ws("--help").exit_code == 0
    for command in ("demo", "watch", "share", "replay", "sim"):
        assert command in kraken_ws().output
        assert kraken_ws(command, "--help").exit_code == 0


def test_help_states_units_and_defaults() -> None:
    text = kraken_ws("demo", "--help").output
    for word in ("SECONDS", "PER_SECOND", "LEVELS", "400", "run until Ctrl-C"):
        assert word in text


# replay


def test_replay_verifies_every_message_of_a_recording() -> None:
    result = kraken_ws("replay", RECORDING)
    assert result.exit_code == 0
    assert fact(result, "frames").startswith("510 at ")
    assert fact(result, "messages") == "509 book update, 1 book snapshot"
    assert fact(result, "verified") == "510"
    assert fact(result, "mismatches") == "0"
    assert fact(result, "BTC/USD").split() == ["valid", "510", "0", "29430.4", "29430.5", "0.1"]


def test_replay_names_the_line_of_a_mismatch(tmp_path: Path) -> None:
    result = kraken_ws("replay", spoiled(tmp_path / "spoiled.jsonl", 100, checksum=1))
    assert result.exit_code == 1
    assert fact(result, "verified") == "99"
    assert fact(result, "mismatches") == "1"
    assert fact(result, "line 100").startswith("BTC/USD does not match: the exchange says 1,")
    assert fact(result, "unverified").startswith("410,")


def test_replay_of_updates_without_a_snapshot_fails(tmp_path: Path) -> None:
    file = tmp_path / "updates.jsonl"
    file.write_text("\n".join(RECORDING.read_text().splitlines()[1:4]))
    result = kraken_ws("replay", file)
    assert result.exit_code == 1
    assert fact(result, "unverified").startswith("3,")


def test_replay_reports_lines_that_are_no_messages(tmp_path: Path) -> None:
    file = tmp_path / "odd.jsonl"
    file.write_text('{"channel":"heartbeat"}\n\nCloudFlare WebSocket proxy restarting\n')
    result = kraken_ws("replay", file)
    assert result.exit_code == 1
    assert fact(result, "frames").startswith("2 at ")
    assert "unreadable at byte 0" in fact(result, "line 3")


def test_replay_lists_only_the_first_flaws(tmp_path: Path) -> None:
    file = tmp_path / "junk.jsonl"
    file.write_text("junk\n" * 25)
    result = kraken_ws("replay", file)
    assert [line for line in range(1, 26) if f"line {line} " in result.stdout] == [*range(1, 11)]
    assert "and 15 more" in result.stdout


def test_replay_without_books_is_fine_and_says_so() -> None:
    observed = RECORDING.parents[1] / "observed/user-data.jsonl"
    result = kraken_ws("replay", observed)
    assert result.exit_code == 0
    assert fact(result, "verified") == "0, no book messages"


def test_replay_at_a_pace_shows_the_books_on_the_way() -> None:
    result = kraken_ws("replay", RECORDING, "--speed", "25")
    assert result.exit_code == 0
    first = result.stdout.splitlines()[0]
    assert re.search(r"^00:\d\d  .*  BTC/USD \d+\.\d/\d+\.\d$", first)
    assert fact(result, "verified") == "510"


@pytest.fixture(params=["gzip", "mark", "gzip and mark"])
def packed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the recording compressed, with a byte order mark, or both."""
    data = RECORDING.read_bytes()
    data = b"\xef\xbb\xbf" * ("mark" in request.param) + data
    path = tmp_path / "recording"
    path.write_bytes(gzip.compress(data) if "gzip" in request.param else data)
    return path


def test_replay_reads_what_a_file_is_and_not_what_it_is_called(packed: Path) -> None:
    result = kraken_ws("replay", packed)
    assert result.exit_code == 0, result.output
    assert fact(result, "verified") == "510"
    assert fact(kraken_ws("demo", "--file", packed, "--speed", "1000"), "verified").startswith("51")


def test_replay_reads_standard_input(packed: Path) -> None:
    result = CliRunner().invoke(app, ["replay", "-"], input=packed.read_bytes())
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("kraken-ws replay  standard input, ")
    assert fact(result, "verified") == "510"


def test_replay_of_nothing_says_so() -> None:
    result = CliRunner().invoke(app, ["replay", "-"], input=b"\n")
    assert result.exit_code == 1
    assert result.stderr == "kraken-ws: standard input has no frames\n"


def test_replay_reports_damaged_compression(tmp_path: Path) -> None:
    file = tmp_path / "cut.jsonl.gz"
    file.write_bytes(gzip.compress(RECORDING.read_bytes())[:5000])
    result = kraken_ws("replay", file)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"kraken-ws: cannot read {file.name}: the compressed data is ")
    assert result.stderr.count("\n") == 1
    played = kraken_ws("sim", "--file", file)
    assert played.stderr.startswith(
        f"kraken-ws: cannot play {file}: the compressed data is damaged"
    )


def test_replay_reads_zstandard_with_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame of raw blocks (RFC 8878) needs no compressor."""
    file, line = tmp_path / "one.zst", b'{"channel":"heartbeat"}\n'
    header = bytes([0x20, len(line)]) + (len(line) << 3 | 1).to_bytes(3, "little")
    file.write_bytes(b"\x28\xb5\x2f\xfd" + header + line)
    for name in ("compression.zstd", "zstandard"):
        if importlib.util.find_spec(name.partition(".")[0]):
            assert kraken_ws("replay", file).exit_code == 0
        monkeypatch.setitem(sys.modules, name, None)
    result = kraken_ws("replay", file)
    assert result.exit_code == 2
    assert result.stderr == (
        f"kraken-ws: cannot read {file}: "
        "Zstandard needs Python 3.14 or the package zstandard: pip install zstandard\n"
    )


# demo


def test_demo_verifies_books_of_a_simulated_exchange() -> None:
    result = kraken_ws("demo", "--seconds", "2", "--symbols", "BTC/USD,ETH/USD", "--depth", "25")
    assert result.exit_code == 0, result.output
    verified = int(fact(result, "verified").split()[0].replace(",", ""))
    assert verified == int(fact(result, "messages").split()[0].replace(",", ""))
    assert verified > 0
    assert fact(result, "mismatches") == "0"
    assert re.fullmatch(r"p50 .+ [mu]s, p99 .+, max .+", fact(result, "latency"))
    assert fact(result, "BTC/USD").startswith("valid ")
    assert fact(result, "ETH/USD").startswith("valid ")


def test_demo_output_without_a_terminal_is_plain_lines() -> None:
    result = kraken_ws("demo", "--seconds", "1.2", "--symbols", "1")
    assert "\x1b" not in result.stdout
    assert result.stdout.isascii()
    assert re.match(r"00:\d\d  \d+ messages  [\d.]+/s  verified \d+  mismatches 0  ", result.stdout)


def test_demo_stays_plain_where_colours_are_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in kraken_ws("demo", "--seconds", "0.3", "--symbols", "1").stdout


def test_demo_plays_a_recording_to_its_end() -> None:
    result = kraken_ws("demo", "--file", RECORDING, "--speed", "50")
    assert result.exit_code == 0, result.output
    assert fact(result, "verified") == "510 book messages"
    assert fact(result, "BTC/USD").split() == ["valid", "510", "0", "29430.4", "29430.5", "0.1"]
    assert "latency" not in result.stdout


def test_demo_fails_when_a_checksum_does(tmp_path: Path) -> None:
    file = spoiled(tmp_path / "spoiled.jsonl", 1, checksum=1)
    result = kraken_ws("demo", "--file", file, "--speed", "1000", "--seconds", "3")
    assert result.exit_code == 1
    assert int(fact(result, "mismatches")) >= 1
    assert "! resyncing book of BTC/USD" in result.stderr
    assert re.search(r"^kraken-ws: \d+ book messages did not match", result.stderr, re.MULTILINE)


def test_demo_uses_some_of_the_recorded_books() -> None:
    result = kraken_ws("demo", "--file", RECORDING, "--symbols", "ETH/USD")
    assert result.exit_code == 1
    assert result.stderr == f"kraken-ws: {RECORDING} has no book of ETH/USD, only of BTC/USD\n"


def test_demo_fails_when_books_do_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    class Absent(SimulatedExchange):
        async def start_serving(self) -> None:
            await super().start_serving()
            self.faults.lose_snapshots("ETH/USD", None)

    monkeypatch.setattr(inputs, "SimulatedExchange", Absent)
    result = kraken_ws("demo", "--symbols", "BTC/USD,ETH/USD", "--seconds", "1")
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert re.fullmatch(
        r"kraken-ws: 1 of 2 books did not come in \d\.\d s: try a longer time, or fewer books",
        last,
    )


# watch


@pytest.mark.parametrize("channel", ["ticker", "trade", "book", "level3"])
def test_watch_shows_a_channel_of_a_simulated_exchange(channel: str) -> None:
    result = kraken_ws("watch", channel, "BTC/USD", "ETH/USD", "--simulate", "--seconds", "1.2")
    assert result.exit_code == 0, result.output
    assert "BTC/USD" in result.output
    assert "ETH/USD" in result.output
    assert int(fact(result, "messages").split()[0]) > 0


def test_watch_level3_counts_the_orders_at_the_best_prices() -> None:
    result = kraken_ws("watch", "level3", "BTC/USD", "--simulate", "--seconds", "2.2")
    assert re.search(r"BTC/USD \d+\.\d x[1-9]\d*/\d+\.\d x[1-9]\d*$", result.stdout, re.MULTILINE)
    assert int(fact(result, "verified").split()[0]) > 0
    assert fact(result, "mismatches") == "0"


def test_watch_trade_prints_each_trade_once() -> None:
    result = kraken_ws("watch", "trade", "BTC/USD", "--simulate", "--seconds", "2.2")
    ids = [line.split()[-1] for line in result.stdout.splitlines() if "  BTC/USD  " in line]
    assert len(ids) >= 50
    assert ids == sorted(set(ids), key=int)


def test_watch_prints_data_alone_and_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what came after the last full second; the summary is no trade."""
    result = kraken_ws("watch", "trade", "BTC/USD", "--simulate", "--seconds", "0.5")
    assert result.exit_code == 0, result.output
    assert {len(line.split()) for line in result.stdout.splitlines()} == {6}
    assert len(result.stdout.splitlines()) >= 50
    assert "kraken-ws watch trade" in result.stderr


def test_watch_of_tokenized_assets() -> None:
    result = kraken_ws("watch", "book", "AAPLx/USD", "--simulate", "--seconds", "0.5")
    assert result.exit_code == 0, result.output
    assert fact(result, "AAPLx/USD").startswith("valid ")


class CutOffExchange(SimulatedExchange):
    """Resets all connections once, after some book updates."""

    async def start_serving(self) -> None:
        await super().start_serving()
        self.faults.after_messages(6, self.faults.reset_connections, symbol="BTC/USD")


def test_watch_prints_gaps_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def has_recovered(show: live.LiveSession) -> bool:
        session = show.session
        if session is None or "gap of" not in (session.status().notice or ""):
            return False
        return all(view.state == "valid" for view in session.books())

    monkeypatch.setattr(inputs, "SimulatedExchange", CutOffExchange)
    monkeypatch.setattr(live.LiveSession, "_is_over", has_recovered)
    result = kraken_ws("watch", "book", "BTC/USD", "--simulate")
    assert result.exit_code == 0, result.output
    assert re.search(r"^! gap of \d\.\d s \(disconnect\)$", result.stderr, re.MULTILINE)
    assert (fact(result, "gaps"), fact(result, "reconnects")) == ("1", "1")
    assert fact(result, "BTC/USD").startswith("valid ")


def test_a_connection_lost_for_good_is_printed_after_the_summary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inputs, "SimulatedExchange", CutOffExchange)
    only_once = functools.partial(KrakenWSClient, max_reconnect_attempts=0)
    monkeypatch.setattr(live, "KrakenWSClient", only_once)
    result = kraken_ws("watch", "book", "BTC/USD", "--simulate")
    assert result.exit_code == 1
    assert int(fact(result, "messages").split()[0]) > 5
    last = result.stderr.splitlines()[-1]
    assert re.fullmatch(r"kraken-ws: connection to ws://127\.0\.0\.1.* lost: .+", last)


# sim is run in tests/cli/test_processes.py: it has no end of its own.


def test_sim_says_when_the_port_is_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = kraken_ws("sim", "--port", str(port))
    assert result.exit_code == 1
    assert result.stderr == f"kraken-ws: cannot listen on 127.0.0.1:{port}: the port is in use\n"


# share


def share_name(tmp_path: Path) -> str:
    return f"test-{tmp_path.name}-{os.getpid()}"[-60:]


@pytest.mark.skipif(backend() != "native", reason="only the native core shares books")
def test_share_lets_others_read_the_books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, seen = share_name(tmp_path), []

    def look(self: KrakenWSClient, name: str, levels: int) -> Any:
        share = real(self, name, levels)
        seen.append(SharedBooks(name))
        return share

    real = KrakenWSClient.share
    monkeypatch.setattr(KrakenWSClient, "share", look)
    arguments = ("share", "book", "BTC/USD", "--name", name, "--levels", "30")
    result = kraken_ws(*arguments, "--simulate", "--seconds", "1.2")
    assert result.exit_code == 0, result.output
    assert f"kraken-ws share {name}" in result.stderr
    assert "BTC/USD" in result.stdout
    (books,) = seen
    assert (books.levels, books.state) == (30, "writer_closed")
    assert list(books) == ["BTC/USD"]
    assert books["BTC/USD"].depth == 100
    assert books["BTC/USD"].updates > 10


@pytest.mark.skipif(backend() != "native", reason="only the native core shares books")
def test_share_says_that_its_name_is_in_use(tmp_path: Path) -> None:
    name = share_name(tmp_path)
    path = shared_path(name)
    assert BookWriter is not None
    writer = BookWriter(str(path), 10, 8)
    result = kraken_ws("share", "book", "BTC/USD", "--name", name, "--simulate")
    writer.close()
    assert result.exit_code == 1
    assert "a process that still runs shares books under this name" in result.stderr


@pytest.mark.skipif(backend() != "pure", reason="the pure core cannot share books")
def test_share_says_that_it_needs_the_native_core() -> None:
    result = kraken_ws("share", "book", "BTC/USD", "--simulate")
    assert result.exit_code == 1
    assert "sharing books needs the native core" in result.stderr


# What is wrong is said in one line.

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("share", "ticker", "BTC/USD"), "only book can be shared, not 'ticker'"),
        (
            ("share", "book", "BTC/USD", "--name", "a/b"),
            (
                "--name must be 1 to 64 letters, digits, '_', '-' or '.', "
                "not beginning with '-' or '.', not 'a/b'"
            ),
        ),
        (
            ("share", "book", "BTC/USD", "--depth", "7"),
            "--depth must be one of 10, 25, 100, 500, 1000 (levels per side), not 7",
        ),
        (("watch", "book", "btcusd"), "symbol must be BASE/QUOTE, like 'BTC/USD', not 'btcusd'"),
        (
            ("watch", "book", "XBT/USD"),
            "symbol must be 'BTC/USD', as XBT is BTC in the v2 API, not 'XBT/USD'",
        ),
        (
            ("watch", "book", "BTC/USD", "--depth", "7"),
            "--depth must be one of 10, 25, 100, 500, 1000 (levels per side), not 7",
        ),
        (
            ("watch", "level3", "BTC/USD", "--depth", "25", "--simulate"),
            "--depth must be one of 10, 100, 1000 (levels per side), not 25",
        ),
        (
            ("watch", "level3", "BTC/USD"),
            "watch level3 needs an API key: set KRAKEN_API_KEY and KRAKEN_API_SECRET",
        ),
        (
            ("watch", "book", "BTC/USD", "--url", "http://127.0.0.1"),
            "--url must look like ws://127.0.0.1:8080/v2, not 'http://127.0.0.1'",
        ),
        (
            ("watch", "book", "BTC/USD", "--url", "ws://127.0.0.1:99999"),
            "--url must look like ws://127.0.0.1:8080/v2, not 'ws://127.0.0.1:99999'",
        ),
        (
            ("watch", "book", "BTC/USD", "--url", "wss://ws.kraken.com"),
            "--url is that of WebSocket API v1: did you mean 'wss://ws.kraken.com/v2'?",
        ),
        (
            ("watch", "book", "BTC/USD", "--url", "ws://127.0.0.1:1", "--simulate"),
            "use --url or --simulate, not both",
        ),
        (("demo", "--symbols", "0"), "--symbols must be at least 1 and at most 10000"),
        (("sim", "--symbols", "10001"), "--symbols must be at least 1 and at most 10000"),
        (("sim", "--symbols", ""), "no symbol given: name one, such as BTC/USD"),
        (("demo", "--symbols", ","), "no symbol given: name one, such as BTC/USD"),
        (("watch", "book", ""), "no symbol given: name one, such as BTC/USD"),
        (("watch", "book", "\udcff/USD"), "'\\udcff/USD' is not UTF-8 text"),
        (
            ("watch", "ticker", "BTC/USD", "--depth", "25"),
            "--depth is for book and level3: other channels have no levels",
        ),
        (
            ("watch", "book", "BTC/USD", "--rest-url", "http://127.0.0.1:1"),
            "--rest-url is for level3 without --simulate: nothing else needs a token",
        ),
        (("demo", "--speed", "2"), "--speed needs --file: use --rate for simulated markets"),
        (("sim", "--speed", "2"), "--speed needs --file: use --rate for simulated markets"),
        (
            ("sim", "--file", RECORDING, "--seed", "1"),
            "--seed has no effect with --file: the recording decides",
        ),
        (
            ("sim", "--file", RECORDING, "--rate", "1"),
            "--rate has no effect with --file: the recording decides",
        ),
        (("demo", "--file", "-"), "cannot read standard input: only replay can; give a file"),
        (
            ("replay", "-", "--speed", "2"),
            "--speed needs a file: standard input is replayed as it arrives",
        ),
        (
            ("demo", "--file", RECORDING, "--depth", "10"),
            "--depth has no effect with --file: the recording decides",
        ),
        (("replay", "absent.jsonl"), "cannot read absent.jsonl: no such file or directory"),
        (("replay", HERE), f"cannot read {HERE}: is a directory"),
        (("sim", "--file", "absent.jsonl"), "cannot read absent.jsonl: no such file or directory"),
    ],
)
def test_wrong_input_is_reported_in_one_line(arguments: tuple[str | Path, ...], line: str) -> None:
    result = kraken_ws(*arguments)
    assert result.exit_code == 2
    assert result.stderr == f"kraken-ws: {line}\n"
    assert result.stdout == ""


def test_an_empty_address_of_the_token_is_not_the_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRAKEN_API_KEY", "key")
    monkeypatch.setenv("KRAKEN_API_SECRET", "c2VjcmV0")
    result = kraken_ws("watch", "level3", "BTC/USD", "--rest-url", "", "--seconds", "0.1")
    assert result.exit_code == 2
    assert re.fullmatch(r"kraken-ws: base_url .+\n", result.stderr)


@pytest.mark.parametrize(
    "arguments", [("demo", "--nonsense"), ("watch", "spread", "BTC/USD"), ("sim", "--port", "-1")]
)
def test_wrong_options_end_in_a_hint(arguments: tuple[str, ...]) -> None:
    result = kraken_ws(*arguments)
    assert result.exit_code == 2
    assert "Try 'kraken-ws" in result.stderr or "Try 'root" in result.stderr
    assert "Traceback" not in result.output


def test_an_exchange_that_is_not_there_is_reported_in_one_line() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{unused.getsockname()[1]}/v2"
        result = kraken_ws("watch", "book", "BTC/USD", "--url", url)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"kraken-ws: cannot connect to {url} (1 attempt): ")
    assert result.stderr.count("\n") == 1


def test_an_empty_file_and_one_without_books_are_reported(tmp_path: Path) -> None:
    file = tmp_path / "empty.jsonl"
    file.touch()
    assert kraken_ws("replay", file).stderr == f"kraken-ws: {file} is empty\n"
    file.write_text('{"channel":"heartbeat"}\n')
    assert kraken_ws("demo", "--file", file).stderr == f"kraken-ws: {file} has no books\n"
    file.write_text("junk\n")
    assert kraken_ws("sim", "--file", file).stderr.startswith(f"kraken-ws: cannot play {file}: ")
