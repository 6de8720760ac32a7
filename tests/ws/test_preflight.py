"""`client.preflight`, over real HTTPS, with one thing broken at a time.

The words of permissions and what they enable are those of Kraken's OpenAPI text and of its guide
"API key permissions"; the states are those of the pages "Get System Status" and "Instrument".
"""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.ws.helpers import BTC, ETH, RICH, eventually, tls_contexts

from kraken_connector.exceptions import InvalidParameter
from kraken_connector.rest import KrakenRest
from kraken_connector.sim import SimulatedExchange
from kraken_connector.ws import (
    AddOrderParams,
    CancelAllOrdersAfterParams,
    InstrumentParams,
    KrakenWSClient,
    Preflight,
    PreflightCheck,
    TokenManager,
)

ALL = {
    "query-funds",
    "query-open-trades",
    "query-closed-trades",
    "modify-trades",
    "close-trades",
    "create-ws-token",
}
SECOND = 10**9
ORDER = AddOrderParams(BTC, "buy", "limit", "1", limit_price="100.0")


@asynccontextmanager
async def exchange(
    tier_given: Any = None, **options: Any
) -> AsyncIterator[tuple[SimulatedExchange, KrakenWSClient]]:
    """An exchange with TLS, and a client of it that is not connected."""
    server, trust = tls_contexts("localhost", "127.0.0.1")
    # A key of its own: keys of one name share nonces and counters.
    own = f"key-{secrets.token_hex(8)}"
    plan: dict[str, Any] = {"symbols": [BTC, ETH], "rate": 0, "balances": RICH, "api_key": own}
    async with (
        SimulatedExchange(ssl=server, **{**plan, **options}) as sim,
        KrakenRest(own, sim.api_secret, base_url=sim.rest_url, ssl=trust, proxy=False) as rest,
    ):
        yield (
            sim,
            KrakenWSClient(
                sim.url, token_manager=TokenManager(rest), ssl=trust, proxy=False, tier=tier_given
            ),
        )


def states_of(report: Preflight) -> dict[str, str]:
    return {check.name: check.state for check in report}


def private_calls(sim: SimulatedExchange) -> list[str]:
    public = {"SystemStatus", "Time", "AssetPairs"}
    return [one.name for one in sim.rest.journal if one.name not in public]


# Everything is right.


async def test_all_is_well_without_a_connection() -> None:
    async with exchange() as (sim, client):
        report = await client.preflight([BTC, ETH])
        assert states_of(report) == {
            "key": "ok",
            "nonce": "ok",
            "may query": "ok",
            "may trade": "ok",
            "may cancel": "ok",
            "may get tokens": "ok",
            "token": "ok",
            "clock": "ok",
            "system": "ok",
            "maintenance": "ok",
            BTC: "ok",
            ETH: "ok",
            "tier": "unknown",
            "REST limit": "ok",
            "dead man's switch": "unknown",
        }
        assert report.ok
        assert report.problems == report.warnings == ()
        assert report.permissions is not None
        assert report.permissions >= ALL
        assert (report.status, report.tier) == ("online", None)
        # Costs of the guide "Spot REST rate limits": 1 for each of the two calls.
        assert private_calls(sim) == ["GetApiKeyInfo", "GetWebSocketsToken"]
        assert sim.rest.counter.count == 2
        assert sim.connections_total == 0


async def test_connection_tells_clock_and_tier() -> None:
    async with exchange(tier="pro") as (sim, client), client:
        await client.track_orders()
        await client.subscribe(InstrumentParams())
        report = await client.preflight([BTC], account=True)
        assert report.ok
        # Page "Spot trading rate limits": the threshold and the open orders of a pair.
        assert "180 points and 225 open orders" in report["tier"].text
        assert report.tier == "pro"
        assert report["open orders"].state == "ok"
        assert report["balances"].text == "available: 10000.0000000000 BTC, 1000000000.0000 USD"
        calls = [one.name for one in sim.rest.journal]
        assert "Time" not in calls
        assert "OpenOrders" not in calls
        assert report.clock_error is not None
        assert report.clock_error < 0.5


