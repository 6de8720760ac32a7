"""`cancel_everything` amid each fault of the matrix: in the end no order is open."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest
from tests.faults.scene import scene
from tests.faults.test_matrix import FAULTS, Fault
from tests.ws.helpers import BTC

from kraken_connector.ws.trading import AddOrderParams


@pytest.mark.virtual_time
@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
async def test_no_order_is_open_amid_a_fault(fault: Fault) -> None:
    async with scene(**fault.options) as stage:
        await stage.move()
        await stage.client.add_order(
            AddOrderParams(BTC, "buy", "limit", "0.5", limit_price="80000.0")
        )
        other = await stage.sim.account.place(BTC, "buy", "0.5", limit_price="80000.0")
        acting = fault.act(stage)
        if isinstance(acting, Awaitable):
            await acting
        report = await stage.client.cancel_everything()
        assert report.by in ("socket", "rest")
        assert not stage.sim.account.open_orders
        assert stage.sim.account.orders[other].status == "canceled"
        stage.sim.faults.clear()
        await stage.recovered()
