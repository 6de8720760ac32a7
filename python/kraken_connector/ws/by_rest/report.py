"""The result of `client.preflight`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["CheckState", "Preflight", "PreflightCheck"]

CheckState: TypeAlias = Literal["ok", "warning", "failed", "unknown"]

#: Columns of the table.
WIDTH = 100


@dataclass(frozen=True, slots=True)
class PreflightCheck:
    """One check.

    Attributes:
        name: what was checked, such as `clock`, `may trade` or `BTC/USD`.
        state: `ok`, `warning`, `failed`, or `unknown` if it could not be checked.
        text: what was found, and what to do about it.
        is_required: whether a bot should not start while this is not known.
    """

    name: str
    state: CheckState
    text: str
    is_required: bool = True

    @property
    def is_problem(self) -> bool:
        """Whether a bot should not start: it failed, or is required and not known."""
        return self.state == "failed" or (self.state == "unknown" and self.is_required)


@dataclass(frozen=True, slots=True)
class Preflight:
    """Whether a bot may start. `print` shows a table of all checks.

    Attributes:
        checks: the checks.
        permissions: the words of the key's permissions, `None` if they are not known.
        clock_offset: seconds by which the exchange's clock is ahead of that of this machine, `None`
            if it is not known.
        clock_error: by how much `clock_offset` may be wrong, seconds.
        status: status of the matching engine, `None` if it is not known.
        tier: the account's tier, `None` if it is not known.
    """

    checks: tuple[PreflightCheck, ...]
    permissions: frozenset[str] | None
    clock_offset: float | None
    clock_error: float | None
    status: str | None
    tier: str | None

    @property
    def ok(self) -> bool:
        """Whether a bot may start: there are no `problems`."""
        return not self.problems

    @property
    def problems(self) -> tuple[PreflightCheck, ...]:
        """The checks that failed, and those that are required and could not be made."""
        return tuple(check for check in self.checks if check.is_problem)

    @property
    def warnings(self) -> tuple[PreflightCheck, ...]:
        """The checks that found something that may be a problem."""
        return tuple(check for check in self.checks if check.state == "warning")

    def __getitem__(self, name: str) -> PreflightCheck:
        """Return a check by its name.

        Raises:
            KeyError: it was not made.
        """
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(check.name == name for check in self.checks)

    def __iter__(self) -> Iterator[PreflightCheck]:
        return iter(self.checks)

    def __str__(self) -> str:
        longest = max((len(check.name) for check in self.checks), default=0)
        lines = ["ready to start" if self.ok else "NOT ready to start"]
        for check in self.checks:
            state = check.state.upper() if check.is_problem else check.state
            head = f"  {state:<8} {check.name:<{longest}}  "
            lines += textwrap.wrap(
                check.text,
                max(WIDTH, len(head) + 40),
                initial_indent=head,
                subsequent_indent=" " * len(head),
            )
        return "\n".join(lines)
