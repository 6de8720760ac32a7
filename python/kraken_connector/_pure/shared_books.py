"""Books of another process on this machine, read from a file in shared memory.

docs/shared-books.md has the layout of the file, which is one of little-endian words of 64 bits.
"""

from __future__ import annotations

import errno
import math
import os
import stat
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from operator import index
from typing import TypeVar, final

from ..exceptions import BookNotReady
from ..models.timestamps import timestamp_text
from .book_data import Row
from .decimal import to_decimal
from .docs import documented
from .order_book import OrderBook

T = TypeVar("T")
Words = list[int]

_MAGIC = int.from_bytes(b"KCBOOKS1", "little")
_VERSION = 1
#: Positions of words in the head, and how many there are.
_GENERATION, _PID, _HEARTBEAT, _USED, _OMITTED, _CLOSED, _HEAD = 3, 4, 8, 9, 10, 11, 512
#: Words of a symbol, of a slot before its levels, of a rank with both sides, of a cache line.
_SYMBOL, _FACTS, _RANK, _LINE = 4, 8, 4, 8
_MAX_CAPACITY = 16_384
_KIND = 1
_STATES = ("awaiting_snapshot", "valid", "stale", "quarantined", "unrepresentable")

#: How long a change may take, and from which age of a heartbeat on the writer's lock is looked at.
_PATIENCE_NS, _SUSPICIOUS_NS = 1_000_000, 300_000_000
#: How long changes may follow each other too closely to copy what is between them.
_LONGEST_NS = 100_000_000
#: Seconds between looks while waiting: Python has no futex.
_POLL = 0.001

_LOCK = threading.Lock()


class _UnreadyError(Exception):
    """A book cannot be read; `state` says why."""

    def __init__(self, state: str) -> None:
        self.state = state


@final
@documented
class BookFile:
    __slots__ = ("_capacity", "_file", "_is_closed", "_levels", "_max_age_ns", "_path", "_words")

    def __init__(self, path: str, max_age: float) -> None:
        if not 0 <= max_age < math.inf:
            raise ValueError(f"max_age must be a number of seconds, not {max_age!r}")
        self._path = os.fspath(path)
        self._max_age_ns = int(max_age * 1e9)
        self._is_closed = False
        try:
            self._file = _open(self._path)
            self._words, self._levels, self._capacity = _mapped(self._file.fd)
        except OSError as error:
            reason = error.strerror or str(error)
            raise type(error)(f"cannot open {self._path}: {reason}") from None

    def book(self, symbol: str) -> SharedBook:
        symbols = self.symbols()
        if symbol not in symbols:
            raise KeyError(symbol)
        return SharedBook._of(self, symbol, symbols.index(symbol))

    def symbols(self) -> list[str]:
        used = min(self._words[_USED], self._capacity)
        return [self._symbol(_HEAD + slot * _SYMBOL) for slot in range(used)]

    def _symbol(self, at: int) -> str:
        text = self._words[at : at + _SYMBOL].tobytes().partition(b"\0")[0]
        return text.decode(errors="replace")

    @property
    def state(self) -> str:
        try:
            self._check()
        except _UnreadyError as unready:
            return self._name(unready.state)
        return "open"

    @property
    def levels(self) -> int:
        return self._levels

    @property
    def omitted(self) -> int:
        return self._words[_OMITTED]

    @property
    def generation(self) -> int:
        return self._words[_GENERATION]

    @property
    def writer_pid(self) -> int:
        return self._words[_PID]

    def close(self) -> None:
        self._is_closed = True

    def _slot(self, slot: int) -> int:
        """Return the position of a slot."""
        first = _HEAD + _rounded(self._capacity * _SYMBOL)
        return first + slot * _rounded(_FACTS + _RANK * self._levels)

    def _copy(self, at: int, count: int) -> Words:
        """Return `count` words, all of one moment.

        The writer makes the first word odd while it changes the others. Python has no fences: the
        release of a lock keeps the loads before it from being delayed, and a following acquisition
        keeps those after it from being early.

        Raises:
            _UnreadyError: a change took longer than 1 ms.
        """
        words, start, since, last = self._words, 0, 0, -1
        while True:
            before = words[at]
            _fence()
            copy = words[at : at + count].tolist()
            _fence()
            if before % 2 == 0 and words[at] == copy[0] == before:
                return copy
            now = time.monotonic_ns()
            start = start or now
            if before != last:
                last, since = before, now
            if now - since > _PATIENCE_NS or now - start > _LONGEST_NS:
                raise _UnreadyError("unfinished")
            time.sleep(0)

    def _check(self) -> None:
        """Check that the writer lives and nobody has closed the file.

        Raises:
            _UnreadyError: why not.
        """
        if self._is_closed:
            raise _UnreadyError("closed")
        # In this order, as a clock that is read earlier may show an earlier time.
        beat = _signed(self._words[_HEARTBEAT])
        age = time.clock_gettime_ns(time.CLOCK_MONOTONIC) - beat
        if self._words[_CLOSED]:
            raise _UnreadyError("writer_closed")
        if 0 <= age < min(_SUSPICIOUS_NS, self._max_age_ns):
            return
        if not self._file.is_locked():
            raise _UnreadyError("writer_dead")
        # A heartbeat from the future is that of another machine's clock, or namespace's.
        if not 0 <= age <= self._max_age_ns:
            raise _UnreadyError("writer_silent")

    def _name(self, state: str) -> str:
        """Return the state; a writer that is not there any more may have a successor."""
        is_over = state in ("writer_silent", "writer_dead", "writer_closed")
        return "replaced" if is_over and self._file.is_replaced(self._path) else state


