"""Positions from messages of the `executions` channel, without a client."""

from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.ws.orders.bench import BTC, Bench, ended, listed, new
from tests.unit.ws.orders.bench import trade as report_of_fill

from kraken_connector.ws import Position
from kraken_connector.ws.account.positions import ORDERS_KEPT, Positions
from kraken_connector.ws.orders import Fill, Order
from kraken_connector.ws.orders.evidence import SNAPSHOT_PAUSE


class Account(Bench):
    """The orders of a client, and their positions."""

    def __init__(self) -> None:
        super().__init__(is_followed=False)
        self.positions = Positions(self.orders)

    def order(self, order_id: str, side: str = "buy", *, tag: str | None = None) -> Order:
        """Place an order of this client, which the exchange accepts."""
        order = self.send(f"name-{order_id}", "10", side=side, tag=tag)
        self.ack(order, order_id)
        return order

    def figures(self) -> tuple[Decimal, Decimal | None, Decimal]:
        position = self.positions[BTC]
        return position.qty, position.avg_price, position.realized


def trade(
    order_id: str, exec_id: str, side: str, qty: str, price: str = "100", **fields: Any
) -> dict[str, Any]:
    """Return the report of a fill."""
    cost = float(Decimal(qty) * Decimal(price))
    terms = {"side": side, "last_price": float(price), "cost": cost}
    return report_of_fill(order_id, exec_id, float(qty), **terms, **fields)


def part_filled(order_id: str, cum_qty: float, cum_cost: float) -> dict[str, Any]:
    """Return an open order of a snapshot that is filled in part."""
    totals = {"cum_qty": cum_qty, "cum_cost": cum_cost}
    return listed(order_id, 10.0, order_status="partially_filled", **totals)


@pytest.fixture
def account() -> Account:
    made = Account()
    made.complete_snapshot()
    return made


def test_pair_without_a_trade_is_flat(account: Account) -> None:
    assert account.positions["ETH/USD"] == Position(
        "ETH/USD", Decimal(0), None, Decimal(0), {}, is_certain=True
    )
    assert "ETH/USD" not in account.positions
    assert list(account.positions) == []


def test_average_cost_through_open_reduce_flip_and_close(account: Account) -> None:
    account.hear(trade("O1", "T1", "buy", "1", "100"), trade("O1", "T2", "buy", "3", "104"))
    assert account.figures() == (Decimal(4), Decimal(103), Decimal(0))
    account.hear(trade("O2", "T3", "sell", "1", "105"))
    assert account.figures() == (Decimal(3), Decimal(103), Decimal(2))
    account.hear(trade("O3", "T4", "sell", "5", "102"))
    assert account.figures() == (Decimal(-2), Decimal(102), Decimal(-1))
    account.hear(trade("O4", "T5", "buy", "2", "100"))
    assert account.figures() == (Decimal(0), None, Decimal(3))
    assert account.positions[BTC].is_certain


def test_fees_are_added_by_asset(account: Account) -> None:
    account.hear(
        trade("O1", "T1", "buy", "1", fees=[{"asset": "USD", "qty": 0.1}]),
        trade("O1", "T2", "buy", "1", fees=[{"asset": "USD", "qty": 0.2}]),
        trade("O2", "T3", "sell", "1", fees=[{"asset": "BTC", "qty": 0.001}]),
    )
    assert account.positions[BTC].fees == {"USD": Decimal("0.3"), "BTC": Decimal("0.001")}


def test_fill_that_is_reported_twice_counts_once(account: Account) -> None:
    report = trade("O1", "T1", "buy", "1")
    account.hear(report)
    account.hear(report)
    account.complete_snapshot(report)
    assert account.positions[BTC].qty == 1


def test_position_is_up_to_date_when_a_fill_is_announced(account: Account) -> None:
    seen: list[Decimal] = []
    account.orders.on_fill(lambda order, fill: seen.append(account.positions[BTC].qty))
    account.hear(trade("O1", "T1", "buy", "1"), trade("O1", "T2", "buy", "2"))
    assert seen == [1, 3]


