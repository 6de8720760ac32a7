"""Trading parameters: what the exchange refuses is refused before it is sent.

Source: docs.kraken.com, Unified WebSocket, the pages of the methods.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.unified.helpers import PF

from kraken_connector import ws
from kraken_connector.exceptions import InvalidParameter
from kraken_connector.unified import (
    AddOrderParams,
    AmendOrderParams,
    BatchAddParams,
    BatchCancelParams,
    CancelAllOrdersAfterParams,
    CancelAllParams,
    CancelOrderParams,
    SetPreferenceParams,
    UnifiedClient,
)

UUID = "c8ae67ca-0335-457b-b06c-caf18a0de29b"
O_FORM = "OVKWAN-V3RLC-GJ4DAW"


def order(asset_class: str = "derivatives", **terms: Any) -> AddOrderParams:
    given = {"order_type": "limit", "limit_price": "1", **terms}
    return AddOrderParams(PF, "buy", order_qty="1", asset_class=asset_class, **given)


@pytest.mark.parametrize("order_type", ["iceberg", "settle-position"])
@pytest.mark.parametrize("asset_class", ["spot", "derivatives"])
def test_two_types_of_the_spot_hosts_do_not_exist(order_type: str, asset_class: str) -> None:
    with pytest.raises(InvalidParameter, match="order_type must be one of 'limit', 'market'"):
        order(asset_class, order_type=order_type)


def test_a_derivatives_order_has_no_userref() -> None:
    with pytest.raises(InvalidParameter, match="order_userref must be absent: derivatives"):
        order(order_userref=7)
    assert order("spot", order_userref=7).order_userref == 7


def test_a_limit_price_of_derivatives_is_static() -> None:
    terms = {"order_type": "trailing-stop-limit", "limit_price": "5"}
    triggers = ws.OrderTrigger(price="10", price_type="quote")
    with pytest.raises(InvalidParameter, match="limit_price_type must be 'static' for derivatives"):
        order(**terms, triggers=triggers, limit_price_type="quote")
    assert order("spot", **terms, triggers=triggers, limit_price_type="quote")
    with pytest.raises(InvalidParameter, match="'static' for derivatives"):
        AmendOrderParams(UUID, limit_price="1", limit_price_type="pct", asset_class="derivatives")


def test_one_kind_of_identifier_for_each_cancel() -> None:
    with pytest.raises(InvalidParameter, match="one kind of identifier per request"):
        CancelOrderParams(order_id=[UUID], cl_ord_id=["mine"], asset_class="derivatives")
    assert CancelOrderParams(order_id=[UUID, UUID.upper()], asset_class="derivatives")


def test_identifiers_of_derivatives_orders_are_uuids_in_cancels() -> None:
    with pytest.raises(InvalidParameter, match="order_id must be the UUID"):
        CancelOrderParams(order_id=[O_FORM], asset_class="derivatives")
    assert CancelOrderParams(order_id=[O_FORM], asset_class="spot")
    with pytest.raises(InvalidParameter, match="order_userref must be absent"):
        CancelOrderParams(order_userref=[1], asset_class="derivatives")


@pytest.mark.parametrize("order_id", [UUID, O_FORM, "anything"])
def test_an_amend_takes_identifiers_of_any_form(order_id: str) -> None:
    params = AmendOrderParams(order_id, limit_price="1", asset_class="derivatives")
    assert params.wire() == {"order_id": order_id, "limit_price": Decimal(1)}


@pytest.mark.parametrize("count", [1, 51])
def test_a_batch_cancel_has_two_to_fifty_orders_together(count: int) -> None:
    with pytest.raises(InvalidParameter, match="2 to 50"):
        BatchCancelParams(orders=[UUID] * count, asset_class="derivatives")
    both = BatchCancelParams(orders=[UUID], cl_ord_id=["mine"], asset_class="derivatives")
    assert both.wire() == {"orders": [UUID], "cl_ord_id": ["mine"]}


@pytest.mark.parametrize("userref", [7, "7", "-7"])
def test_a_batch_cancel_takes_no_userref(userref: Any) -> None:
    with pytest.raises(InvalidParameter, match="orders must be the exchange's identifiers"):
        BatchCancelParams(orders=[UUID, userref], asset_class="derivatives")


def test_a_batch_cancel_by_client_identifiers_has_no_orders() -> None:
    params = BatchCancelParams(cl_ord_id=["one", "two"], asset_class="derivatives")
    assert params.wire() == {"cl_ord_id": ["one", "two"]}


def test_the_orders_of_a_batch_have_its_class() -> None:
    with pytest.raises(InvalidParameter, match=r"orders\[1\].asset_class must be 'derivatives'"):
        BatchAddParams(PF, orders=[order(), order("spot")], asset_class="derivatives")
    spot: Any = ws.AddOrderParams("BTC/USD", "buy", "market", "1")
    with pytest.raises(TypeError, match="of the unified hosts"):
        BatchAddParams("BTC/USD", orders=[spot, spot], asset_class="derivatives")
    params = BatchAddParams(PF, orders=[order(), order()], asset_class="derivatives")
    one = {"side": "buy", "order_type": "limit", "order_qty": 1, "limit_price": 1}
    assert params.wire() == {"symbol": PF, "orders": [one, one]}
    assert BatchAddParams.from_dict(params.to_dict()) == params


def test_a_leverage_of_none_is_sent_and_never_a_string() -> None:
    assert SetPreferenceParams(PF, None).wire() == {
        "leverage_mode": {"symbol": PF, "max_leverage": None}
    }
    assert SetPreferenceParams(PF, "2.5").wire() == {
        "leverage_mode": {"symbol": PF, "max_leverage": Decimal("2.5")}
    }
    with pytest.raises(TypeError):
        SetPreferenceParams(PF)  # type: ignore[call-arg]
    with pytest.raises(InvalidParameter, match="max_leverage must be more than 0"):
        SetPreferenceParams(PF, 0)
    with pytest.raises(InvalidParameter, match="asset_class must be one of 'derivatives'"):
        SetPreferenceParams(PF, 1, asset_class="spot")


@pytest.mark.parametrize(
    "params",
    [
        order("spot"),
        CancelAllParams(asset_class="spot"),
        CancelAllOrdersAfterParams(timeout=60, asset_class="spot"),
        CancelOrderParams(cl_ord_id=["mine"], asset_class="spot"),
        AmendOrderParams(UUID, limit_price="1", asset_class="spot"),
        BatchCancelParams(orders=[UUID, O_FORM], asset_class="spot"),
        BatchAddParams(PF, orders=[order("spot")] * 2, asset_class="spot"),
    ],
    ids=lambda params: params.METHOD,
)
async def test_a_client_has_orders_of_one_asset_class(params: Any) -> None:
    client = UnifiedClient()
    with pytest.raises(InvalidParameter, match="asset_class must be 'derivatives', the class"):
        await getattr(client, params.METHOD)(params)


async def test_each_client_refuses_the_orders_of_the_other() -> None:
    theirs: Any = ws.AddOrderParams("BTC/USD", "buy", "market", "1")
    ours: Any = order()
    with pytest.raises(TypeError, match="add_order takes AddOrderParams of kraken_connector"):
        await UnifiedClient().add_order(theirs)
    with pytest.raises(TypeError, match="of the spot hosts, not of the unified"):
        await ws.KrakenWSClient().add_order(ours)
    with pytest.raises(TypeError, match="of the spot hosts, not of the unified"):
        ws.KrakenWSClient().place(ours)


def test_an_order_cannot_be_edited_quoted_or_sent_twice_over() -> None:
    for name in ("edit_order", "quotes", "prepare_amend", "rate_counter", "level3", "positions"):
        assert not hasattr(UnifiedClient, name)


def test_unknown_arguments_of_the_client_are_refused() -> None:
    with pytest.raises(TypeError, match="no argument 'redundant'"):
        UnifiedClient(redundant=True)  # type: ignore[call-arg]
    with pytest.raises(InvalidParameter, match="asset_class must be one of"):
        UnifiedClient(asset_class="futures")
