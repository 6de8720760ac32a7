"""The commands as processes of their own: pipes, signals, a server for others."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import pytest_asyncio
from tests.marks import long

from kraken_connector import KrakenWSClient, TokenManager
from kraken_connector.http import HTTPAuthenticatedClient
from kraken_connector.ws import BalancesParams, BookParams

COMMAND = ("-m", "kraken_connector.cli")


@contextmanager
def running(*arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a command with its output in a pipe; `options` are of `subprocess.Popen`."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, *COMMAND, *arguments]
    with subprocess.Popen(command, **pipes, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def introduction(process: subprocess.Popen[str]) -> dict[str, str]:
    """Read what `sim` says about itself before it serves."""
    assert process.stdout is not None
    said: dict[str, str] = {}
    for line in process.stdout:
        name, _, value = line.rstrip("\n").partition("  ")
        said[name] = value.strip()
        if line.startswith("The key is valid for this simulator only"):
            return said
    raise AssertionError(process.stderr and process.stderr.read())


@pytest_asyncio.fixture
async def simulator() -> AsyncIterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    with running("sim", "--symbols", "BTC/USD,ETH/USD", "--rate", "50", "-v") as process:
        yield process, introduction(process)


async def test_sim_serves_verified_books_and_private_channels(
    simulator: tuple[subprocess.Popen[str], dict[str, str]],
) -> None:
    process, said = simulator
    assert said["symbols"] == "BTC/USD ETH/USD"
    source = HTTPAuthenticatedClient(
        base_url=said["rest url"], api_key=said["api key"], api_secret=said["api secret"]
    )
    async with KrakenWSClient(said["url"], token_manager=TokenManager(source)) as client:
        await client.subscribe(BookParams(symbol=["BTC/USD"]))
        await client.subscribe(BalancesParams())
        channels = set()
        while channels < {"book", "balances"}:
            channels.add(getattr(await client.receive(), "channel", None))
        assert client.book("BTC/USD").is_valid
    process.terminate()
    rest, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert errors == ""
    assert re.search(r"^\d\d:\d\d:\d\d\.\d{3} #1 +connected$", rest, re.MULTILINE)
    assert re.search(r'#1 +< {"method":"subscribe".*"book"', rest)
    assert rest.index("connected") < rest.index("subscribed book BTC/USD")


def test_watch_level3_requests_its_token_from_the_given_url(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running("sim", "--three-hosts", "--symbols", "BTC/USD") as process:
        said = introduction(process)
        monkeypatch.setenv("KRAKEN_API_KEY", said["api key"])
        monkeypatch.setenv("KRAKEN_API_SECRET", said["api secret"])
        where = ("--url", said["level3 url"], "--rest-url", said["rest url"])
        answer = outcome("watch", "level3", "BTC/USD", *where, "--seconds", "1.2")
    assert answer.returncode == 0, answer.stderr
    assert re.search(r"^  BTC/USD  valid ", answer.stderr, re.MULTILINE)


def test_sim_plays_a_recording(recording: str) -> None:
    with running("sim", "--file", recording) as process:
        said = introduction(process)
        assert said["symbols"] == "BTC/USD"
        assert said["try"] == f"kraken-ws watch book BTC/USD --url {said['url']}"


def test_sim_prints_the_addresses_of_three_hosts() -> None:
    with running("sim", "--three-hosts") as process:
        said = introduction(process)
        urls = [said["url"], said["auth url"], said["level3 url"]]
        assert len(set(urls)) == 3
        assert said["rest url"].removeprefix("http") in urls[0]


def test_sim_speaks_the_unified_websocket() -> None:
    with running("sim", "--unified") as process:
        said = introduction(process)
        assert said["url"].endswith("/v2/public")
        assert said["auth url"] == said["url"].replace("public", "private")
        assert "PF_XBTUSD" in said["symbols"]
        assert "try" not in said


@pytest.mark.parametrize("option", ["--three-hosts", "--symbols=BTC/USD"])
def test_sim_refuses_options_without_effect_on_the_unified_websocket(option: str) -> None:
    answer = outcome("sim", "--unified", option)
    assert answer.returncode == 2
    assert "has no effect with --unified" in answer.stderr


def test_a_reader_that_leaves_early_gets_no_traceback() -> None:
    with running("demo", "--symbols", "1") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("00:0")
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(timeout=30) == 1
        assert "Traceback" not in errors


def handle_ctrl_c() -> None:
    """Undo what shells do to commands in the background, where tests may run."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def python(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run Python to its end; `options` are of `subprocess.run`."""
    where = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(
        [sys.executable, *arguments], check=False, text=True, encoding="utf-8", timeout=60, **where
    )