async def test_tier_that_was_given_is_not_called_checked() -> None:
    client = KrakenWSClient(tier="pro", rest=KrakenRest(base_url="http://127.0.0.1:9"))
    check = (await client.preflight(needs=(), timeout=0.1))["tier"]
    assert check.text.endswith("as given or last told")


@pytest.mark.virtual_time
async def test_slow_call_is_no_nonce_ahead() -> None:
    """The exchange tells the nonce of the call itself, which was repeated after three seconds."""
    own = f"key-{secrets.token_hex(8)}"
    async with (
        SimulatedExchange(symbols=[BTC], rate=0, clock=time.time_ns, api_key=own) as sim,
        KrakenRest(own, sim.api_secret, base_url=sim.rest_url) as rest,
    ):
        sim.faults.refuse_calls("EAPI:Rate limit exceeded", 1, calls=("GetApiKeyInfo",))
        report = await KrakenWSClient(sim.url, rest=rest).preflight()
        assert report["nonce"].state == "ok"


async def test_token_serves_the_next_connection() -> None:
    async with exchange() as (sim, client):
        await client.preflight()
        async with client:
            await client.track_orders()
        assert private_calls(sim).count("GetWebSocketsToken") == 1


async def test_bot_that_only_reads_market_data_needs_no_key() -> None:
    _, trust = tls_contexts("localhost", "127.0.0.1")
    async with (
        exchange() as (sim, _),
        KrakenRest(base_url=sim.rest_url, ssl=trust, proxy=False) as rest,
    ):
        client = KrakenWSClient(sim.url, rest=rest, proxy=False)
        report = await client.preflight([BTC], needs=())
        assert report.ok
        assert "key" not in report
        assert not (await client.preflight([BTC])).ok
        assert private_calls(sim) == []


# The key.


async def test_wrong_key_is_shown_to_the_exchange_once() -> None:
    async with exchange(api_key="another") as (sim, client):
        report = await client.preflight([BTC], account=True)
        assert report["key"].state == "failed"
        assert "EAPI:Invalid key: copy the public key again" in report["key"].text
        assert not report.ok
        assert states_of(report)["token"] == states_of(report)["may trade"] == "unknown"
        assert report[BTC].state == "ok"
        assert private_calls(sim) == ["GetApiKeyInfo"]


async def test_wrong_secret() -> None:
    async with exchange() as (sim, client):
        sim.faults.refuse_calls("EAPI:Invalid signature", None, calls=("GetApiKeyInfo",))
        report = await client.preflight()
        assert report["key"].state == "failed"
        assert "copy the private key again" in report["key"].text
        assert private_calls(sim) == ["GetApiKeyInfo"]


async def test_lockout_is_not_prolonged() -> None:
    async with exchange() as (sim, client):
        sim.faults.lock_out_calls(900)
        report = await client.preflight()
        assert report["key"].state == "failed"
        assert "wait for 15 minutes" in report["key"].text
        assert private_calls(sim) == ["GetApiKeyInfo"]


@pytest.mark.parametrize(
    ("days", "state", "words"),
    [
        (-1, "failed", "expired on"),
        (2, "warning", "which is soon"),
        (30, "ok", "until"),
    ],
)
async def test_expiry(days: int, state: str, words: str) -> None:
    at = int(datetime.now(UTC).timestamp()) + days * 86_400
    async with exchange() as (sim, client):
        sim.faults.alter_calls(None, calls=("GetApiKeyInfo",), validUntil=str(at))
        check = (await client.preflight())["key"]
        assert check.state == state
        assert words in check.text
        assert f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC" in check.text


async def test_expiry_is_by_the_clock_of_the_exchange() -> None:
    ahead = timedelta(hours=2)
    at = int((datetime.now(UTC) + timedelta(hours=1)).timestamp())
    async with exchange(clock=lambda: time.time_ns() + int(ahead.total_seconds()) * SECOND) as (
        sim,
        client,
    ):
        sim.faults.alter_calls(None, calls=("GetApiKeyInfo",), validUntil=str(at))
        assert (await client.preflight())["key"].state == "failed"


