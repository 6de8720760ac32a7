"""Every field that the reference has for the order methods, on the wire with the digits given.

The arguments of each call are compared with the request that the simulated exchange received, as
text, so that a number that became a string, a float or a shorter one shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.ws.helpers import BTC, connected, tokens_of

from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllOrdersAfterParams,
    CancelAllParams,
    CancelOrderParams,
    ConditionalClose,
    EditOrderParams,
    KrakenWSClient,
    OrderTrigger,
)

LATER = datetime.now(UTC) + timedelta(days=1)
EARLIER = LATER - timedelta(hours=1)

#: One order, alone or in a batch (docs.kraken.com, pages "Add Order" and "Batch Add"); without what
#: is deprecated: `no_mpp`, `stop_price`, `trigger`.
ORDER = {
    "order_type",
    "side",
    "order_qty",
    "limit_price",
    "limit_price_type",
    "triggers.price",
    "triggers.reference",
    "triggers.price_type",
    "time_in_force",
    "margin",
    "post_only",
    "reduce_only",
    "effective_time",
    "expire_time",
    "cl_ord_id",
    "order_userref",
    "conditional.order_type",
    "conditional.limit_price",
    "conditional.limit_price_type",
    "conditional.trigger_price",
    "conditional.trigger_price_type",
    "display_qty",
    "fee_preference",
    "stp_type",
    "cash_order_qty",
    "sender_sub_id",
}
#: Fields by method, from the pages of the methods; deprecated ones left out.
REFERENCE = {
    "add_order": ORDER | {"symbol", "deadline", "validate", "token"},
    "amend_order": {
        "order_id",
        "cl_ord_id",
        "order_qty",
        "limit_price",
        "limit_price_type",
        "display_qty",
        "post_only",
        "trigger_price",
        "trigger_price_type",
        "deadline",
        "symbol",
        "token",
    },
    "edit_order": {
        "order_id",
        "symbol",
        "order_qty",
        "limit_price",
        "display_qty",
        "order_userref",
        "post_only",
        "reduce_only",
        "validate",
        "fee_preference",
        "triggers.price",
        "triggers.reference",
        "triggers.price_type",
        "deadline",
        "token",
    },
    "cancel_order": {"order_id", "cl_ord_id", "order_userref", "token"},
    "cancel_all": {"token"},
    "cancel_all_orders_after": {"timeout", "token"},
    "batch_add": {f"orders.{name}" for name in ORDER} | {"symbol", "deadline", "validate", "token"},
    "batch_cancel": {"orders", "cl_ord_id", "token"},
}

TRAILING = AddOrderParams(
    BTC,
    "sell",
    "trailing-stop-limit",
    "0.010",
    limit_price="-0.50",
    limit_price_type="quote",
    triggers=OrderTrigger("last", "1.50", "pct"),
    order_userref=3,
)
TRAILING_TEXT = """
    "side": "sell", "order_type": "trailing-stop-limit", "order_qty": 0.010, "limit_price": -0.50,
    "limit_price_type": "quote", "triggers": {"reference": "last", "price": 1.50,
    "price_type": "pct"}, "order_userref": 3
"""
ICEBERG = AddOrderParams(
    BTC,
    "buy",
    "iceberg",
    Decimal("0.0300"),
    limit_price=20000,
    display_qty=0.02,
    order_userref=2,
)
ICEBERG_TEXT = """
    "side": "buy", "order_type": "iceberg", "order_qty": 0.0300, "limit_price": 20000,
    "display_qty": 0.02, "order_userref": 2
"""
CASH = AddOrderParams(
    BTC,
    "buy",
    "market",
    cash_order_qty="25.50",
    order_userref=5,
    conditional=ConditionalClose(
        "trailing-stop-limit",
        limit_price="0.10",
        trigger_price="2.0",
        limit_price_type="quote",
        trigger_price_type="pct",
    ),
)
CASH_TEXT = """
    "side": "buy", "order_type": "market", "cash_order_qty": 25.50, "order_userref": 5,
    "conditional": {"order_type": "trailing-stop-limit", "limit_price": 0.10,
    "trigger_price": 2.0, "limit_price_type": "quote", "trigger_price_type": "pct"}
