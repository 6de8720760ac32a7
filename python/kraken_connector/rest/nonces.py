"""Nonces of an API key: each is larger than the ones before, in all processes of this machine.

The exchange refuses a nonce that is not larger than the last one it received from the key, and bans
keys for a while that send many (docs.kraken.com, guide "Spot REST Authentication": processes that
share a key must share its nonces). So the last nonce of a key is kept in a file, which makes a
restart with a clock that was set back harmless too, and calls are sent one at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from math import inf
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from ..loop_time import now
from ..security import next_nonce
from .locks import LoopLocks

try:
    import fcntl
except ImportError:  # Windows: processes do not share nonces
    fcntl = None  # type: ignore[assignment]

__all__ = ["Nonces", "shared_nonces", "state_folder"]

#: Longest wait for the turn of a call while no other call gets one. A process that is stopped in a
#: call keeps the turn; a call that goes ahead without it is refused at worst, and reads and cancels
#: are then repeated with the next nonce.
LONGEST_WAIT: Final = 2.0
#: Pause between two attempts to take a lock of another process.
POLL: Final = 0.002
#: Digits of the largest nonce, an unsigned 64-bit integer.
DIGITS: Final = 20
#: Attempts to lock the number, which a process holds for microseconds.
ATTEMPTS: Final = 20


def state_folder() -> Path | None:
    """Return the folder of the files of nonces, made if it is missing; `None` without one.

    It is below `XDG_RUNTIME_DIR`, or else `XDG_CACHE_HOME`, or else `~/.cache`, and other users
    have no access to it.
    """
    for name in ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME"):
        if base := os.environ.get(name):
            break
    else:
        base = os.path.expanduser("~/.cache")  # noqa: PTH111 (it never raises)
    folder = Path(base, "kraken-connector")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None


class Nonces:
    """The nonces of one API key, and the turns of its calls.

    Args:
        host: scheme, host and port of the API; each has nonces of its own.
        api_key: the public key; empty for none, which has no nonces.
        unit: `us`, `ns` or `ms`.
    """

    def __init__(self, host: str, api_key: str, unit: str) -> None:
        name = hashlib.sha256(f"{host} {api_key}".encode()).hexdigest()[:32]
        folder = None if fcntl is None or not api_key else state_folder()
        self._file = None if folder is None else folder / f"{name}.nonce"
        self._turns = None if folder is None else folder / f"{name}.turn"
        self._key = f"{host} {api_key}"
        self._unit = unit
        self._locks = LoopLocks()
        #: When a call of this process last got its turn, or ended it.
        self._advanced_at = -inf

    @asynccontextmanager
    async def turn(self, until: float, *, urgent: bool = False) -> AsyncIterator[None]:
        """Wait until no other call of this key is under way.

        The wait ends early if the others do not advance for `LONGEST_WAIT` seconds.

        Args:
            until: when to go ahead in any case, by the clock of the event loop.
            urgent: whether to go ahead at once.
        """
        if urgent:
            yield
            return
        async with self._first_in_process(until), self._first_among_processes(until):
            self._advanced_at = now()
            try:
                yield
            finally:
                self._advanced_at = now()

    @asynccontextmanager
    async def _first_in_process(self, until: float) -> AsyncIterator[None]:
        """Hold the lock of this event loop, if it can be taken in time."""
        lock, is_held, began_at = self._locks.running(), False, now()
        while not is_held:
            limit = min(until, max(began_at, self._advanced_at) + LONGEST_WAIT)
            if lock.locked() and now() >= limit:
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(limit):
                    is_held = await lock.acquire()
        try:
            yield
        finally:
            if is_held:
                lock.release()

    @asynccontextmanager
    async def _first_among_processes(self, until: float) -> AsyncIterator[None]:
        """Hold the lock of the file, if it can be taken in time."""
        advanced_at, last = now(), self._last()
        with contextlib.ExitStack() as stack:
            while True:
                with contextlib.suppress(BlockingIOError):
                    stack.enter_context(_locked(self._turns))
                    break
                if (nonce := self._last()) != last:
                    advanced_at, last = now(), nonce
                if now() >= min(until, advanced_at + LONGEST_WAIT):
                    break
                await asyncio.sleep(POLL)
            yield

    async def next(self) -> str:
        """Return the next nonce."""
        for _ in range(ATTEMPTS):
            with contextlib.suppress(BlockingIOError):
                return self._next()
            await asyncio.sleep(POLL)
        return str(next_nonce(self._key, self._unit))

    def _last(self) -> bytes:
        """Return what is stored, which changes with every call of any process."""
        if self._file is None:
            return b""
        try:
            with self._file.open("rb", buffering=0) as file:
                return file.read(DIGITS)
        except OSError:
            return b""

    @contextlib.contextmanager
    def turn_in_thread(self, *, urgent: bool = False) -> Iterator[None]:
        """Wait as `turn` does, and block the thread."""
        until = 0.0 if urgent else time.monotonic() + LONGEST_WAIT
        with contextlib.ExitStack() as stack:
            while time.monotonic() < until:
                with contextlib.suppress(BlockingIOError):
                    stack.enter_context(_locked(self._turns))
                    break
                time.sleep(POLL)
            yield

    def next_in_thread(self) -> str:
        """Return the next nonce; wait as `next` does, and block the thread."""
        for _ in range(ATTEMPTS):
            with contextlib.suppress(BlockingIOError):
                return self._next()
            time.sleep(POLL)
        return str(next_nonce(self._key, self._unit))

    def _next(self) -> str:
        """Return the next nonce and store it.

        Raises:
            BlockingIOError: another process holds the file.
        """
        with _locked(self._file) as file:
            if file is None:
                return str(next_nonce(self._key, self._unit))
            last = os.pread(file, DIGITS, 0).strip()
            least = int(last) + 1 if last.isdigit() and int(last) < 2**63 else 0
            nonce = next_nonce(self._key, self._unit, least=least)
            with contextlib.suppress(OSError):  # the disk is full
                os.pwrite(file, b"%*d" % (DIGITS, nonce), 0)
            return str(nonce)


_shared: WeakValueDictionary[tuple[str, str, str], Nonces] = WeakValueDictionary()


def shared_nonces(host: str, api_key: str, unit: str) -> Nonces:
    """Return the nonces of an API key, which all its clients in this process share."""
    name = host, api_key, unit
    nonces = _shared.get(name)
    if nonces is None:
        nonces = _shared[name] = Nonces(host, api_key, unit)
    return nonces


@contextlib.contextmanager
def _locked(path: Path | None) -> Iterator[int | None]:
    """Open a file and lock it.

    Returns:
        Its descriptor; `None` if there is no such file.

    Raises:
        BlockingIOError: another process, or another call of this one, holds the lock.
    """
    file, process, is_locked = None if path is None else _opened(path), os.getpid(), False
    try:
        if file is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_locked = True
            except BlockingIOError:
                raise
            except OSError:  # a file system without locks
                pass
        yield file
    finally:
        if file is not None:
            if is_locked and os.getpid() == process:
                # A process forked meanwhile has the file open too and would keep its lock.
                fcntl.flock(file, fcntl.LOCK_UN)
            os.close(file)


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