async def test_limits_of_the_key_are_mentioned() -> None:
    async with exchange() as (sim, client):
        sim.faults.alter_calls(None, calls=("GetApiKeyInfo",), ipAllowlist=["192.0.2.1"])
        check = (await client.preflight())["key"]
        assert check.state == "ok"
        assert "from 1 address only" in check.text
        assert "192.0.2.1" not in check.text
        sim.faults.alter_calls(None, calls=("GetApiKeyInfo",), queryFrom="1790000000")
        check = (await client.preflight())["key"]
        assert check.state == "warning"
        assert "only data from 2026-09-21" in check.text


# Nonces.


async def test_nonces_that_are_refused() -> None:
    async with exchange() as (sim, client):
        sim.faults.refuse_calls("EAPI:Invalid nonce", None, calls=("GetApiKeyInfo",))
        report = await client.preflight()
        assert report["nonce"].state == "failed"
        assert "nonce_unit='ns'" in report["nonce"].text
        assert report["key"].state == "unknown"
        assert not report.ok
        # The second one is the single repetition (Kraken's SDK).
        assert private_calls(sim) == ["GetApiKeyInfo"] * 2


@pytest.mark.parametrize(
    ("nonce", "state", "words"),
    [
        (lambda: time.time_ns() // 1000, "ok", "not ahead"),
        (lambda: (time.time_ns() - 3600 * SECOND) // 1000, "ok", "not ahead"),
        (lambda: (time.time_ns() + 300 * SECOND) // 1000, "warning", "the clock was set back"),
        (time.time_ns, "warning", "finer unit"),
    ],
)
async def test_last_nonce_of_the_exchange(nonce: Callable[[], int], state: str, words: str) -> None:
    async with exchange() as (sim, client):
        sim.faults.alter_calls(None, calls=("GetApiKeyInfo",), nonce=str(nonce()))
        report = await client.preflight()
        assert report["nonce"].state == state
        assert words in report["nonce"].text
        assert report.ok


async def test_last_nonce_may_be_left_out() -> None:
    async with exchange() as (sim, client):
        sim.faults.alter_calls(None, calls=("GetApiKeyInfo",), nonce=...)
        assert (await client.preflight())["nonce"].state == "unknown"


# Permissions.


@pytest.mark.parametrize(
    ("lacking", "expected"),
    [
        # QueryOrders and OpenOrders need it by both sources.
        ({"query-open-trades"}, {"may query": "failed"}),
        # TradeBalance needs it by the guide and not by the spec; BalanceEx by both.
        ({"query-funds"}, {"may query": "warning"}),
        # TradesHistory needs it by the spec; the guide accepts query-open-trades.
        ({"query-closed-trades"}, {"may query": "warning"}),
        ({"modify-trades"}, {"may trade": "failed"}),
        # Batches and edits need both by the spec.
        ({"close-trades"}, {"may trade": "warning", "may cancel": "warning"}),
        ({"close-trades", "modify-trades"}, {"may trade": "failed", "may cancel": "failed"}),
        ({"create-ws-token"}, {"may get tokens": "failed", "token": "failed"}),
    ],
)
async def test_missing_permissions(lacking: set[str], expected: dict[str, str]) -> None:
    async with exchange(permissions=frozenset(ALL - lacking)) as (_, client):
        report = await client.preflight()
        found = {
            check.name: check.state for check in report if check.state in ("failed", "warning")
        }
        assert found == expected
        assert report.ok == ("failed" not in expected.values())
        for name in expected.keys() - {"token"}:
            assert any(word in report[name].text for word in lacking)


async def test_only_what_is_needed_is_checked() -> None:
    async with exchange(permissions=frozenset({"close-trades"})) as (sim, client):
        report = await client.preflight(needs=["cancel"])
        assert report.ok
        assert report["may cancel"].state == "ok"
        assert "may trade" not in report
        assert private_calls(sim) == ["GetApiKeyInfo"]


async def test_permissions_that_are_not_told_are_unknown() -> None:
    async with exchange() as (sim, client):
        silent = sim.faults.alter_calls(None, calls=("GetApiKeyInfo",), permissions=...)
        report = await client.preflight()
        assert report["may trade"].state == "unknown"
        assert not report.ok
        assert report.permissions is None
        silent.cancel()
        sim.faults.alter_calls(None, calls=("GetApiKeyInfo",), permissions=[])
        assert (await client.preflight())["may trade"].state == "failed"


# The clock.


@pytest.mark.parametrize("offset", [0.0, 0.3, 0.97, -0.6, -1.4, 7.25, -7.25])
@pytest.mark.parametrize("is_connected", [False, True])
async def test_true_offset_is_within_what_is_claimed(offset: float, is_connected: bool) -> None:
    offset_ns = int(offset * SECOND)
    async with exchange(clock=lambda: time.time_ns() + offset_ns) as (_, client):
        if is_connected:
            async with client:
                await client.track_orders()
                report = await client.preflight()
        else:
            report = await client.preflight()
        assert report.clock_offset is not None
        assert report.clock_error is not None
        assert abs(report.clock_offset - offset) <= report.clock_error
        if not is_connected:  # whole seconds
            assert report.clock_error >= 0.5
        if abs(offset) > 7:
            assert report["clock"].state == "failed"
            assert "set the clock" in report["clock"].text


async def test_clock_that_is_a_little_wrong_is_a_warning() -> None:
    async with exchange(clock=lambda: time.time_ns() + 3_500_000_000) as (_, client):
        report = await client.preflight()
        assert report["clock"].state == "warning"
        assert report.ok


@pytest.mark.virtual_time
async def test_slow_reply_leaves_the_clock_unknown() -> None:
    """Within the six seconds of the call the exchange may have read its clock at any time."""
    async with (
        SimulatedExchange(symbols=[BTC], rate=0, clock=time.time_ns) as sim,
        KrakenRest(base_url=sim.rest_url) as rest,
    ):
        sim.faults.delay_calls(6.0, calls=("Time",))
        client = KrakenWSClient(sim.url, rest=rest)
        report = await client.preflight(needs=())
        assert report["clock"].state == "unknown"
        assert "too inexact" in report["clock"].text
        assert not report.ok


# The exchange.


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("online", "ok"),
        ("post_only", "warning"),
        ("limit_only", "warning"),
        ("cancel_only", "failed"),
        ("maintenance", "failed"),
    ],
)
async def test_system_status(status: Any, state: str) -> None:
    async with exchange() as (sim, client):
        sim.faults.set_system(status)
        report = await client.preflight()
        assert report["system"].state == state
        assert report.status == status
        assert report.ok == (state != "failed")
        assert (await client.preflight(needs=["cancel"])).ok


async def test_status_that_is_not_documented_is_unknown() -> None:
    async with exchange() as (sim, client):
        sim.faults.alter_calls(None, calls=("SystemStatus",), status="half_open")
        report = await client.preflight()
        assert report["system"].state == "unknown"
        assert not report.ok


async def test_worse_of_socket_and_rest_counts() -> None:
    async with exchange() as (sim, client), client:
        await eventually(lambda: client.system_status)
        sim.faults.alter_calls(None, calls=("SystemStatus",), status="cancel_only")
        check = (await client.preflight())["system"]
        assert check.state == "failed"
        assert "online by socket, cancel_only by REST" in check.text
        assert (await client.preflight()).status == "cancel_only"


async def test_announcements() -> None:
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=5)
    async with exchange() as (sim, client):
        sim.upcoming_maintenance = [{"title": "upgrade", "start": start.isoformat()}]
        sim.faults.alter_calls(None, calls=("SystemStatus",), emergency=[{"name": "withdrawals"}])
        report = await client.preflight()
        assert report["maintenance"].state == "warning"
        assert f"{start:%Y-%m-%d %H:%M} UTC" in report["maintenance"].text
        assert "withdrawals" in report["maintenance"].text
        assert report.ok


