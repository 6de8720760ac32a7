"""The books of a client in shared memory, for other processes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Self

from ..._backend import BookWriter, Engine
from ...models.checks import checked_integer
from ...shared_books import shared_path

__all__ = ["BookShare"]

#: Seconds between heartbeats, by which readers see that the event loop of the client runs.
_BEAT = 0.1


class BookShare:
    """The books of a client that other processes read as `SharedBooks(name)`.

    It ends by `close`, at the end of a `with` block, and with the client.

    Args:
        name: 1 to 64 letters, digits, `_`, `-` or `.`.
        levels: the most levels of each side, 10 to 1000.
        capacity: the most symbols, 1 to 16,384.

    Raises:
        FileExistsError: a process that still runs shares books under this name.
        PermissionError: another user has the name.
        OSError: the file system is full, or the system has no shared memory.
        RuntimeError: there is no running event loop, or only the pure core.
    """

    def __init__(self, name: str, levels: int, capacity: int) -> None:
        self._path = shared_path(name)
        self._name = name
        checked_integer("levels", levels, 10)
        checked_integer("capacity", capacity, 1)
        self._loop = asyncio.get_running_loop()
        if BookWriter is None:
            raise RuntimeError("sharing books needs the native core, which is not installed")
        self._writer = BookWriter(str(self._path), levels, capacity)
        self._is_closed = False
        self._timer = self._loop.call_later(_BEAT, self._beat)

    @property
    def name(self) -> str:
        """The name."""
        return self._name

    @property
    def path(self) -> Path:
        """The file in shared memory."""
        return self._path

    @property
    def omitted(self) -> int:
        """Symbols that are not shared: longer than 31 bytes, or more than `capacity`."""
        return self._writer.omitted

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""
        return self._is_closed

    def add(self, engine: Engine) -> None:
        """Share the books of an engine too."""
        self._writer.add(engine)

    def close(self) -> None:
        """End it: readers raise `BookNotReady` from now on; calling it again does nothing."""
        self._is_closed = True
        self._timer.cancel()
        self._writer.close()

    def _beat(self) -> None:
        self._writer.beat()
        self._timer = self._loop.call_later(_BEAT, self._beat)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "open"
        return f"<BookShare {self._name!r} {state}>"
