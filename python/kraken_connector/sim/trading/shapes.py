"""The shapes of answers on which the sources of the protocol do not agree."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..encode import timestamp
from .cancel_timer import SECOND_NS

Answer: TypeAlias = Mapping[str, Any]
"""The keys of a response other than method, `req_id` and times."""

BatchAddReply: TypeAlias = Literal["error", "missing", "unsuccessful", "wrapped", "rejected"]
BatchAddRows: TypeAlias = Literal["in order", "reversed", "shuffled"]
BatchCancelReply: TypeAlias = Literal["documented", "captured", "renamed", "empty result"]
TimerKeys: TypeAlias = Literal["camelCase", "snake_case"]
TimerOff: TypeAlias = Literal["zero", "absent", "equal"]


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shape of each answer; the arguments of `SimulatedExchange` describe the choices.

    Attributes:
        batch_add: how the reply shows an order that the matching engine refused.
        batch_add_rows: the order of the rows in the reply.
        batch_cancel: where the count of canceled orders is.
        timer_keys: the keys of the times in the answer of `cancel_all_orders_after`.
        timer_off: the trigger time in that answer when the timer is off.
    """

    batch_add: BatchAddReply = "error"
    batch_add_rows: BatchAddRows = "in order"
    batch_cancel: BatchCancelReply = "documented"
    timer_keys: TimerKeys = "camelCase"
    timer_off: TimerOff = "zero"

    def added(self, rows: Sequence[Answer], chance: random.Random) -> Answer:
        """Return the reply to `batch_add`; orders that failed have rows with an `error`."""
        rows = self._arranged(rows, chance)
        is_whole = not any("error" in row for row in rows)
        if self.batch_add == "missing":
            rows = [row for row in rows if "error" not in row]
        if self.batch_add == "rejected":
            rows = [_rejected(row) if "error" in row else row for row in rows]
        if self.batch_add == "wrapped":
            rows = [{"success": "error" not in row, **row} for row in rows]
            return success({"orders": rows})
        return {"result": rows, "success": is_whole or self.batch_add != "unsuccessful"}

    def cancelled(self, count: int) -> Answer:
        """Return the reply to `batch_cancel`."""
        if self.batch_cancel == "captured":
            return {"orders_cancelled": count, "success": True}
        if self.batch_cancel == "empty result":
            return {"count": count, "result": {}, "success": True}
        return success({"orders_cancelled" if self.batch_cancel == "renamed" else "count": count})

    def timer(self, now_ns: int, seconds: int) -> Answer:
        """Return the reply to `cancel_all_orders_after`; times are whole seconds."""
        rounded = (now_ns + SECOND_NS // 2) // SECOND_NS * SECOND_NS
        current, trigger = timestamp(rounded, 0), timestamp(rounded + seconds * SECOND_NS, 0)
        is_camel = self.timer_keys == "camelCase"
        now_key, then_key = (
            ("currentTime", "triggerTime") if is_camel else ("current_time", "trigger_time")
        )
        if seconds == 0 and self.timer_off == "absent":
            return success({now_key: current})
        if seconds == 0 and self.timer_off == "zero":
            trigger = "0"
        return success({now_key: current, then_key: trigger})

    def _arranged(self, rows: Sequence[Answer], chance: random.Random) -> Sequence[Answer]:
        if self.batch_add_rows == "reversed":
            return rows[::-1]
        if self.batch_add_rows == "shuffled":
            return chance.sample(rows, len(rows))
        return rows


def success(result: Answer | Sequence[Answer]) -> Answer:
    """Return a reply to a request that was carried out."""
    return {"result": result, "success": True}


def failure(error: str) -> Answer:
    """Return a reply to a request that was refused."""
    return {"error": error, "success": False}


def _rejected(row: Answer) -> Answer:
    return {key: value for key, value in row.items() if key != "error"} | {"status": "rejected"}
