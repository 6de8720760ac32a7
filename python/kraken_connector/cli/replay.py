"""`kraken-ws replay`: feed a recorded file, one frame per line, into an engine."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.progress import Progress

from .. import Engine, backend
from ..exceptions import ParseError
from ..sim.recordings import open_recording
from ..ws import parse_message
from . import inputs
from .digits import count, duration, rate
from .meter import Rate
from .report import Fact, report
from .status import Status
from .tally import Tally
from .views import BookView

_CHUNK_BYTES = 2**20
_FLAWS_SHOWN = 10


class Player:
    """Feeds a file to an engine and counts messages.

    Args:
        path: the file; `-` is standard input.
        speed: playback speed to show.
    """

    def __init__(self, path: Path, *, speed: float | None = None) -> None:
        self.path = path
        self.name = "standard input" if path == inputs.STDIN else path.name
        self.engine = Engine()
        self.tally = Tally()
        self._speed = speed
        self._began = time.monotonic()
        self._rate = Rate(self._began)
        self._line = 0

    def run(self, console: Console) -> None:
        """Feed the file as fast as possible, with a progress bar on a terminal."""
        progress = Progress(console=console, transient=True, disable=not console.is_terminal)
        size = None if self.path == inputs.STDIN else self.path.stat().st_size
        with self._open() as (file, recording), progress:
            bar = progress.add_task(self.name, total=size)
            while lines := recording.readlines(_CHUNK_BYTES):
                self._feed(lines)
                if size is not None:
                    progress.update(bar, completed=file.tell())

    async def play(self, speed: float) -> None:
        """Feed the file by its own timestamps, `speed` times as fast."""
        loop = asyncio.get_running_loop()
        began, first = loop.time(), None
        with self._open() as (_, recording):
            for line in recording:
                at = _timestamp_ns(line)
                if at is not None:
                    first = at if first is None else first
                    due = began + (at - first) / 1e9 / speed
                    await asyncio.sleep(max(due - loop.time(), 0))
                self._feed([line])

    @contextmanager
    def _open(self) -> Iterator[tuple[BinaryIO, BinaryIO]]:
        """Open the file, and the uncompressed lines in it.

        Raises:
            typer.Exit: the file cannot be read to its end.
        """
        try:
            with ExitStack() as stack:
                if self.path == inputs.STDIN:
                    file: BinaryIO = sys.stdin.buffer
                else:
                    file = stack.enter_context(self.path.open("rb"))
                yield file, open_recording(file)
        except OSError as error:
            inputs.fail(f"cannot read {self.name}: {inputs.reason(error)}")

    def _feed(self, lines: list[bytes]) -> None:
        feed, frames = self.engine.feed, [line.strip() for line in lines]
        start = time.perf_counter()
        answers = [feed(frame) if frame else None for frame in frames]
        self.tally.seconds += time.perf_counter() - start
        for events in answers:
            self._line += 1
            if events is not None:
                self.tally.frames += 1
                self.tally.add(self._line, events)

    def books(self) -> list[BookView]:
        """Return the books as they are now."""
        return [BookView.of(book) for book in self.engine.books.values()]

    def status(self) -> Status:
        """Return the progress so far."""
        now = time.monotonic()
        return Status(
            title="kraken-ws replay",
            source=self.name,
            backend=backend(),
            state="playing" if self._speed in (None, 1) else f"playing x{self._speed:g}",
            elapsed=now - self._began,
            messages=self.tally.messages,
            per_second=self._rate.per_second(now, self.tally.messages),
            verified=self.tally.verified,
            mismatches=self.tally.mismatches,
        )


def _timestamp_ns(line: bytes) -> int | None:
    try:
        return getattr(parse_message(line), "timestamp_ns", None)
    except ParseError:
        return None


def conclude(player: Player, console: Console) -> None:
    """Print the summary of a file."""
    title = f"kraken-ws replay  {player.name}, {backend()} core"
    report(console, title, list(_facts(player.tally)), player.books())


def _facts(tally: Tally) -> Iterator[Fact]:
    each = tally.seconds / tally.frames * 1e9 if tally.frames else None
    speed = rate(tally.frames / tally.seconds) if tally.seconds else "-"
    yield "frames", f"{count(tally.frames)} at {speed}, {duration(each)} each in the engine"
    yield "messages", ", ".join(f"{count(n)} {kind}" for kind, n in tally.kinds.most_common())
    has_books = any(kind.startswith("book ") for kind in tally.kinds)
    yield "verified", count(tally.verified) if has_books else "0, no book messages"
    yield "mismatches", count(tally.mismatches)
    if tally.unverified:
        yield "unverified", f"{count(tally.unverified)}, without a verified snapshot before them"
    for flaw in tally.flaws[:_FLAWS_SHOWN]:
        yield f"line {flaw.line}", flaw.what
    if len(tally.flaws) > _FLAWS_SHOWN:
        yield "", f"and {count(len(tally.flaws) - _FLAWS_SHOWN)} more"