async def test_announcement_of_the_socket_counts_too() -> None:
    async with exchange() as (sim, client), client:
        sim.faults.set_system("online", upcoming_maintenance=["soon"])
        await eventually(lambda: client.upcoming_maintenance)
        sim.faults.refuse_calls("EService:Unavailable", None, calls=("SystemStatus",))
        report = await client.preflight(timeout=0.5)
        assert report["maintenance"].text == "announced: 'soon'"
        assert report["system"].state == "ok"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("post_only", "warning"),
        ("limit_only", "warning"),
        ("reduce_only", "warning"),
        ("cancel_only", "failed"),
        ("delisted", "failed"),
    ],
)
@pytest.mark.parametrize("by", ["REST", "socket"])
async def test_pair_that_is_restricted(status: Any, state: str, by: str) -> None:
    async with exchange() as (sim, client), client:
        if by == "socket":
            await client.subscribe(InstrumentParams())
            sim.faults.alter_calls(None, calls=("AssetPairs",), status="online")
        sim.faults.set_pair_status(BTC, status)
        if by == "socket":
            await eventually(lambda: client.instruments[BTC].status == status)
        report = await client.preflight([BTC, ETH])
        assert report[BTC].state == state
        assert report[ETH].state == "ok"


async def test_pair_that_does_not_exist() -> None:
    async with exchange() as (_, client):
        report = await client.preflight([BTC, "NOT/LISTED"])
        assert report["NOT/LISTED"].state == "failed"
        assert report[BTC].state == "ok"
        assert (await client.preflight(["NOT/LISTED"]))["NOT/LISTED"].state == "failed"


