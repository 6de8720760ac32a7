"""What code written for kraken-connector 0.2.0 relies on beside names and parameters."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from kraken_connector.types import UNSET, Unset
from kraken_connector.ws import (
    AddOrderParams,
    AmendOrderParams,
    BookData,
    BookLevel,
    CancelAllParams,
    ChecksumError,
    KrakenWSClient,
    OrderBook,
    TickerParams,
    WSRequest,
    parse_message,
)

# Texts of exceptions, which programs compare.


@pytest.mark.parametrize("frame", ['{"unexpected":"format"}', "{}"])
def test_text_of_a_message_that_is_none(frame: str) -> None:
    with pytest.raises(ValueError, match="Unrecognized"):
        parse_message(frame)


def test_text_of_a_wrong_checksum() -> None:
    level = BookLevel(Decimal("26000.0"), Decimal("1.5"))
    book = OrderBook(symbol="BTC/USD", depth=10)
    book.apply_snapshot(BookData("BTC/USD", [level], [], UNSET))
    with pytest.raises(ChecksumError) as caught:
        book.validate_checksum(99_999)
    pattern = r"Book checksum mismatch for BTC/USD: expected 99999, computed \d+"
    assert re.fullmatch(pattern, str(caught.value))


async def test_texts_without_a_connection() -> None:
    client = KrakenWSClient()
    ticker = TickerParams(symbol=["BTC/USD"])
    order = AddOrderParams("BTC/USD", "buy", "market", 1.0, token="t")
    for request, text in (
        (client.send(WSRequest("ping")), "Cannot send: the client is disconnected"),
        (client.subscribe(ticker), "Cannot subscribe: the client is disconnected"),
        (client.unsubscribe(ticker), "Cannot unsubscribe: the client is disconnected"),
        (client.add_order(order), "Cannot send add_order: the client is disconnected"),
        (client.cancel_all(CancelAllParams("t")), "Cannot send cancel_all: the client is disc"),
    ):
        with pytest.raises(RuntimeError, match=text):
            await request


# Attributes.

ARGUMENTS: dict[str, Any] = {
    "url": "wss://beta-ws.kraken.com/v2",
    "ping_interval": 5.0,
    "ping_timeout": 3.0,
    "heartbeat_timeout": 15.0,
    "backoff_base": 1.0,
    "backoff_max": 60.0,
    "max_reconnect_attempts": 5,
    "request_timeout": 7.0,
}


@pytest.mark.parametrize("name", ARGUMENTS)
def test_argument_of_a_client_can_be_read_and_not_changed(name: str) -> None:
    client = KrakenWSClient(**ARGUMENTS)
    assert getattr(client, name) == ARGUMENTS[name]
    with pytest.raises(AttributeError):
        setattr(client, name, ARGUMENTS[name])


def test_attributes_have_the_defaults_of_0_2_0() -> None:
    client = KrakenWSClient()
    found = [getattr(client, name) for name in ARGUMENTS]
    assert found == ["wss://ws.kraken.com/v2", 10.0, 10.0, 30.0, 0.5, 30.0, 10, 10.0]


def test_absent_is_unset() -> None:
    book = BookData.from_dict({"symbol": "BTC/USD", "bids": [], "asks": []})
    assert isinstance(book.checksum, Unset)
    assert book.checksum is UNSET
    assert not UNSET


@pytest.mark.parametrize("kind", ["last", "index", "static"])
def test_trigger_price_type_of_an_amend_is_sent_as_given(kind: str) -> None:
    raw = {"order_id": "O", "token": "t", "trigger_price": 25_900.0, "trigger_price_type": kind}
    assert AmendOrderParams.from_dict(raw).to_dict() == raw
