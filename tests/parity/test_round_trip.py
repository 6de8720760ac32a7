"""Every message survives the way to plain data and back, whatever its fields are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from tests.conftest import native_core
from tests.parity import frames

from kraken_connector import _pure as pure
from kraken_connector.models import BookData, Level3Data, Model


def of_plain_data(message: Any) -> tuple[Any, Any]:
    """Return a message made of another's plain data, and that data."""
    plain = message.to_dict()
    return type(message).from_dict(plain), plain


@pytest.mark.parametrize("name", ["native", "pure"])
def test_message_made_of_plain_data_is_the_message(name: str) -> None:
    core = native_core() if name == "native" else pure

    @settings(max_examples=settings().max_examples * 4)
    @given(frames.any_frame | frames.items_frames.map(str.encode))
    @example(b'{"channel":"ticker","type":"update","data":[{"symbol":"A/B","bid":1}]}')
    @example(b'{"channel":"ticker","type":"update","data":[{"symbol":"A/B","new":[{"a":1.5}]}]}')
    @example(b'{"method":"add_order","success":false}')
    def check(frame: bytes) -> None:
        try:
            message = core.parse_message(frame)
        except ValueError:
            return
        again, plain = of_plain_data(message)
        assert again == message
        assert again.to_dict() == plain
        assert json.loads(json.dumps(plain)) == plain
        for one, other in zip(items_of(again), items_of(message), strict=True):
            assert one.extra.keys() == other.extra.keys()

    check()


def items_of(message: Any) -> list[Any]:
    data = getattr(message, "data", None)
    return [item for item in data if isinstance(item, Model)] if isinstance(data, list) else []


@pytest.mark.parametrize("name", ["native", "pure"])
@pytest.mark.parametrize(
    ("row", "made_of"),
    [({"price": 1.5}, BookData), ({"order_id": "O", "event": "delete"}, Level3Data)],
)
def test_row_without_a_quantity(name: str, row: dict[str, Any], made_of: type[Model]) -> None:
    core = native_core() if name == "native" else pure
    channel = "book" if made_of is BookData else "level3"
    item = {"symbol": "A/B", "bids": [row], "asks": []}
    source = {"channel": channel, "type": "update", "data": [item]}
    message = core.WSDataMessage.from_dict(source)
    assert type(message.data[0]) is made_of
    again, plain = of_plain_data(message)
    assert (again, again.to_dict()) == (message, plain)
