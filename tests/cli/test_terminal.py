"""The live screen in a real terminal: it appears, it follows the size, it leaves no trace."""

from __future__ import annotations

import re
import signal
import sys

import pytest

if sys.platform == "win32":
    pytest.skip("needs a pseudo-terminal", allow_module_level=True)

from tests.cli.terminal import Terminal

ENTER, LEAVE, SHOW_CURSOR = "\x1b[?1049h", "\x1b[?1049l", "\x1b[?25h"


def is_restored(terminal: Terminal) -> bool:
    """Return whether the program left the alternate screen and gave the cursor back."""
    rest = terminal.output.rpartition(ENTER)[2]
    return LEAVE in rest and SHOW_CURSOR in rest and terminal.read_settings() == terminal.settings


def shows_books(terminal: Terminal) -> bool:
    return any(re.search(r"spread \d", line) for line in terminal.screen())


def test_demo_draws_ladders_and_ctrl_c_ends_it_with_a_summary() -> None:
    with Terminal("demo") as terminal:
        terminal.wait_for(lambda: shows_books(terminal) and "p99" in terminal.screen()[-1])
        screen = terminal.screen()
        assert len(screen) == 24
        assert max(map(len, screen)) == 80
        assert screen[0].startswith("kraken-ws demo  simulated exchange")
        assert re.search(r"● connected  \d\d:\d\d$", screen[0])
        assert re.findall(r"\w+/USD", screen[1]) == ["BTC/USD", "ETH/USD", "SOL/USD"]
        assert re.search(r"✓ [\d,]+ verified  ✗ 0", screen[-1])

        terminal.type(b"\x03")
        assert terminal.finish() == 0
        assert is_restored(terminal)
        summary = terminal.output.rpartition(LEAVE)[2]
        assert "Traceback" not in summary
        for word in ("duration", "messages", "verified", "mismatches", "latency"):
            assert word in summary


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_watch_in_good_order(how: signal.Signals) -> None:
    with Terminal("watch", "book", "BTC/USD", "--simulate") as terminal:
        terminal.wait_for(lambda: shows_books(terminal))
        terminal.process.send_signal(how)
        assert terminal.finish() == 0
        assert is_restored(terminal)
        assert "Traceback" not in terminal.output


def test_the_screen_follows_the_size_of_the_terminal() -> None:
    with Terminal("demo", "--symbols", "4") as terminal:
        terminal.wait_for(lambda: shows_books(terminal))
        terminal.resize(160, 40)
        terminal.wait_for(lambda: len(terminal.screen()) == 40)
        assert max(map(len, terminal.screen())) == 160
        terminal.resize(30, 10)
        terminal.wait_for(lambda: len(terminal.screen()) == 10)
        assert max(map(len, terminal.screen())) <= 30


def test_titles_show_the_number_of_levels_the_last_trade_and_the_age() -> None:
    arguments = ("watch", "book", "BTC/USD", "--simulate", "--depth", "100")
    title = re.compile(r"^BTC/USD  10 of 100 levels  last \d+\.\d  \d\.\d s ago +✓ \d+$")
    with Terminal(*arguments) as terminal:
        terminal.wait_for(lambda: any(title.search(line) for line in terminal.screen()))


def test_a_question_mark_explains_and_q_leaves() -> None:
    with Terminal("demo") as terminal:
        terminal.wait_for(lambda: shows_books(terminal))
        assert "  ? help  " in terminal.screen()[0]
        terminal.type(b"?")
        terminal.wait_for(lambda: terminal.screen()[0].startswith("kraken-ws  ? or q goes back"))
        terminal.type(b"q")
        terminal.wait_for(lambda: shows_books(terminal))
        terminal.type(b"xq")
        assert terminal.finish() == 0
        assert is_restored(terminal)
        assert "verified" in terminal.output.rpartition(LEAVE)[2]


def test_arrows_lead_to_the_books_that_do_not_fit() -> None:
    def first(terminal: Terminal) -> str:
        return terminal.screen()[1].split()[0]

    with Terminal("demo", "--symbols", "3", width=40, height=10) as terminal:
        terminal.wait_for(lambda: shows_books(terminal))
        assert first(terminal) == "BTC/USD"
        terminal.type(b"\x1b[C")
        terminal.wait_for(lambda: first(terminal) == "ETH/USD")
        terminal.type(b"\x1bOA")
        terminal.wait_for(lambda: first(terminal) == "BTC/USD")
        terminal.type(b"q")
        assert terminal.finish() == 0


def test_a_command_that_reads_no_keyboard_leaves_it_alone() -> None:
    with Terminal("demo", "--plain", "--seconds", "1") as terminal:
        terminal.type(b"q?")
        assert terminal.finish() == 0
        assert terminal.read_settings() == terminal.settings


def test_demo_ends_by_itself() -> None:
    with Terminal("demo", "--seconds", "2") as terminal:
        assert terminal.finish() == 0
        assert is_restored(terminal)
        assert "kraken-ws demo  simulated exchange" in terminal.output.rpartition(LEAVE)[2]


def test_plain_stays_plain_on_a_terminal() -> None:
    with Terminal("demo", "--plain", "--seconds", "2") as terminal:
        assert terminal.finish() == 0
        assert "\x1b" not in terminal.output


def test_an_error_is_printed_after_the_terminal_is_given_back() -> None:
    with Terminal("watch", "book", "BTC/USD", "--url", "ws://127.0.0.1:1/v2") as terminal:
        assert terminal.finish() == 1
        assert is_restored(terminal)
        assert "kraken-ws: cannot connect to" in terminal.output.rpartition(LEAVE)[2]


def test_watch_level3_draws_the_orders_of_each_level() -> None:
    with Terminal("watch", "level3", "BTC/USD", "--simulate") as terminal:
        terminal.wait_for(lambda: shows_books(terminal))
        screen = terminal.screen()
        levels = [
            line for line in screen if re.match(r"\d{5}\.\d \d+\.\d{8} +\d+ [▏▎▍▌▋▊▉█]", line)
        ]
        assert len(levels) == 20
        assert any(re.search(r" ─ \d+ orders ─", line) for line in screen)
        terminal.type(b"\x03")
        assert terminal.finish() == 0
        assert is_restored(terminal)


@pytest.mark.parametrize("channel", ["ticker", "trade"])
def test_watch_draws_a_table(channel: str) -> None:
    with Terminal("watch", channel, "BTC/USD", "ETH/USD", "--simulate") as terminal:
        terminal.wait_for(lambda: any("BTC/USD" in line for line in terminal.screen()))
        terminal.type(b"\x03")
        assert terminal.finish() == 0
        assert is_restored(terminal)


def test_replay_at_a_pace_draws_the_books(recording: str) -> None:
    with Terminal("replay", recording, "--speed", "1") as terminal:
        terminal.wait_for(lambda: shows_books(terminal))
        assert "● playing" in terminal.screen()[0]
        terminal.type(b"\x03")
        assert terminal.finish() == 0
        assert is_restored(terminal)
