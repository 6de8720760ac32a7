"""Enums equal their strings, and have members that 0.2.0 lacks."""

from __future__ import annotations

from kraken_connector.ws.constants import BOOK_DEPTHS, ConnectionState, ExecType, TimeInForce


def test_members_are_their_strings() -> None:
    assert ConnectionState.CONNECTED == "connected"
    assert f"{ConnectionState.CONNECTED}" == "connected"


def test_members_known_from_the_protocol() -> None:
    assert ExecType("iceberg_refill") is ExecType.ICEBERG_REFILL
    assert TimeInForce("fok") is TimeInForce.FOK
    assert BOOK_DEPTHS == (10, 25, 100, 500, 1000)