"""
TERMS: dict[str, Any] = {
    "limit_price": "20000.10",
    "time_in_force": "gtd",
    "margin": True,
    "post_only": True,
    "reduce_only": True,
    "effective_time": EARLIER,
    "expire_time": LATER,
    "fee_preference": "base",
    "stp_type": "cancel_both",
    "sender_sub_id": "6d1b345e-2821-40e2-ad83-4ecb18a06876",
}
TERMS_TEXT = """
    "side": "buy", "order_type": "limit", "order_qty": 0.00200000, "limit_price": 20000.10,
    "time_in_force": "gtd", "margin": true, "post_only": true, "reduce_only": true,
    "effective_time": "EARLIER", "expire_time": "LATER", "fee_preference": "base",
    "stp_type": "cancel_both", "sender_sub_id": "6d1b345e-2821-40e2-ad83-4ecb18a06876"
"""


def full(cl_ord_id: str, **more: Any) -> AddOrderParams:
    return AddOrderParams(BTC, "buy", "limit", "0.00200000", cl_ord_id=cl_ord_id, **TERMS, **more)


async def request_everything(client: KrakenWSClient) -> list[tuple[str, str]]:
    """Use every field of every method; return methods and the params that must have gone out."""
    expected: list[tuple[str, str]] = []
    deadline = datetime.now(UTC) + timedelta(seconds=45)
    moment = deadline.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    async def request(method: str, params: Any, text: str) -> Any:
        expected.append((method, text.replace("DEADLINE", moment)))
        return (await getattr(client, method)(params)).typed

    symbol = '"symbol": "BTC/USD"'
    limit = await request(
        "add_order",
        full("full", deadline=deadline, validate=False),
        f'{{{symbol}, {TERMS_TEXT}, "cl_ord_id": "full", "deadline": "DEADLINE", '
        '"validate": false}',
    )
    iceberg = await request("add_order", ICEBERG, f"{{{symbol}, {ICEBERG_TEXT}}}")
    trailing = await request("add_order", TRAILING, f"{{{symbol}, {TRAILING_TEXT}}}")
    await request("add_order", CASH, f"{{{symbol}, {CASH_TEXT}}}")

    await request(
        "amend_order",
        AmendOrderParams(
            limit.order_id,
            order_qty="0.00300",
            limit_price="20001.0",
            post_only=True,
            deadline=deadline,
            symbol=BTC,
        ),
        f'{{"order_id": "{limit.order_id}", "order_qty": 0.00300, "limit_price": 20001.0, '
        f'"post_only": true, "deadline": "DEADLINE", {symbol}}}',
    )
    await request(
        "amend_order",
        AmendOrderParams(cl_ord_id="full", limit_price="20002.0"),
        '{"limit_price": 20002.0, "cl_ord_id": "full"}',
    )
    await request(
        "amend_order",
        AmendOrderParams(iceberg.order_id, display_qty="0.010"),
        f'{{"order_id": "{iceberg.order_id}", "display_qty": 0.010}}',
    )
    await request(
        "amend_order",
        AmendOrderParams(
            trailing.order_id,
            limit_price="-0.250",
            limit_price_type="pct",
            trigger_price="2.50",
            trigger_price_type="pct",
        ),
        f'{{"order_id": "{trailing.order_id}", "limit_price": -0.250, "trigger_price": 2.50, '
        '"trigger_price_type": "pct", "limit_price_type": "pct"}',
    )

    edited = await request(
        "edit_order",
        EditOrderParams(
            iceberg.order_id,
            BTC,
            order_qty="0.0400",
            limit_price="19999.0",
            display_qty="0.0100",
            post_only=True,
            reduce_only=False,
            deadline=deadline,
            fee_preference="quote",
            order_userref=-4,
            validate=False,
        ),
        f'{{"order_id": "{iceberg.order_id}", {symbol}, "order_qty": 0.0400, '
        '"limit_price": 19999.0, "display_qty": 0.0100, "post_only": true, "reduce_only": false, '
        '"deadline": "DEADLINE", "fee_preference": "quote", "order_userref": -4, '
        '"validate": false}',
    )
    triggered = await request(
        "edit_order",
        EditOrderParams(trailing.order_id, BTC, triggers=OrderTrigger("index", 3, "pct")),
        f'{{"order_id": "{trailing.order_id}", {symbol}, '
        '"triggers": {"reference": "index", "price": 3, "price_type": "pct"}}',
    )

    await request(
        "cancel_order",
        CancelOrderParams(order_id=[edited.order_id]),
        f'{{"order_id": ["{edited.order_id}"]}}',
    )
    await request("cancel_order", CancelOrderParams(cl_ord_id=["full"]), '{"cl_ord_id": ["full"]}')
    await request("cancel_order", CancelOrderParams(order_userref=[3]), '{"order_userref": [3]}')
    assert triggered.original_order_id == trailing.order_id

    batch = [full("one"), TRAILING, ICEBERG, CASH]
    texts = (f'{TERMS_TEXT}, "cl_ord_id": "one"', TRAILING_TEXT, ICEBERG_TEXT, CASH_TEXT)
    orders = ", ".join(f"{{{text}}}" for text in texts)
    await request(
        "batch_add",
        BatchAddParams(BTC, orders=batch, deadline=deadline, validate=False),
        f'{{{symbol}, "orders": [{orders}], "deadline": "DEADLINE", "validate": false}}',
    )
    await request(
        "batch_cancel",
        BatchCancelParams(orders=["2", "3"], cl_ord_id=["one"]),
        '{"orders": ["2", "3"], "cl_ord_id": ["one"]}',
    )
    await request("cancel_all", CancelAllParams(), "{}")
    await request(
        "cancel_all_orders_after", CancelAllOrdersAfterParams(timeout=0), '{"timeout": 0}'
    )
    return expected


def read(text: str) -> Any:
    """Return JSON whose numbers are marked texts, so that their digits count."""
    for name, moment in (("LATER", LATER), ("EARLIER", EARLIER)):
        text = text.replace(f'"{name}"', f'"{moment:%Y-%m-%dT%H:%M:%SZ}"')

    def number(digits: str) -> tuple[str, str]:
        return ("number", digits)

    return json.loads(text, parse_float=number, parse_int=number)


def names(params: dict[str, Any], before: str = "") -> Iterator[str]:
    """Yield the fields of params, those of nested objects after a dot."""
    for name, value in params.items():
        inner = value if isinstance(value, list) else [value]
        if inner and all(isinstance(item, dict) for item in inner):
            for item in inner:
                yield from names(item, f"{before}{name}.")
        else:
            yield before + name


TIMED = ("add_order", "amend_order", "edit_order", "batch_add")
DEADLINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def rich() -> SimulatedExchange:
    return SimulatedExchange(symbols=[BTC], rate=0, balances={"USD": 10**6, "BTC": 10})


async def test_every_field_goes_out_as_it_was_given(rich: SimulatedExchange) -> None:
    async with rich as sim, connected(sim, token_manager=tokens_of(sim)) as client:
        expected = await request_everything(client)
        received = [request for request in sim.requests if request.method in REFERENCE]
    assert [request.method for request in received] == [method for method, _ in expected]
    for request, (method, text) in zip(received, expected, strict=True):
        sent = read(request.raw)["params"]
        assert sent.pop("token")
        wanted = read(text)
        if method in TIMED and "deadline" not in wanted:
            # The client chooses one.
            assert DEADLINE.fullmatch(sent.pop("deadline"))
        assert sent == wanted, method


async def test_no_field_of_the_reference_is_left_out(rich: SimulatedExchange) -> None:
    used: dict[str, set[str]] = {method: set() for method in REFERENCE}
    async with rich as sim, connected(sim, token_manager=tokens_of(sim)) as client:
        await request_everything(client)
        for request in sim.requests:
            if request.method in used:
                used[request.method].update(names(dict(request.params)))
    assert used == REFERENCE
