"""Faults on REST calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from ..active_rules import ActiveRules
from ..http import HttpResponse
from .envelope import Answer, refusal
from .garbled import HTML, Garbled, altered, garble
from .rules import Act, Lockout, Proceed, Received, RestRule, RestRules
from .venue import RestSettings

Calls = Collection[str] | None


class RestFaults(ActiveRules):
    """Faults on REST calls.

    `calls` selects calls by their names, such as `("CancelAll",)`; `None` is all of them, and
    `times=None` has no limit.
    """

    def __init__(self, rules: RestRules, settings: RestSettings, clock: Callable[[], int]) -> None:
        self._rest_rules = rules
        self._rest_settings = settings
        self._rest_clock = clock

    # Refused, or answered with an error although they were carried out.

    def refuse_calls(
        self, error: str | None, times: int | None = 1, *, calls: Calls = None
    ) -> RestRule:
        """Answer calls with an error, without carrying them out: `EService:Busy`."""
        return self._on_calls("refuse_calls", lambda call, go: refusal(error), times, calls)

    def fail_calls(self, error: str, times: int | None = 1, *, calls: Calls = None) -> RestRule:
        """Carry calls out, and answer them with an error: `EGeneral:Internal error`."""

        def act(call: Received, proceed: Proceed) -> Answer:
            proceed()
            return refusal(error)

        return self._on_calls("fail_calls", act, times, calls)

    def throttle_calls(
        self,
        seconds: float = 5.0,
        times: int | None = 1,
        *,
        calls: Calls = None,
        spaced: bool = True,
    ) -> RestRule:
        """Refuse calls with `EService: Throttled: <unix timestamp>`.

        Args:
            seconds: how far the timestamp is ahead, which is a whole number.
            times: how many calls; `None` for all of them.
            calls: which.
            spaced: whether a blank follows the first colon; the sources do not agree.
        """

        def act(call: Received, proceed: Proceed) -> Answer:
            until = (self._rest_clock() + int(seconds * 10**9)) // 10**9
            return refusal(f"EService:{' ' if spaced else ''}Throttled: {until}")

        return self._on_calls("throttle_calls", act, times, calls)

    def lock_out_calls(
        self, seconds: float = 900.0, *, lengthens: bool = False, calls: Calls = None
    ) -> RestRule:
        """Refuse calls with `EGeneral:Temporary lockout` for a while.

        Args:
            seconds: for how long; about 15 minutes on the exchange.
            lengthens: whether each call during the lockout starts it again.
            calls: which.
        """
        lasts_ns = int(seconds * 10**9)
        rule = Lockout(
            "lock_out_calls",
            _names(calls),
            times=None,
            until_ns=self._rest_clock() + lasts_ns,
            lasts_ns=lasts_ns if lengthens else 0,
            clock=self._rest_clock,
        )
        return self._rest_rules.add(rule, first=True)

    def warn_calls(self, *warnings: str, times: int | None = 1, calls: Calls = None) -> RestRule:
        """Put warnings such as `WGeneral:Danger` into `error`, beside the result."""
        act = _changing(lambda answer: replace(answer, errors=warnings))
        return self._on_calls("warn_calls", act, times, calls, on_success=True)

    # Malformed.

    def garble_calls(
        self, kind: Garbled, times: int | None = 1, *, calls: Calls = None
    ) -> RestRule:
        """Carry calls out, and answer in a shape that is not documented.

        Args:
            kind: `no json`, `cut`, `empty`, `a list`, `a string`, `no result`, `result null`,
                `result a list`, `no error`, `error null`, `error a string`, `error an object`,
                `error of numbers`, or `bare numbers` where text is usual.
            times: how many calls; `None` for all of them.
            calls: which.
        """
        act = _changing(lambda answer: garble(answer, kind))
        return self._on_calls("garble_calls", act, times, calls)

    def alter_calls(
        self, times: int | None = 1, *, calls: Calls = None, **fields: object
    ) -> RestRule:
        """Carry calls out, and answer with other values of some fields of the result.

        Args:
            times: how many calls; `None` for all of them. Refused calls do not count.
            calls: which.
            fields: new values by name, at every depth of the result; `...` removes a field.
        """
        act = _changing(lambda answer: replace(answer, result=altered(answer.result, fields)))
        return self._on_calls("alter_calls", act, times, calls, on_success=True)

    def rewrite_calls(
        self, rewrite: Callable[[Any], Any], times: int | None = 1, *, calls: Calls = None
    ) -> RestRule:
        """Carry calls out, and answer with what `rewrite` returns for their result."""
        act = _changing(lambda answer: replace(answer, result=rewrite(answer.result)))
        return self._on_calls("rewrite_calls", act, times, calls, on_success=True)

    # The gateway and the connection.

    def break_calls(
        self,
        status: int = 502,
        times: int | None = 1,
        *,
        calls: Calls = None,
        carried_out: bool = False,
        body: bytes = HTML,
        content_type: str = "text/html",
    ) -> RestRule:
        """Answer calls with an HTTP error and no JSON, as a gateway does.

        Args:
            status: such as 429, 502, 503, or 520 to 526.
            times: how many calls; `None` for all of them.
            calls: which.
            carried_out: whether the calls are carried out nevertheless.
            body: of the response.
            content_type: of the body.
        """
        answer = Answer(response=HttpResponse(status, body, content_type))
        return self._on_calls("break_calls", _instead(answer, carried_out), times, calls)

    def drop_calls(
        self, times: int | None = 1, *, calls: Calls = None, carried_out: bool = True
    ) -> RestRule:
        """Reset the connections of calls instead of answering.

        Args:
            times: how many calls; `None` for all of them.
            calls: which.
            carried_out: whether they are carried out before.
        """
        act = _instead(Answer(fate="dropped"), carried_out)
        return self._on_calls("drop_calls", act, times, calls)

    def hang_calls(
        self, times: int | None = 1, *, calls: Calls = None, carried_out: bool = False
    ) -> RestRule:
        """Never answer calls; their connections stay open.

        Args:
            times: how many calls; `None` for all of them.
            calls: which.
            carried_out: whether they are carried out.
        """
        act = _instead(Answer(fate="hung"), carried_out)
        return self._on_calls("hang_calls", act, times, calls)

    def strand_calls(
        self, seconds: float, times: int | None = 1, *, calls: Calls = None
    ) -> RestRule:
        """Reset the connections of calls, which are admitted, and carry them out later."""

        def act(call: Received, proceed: Proceed) -> Answer:
            if call.admit() is None:
                asyncio.get_running_loop().call_later(seconds, proceed)
            return Answer(fate="dropped")

        return self._on_calls("strand_calls", act, times, calls)

    def delay_calls(
        self, seconds: float, times: int | None = None, *, calls: Calls = None
    ) -> RestRule:
        """Answer calls late; they are carried out at once."""
        act = _changing(lambda answer: replace(answer, delay=answer.delay + seconds))
        return self._on_calls("delay_calls", act, times, calls, first=True)

    def drip_calls(
        self, seconds: float, times: int | None = None, *, calls: Calls = None
    ) -> RestRule:
        """Send the bodies of answers one byte at a time, `seconds` apart."""
        act = _changing(lambda answer: replace(answer, drip=seconds))
        return self._on_calls("drip_calls", act, times, calls, first=True)

    def stop_rest(self, status: int | None = 503) -> RestRule:
        """Carry out no REST call until `cancel()` of the result; sockets go on.

        Args:
            status: HTTP status of all responses; `None` resets the connections instead.
        """
        html = None if status is None else HttpResponse(status, HTML, "text/html")
        answer = Answer(fate="dropped") if html is None else Answer(response=html)
        act = _instead(answer, carried_out=False)
        return self._on_calls("stop_rest", act, None, None, first=True)

    def lag_rest(self, seconds: float) -> None:
        """From now on, show orders and fills on REST as they were `seconds` ago.

        New orders are missing, orders that ended are open without their last fills, and new fills
        are missing. Amends and balances are shown at once; 0 ends it.
        """
        self._log("lag_rest", str(seconds))
        self._rest_settings.stale = seconds

    def _clear_calls(self) -> None:
        self._rest_rules.clear()
        self._rest_settings.stale = 0.0

    def _on_calls(
        self,
        name: str,
        act: Act,
        times: int | None,
        calls: Calls,
        *,
        first: bool = False,
        on_success: bool = False,
    ) -> RestRule:
        rule = RestRule(name, _names(calls), act, times=times, on_success=on_success)
        return self._rest_rules.add(rule, first=first)


def _names(calls: Calls) -> Calls:
    """Return the names of calls; a single name is one call."""
    return (calls,) if isinstance(calls, str) else calls


def _changing(change: Callable[[Answer], Answer]) -> Act:
    """Carry a call out, and change its answer."""
    return lambda call, proceed: change(proceed())


def _instead(answer: Answer, carried_out: bool) -> Act:
    """Give another answer to a call that is carried out, or that is not."""

    def act(call: Received, proceed: Proceed) -> Answer:
        if carried_out:
            proceed()
        return answer

    return act
