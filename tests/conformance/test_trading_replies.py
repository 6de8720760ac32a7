"""Every answer to a trading method that was printed or observed is understood, by both cores."""

from __future__ import annotations

import json
from typing import Any

import pytest
from benches.corpus import FIXTURES, read_lines

from kraken_connector.models import WSErrorResponse, WSResponse
from kraken_connector.models.trading_results import (
    AddOrderResult,
    BatchAddResult,
    BatchCancelResult,
)
from kraken_connector.ws.constants import TRADING_METHODS
from kraken_connector.ws.orders.replies import read_result


def answers() -> list[Any]:
    paths = [
        *sorted((FIXTURES / "examples").glob("*.response*")),
        FIXTURES / "observed" / "trading-responses.jsonl",
    ]
    return [
        pytest.param(line, id=f"{path.name}:{number}")
        for path in paths
        for number, line in enumerate(read_lines(path), 1)
        if json.loads(line)["method"] in TRADING_METHODS
    ]


ANSWERS = answers()


def test_there_is_an_answer_to_every_method() -> None:
    methods = {json.loads(case.values[0])["method"] for case in ANSWERS}
    assert methods == set(TRADING_METHODS)


@pytest.mark.parametrize("line", ANSWERS)
def test_answer_is_understood(core: Any, line: bytes) -> None:
    plain = json.loads(line)
    reply = core.parse_message(line)
    if not plain["success"]:
        assert isinstance(reply, WSErrorResponse)
        assert reply.error == plain["error"]
        return
    assert isinstance(reply, WSResponse)
    typed = read_result(reply.method, reply)
    assert typed is not None
    if isinstance(typed, BatchAddResult):
        assert all(isinstance(order, AddOrderResult) for order in typed.orders)
        assert [order.to_dict() for order in typed.orders] == plain["result"]
        assert typed.rejected == {}
    else:
        result = plain.get("result", {"count": plain.get("orders_cancelled")})
        assert typed.to_dict() == result


@pytest.mark.parametrize("key", ["count", "orders_cancelled"])
def test_both_shapes_of_batch_cancel_are_one_result(key: str) -> None:
    assert BatchCancelResult.from_dict({key: 2}).count == 2
