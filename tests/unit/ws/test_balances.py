"""The balances of the account, from messages of the `balances` channel."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kraken_connector import Engine, WSDataMessage
from kraken_connector.ws.account import balances as balances_module
from kraken_connector.ws.account.balances import Balances

FIXTURES = Path(__file__).parents[2] / "fixtures"
MAIN = ("spot", "main")


class Bench:
    """Balances that get the messages of a test."""

    def __init__(self) -> None:
        self.balances = Balances()
        self.changes: list[str] = []
        self.balances.on_change(self.changes.append)

    def hear(self, frame: bytes) -> None:
        for event in Engine().feed(frame):
            if isinstance(event, WSDataMessage):
                self.balances.observe(event)

    def say(self, kind: str, *items: str, sequence: int = 1) -> None:
        data = ",".join(items)
        frame = f'{{"channel":"balances","type":"{kind}","data":[{data}],"sequence":{sequence}}}'
        self.hear(frame.encode())

    def snapshot(self, **totals: str) -> None:
        self.say("snapshot", *(asset(name, total) for name, total in totals.items()))

    def entry(self, ledger_id: str, total: str, amount: str = "1.0", **fields: Any) -> None:
        self.say("update", entry(ledger_id, total, amount, **fields))


def asset(name: str, total: str) -> str:
    wallet = f'{{"type":"spot","id":"main","balance":{total}}}'
    return f'{{"asset":"{name}","asset_class":"currency","balance":{total},"wallets":[{wallet}]}}'


def entry(ledger_id: str, total: str, amount: str, **fields: Any) -> str:
    texts = {
        "ledger_id": ledger_id,
        "ref_id": "R1",
        "timestamp": "2026-01-01T00:00:00.000000Z",
        "type": "trade",
        "asset": "USD",
        "asset_class": "currency",
        "category": "trade",
        "wallet_type": "spot",
        "wallet_id": "main",
        **fields,
    }
    plain = json.dumps(texts)[:-1]
    return f'{plain},"amount":{amount},"fee":0.0000,"balance":{total}}}'


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_documented_and_observed_frames(bench: Bench) -> None:
    frames = [
        *(FIXTURES / "examples/balances.snapshot.json").read_bytes().splitlines(),
        *(FIXTURES / "examples/balances.update.jsonl").read_bytes().splitlines(),
        *(FIXTURES / "observed/user-data.jsonl").read_bytes().splitlines(),
    ]
    for frame in frames:
        if b'"balances"' not in frame:
            continue
        bench.hear(frame)
        for item in json.loads(frame, parse_float=Decimal, parse_int=Decimal)["data"]:
            assert bench.balances[item["asset"]] == item["balance"]
    # From the last snapshot and later entries: wallets are not reported for every asset.
    assert str(bench.balances["KAR"]) == "774.6366982600"
    assert bench.balances.wallets("KAR") == {}
    assert [item.ledger_id for item in bench.balances.entries][-2:] == [
        "DATKX6-PEHL1-HZKND8",
        "9K6IR4-X9PQJ-OMBG73",
    ]


def test_entry_changes_total_and_wallet(bench: Bench) -> None:
    bench.snapshot(USD="100.0000", BTC="1.5")
    bench.entry("L1", "90.5000", "-9.5000")
    assert str(bench.balances["USD"]) == "90.5000"
    assert bench.balances.wallets("USD") == {MAIN: Decimal("90.5000")}
    bench.entry("L2", "95.5000", "5.0000", wallet_type="earn", wallet_id="flexible")
    assert bench.balances.wallets("USD") == {
        MAIN: Decimal("90.5000"),
        ("earn", "flexible"): Decimal("5.0000"),
    }
    assert sorted(bench.changes) == ["BTC", "USD", "USD", "USD"]
    assert dict(bench.balances) == {"USD": Decimal("95.5"), "BTC": Decimal("1.5")}


def test_entry_that_a_snapshot_had_is_not_added_again(bench: Bench) -> None:
    bench.snapshot(USD="90.5000")
    bench.entry("L1", "90.5000", "-9.5000")
    assert bench.balances.wallets("USD") == {MAIN: Decimal("90.5000")}
    assert [item.ledger_id for item in bench.balances.entries] == ["L1"]


def test_entry_counts_once(bench: Bench) -> None:
    bench.snapshot(USD="100.0")
    bench.entry("L1", "101.0")
    bench.entry("L2", "102.0")
    bench.entry("L1", "101.0")
    assert bench.balances["USD"] == 102
    assert [item.ledger_id for item in bench.balances.entries] == ["L1", "L2"]


def test_only_the_last_entries_are_kept(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balances_module, "ENTRIES_KEPT", 2)
    for number in (1, 2, 3):
        bench.entry(f"L{number}", f"{number}.0")
    assert [item.ledger_id for item in bench.balances.entries] == ["L2", "L3"]
    assert bench.balances._counted == {"L2", "L3"}


def test_entries_of_other_users_are_left_out(bench: Bench) -> None:
    bench.snapshot(USD="100.0")
    bench.entry("L1", "5.0", user="AA11 N84G")
    assert bench.balances["USD"] == 100
    assert bench.balances.entries == []


def test_snapshot_replaces_everything(bench: Bench) -> None:
    bench.snapshot(USD="100.0", BTC="1.0")
    bench.changes.clear()
    bench.snapshot(USD="100.0", EUR="2.0")
    assert dict(bench.balances) == {"USD": Decimal("100.0"), "EUR": Decimal("2.0")}
    assert sorted(bench.changes) == ["BTC", "EUR"]


def test_current_from_a_snapshot_to_the_next_gap(bench: Bench) -> None:
    assert not bench.balances.is_current
    bench.entry("L1", "1.0")
    assert not bench.balances.is_current
    bench.snapshot()
    assert bench.balances.is_current
    for end in (bench.balances.gap_began, bench.balances.unsubscribed):
        end()
        assert not bench.balances.is_current
        bench.snapshot()
    assert repr(bench.balances) == "<Balances: >"


def test_listener_can_leave_and_may_fail(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    leave = bench.balances.on_change(lambda _: 1 / 0)
    bench.snapshot(USD="1.0")
    assert bench.balances["USD"] == 1
    assert "ZeroDivisionError" in caplog.text
    caplog.clear()
    leave()
    bench.snapshot(USD="2.0")
    assert not caplog.records
    assert bench.changes == ["USD", "USD"]


def test_snapshot_may_come_in_several_messages(bench: Bench) -> None:
    bench.snapshot(OLD="1.0")
    bench.say("snapshot", asset("USD", "2.0"))
    bench.say("snapshot", asset("BTC", "3.0"), sequence=2)
    assert dict(bench.balances) == {"USD": Decimal("2.0"), "BTC": Decimal("3.0")}
    assert bench.balances.is_current


def test_further_message_of_a_snapshot_makes_nothing_current(bench: Bench) -> None:
    bench.say("snapshot", asset("USD", "2.0"))
    bench.balances.gap_began()
    bench.say("snapshot", asset("BTC", "3.0"), sequence=2)
    assert not bench.balances.is_current
