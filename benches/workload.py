"""A piece of work that is timed, with a check of what it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any


def _nothing() -> None:
    return None


@dataclass(slots=True, kw_only=True)
class Workload:
    """Work to be timed.

    Every workload has its own copy of the code of `run`: the interpreter adapts code to the types
    that it meets, and two contenders that shared it would spoil it for each other.

    Attributes:
        operations: how often `run` does it.
        run: the timed part; takes what `prepare` returned.
        prepare: makes the state that `run` needs.
        check: raises `AssertionError` if the state after `run`, or what it returned, is wrong.
    """

    operations: int
    run: Callable[[Any], Any]
    prepare: Callable[[], Any] = _nothing
    check: Callable[[Any, Any], None]

    def __post_init__(self) -> None:
        run = self.run
        self.run = FunctionType(
            run.__code__.replace(), run.__globals__, run.__name__, None, run.__closure__
        )
