"""The method of `KrakenWSClient` that lets other processes read its books."""

from __future__ import annotations

from ..pool.pool import Pool
from ..pool.sharing import BookShare

__all__ = ["SharingMethods"]


class SharingMethods:
    """Books for other processes."""

    _pool: Pool

    def share(self, name: str, levels: int = 25, *, capacity: int = 1024) -> BookShare:
        """Let other processes of this user read the books of channel `book`.

            with client.share("main"):
                await client.subscribe(BookParams(symbol=["BTC/USD"]))
                ...

        They read them by `SharedBooks(name)` from shared memory, without a system call: all books
        that are or will be subscribed, each after every message, and their state as soon as it
        changes. It ends with the returned object, and when the client is disconnected or gives up.

        Args:
            name: 1 to 64 letters, digits, `_`, `-` or `.`; the file is `/dev/shm/kraken-<name>`.
            levels: how many levels of each side are shared, 10 to 1000.
            capacity: how many symbols there is room for; further ones are not shared.

        Raises:
            RuntimeError: the client shares its books already, there is only the pure core, or it
                was called on another event loop than `connect`.
            FileExistsError: a process that still runs shares books under this name.
            PermissionError: another user has the name.
            OSError: the file system is full, or the system has no shared memory.
            TypeError, ValueError: an argument is invalid.
        """
        return self._pool.share(name, levels, capacity)
