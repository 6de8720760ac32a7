"""A terminal for tests: a command runs in it, keys are typed, the screen is read."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from tests.patience import PatientClock

#: The child makes the terminal its own, so that Ctrl-C reaches it as a signal, and handles it
#: as programs in a terminal do, also when tests run in the background of a shell that ignores it.
_START = (
    "import fcntl, signal, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from kraken_connector.cli import main; main()"
)
_SEQUENCES = re.compile(r"\x1b\[[?\d;]*[A-Za-z]")
_PATIENCE_SECONDS = 30.0


def _environment() -> dict[str, str]:
    """Return the environment without another terminal's size, which goes before this one's."""
    return {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}


class Terminal:
    """Runs `kraken-ws` in a pseudo-terminal.

    Args:
        arguments: of the command.
        width: characters.
        height: lines.
    """

    def __init__(self, *arguments: str, width: int = 80, height: int = 24) -> None:
        self._master, self._slave = pty.openpty()
        self.resize(width, height)
        self.settings = self.read_settings()
        self._output = b""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START, *arguments],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            env={**_environment(), "TERM": "xterm-256color", "PYTHONUTF8": "1"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)
        os.close(self._slave)

    def resize(self, width: int, height: int) -> None:
        """Change the size; a program sees it when it queries the size."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def read_settings(self) -> list[Any]:
        """Return how the terminal treats input and output."""
        return termios.tcgetattr(self._slave)

    def type(self, keys: bytes) -> None:
        """Type keys; `\\x03` is Ctrl-C."""
        os.write(self._master, keys)

    @property
    def output(self) -> str:
        """Everything that was written to the terminal so far."""
        self._read(0.0)
        return self._output.decode(errors="replace")

    def screen(self) -> list[str]:
        """Return the lines of the picture that was last drawn completely."""
        pictures = self.output.split("\x1b[H")
        return _SEQUENCES.sub("", pictures[-2]).splitlines() if len(pictures) > 2 else []

    def wait_for(self, condition: Callable[[], Any]) -> None:
        """Read until something is so.

        Raises:
            AssertionError: it does not come to be before the command ends.
        """
        clock = PatientClock()
        deadline = clock.read() + _PATIENCE_SECONDS
        while not condition():
            assert self.process.poll() is None or condition(), self._output[-4000:]
            assert clock.read() < deadline, self._output[-4000:]
            self._read(0.05)

    def finish(self) -> int:
        """Wait for the end and return the exit code."""
        self.wait_for(lambda: self.process.poll() is not None)
        return int(self.process.returncode)

    def _read(self, seconds: float) -> None:
        while select.select([self._master], [], [], seconds)[0]:
            self._output += os.read(self._master, 65_536)
            seconds = 0.0
