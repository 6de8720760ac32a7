"""Delivery to a callback, where a message is read: no queue, no task switch.

The core has applied the message before, so `client.book()` has the book of that message or a newer
one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..base.listeners import Callback

__all__ = ["CallbackSink"]


class CallbackSink:
    """Calls a function of the caller with each message and event, in the receiving task.

    After a call that failed `on_error` is called, and the feed goes on; see `Callback`.

    Raises:
        TypeError: it is a coroutine function, or not callable.
    """

    is_shared = False

    def __init__(
        self,
        callback: Callable[[Any], object],
        on_error: Callable[[], None],
        name: str = "callback",
    ) -> None:
        call = Callback(name, callback, on_error)
        self.put: Callable[[Any], None] = call.call
        self.put_all: Callable[[list[Any]], None] | None = call.call_each
        self.put_event: Callable[[Any], None] = self.put
