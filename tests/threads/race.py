"""Threads that start together and take turns as often as the interpreter lets them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, Event
from typing import Any, TypeVar

T = TypeVar("T")

READERS = 3


@contextmanager
def quick_turns() -> Iterator[None]:
    """Let the interpreter switch threads after a microsecond instead of five milliseconds."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def together(*jobs: Callable[[], T]) -> list[T]:
    """Run each job in a thread of its own, all at once; return what they return.

    Raises:
        Exception: what the first job raised that failed.
    """
    start = Barrier(len(jobs))

    def run(job: Callable[[], T]) -> T:
        start.wait()
        return job()

    with quick_turns(), ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def while_writing(write: Callable[[], Any], *reads: Callable[[], Any]) -> None:
    """Call each read again and again, in threads of its own, until one call of `write` returns."""
    done = Event()

    def writer() -> None:
        try:
            write()
        finally:
            done.set()

    def reader(read: Callable[[], Any]) -> Callable[[], None]:
        def go_on() -> None:
            read()
            while not done.is_set():
                read()

        return go_on

    together(writer, *(reader(read) for read in reads))