def outcome(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; `options` are of `subprocess.run`."""
    return python(*COMMAND, *arguments, **options)


@pytest.mark.parametrize(
    "settings",
    [
        {"PYTHONIOENCODING": "ascii"},
        *long({"PYTHONIOENCODING": "cp1252"}, {"PYTHONUTF8": "0", "LC_ALL": "C"}),
    ],
    ids=str,
)
@pytest.mark.skipif(sys.platform == "win32", reason="Windows passes arguments as UTF-16")
def test_symbols_beyond_the_terminal_are_escaped(settings: dict[str, str]) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUTF8"}
    answer = outcome(
        *("watch", "book", "币安人生/USD", "--simulate", "--seconds", "1.2"),
        env={**environment, **settings},
    )
    assert answer.returncode == 0, answer.stderr
    name = r"\u5e01\u5b89\u4eba\u751f/USD"
    assert re.search(rf"  {re.escape(name)} \d", answer.stdout)
    assert re.search(rf"^  {re.escape(name)}  valid ", answer.stderr, re.MULTILINE)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("command", ["replay", *long("demo", "watch", "version")])
def test_unwritable_output_is_reported_in_one_line(command: str, recording: str) -> None:
    arguments = {
        "demo": ("demo", "--symbols", "1", "--seconds", "1.2"),
        "watch": ("watch", "book", "BTC/USD", "--simulate", "--seconds", "1.2"),
        "replay": ("replay", recording),
        "version": ("--version",),
    }[command]
    with open("/dev/full", "w") as full:  # noqa: PTH123
        answer = outcome(*arguments, stdout=full)
    assert answer.returncode == 1
    assert answer.stderr == "kraken-ws: cannot write: no space left on device\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows runs nothing before a command")
def test_closed_output_is_no_error(recording: str) -> None:
    answer = outcome("replay", recording, stdout=None, preexec_fn=lambda: os.close(1))
    assert (answer.returncode, answer.stderr) == (0, "")


def test_ctrl_c_while_starting_ends_without_a_traceback() -> None:
    code = (
        "import sys\n"
        "import kraken_connector.cli as cli\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'kraken_connector.cli.app':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "cli.main()\n"
    )
    answer = python("-c", code)
    assert (answer.returncode, answer.stdout, answer.stderr) == (130, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends a process no SIGINT")
@pytest.mark.parametrize("command", ["sim", "demo", "--version"])
def test_ctrl_c_while_starting_ends_where_python_ignores_exceptions(command: str) -> None:
    """In a finalizer or a callback of a weak reference a `KeyboardInterrupt` would be lost."""
    code = (
        "import os, signal, sys\n"
        "import kraken_connector.cli as cli\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Finalized:\n"
        "    def __del__(self):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        for _ in range(100): pass\n"
        "class Finder:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'kraken_connector.cli.app':\n"
        "            Finalized()\n"
        "sys.meta_path.insert(0, Finder())\n"
        "cli.main()\n"
    )
    answer = python("-c", code, command)
    assert (answer.returncode, answer.stdout, answer.stderr) == (130, "", "")


def test_little_is_imported_before_ctrl_c_is_handled() -> None:
    """Python reports an interrupted import with a traceback, so there should be few of them."""
    code = (
        "import sys; before = set(sys.modules)\n"
        "import kraken_connector.cli\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )
    path = os.pathsep.join(sys.path)
    answer = python("-S", "-c", code, env={**os.environ, "PYTHONPATH": path})
    assert answer.returncode == 0, answer.stderr
    slow = {"asyncio", "enum", "pathlib", "re", "typing"}
    assert not slow & set(answer.stdout.split())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends a process no SIGINT")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_anything_came_is_no_failure_of_the_exchange(how: signal.Signals) -> None:
    """The client still waits for its connection."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ws://127.0.0.1:{silent.getsockname()[1]}/v2"
        with running(
            *("watch", "book", "BTC/USD", "--url", url), preexec_fn=handle_ctrl_c
        ) as process:
            connection, _ = silent.accept()
            with connection:
                assert connection.recv(4)
                process.send_signal(how)
                out, errors = process.communicate(timeout=30)
    assert (process.returncode, out, errors) == (128 + how, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends a process no SIGINT")
def test_ctrl_c_before_the_first_line_of_standard_input() -> None:
    with running(
        "replay", "-", stdin=subprocess.PIPE, preexec_fn=handle_ctrl_c, bufsize=0
    ) as process:
        assert process.stdin is not None
        process.stdin.write(" " * 2**18)  # returns when nearly all of it was read
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, out, errors) == (130, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows shells let no command ignore SIGINT")
def test_a_command_in_the_background_ignores_ctrl_c() -> None:
    def ignore() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    with running("sim", preexec_fn=ignore) as process:
        introduction(process)
        process.send_signal(signal.SIGINT)
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.mark.parametrize("name", ["HTTP_PROXY", *long("http_proxy", "ALL_PROXY", "SOCKS_PROXY")])
def test_a_proxy_of_the_environment_is_not_used_for_this_machine(name: str) -> None:
    """Neither by the connection nor by the call for its token."""
    scheme = "socks5" if name == "SOCKS_PROXY" else "http"
    answer = outcome(
        *("watch", "level3", "BTC/USD", "--simulate", "--seconds", "0.5"),
        env={**os.environ, name: f"{scheme}://127.0.0.1:9"},
    )
    assert answer.returncode == 0, answer.stderr


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="the machine has no IPv6")
def test_sim_writes_ipv6_addresses_as_urls_do() -> None:
    with running("sim", "--host", "::1") as process:
        said = introduction(process)
        assert re.fullmatch(r"ws://\[::1\]:\d+/v2", said["url"])
        assert said["rest url"].startswith("http://[::1]:")
        answer = outcome("watch", "book", "BTC/USD", "--url", said["url"], "--seconds", "0.5")
        assert answer.returncode == 0, answer.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without SIGTERM")
def test_the_demo_ends_in_good_order_when_it_is_terminated() -> None:
    with running("demo", "--symbols", "1") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        rest, errors = process.communicate(timeout=30)
        assert process.returncode == 0
        assert "verified" in rest
        assert errors == ""


@pytest.mark.parametrize("missing", ["rich", "typer"])
def test_without_the_extra_one_sentence_says_how_to_get_it(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from kraken_connector.cli import main; main()"
    )
    answer = python("-c", code)
    assert answer.returncode == 1
    assert answer.stderr == (
        "kraken-ws needs rich and typer: pip install 'kraken-connector-rs[cli]'\n"
    )