@final
@documented
class SharedBook:
    __slots__ = ("_at", "_file", "_seen", "_symbol")

    def __new__(cls) -> SharedBook:
        raise TypeError("cannot create 'SharedBook' instances: BookFile.book returns them")

    _at: int
    _file: BookFile
    _seen: int
    _symbol: str

    @classmethod
    def _of(cls, file: BookFile, symbol: str, slot: int) -> SharedBook:
        book = object.__new__(cls)
        book._at, book._file, book._symbol = file._slot(slot), file, symbol
        book._seen = file._words[book._at]
        return book

    @property
    def symbol(self) -> str:
        return self._symbol

    @property
    def state(self) -> str:
        try:
            self._read(_FACTS)
        except _UnreadyError as unready:
            return self._file._name(unready.state)
        return "valid"

    @property
    def is_valid(self) -> bool:
        return self.state == "valid"

    def top(self) -> tuple[float, float, float, float] | None:
        copy = self._valid(_FACTS + _RANK)
        bids, asks = _side(copy, 0), _side(copy, 1)
        if not bids or not asks:
            return None
        price_unit, qty_unit = (10**scale for scale in _scales(copy))
        (bid, bid_qty), (ask, ask_qty) = bids[0], asks[0]
        return bid / price_unit, bid_qty / qty_unit, ask / price_unit, ask_qty / qty_unit

    def bids(self, depth: int | None = None) -> list[tuple[Decimal, Decimal]]:
        return self._decimals(0, depth)

    def asks(self, depth: int | None = None) -> list[tuple[Decimal, Decimal]]:
        return self._decimals(1, depth)

    def _decimals(self, side: int, depth: int | None) -> list[tuple[Decimal, Decimal]]:
        most = self._file._levels
        if depth is not None and index(depth) < 0:
            raise ValueError(f"depth must not be negative, not {depth}")
        copy = self._valid(_FACTS + _RANK * min(most, most if depth is None else index(depth)))
        price_scale, qty_scale = _scales(copy)
        return [
            (to_decimal(price, price_scale), to_decimal(qty, qty_scale))
            for price, qty in _side(copy, side)
        ]

    def frozen(self) -> OrderBook:
        copy = self._valid(_FACTS + _RANK * self._file._levels)
        price_scale, qty_scale = _scales(copy)

        def rows(side: int) -> list[Row]:
            return [(price, price_scale, qty, qty_scale) for price, qty in _side(copy, side)]

        book = OrderBook(self._symbol)
        slot = book._slot
        slot.book.depth = copy[2] & 0xFFFF
        slot.book.apply_snapshot(rows(0), rows(1))
        slot.updates, slot.state = copy[3], "valid"
        slot.timestamp = timestamp_text(_signed(copy[4])) if copy[4] else None
        slot.received_ns = _signed(copy[5]) or None
        if slot.verify(copy[1] >> 32) is not None:
            raise self._not_ready("corrupt")
        return book

    def checksum(self) -> int:
        return self._valid(_FACTS)[1] >> 32

    @property
    def depth(self) -> int:
        return self._facts()[2] & 0xFFFF

    @property
    def updates(self) -> int:
        return self._facts()[3]

    @property
    def timestamp_ns(self) -> int | None:
        return _signed(self._facts()[4]) or None

    @property
    def received_ns(self) -> int | None:
        return _signed(self._facts()[5]) or None

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is not None and math.isnan(timeout):
            raise ValueError("timeout must be a number of seconds")
        until = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            sequence = self._file._words[self._at]
            if sequence != self._seen:
                self._seen = sequence
                return True
            self._ready(self._file._check)
            if time.monotonic() >= until:
                return False
            time.sleep(_POLL)

    def __repr__(self) -> str:
        return f"<SharedBook {self._symbol} {self.state}>"

    def _read(self, count: int) -> Words:
        """Return the first words of the slot of a book that may be read.

        Raises:
            _UnreadyError: why it may not.
        """
        copy = self._file._copy(self._at, count)
        self._file._check()
        state = (copy[1] >> 8) & 0xFF
        if copy[1] & 0xFF != _KIND or state >= len(_STATES):
            state = 0
        if _STATES[state] != "valid":
            raise _UnreadyError(_STATES[state])
        self._seen = copy[0]
        return copy

    def _valid(self, count: int) -> Words:
        return self._ready(lambda: self._read(count))

    def _facts(self) -> Words:
        """Return what is known of the book in any state."""
        return self._ready(lambda: self._file._copy(self._at, _FACTS))

    def _ready(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except _UnreadyError as unready:
            raise self._not_ready(unready.state) from None

    def _not_ready(self, state: str) -> BookNotReady:
        return BookNotReady(self._symbol, self._file._name(state))


def _side(copy: Words, side: int) -> list[tuple[int, int]]:
    """Return the copied levels of a side, 0 for bids."""
    count = (copy[2] >> (16 + 16 * side)) & 0xFFFF
    first = _FACTS + 2 * side
    levels = zip(copy[first::_RANK], copy[first + 1 :: _RANK], strict=False)
    return [level for _, level in zip(range(count), levels, strict=False)]


def _scales(copy: Words) -> tuple[int, int]:
    return (copy[1] >> 16) & 0xFF, (copy[1] >> 24) & 0xFF


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word


def _rounded(words: int) -> int:
    return -(-words // _LINE) * _LINE


def _fence() -> None:
    with _LOCK:
        pass
    with _LOCK:
        pass


class _File:
    """An open file, closed with the object."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self) -> None:
        os.close(self.fd)

    def is_locked(self) -> bool:
        """Return whether a process holds the lock of the file."""
        import fcntl  # noqa: PLC0415 (not on Windows)

        try:
            fcntl.flock(self.fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        fcntl.flock(self.fd, fcntl.LOCK_UN)
        return False

    def is_replaced(self, path: str) -> bool:
        """Return whether the name is that of another file."""
        try:
            other = os.stat(path, follow_symlinks=False)  # noqa: PTH116 (pathlib is slow to import)
        except OSError:
            return False
        return not os.path.samestat(os.fstat(self.fd), other)


def _open(path: str) -> _File:
    """Open a file of this user.

    Raises:
        PermissionError: it is a link, or belongs to another user, or others may write it.
        OSError: it cannot be opened.
    """
    if not hasattr(os, "O_NOFOLLOW"):
        raise OSError(errno.ENOSYS, "this system has no shared books")
    try:
        file = _File(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _refused("is a symbolic link") from None
        raise
    about = os.fstat(file.fd)
    if not stat.S_ISREG(about.st_mode):
        raise _refused("is not a file")
    if about.st_uid != os.geteuid():
        raise _refused("belongs to another user")
    if about.st_mode & 0o022:
        raise _refused("can be written by others")
    return file


def _refused(why: str) -> PermissionError:
    return PermissionError(errno.EPERM, f"it {why}, so its books cannot be trusted")


def _mapped(fd: int) -> tuple[memoryview[int], int, int]:
    """Return the words of a file, the levels a side of its slots, and their number.

    Raises:
        OSError: it is no file of this version.
    """
    import mmap  # noqa: PLC0415 (few programs read shared books)

    invalid = OSError(errno.EINVAL, "it has no shared books of version 1")
    size = os.fstat(fd).st_size
    if size < _HEAD * 8:
        raise invalid
    memory = memoryview(mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ))
    words: memoryview[int] = memory.cast("Q")
    capacity, levels = words[2] & 0xFFFF_FFFF, words[2] >> 32
    slot = _rounded(_FACTS + _RANK * levels)
    if (
        words[0] != _MAGIC
        or words[1] != _VERSION | slot << 32
        or not (10 <= levels <= 1000 and 1 <= capacity <= _MAX_CAPACITY)
        or len(words) < _HEAD + _rounded(capacity * _SYMBOL) + capacity * slot
    ):
        raise invalid
    return words, levels, capacity
