"""The lock that makes updates of books atomic for other threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

#: One lock for all books: where the interpreter has a GIL only one thread runs anyway, and a lock
#: in each book could not be copied with it.
LOCK = threading.RLock()


def locked(function: Callable[P, T]) -> Callable[P, T]:
    """Let one thread at a time run `function`, so that it never sees half a message."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with LOCK:
            return function(*args, **kwargs)

    return run
