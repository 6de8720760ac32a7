"""Messages of the account channels: few fields are known, none is lost, numbers are exact."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest

from kraken_connector import parse_message
from kraken_connector.unified import (
    LedgersMessage,
    MarginMessage,
    PositionsMessage,
    PreferencesMessage,
)


def message(channel: str, kind: str, data: str, more: str = "") -> Any:
    frame = f'{{"channel":"{channel}","type":"{kind}","data":{data}{more}}}'
    return parse_message(frame.encode())


POSITION = '{"symbol":"PF_XBTUSD","size":0.1000,"entry_price":83744.10,"pnl":-1.50,"new":{"a":1.0}}'


@pytest.mark.parametrize("data", ['{"futures":[%s],"options":[]}', '[{"futures":[%s]}]'])
def test_positions_keep_the_digits_and_unknown_fields(data: str) -> None:
    read = PositionsMessage.of(message("positions", "update", data % POSITION))
    (position,) = read.futures
    assert (position.symbol, str(position.size)) == ("PF_XBTUSD", "0.1000")
    assert str(position.entry_price) == "83744.10"
    assert position.extra == {"pnl": Decimal("-1.50"), "new": {"a": Decimal("1.0")}}
    assert read.options == []
    assert POSITION.encode() in (read.raw or b"")


def test_a_closed_position_has_size_0() -> None:
    data = '{"futures":[{"symbol":"PF_XBTUSD","size":0,"entry_price":null}],"options":[]}'
    (position,) = PositionsMessage.of(message("positions", "update", data)).futures
    assert position.is_closed
    assert position.entry_price is None


@pytest.mark.parametrize("name", ["error", "notice", "status"])
def test_a_snapshot_that_is_too_large_has_no_positions(name: str) -> None:
    """The page: a field with this value, both lists empty, no time. It does not name the field."""
    data = f'{{"futures":[],"options":[],"{name}":"snapshot_too_large"}}'
    read = PositionsMessage.of(message("positions", "snapshot", data))
    assert read.is_too_large
    assert read.futures == read.options == []
    usual = '{"time":"2026-11-11T00:00:00Z","futures":[],"options":[]}'
    assert not PositionsMessage.of(message("positions", "snapshot", usual)).is_too_large


@pytest.mark.parametrize("kind", ["multi_collateral", "single_collateral", "another"])
def test_margin_has_a_type_of_its_own(kind: str) -> None:
    read = MarginMessage.of(message("margin", kind, '{"available_margin":12.50}'))
    assert read.type == kind
    assert read.fields == {"available_margin": Decimal("12.50")}
    assert str(read.fields["available_margin"]) == "12.50"


def test_ledger_entries_name_their_class_and_keep_the_rest() -> None:
    data = '[{"asset_class":"derivatives","realised_profit":-0.10},{"asset_class":"spot"}]'
    read = LedgersMessage.of(message("ledgers", "update", data, ',"sequence":41'))
    assert read.sequence == 41
    assert [entry.asset_class for entry in read.entries] == ["derivatives", "spot"]
    assert read.entries[0].extra == {"realised_profit": Decimal("-0.10")}


@pytest.mark.parametrize(
    ("data", "permission"),
    [
        ('{"futures_trading":"enabled"}', "enabled"),
        ('[{"perpetuals":{"permission":"reduce_only"}}]', "reduce_only"),
        ('{"a":"disabled","b":"disabled"}', "disabled"),
        ('{"a":"enabled","b":"disabled"}', None),
        ('{"futures_trading":"later"}', None),
        ("[]", None),
    ],
)
def test_the_permission_is_found_whatever_its_field(data: str, permission: str | None) -> None:
    assert PreferencesMessage.of(message("preferences", "snapshot", data)).permission == permission


@pytest.mark.parametrize(
    ("kind", "channel", "data", "what"),
    [
        (PositionsMessage, "positions", '{"futures":[{"size":"abc"}]}', "size must be a number"),
        (PositionsMessage, "positions", '{"futures":[{"size":true}]}', "size must be a number"),
        (PositionsMessage, "positions", '{"futures":[{"symbol":7}]}', "symbol must be a string"),
        (PositionsMessage, "positions", '{"futures":7}', "futures must be an array"),
        (PositionsMessage, "positions", "[]", "must be one object, not 0"),
        (PositionsMessage, "positions", "7", "data must be an array"),
        (LedgersMessage, "ledgers", '{"asset_class":"spot"}', "data must be an array"),
        (LedgersMessage, "ledgers", '[{"asset_class":7}]', "asset_class must be a string"),
        (MarginMessage, "positions", "[]", "a message of margin is expected"),
    ],
)
def test_a_known_field_of_another_type_is_an_error(
    kind: Any, channel: str, data: str, what: str
) -> None:
    with pytest.raises(ValueError, match=what):
        kind.of(message(channel, "update", data))


def test_a_number_may_be_a_string() -> None:
    data = orjson.dumps({"futures": [{"size": "0.10"}]}).decode()
    assert str(PositionsMessage.of(message("positions", "update", data)).futures[0].size) == "0.10"
