"""Books of another process on this machine.

The process that receives them shares them by `KrakenWSClient.share`, any number of others read
them here, without a socket or a copy of the messages. docs/shared-books.md has what is promised,
and the layout of the file for other languages.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from ._backend import BookFile, SharedBook
from .exceptions import InvalidParameter

__all__ = ["SharedBook", "SharedBooks"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)
#: Where Linux keeps files in memory.
_MEMORY = Path("/dev/shm")
#: Two heartbeats.
_LEAST_AGE = 0.2


class SharedBooks(Mapping[str, SharedBook]):
    """The books that a process shares under a name, by symbol.

        with SharedBooks("main") as books:
            bid, bid_qty, ask, ask_qty = books["BTC/USD"].top()

    A symbol has a book once the writer has subscribed it. Reading a book raises `BookNotReady`
    unless it is valid and its writer lives. When the writer has ended and another one has started,
    call `reopen` and take the books anew.

    Args:
        name: as given to `KrakenWSClient.share`.
        max_age: seconds after the writer's last heartbeat from which on no book is read, at least
            0.2. The writer beats every 0.1 seconds from its event loop.

    Raises:
        FileNotFoundError: no process shares books under this name.
        PermissionError: the file belongs to another user, or others can write it.
        OSError: the file is none of this version, or the system has no shared memory.
    """

    def __init__(self, name: str, max_age: float = 1.0) -> None:
        self._path = shared_path(name)
        self._name = name
        if isinstance(max_age, bool) or not isinstance(max_age, int | float):
            raise TypeError(f"max_age must be a number of seconds, not {max_age!r}")
        if not _LEAST_AGE <= max_age < 86_400:
            raise InvalidParameter("max_age", f"at least {_LEAST_AGE} seconds", max_age)
        self._max_age = float(max_age)
        self._books: dict[str, SharedBook] = {}
        self._file = self._open()

    def _open(self) -> BookFile:
        try:
            return BookFile(str(self._path), self._max_age)
        except FileNotFoundError:
            text = f"no process shares books as {self._name!r}: there is no {self._path}"
            raise FileNotFoundError(text) from None

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @property
    def path(self) -> Path:
        """The file in shared memory."""
        return self._path

    @property
    def state(self) -> str:
        """`open`, or why no book can be read: `writer_silent`, `writer_dead`, `writer_closed`,
        `replaced`, `closed`; see `SharedBook.state`."""
        return self._file.state

    @property
    def levels(self) -> int:
        """The most levels of each side that are shared."""
        return self._file.levels

    @property
    def omitted(self) -> int:
        """Symbols of the writer that have no book here: their name is longer than 31 bytes, or the
        file was full."""
        return self._file.omitted

    @property
    def generation(self) -> int:
        """A random number of the file; each writer makes a new one."""
        return self._file.generation

    @property
    def writer_pid(self) -> int:
        """Process id of the writer, as its container numbers it."""
        return self._file.writer_pid

    def reopen(self) -> None:
        """Open the file that has the name now; books taken before raise from now on.

        Raises:
            FileNotFoundError: no process shares books under this name; the old file stays open.
            PermissionError, OSError: as for the constructor.
        """
        old, self._file = self._file, self._open()
        self._books.clear()
        old.close()

    def close(self) -> None:
        """Stop reading; all books raise `BookNotReady` from now on."""
        self._file.close()

    def __getitem__(self, symbol: str) -> SharedBook:
        book = self._books.get(symbol)
        if book is None:
            book = self._books[symbol] = self._file.book(symbol)
        return book

    def __iter__(self) -> Iterator[str]:
        return iter(self._file.symbols())

    def __len__(self) -> int:
        return len(self._file.symbols())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<SharedBooks {self._name!r} {self.state}, {len(self)} books>"


def shared_path(name: str) -> Path:
    """Return the file of a name, in a folder in memory if the system has one.

    Raises:
        TypeError, InvalidParameter: it is no such name.
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, not {name!r}")
    if not _NAME.fullmatch(name):
        expected = "1 to 64 letters, digits, '_', '-' or '.', not beginning with '-' or '.'"
        raise InvalidParameter("name", expected, name)
    folder = _MEMORY
    if not folder.is_dir():
        folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    return folder / f"kraken-{name}"