async def test_pair_without_a_status_is_not_called_ok() -> None:
    # Kraken's SDK: the exchange leaves it out for some pairs.
    async with exchange() as (sim, client):
        sim.faults.alter_calls(None, calls=("AssetPairs",), status=...)
        report = await client.preflight([BTC])
        assert report[BTC].state == "unknown"
        assert report.ok


async def test_what_an_ended_connection_said_does_not_count() -> None:
    async with exchange() as (sim, client):
        async with client:
            await client.subscribe(InstrumentParams())
            assert client.clock_offset is not None
        sim.faults.stop_rest()
        report = await client.preflight([BTC], timeout=0.3)
        assert report[BTC].state == "unknown"
        assert report["system"].state == "unknown"
        assert report["clock"].state == "unknown"


# The account.


async def test_orders_and_balances_that_are_there() -> None:
    async with exchange(balances={"USD": 1000}) as (sim, client):
        await sim.account.place(BTC, "buy", "1", limit_price="100.0")
        report = await client.preflight([BTC], account=True)
        assert report["open orders"].state == "warning"
        assert "1 of BTC/USD" in report["open orders"].text
        # 1000 USD, of which the order holds 100 and a fee.
        assert report["balances"].text.startswith("available: 899.")
        # 1 each, and 2 for OpenOrders by the dearer figure of Kraken's SDK.
        assert client.rest is not None
        assert client.rest.rate_counter.value == pytest.approx(5, abs=0.5)
        assert report.ok


async def test_nothing_to_trade_with() -> None:
    async with exchange(balances={"EUR": 1000}) as (_, client):
        check = (await client.preflight([BTC], account=True))["balances"]
        assert check.state == "warning"
        assert check.text == "nothing is available for BTC/USD"


@pytest.mark.parametrize(("tier", "state"), [("starter", "failed"), (None, "warning")])
async def test_pair_has_as_many_orders_as_are_accepted(tier: Any, state: str) -> None:
    # Page "Spot trading rate limits": 60 open orders of a pair for starters.
    async with exchange(tier, balances={"USD": 10**9}) as (sim, client):
        for _ in range(59):
            await sim.account.place(BTC, "buy", "1", limit_price="100.0")
        assert "already there" in (await client.preflight(account=True))["open orders"].text
        await sim.account.place(BTC, "buy", "1", limit_price="100.0")
        check = (await client.preflight(account=True))["open orders"]
        assert check.state == state
        assert "60 are accepted from starter accounts" in check.text
        assert (await client.preflight(needs=["cancel"], account=True)).ok


async def test_rest_limit_that_is_used_up() -> None:
    async with exchange() as (_, client):
        assert client.rest is not None
        for _ in range(9):
            await client.rest.balances()
        check = (await client.preflight())["REST limit"]
        assert check.state == "warning"
        assert "wait" in check.text