def test_history_of_the_first_snapshot_does_not_count() -> None:
    account = Account()
    account.complete_snapshot(
        part_filled("O1", 2.0, 200.0),
        trade("O1", "T1", "buy", "1"),
        trade("O0", "T0", "sell", "5", order_status="filled"),
    )
    assert list(account.positions) == []
    account.hear(trade("O1", "T2", "buy", "0.5", cum_qty=2.5, cum_cost=250.0))
    assert account.figures() == (Decimal("0.5"), Decimal(100), Decimal(0))


def test_fills_of_our_own_orders_from_before_the_stream_count() -> None:
    account = Account()
    account.order("O1")
    account.complete_snapshot(part_filled("O1", 2.0, 196.0), trade("O1", "T1", "buy", "1", "99"))
    assert account.figures() == (Decimal(2), Decimal(98), Decimal(0))


def test_progress_in_a_gap_counts_once_with_or_without_its_fills(account: Account) -> None:
    account.order("O1")
    account.hear(trade("O1", "T1", "buy", "1", "100"))
    account.orders.gap_began()
    assert not account.positions[BTC].is_certain
    account.complete_snapshot(
        part_filled("O1", 4.0, 403.0),
        trade("O1", "T1", "buy", "1", "100"),
        trade("O1", "T2", "buy", "2", "101"),
    )
    assert account.figures() == (Decimal(4), Decimal("100.75"), Decimal(0))
    account.hear(trade("O1", "T4", "buy", "1", "101", cum_qty=5.0, cum_cost=504.0))
    assert account.figures() == (Decimal(5), Decimal("100.8"), Decimal(0))
    assert account.positions[BTC].is_certain


def test_fill_of_an_unknown_order_in_a_gap_counts(account: Account) -> None:
    account.orders.gap_began()
    account.complete_snapshot(trade("O9", "T9", "sell", "2", order_status="filled"))
    assert account.positions[BTC].qty == -2
    assert account.positions[BTC].is_certain
    assert account.positions.mine[BTC].qty == 0


def test_position_is_uncertain_until_the_snapshot_is_applied(account: Account) -> None:
    account.orders.gap_began()
    account.subscribe()
    account.hear(kind="snapshot", sequence=1)
    assert account.orders.is_current
    assert not account.positions[BTC].is_certain
    account.wait(SNAPSHOT_PAUSE)
    assert account.positions[BTC].is_certain


def test_more_fills_than_a_snapshot_has_are_uncertain_until_seeded(account: Account) -> None:
    account.orders.gap_began()
    account.complete_snapshot(*(trade(f"O{n}", f"T{n}", "buy", "1") for n in range(50)))
    assert account.positions[BTC].qty == 50
    assert not account.positions[BTC].is_certain
    assert account.positions.seed(BTC, "60", "101") == Position(
        BTC, Decimal(60), Decimal(101), Decimal(0), {}, is_certain=True
    )


def test_order_of_unknown_outcome_is_uncertain_until_it_is_settled(account: Account) -> None:
    order = account.unknown_order()
    assert not account.positions[BTC].is_certain
    assert account.positions["ETH/USD"].is_certain
    account.ack(order, "O1")
    assert account.positions[BTC].is_certain


@pytest.mark.parametrize("snap_trades", [True, False])
def test_order_that_is_gone_is_uncertain_unless_every_fill_was_reported(
    account: Account, snap_trades: bool
) -> None:
    account.order("O1")
    account.hear(new("O1"))
    account.orders.gap_began()
    account.complete_snapshot(snap_trades=snap_trades)
    assert account.orders["O1"].status == "gone"
    assert account.positions[BTC].is_certain is snap_trades


def test_fill_whose_report_was_lost_is_counted_and_its_price_corrected(account: Account) -> None:
    account.hear(trade("O0", "T0", "sell", "4", "120"))
    account.order("O1")
    account.hear(ended("O1", "filled"))
    position = account.positions[BTC]
    assert (position.qty, position.is_certain) == (6, False)
    account.orders.gap_began()
    account.complete_snapshot(trade("O1", "T1", "buy", "10", "98", order_status="filled"))
    position = account.positions[BTC]
    assert (position.qty, position.is_certain) == (6, True)
    assert position.realized - position.qty * (position.avg_price or 0) == 4 * 120 - 10 * 98


def test_trade_without_a_price_is_uncertain(account: Account) -> None:
    report = trade("O1", "T1", "buy", "1")
    del report["last_price"], report["cost"]
    account.hear(report)
    assert account.positions[BTC].qty == 1
    assert not account.positions[BTC].is_certain


