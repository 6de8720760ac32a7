"""A call: its parameters, the permissions it needs, its cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .forms import Params, Reader
from .venue import Venue

Carry: TypeAlias = Callable[[Venue, Params], Any]
"""Carries a call out and returns its result; raises `Refused`."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        carry: carries it out.
        readers: its own parameters and their types.
        needs: words of permissions, one of which the key must have; none if it is empty.
        cost: on the rate counter of the key.
    """

    carry: Carry
    readers: Mapping[str, Reader] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    cost: int = 1


def needs(*words: str) -> frozenset[str]:
    """Return permissions, one of which a call needs."""
    return frozenset(words)