async def test_dead_mans_switch_of_this_client() -> None:
    async with exchange() as (_, client), client:
        await client.cancel_all_orders_after(CancelAllOrdersAfterParams(timeout=60))
        check = (await client.preflight())["dead man's switch"]
        assert check.state == "ok"
        assert "armed by this client until" in check.text


# What cannot be read is unknown.


@pytest.mark.parametrize("status", [503, None])
async def test_without_rest_nothing_is_ok(status: int | None) -> None:
    async with exchange() as (sim, client):
        sim.faults.stop_rest(status)
        report = await client.preflight([BTC], account=True, timeout=0.3)
        assert {check.state for check in report if check.name != "REST limit"} == {"unknown"}
        assert not report.ok
        assert {"key", "clock", "system", "token", BTC} <= {one.name for one in report.problems}


@pytest.mark.parametrize("call", ["GetApiKeyInfo", "SystemStatus", "Time", "AssetPairs"])
async def test_call_that_hangs_takes_the_timeout_and_spoils_only_its_check(call: str) -> None:
    async with exchange() as (sim, client):
        sim.faults.hang_calls(None, calls=(call,))
        async with asyncio.timeout(5):
            report = await client.preflight([BTC], ["cancel"], timeout=0.5)
        of_call = {
            "GetApiKeyInfo": {"key", "may cancel"},
            "SystemStatus": {"system"},
            "Time": {"clock"},
            "AssetPairs": {BTC},
        }
        assert {check.name for check in report.problems} == of_call[call]


@pytest.mark.parametrize("kind", ["no json", "result a list", "no result"])
async def test_replies_that_cannot_be_read(kind: Any) -> None:
    async with exchange() as (sim, client):
        sim.faults.garble_calls(kind, None)
        report = await client.preflight([BTC], account=True, timeout=0.5)
        assert {check.state for check in report if check.name != "REST limit"} == {"unknown"}


async def test_manager_of_the_user_may_raise_anything() -> None:
    class Manager:
        async def get_token(self) -> str:
            raise ValueError("the secret token")

    async with exchange() as (_, another):
        client = KrakenWSClient(rest=another.rest, token_manager=Manager(), proxy=False)  # type: ignore[arg-type]
        report = await client.preflight()
        assert report["token"].state == "unknown"
        assert report["token"].text == "ValueError"
        assert not report.ok


# The report.


async def test_no_secret_is_in_the_report() -> None:
    async with exchange() as (sim, client):
        good = await client.preflight([BTC], account=True)
        sim.faults.refuse_calls(f"EAPI:Invalid key:{sim.api_key}", None, calls=("GetApiKeyInfo",))
        bad = await client.preflight([BTC], account=True)
        shown = f"{good!r}{good}{bad!r}{bad}{dataclasses.asdict(good)}"
        for secret in (sim.api_key, sim.api_secret):
            assert secret not in shown
        assert "<key>" in str(bad)


def test_report_is_a_table() -> None:
    checks = (
        PreflightCheck("key", "ok", "valid"),
        PreflightCheck("clock", "unknown", "no reply"),
        PreflightCheck("tier", "unknown", "not told", is_required=False),
        PreflightCheck("system", "failed", "maintenance: " + "wait " * 30),
    )
    report = Preflight(checks, None, None, None, None, None)
    lines = str(report).splitlines()
    assert lines[:4] == [
        "NOT ready to start",
        "  ok       key     valid",
        "  UNKNOWN  clock   no reply",
        "  unknown  tier    not told",
    ]
    assert lines[4].startswith("  FAILED   system  maintenance: wait")
    assert max(map(len, lines)) <= 100
    assert [check.name for check in report.problems] == ["clock", "system"]
    assert "nonsense" not in report
    with pytest.raises(KeyError, match="nonsense"):
        report["nonsense"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"symbols": "BTC/USD"}, TypeError),
        ({"symbols": ["XBT/USD"]}, InvalidParameter),
        ({"needs": "trade"}, TypeError),
        ({"needs": ["withdraw"]}, InvalidParameter),
        ({"timeout": "soon"}, InvalidParameter),
    ],
)
async def test_wrong_arguments(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        await KrakenWSClient().preflight(**arguments)
