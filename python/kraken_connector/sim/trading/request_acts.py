"""What faults do with a request of an order method that arrives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ..requests import Refused, Request
from ..rules import Act
from ..session import Session
from .order_methods import OrderMethods
from .shapes import failure
from .stream import PrivateStream


def handle(session: Session, request: Request) -> None:
    """Answer a request, past all faults."""
    session.handle(request)


def strand(seconds: float, clock: Callable[[], int]) -> Act[Request]:
    """Reset the connection, and let the request arrive later, received only then."""

    def arrive(session: Session, request: Request) -> None:
        session.handle(replace(request, received_ns=clock()))

    def act(session: Session, request: Request) -> list[Request]:
        session.connection.abort()
        asyncio.get_running_loop().call_later(seconds, arrive, session, request)
        return []

    return act


def refuse(answer: Mapping[str, Any]) -> Act[Request]:
    """Answer a request without carrying it out."""

    def act(session: Session, request: Request) -> list[Request]:
        session.reply(request, answer)
        return []

    return act


def echo(session: Session, request: Request) -> list[Request]:
    """Refuse a request with a text that repeats it."""
    session.reply(request, failure(f"EGeneral:Invalid arguments:{request.raw}"))
    return []


def refuse_reported(methods: OrderMethods, error: str) -> Act[Request]:
    """Report a new order as `pending_new`, then refuse it."""

    def act(session: Session, request: Request) -> list[Request]:
        with suppress(Refused):
            methods.announce(request.params)
        session.reply(request, failure(error))
        return []

    return act


def break_batch(
    methods: OrderMethods, stream: PrivateStream, error: str, placed: int
) -> Act[Request]:
    """Place the first orders of a batch, then refuse the whole batch."""

    def act(session: Session, request: Request) -> list[Request]:
        common = {key: value for key, value in request.params.items() if key != "orders"}
        with stream.waiting():
            for line in request.params.get("orders", ())[:placed]:
                with suppress(Refused):
                    methods.answer("add_order", {**common, **line}, request.received_ns)
            session.reply(request, failure(error))
        return []

    return act


def reject_lines(methods: OrderMethods, indexes: frozenset[int], error: str) -> Act[Request]:
    """Let some orders of a batch fail in the matching engine."""

    def act(session: Session, request: Request) -> list[Request]:
        with methods.rejecting(indexes, error):
            session.handle(request)
        return []

    return act
