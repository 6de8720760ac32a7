"""What a fault does with a request of an order method when it comes in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ..requests import Refused, Request
from ..rules import Act
from ..session import Session
from .shapes import failure


def take(session: Session, request: Request) -> None:
    """Let a request arrive, whatever faults there are."""
    session.take(request)


def strand(seconds: float, clock: Callable[[], int]) -> Act[Request]:
    """Reset the connection, and let the request arrive later as if it came only then."""

    def arrive(session: Session, request: Request) -> None:
        session.take(replace(request, received_ns=clock()))

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


def refuse_reported(error: str) -> Act[Request]:
    """Report a new order as `pending_new`, then refuse it."""

    def act(session: Session, request: Request) -> list[Request]:
        with suppress(Refused):
            session.exchange.desk.announce(request.params)
        session.reply(request, failure(error))
        return []

    return act


def break_batch(error: str, placed: int) -> Act[Request]:
    """Place the first orders of a batch, then refuse the whole."""

    def act(session: Session, request: Request) -> list[Request]:
        exchange = session.exchange
        common = {key: value for key, value in request.params.items() if key != "orders"}
        with exchange.stream.waiting():
            for line in request.params.get("orders", ())[:placed]:
                with suppress(Refused):
                    exchange.desk.answer("add_order", {**common, **line}, request.received_ns)
            session.reply(request, failure(error))
        return []

    return act


def reject_lines(places: frozenset[int], error: str) -> Act[Request]:
    """Let some orders of a batch fail in the engine."""

    def act(session: Session, request: Request) -> list[Request]:
        with session.exchange.desk.rejecting(places, error):
            session.take(request)
        return []

    return act