def test_trade_of_an_unknown_side_makes_every_position_uncertain(account: Account) -> None:
    account.hear(trade("O1", "T1", "buy", "1"))
    report = trade("O2", "T2", "buy", "1")
    del report["side"]
    account.hear(report)
    assert not account.positions[BTC].is_certain


def test_groups_have_their_own_positions(account: Account) -> None:
    account.order("O1", tag="a")
    account.order("O2", "sell", tag="b")
    account.hear(
        trade("O1", "T1", "buy", "3"),
        trade("O2", "T2", "sell", "1"),
        trade("O3", "T3", "sell", "5"),
    )
    positions = account.positions
    assert [positions[BTC].qty, positions.mine[BTC].qty] == [-3, 2]
    assert [positions.tagged("a")[BTC].qty, positions.of(BTC, tag="b").qty] == [3, -1]
    assert positions.tagged("c")[BTC].qty == 0


def test_fill_that_comes_before_its_order_is_known_reaches_its_tag(account: Account) -> None:
    order = account.send("early", "10", tag="a")
    account.hear(trade("O1", "T1", "buy", "1"))
    assert not account.positions[BTC].is_certain
    account.ack(order, "O1")
    assert account.positions[BTC].qty == 1
    assert account.positions[BTC].is_certain
    assert account.positions.tagged("a")[BTC].qty == 1


def test_seed_then_fills(account: Account) -> None:
    account.positions.seed(BTC, -2, "110")
    account.hear(trade("O1", "T1", "buy", "1", "100"))
    assert account.figures() == (Decimal(-1), Decimal(110), Decimal(10))
    with pytest.raises(ValueError, match="avg_price"):
        account.positions.seed(BTC, 1)
    with pytest.raises(ValueError, match="qty"):
        account.positions.seed(BTC, "many", 1)
    assert account.positions.seed(BTC, 0).avg_price is None


def test_listener_is_called_until_it_is_removed(account: Account) -> None:
    seen: list[Decimal] = []
    end = account.positions.on_change(lambda position: seen.append(position.qty))
    account.hear(trade("O1", "T1", "buy", "1"))
    account.positions.seed(BTC, 5, 100)
    end()
    end()
    account.hear(trade("O1", "T2", "buy", "1"))
    assert seen == [1, 5]


def test_callers_decimal_context_changes_nothing(account: Account) -> None:
    reports = [trade("O1", name, "sell", "1.23456", "99999.5") for name in ("T1", "T2")]
    with decimal.localcontext(prec=3):
        account.hear(*reports)
    assert account.figures() == (Decimal("-2.46912"), Decimal("99999.5"), Decimal(0))


def test_counts_of_old_orders_are_forgotten_and_open_ones_are_not(account: Account) -> None:
    account.hear(new("O", symbol=BTC))
    account.hear(trade("O", "T", "buy", "1"))
    one = Decimal(1)
    for n in range(ORDERS_KEPT + 10):
        fill = Fill(f"T{n}", f"O{n}", BTC, "buy", one, one, one, "m", (), n, 0)
        account.positions.add_fill(None, fill)
    assert len(account.positions._counted) <= ORDERS_KEPT
    account.hear(trade("O", "T+", "buy", "1", cum_qty=2.0, cum_cost=200.0))
    assert account.positions[BTC].qty == ORDERS_KEPT + 12


trades = st.lists(
    st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 50), st.integers(1, 2000)),
    max_size=30,
)


@given(trades)
def test_cash_is_kept_to_the_last_digit_that_matters(done: list[tuple[str, int, int]]) -> None:
    account = Account()
    account.complete_snapshot()
    qty, cash = Fraction(0), Fraction(0)
    for n, (side, lots, price) in enumerate(done):
        account.hear(trade(f"O{n}", f"T{n}", side, str(lots), str(price)))
        sign = 1 if side == "buy" else -1
        qty += sign * lots
        cash -= sign * lots * price
    position = account.positions[BTC]
    assert position.qty == qty
    worth = Fraction(position.qty) * Fraction(position.avg_price or 0)
    assert abs(Fraction(position.realized) - worth - cash) < Fraction(1, 10**18)
    if not qty:
        assert position.realized == cash
