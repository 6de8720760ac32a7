"""Scenarios of orders that hypothesis generates, and those that once failed.

A failing scenario is shrunk and printed as `script=[...]`: fix the client, then paste it into
`FAILED_ONCE`, where it stays a test.
"""

from __future__ import annotations

import inspect
import itertools
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.ws.order_scenarios import ALTERED, OTHER_WORDS, STEPS, Script, Setup, Step, run

from kraken_connector.models import ExecutionData
from kraken_connector.sim import SimulatedExchange
from kraken_connector.sim.faults import Faults
from kraken_connector.sim.requests import TRADING_METHODS
from kraken_connector.sim.rest.garbled import Garbled
from kraken_connector.sim.rest.venue import ALL_PERMISSIONS
from kraken_connector.ws.account.balances import Balances
from kraken_connector.ws.orders import Orders
from kraken_connector.ws.orders.life import Life
from kraken_connector.ws.protocol.order_requests import Command, OrderRequests

sides = st.sampled_from(["buy", "sell"])
qtys = st.integers(1, 300)
offsets = st.integers(-12, 12)
few = st.integers(1, 3)
indexes = st.integers(0, 7)
lists_of_indexes = st.lists(indexes, min_size=1, max_size=5)
seconds = st.sampled_from([0.0, 0.0005, 0.002, 0.1, 1.0, 3.0, 10.0])
#: How far a stream may be behind: less than the slack after a deadline (`ws/orders/evidence.py`).
lags = st.sampled_from([0.1, 1.0, 2.0])
channels = st.sampled_from(["executions", "balances"])
methods = st.sampled_from([None, None, *sorted(TRADING_METHODS)])
tags = st.sampled_from([None, None, "a", "b"])
options = st.fixed_dictionaries(
    {},
    optional={
        "identity": st.sampled_from(["name", "number", "none"]),
        "again": st.sampled_from([0, 1, 2]),
        "market": st.just(True),
        "stp_type": st.sampled_from(["cancel_newest", "cancel_oldest", "cancel_both"]),
    },
)
#: Names of a batch must differ.
once = options.map(lambda drawn: {k: v for k, v in drawn.items() if k != "again"})
orders = (
    sides,
    qtys,
    offsets,
    options | st.just({"post_only": True}) | st.just({"time_in_force": "ioc"}),
    tags,
)
#: Refusals after which an order may be open, and shapes that are not on record.
errors = st.sampled_from(["EService:Busy", "EGeneral:Internal error", ["EService:Busy"], None])
successes = st.sampled_from([False, None])
kinds = st.sampled_from(["pending_new", "new", "trade", "canceled", "filled", "amended"])

rest_errors = st.sampled_from(
    [
        "EGeneral:Permission denied",
        "EGeneral:Internal error",
        "EService:Busy",
        "EAPI:Rate limit exceeded",
        "EAPI:Invalid nonce",
    ]
)

#: What the arguments of each step are drawn from.
ARGUMENTS: dict[str, tuple[st.SearchStrategy[Any], ...]] = {
    "add": orders,
    "place": orders,
    "batch_add": (sides, st.lists(qtys, min_size=2, max_size=4), offsets, once, tags),
    "amend": (indexes, qtys, offsets),
    "order_amend": (indexes, qtys),
    "prepared_amend": (indexes, qtys),
    "edit": (indexes, qtys),
    "cancel": (lists_of_indexes,),
    "cancel_by_name": (indexes,),
    "order_cancel": (indexes,),
    "prepared_cancel": (indexes,),
    "batch_cancel": (lists_of_indexes,),
    "cancel_all": (),
    "cancel_everything": (),
    "cancel_after": (st.sampled_from([0, 1, 5]),),
    "give_up": (),
    "stranger": (sides, qtys, offsets, st.sampled_from(["name", "number", "none"]), indexes),
    "wait": (seconds,),
    "move": (st.integers(1, 20),),
    "trade": (sides, st.integers(1, 100)),
    "deposit": (few,),
    "withdraw": (few,),
    "release": (),
    "message_limit": (few,),
    "lose_requests": (methods, few, st.booleans()),
    "delay_requests": (seconds, few),
    "hold_requests": (few,),
    "strand_requests": (methods, seconds, few),
    "overtake_requests": (methods, few),
    "scatter_requests": (seconds, few),
    "refuse_orders": (methods, errors, successes),
    "refuse_reported": (st.just("EGeneral:Internal error"), few),
    "break_batches": (few,),
    "reject_lines": (st.lists(st.integers(0, 3), min_size=1, max_size=3),),
    "echo_requests": (methods, few),
    "lose_replies": (methods, few),
    "delay_replies": (seconds, few),
    "hold_replies": (few,),
    "overtake_replies": (methods, few),
    "scatter_replies": (seconds, few),
    "duplicate_replies": (methods, few),
    "cut_before_reply": (methods, few),
    "fail_replies": (methods, errors, successes),
    "change_replies": (methods, st.sampled_from(["result", "order_id", "success", "time_out"])),
    "deny_timer": (few,),
    "hold_reports": (few,),
    # Not balances: entries of the ledger have no order but that of their arrival.
    "delay_reports": (st.just("executions"), seconds, few),
    "duplicate_reports": (channels, few),
    "lose_reports": (channels, few),
    "nameless_reports": (st.lists(kinds, max_size=2), few),
    "overtake_reports": (kinds, kinds, few),
    "alter_reports": (st.sampled_from(sorted(ALTERED)), few),
    "edit_reports": (few,),
    "lag_stream": (lags, st.booleans()),
    "send_snapshots": (channels,),
    "reset_sequence": (channels,),
    "skip_sequence": (channels,),
    "lose_snapshots": (channels, few),
    "refuse_subscriptions": (channels, few),
    "ignore_subscriptions": (channels, few),
    "mute_subscriptions": (channels, few),
    "delay_acks": (seconds, few),
    "swallow_acks": (few,),
    "duplicate_acks": (few,),
    "drop_updates": (channels, few),
    "duplicate_updates": (channels, few),
    "swap_updates": (channels, few),
    "truncate_updates": (channels, few),
    "stall_mid_frame": (channels,),
    "cut_mid_frame": (channels,),
    "dribble_updates": (channels, few),
    "fragment_updates": (channels, few),
    "binary_updates": (channels, few),
    "compress_updates": (channels,),
    "send_text": (st.sampled_from(["Bad gateway", "{", '{"channel":"executions"}']),),
    "send_huge_frame": (),
    "send_bytes": (st.sampled_from([b"\x00", b"\x81", b"\x8a\x00"]),),
    "refuse_calls": (rest_errors, few),
    "fail_calls": (rest_errors, few),
    "throttle_calls": (seconds, few),
    "lock_out_calls": (st.just(30.0),),
    "warn_calls": (st.just("WGeneral:Danger"),),
    "garble_calls": (st.sampled_from(get_args(Garbled)), few),
    "break_calls": (st.sampled_from([429, 502, 520]), few),
    "drop_calls": (few,),
    "hang_calls": (few,),
    "strand_calls": (seconds, few),
    "delay_calls": (seconds, few),
    "drip_calls": (st.just(0.01), few),
    "stop_rest": (st.sampled_from([503, None]),),
    "lag_rest": (lags,),
    "reset_connections": (),
    "close_connections": (st.sampled_from([1000, 1001, 1006, 1012, 1013]),),
    "silence_connections": (),
    "stall_connections": (seconds,),
    "refuse_connections": (few, st.sampled_from([503, 429, None])),
    "ignore_connections": (few,),
    "delay_pongs": (seconds, few),
    "swallow_pongs": (few,),
    "stop_heartbeats": (),
    "set_system": (
        st.sampled_from(["online", "post_only", "limit_only", "cancel_only", "maintenance"]),
    ),
    "set_pair_status": (st.sampled_from(["online", "post_only", "cancel_only", "reduce_only"]),),
    "storm_status": (st.just(20),),
    "revoke_tokens": (),
    "expire_tokens": (few,),
    "refuse_tokens": (st.sampled_from(["EAPI:Rate limit exceeded", "EAPI:Invalid nonce"]),),
    "lock_out_tokens": (st.just(30.0),),
    "alter_tokens": (st.booleans(),),
    "fail_tokens": (st.sampled_from([429, 502, 520]), few),
    "drop_tokens": (few,),
    "hang_tokens": (few,),
    "delay_tokens": (seconds,),
    "drip_tokens": (st.just(0.01),),
}
#: Faults that are not about orders: those of books and of what cannot be in virtual time, and what
#: the exchange itself calls.
NOT_DRAWN = {
    "alter_calls",
    "rewrite_calls",
    "after_messages",
    "after_seconds",
    "arriving",
    "break_tls",
    "clear",
    "corrupt_checksums",
    "corrupt_updates",
    "cross_book",
    "garble_checksums",
    "lets_through",
    "lose_checksums",
    "mute_streams",
    "pass_on",
    "refusal_of",
    "refuse_symbols",
}
#: Steps without which there is nothing to go wrong.
OFTEN = ["add"] * 12 + ["place"] * 4 + ["wait"] * 12 + ["trade"] * 8 + ["amend", "cancel"] * 4

steps: st.SearchStrategy[Step] = st.one_of(
    [st.tuples(st.just(name), *ARGUMENTS[name]) for name in [*ARGUMENTS, *OFTEN]]
)
#: Faults that lose whole messages of the stream of their first argument.
LOSSES = ("lose_reports", "drop_updates")


def is_visible(script: Script) -> bool:
    """Return whether every lost message shows in the numbers of its stream.

    Where the stream also counts anew, the number after the lost ones can be the one expected.
    """
    anew = {args[0] for name, *args in script if name == "reset_sequence"}
    losing = {args[0] for name, *args in script if name in LOSSES}
    # What a connection would send while it stands still is lost.
    stands_still = any(name == "stall_connections" for name, *_ in script)
    return not anew & losing and not (anew and stands_still)


# Several lists, as one is short more often than long.
scenarios = (
    st.tuples(*[st.lists(steps, max_size=12)] * 3)
    .map(lambda parts: list(itertools.chain.from_iterable(parts)))
    .filter(is_visible)
)

#: Without them REST shows neither orders nor fills.
QUERIES = {"query-open-trades", "query-closed-trades"}
#: What the exchange is made with, by argument. What is missing here is in `FIXED`.
EXCHANGE: dict[str, st.SearchStrategy[Any]] = {
    "hosts": st.sampled_from(["one", "three"]),
    "ack_first": st.booleans(),
    "token_lifetime": st.sampled_from([900.0, 5.0]),
    "reply_first": st.booleans(),
    "idle_seconds": st.sampled_from([None, 30.0]),
    "report_stamps": st.sampled_from(["own", "same"]),
    "snapshot_parts": st.sampled_from([1, 3]),
    # Less than `SNAPSHOT_PAUSE` (`ws/orders/evidence.py`).
    "snapshot_pause": st.sampled_from([0.0, 0.2]),
    "snapshot_delay": st.sampled_from([0.0, 0.3]),
    "snapshot_orders": st.sampled_from(["new", "trade"]),
    "rate_key": st.sampled_from(["ratecount", None]),
    "batch_add_reply": st.sampled_from(["error", "missing", "unsuccessful", "wrapped", "rejected"]),
    "batch_add_rows": st.sampled_from(["in order", "reversed", "shuffled"]),
    "batch_cancel_reply": st.sampled_from(["documented", "captured", "renamed", "empty result"]),
    "timer_keys": st.sampled_from(["camelCase", "snake_case"]),
    "timer_off": st.sampled_from(["zero", "absent", "equal"]),
    "names_replaced": st.booleans(),
    "texts": st.sampled_from([{}, OTHER_WORDS]),
    "rest_lag": st.sampled_from([0.0, 1.0, 2.0]),
    "permissions": st.sampled_from([ALL_PERMISSIONS, ALL_PERMISSIONS - QUERIES]),
    "nonce_window": st.sampled_from([0, 1_000_000]),
    "rest_limits": st.booleans(),
    "seed": st.integers(1, 9),
}
#: What `order_scenarios` itself gives, or has nothing to do with orders.
FIXED = {
    "host",
    "port",
    "symbols",
    "rate",
    "heartbeat_interval",
    "ssl",
    "api_key",
    "api_secret",
    "role",
    "level3_allowance",
    "level3_restamps",
    "level3_amends",
    "message_limit",  # A step sets it.
    "send_buffer_limit",
    "history",
    "balances",
    "tier",
    "positions",  # No step has positions to settle.
    "clock",
}
CLIENT: dict[str, st.SearchStrategy[Any]] = {
    "order_deadline": st.sampled_from([5.0, 0.5]),
    "sequencing": st.sampled_from(["hold", "send"]),
    "rate_policy": st.sampled_from(["report", "wait"]),
}
setups = st.builds(
    Setup,
    exchange=st.fixed_dictionaries({}, optional=EXCHANGE),
    client=st.fixed_dictionaries({}, optional=CLIENT),
    is_maker=st.sampled_from([False, False, False, True]),
)

FAILED_ONCE: dict[str, tuple[Script, Setup]] = {
    "the last request waits in vain for its answer": (
        [("wait", 3.0), ("edit", 5, 166), ("lose_requests", "edit_order", 3, False), ("wait", 0.1)],
        Setup(client={"order_deadline": 0.5}, is_maker=True),
    ),
    "an amend sets the quantity to what is filled, and the report of the end is lost": (
        [
            ("add", "sell", 232, 2, {"post_only": True}, "b"),
            ("wait", 3.0),
            ("add", "buy", 285, 4, {"identity": "number"}, "a"),
            ("trade", "buy", 19),
            ("truncate_updates", "executions", 1),
            ("wait", 0.002),
            ("amend", 0, 114, -6),
        ],
        Setup(),
    ),
    "another program uses the name of an order that is pending, and reports change indexes": (
        [
            ("place", "buy", 17, -2, {"post_only": True}, "a"),
            ("swap_updates", "executions", 2),
            ("stranger", "sell", 157, -1, "name", 6),
            ("trade", "buy", 94),
        ],
        Setup(exchange={"reply_first": False}),
    ),
    "a connection stands still between two messages of a snapshot": (
        [
            ("add", "buy", 88, 12, {"time_in_force": "ioc"}, None),
            ("stall_mid_frame", "balances"),
            ("drop_updates", "executions", 2),
            ("wait", 10.0),
        ],
        Setup(exchange={"snapshot_pause": 0.2, "snapshot_parts": 3}, is_maker=True),
    ),
    "another program uses the name of an order that is pending, and its first report is late": (
        [
            ("trade", "buy", 17),
            ("place", "buy", 117, -7, {"time_in_force": "ioc"}, None),
            ("overtake_reports", "pending_new", "amended", 3),
            ("stranger", "sell", 1, -12, "name", 3),
        ],
        Setup(),
    ),
    "a smaller order of another program has the name of one that never arrived, and is filled": (
        [
            ("place", "sell", 256, 0, {"identity": "name", "market": True, "again": 1}, None),
            ("silence_connections",),
            ("stranger", "sell", 37, -7, "name", 3),
        ],
        Setup(),
    ),
    "the second of three messages of a snapshot is lost": (
        [("lose_snapshots", "balances", 1), ("wait", 3.0)],
        Setup(exchange={"snapshot_parts": 3, "snapshot_pause": 0.2}),
    ),
    "rows of a batch of numbered orders stand in another order, and its reports are lost": (
        [
            ("stall_mid_frame", "executions"),
            ("batch_add", "buy", [153, 164, 1], 7, {"identity": "number", "market": True}, None),
            ("wait", 3.0),
        ],
        Setup(exchange={"batch_add_rows": "reversed"}),
    ),
    "an order is announced late and never comes to be": (
        [
            ("refuse_reported", "EGeneral:Internal error", 1),
            ("lag_stream", 0.1, True),
            ("add", "buy", 1, 0, {"post_only": True}, None),
            ("add", "buy", 1, 0, {"post_only": True}, None),
            ("wait", 10.0),
        ],
        Setup(),
    ),
    "a stream that was refused begins before its answer, and has a gap": (
        [
            ("refuse_subscriptions", "executions", 3),
            ("send_text", '{"channel":"executions"}'),
            ("wait", 10.0),
            ("reset_sequence", "executions"),
        ],
        Setup(exchange={"ack_first": False}),
    ),
    "reports of a numbered order wait for its reply through a gap": (
        [
            ("hold_reports", 3),
            ("lose_reports", "executions", 1),
            ("lose_replies", None, 3),
            ("add", "sell", 1, 1, {"identity": "number"}, None),
            ("wait", 0.1),
            ("trade", "buy", 16),
            ("add", "sell", 147, -7, {"post_only": True}, None),
        ],
        Setup(),
    ),
    "a snapshot without its first message was regarded as complete": (
        [
            ("add", "buy", 5, 50, {}, None),
            ("add", "buy", 5, 51, {}, None),
            ("add", "buy", 5, 52, {}, None),
            ("wait", 1.0),
            ("lose_snapshots", "executions", 1),
            ("reset_connections",),
            ("wait", 10.0),
        ],
        Setup(exchange={"snapshot_parts": 3}),
    ),
    "a snapshot of balances without its first messages was the last one": (
        [
            ("lose_snapshots", "balances", 2),
            ("add", "sell", 1, -10, {}, None),
            ("lose_requests", None, 1, True),
            ("wait", 10.0),
        ],
        Setup(exchange={"snapshot_parts": 3}),
    ),
    "an order that was announced and refused with an uncertain error was not checked": (
        [("refuse_reported", "EGeneral:Internal error", 2), ("add", "sell", 81, 9, {}, None)],
        Setup(),
    ),
    "an end in a gap was not checked when the answer came in it": (
        [
            ("send_text", '{"channel":"executions"}'),
            ("wait", 0.0005),
            ("add", "buy", 143, -12, {"time_in_force": "ioc"}, None),
        ],
        Setup(),
    ),
    "a sparse report joined an order of the other side by name": (
        [
            ("add", "sell", 300, -8, {"market": True, "again": 2}, None),
            ("stranger", "buy", 183, 10, "name", 6),
        ],
        Setup(),
    ),
}


def test_every_step_has_its_arguments() -> None:
    assert ARGUMENTS.keys() == STEPS.keys()


def test_every_fault_is_drawn() -> None:
    faults = {name for name, _ in inspect.getmembers(Faults, callable) if name[0] != "_"}
    assert faults - STEPS.keys() == NOT_DRAWN


def test_every_option_of_the_exchange_is_drawn() -> None:
    arguments = inspect.signature(SimulatedExchange).parameters
    assert arguments.keys() == EXCHANGE.keys() | FIXED


@settings(
    max_examples=settings().max_examples * 6 // 5,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(script=scenarios, setup=setups)
def test_scenario(script: list[Step], setup: Setup) -> None:
    run(script, setup)


@pytest.mark.parametrize("name", FAILED_ONCE)
def test_scenario_that_once_failed(name: str) -> None:
    run(*FAILED_ONCE[name])


CALM: Script = [
    ("add", "buy", 50, 0, {}, None),
    ("add", "sell", 50, 1, {"post_only": True}, "a"),
    ("add", "buy", 10, 0, {"market": True}, None),
    ("batch_add", "sell", [5, 6, 7], 3, {}, "b"),
    ("wait", 0.1),
    ("trade", "sell", 100),
    ("amend", 0, 70, 2),
    ("cancel", [1]),
    ("add", "buy", 50, 5, {"identity": "number"}, None),
    ("place", "buy", 50, 5, {"identity": "none"}, None),
    ("wait", 0.1),
    ("edit", 0, 60),
    ("wait", 0.1),
    ("cancel_all",),
]


@pytest.mark.parametrize("is_maker", [False, True])
def test_calm_scenario(is_maker: bool) -> None:
    run(CALM, Setup(is_maker=is_maker))


def test_request_falsely_reported_as_not_sent_fails_a_scenario(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(OrderRequests, "_was_sent", lambda *_: False)
    with pytest.raises(AssertionError, match="is final, but"):
        run([("cut_before_reply", None, 1), ("add", "buy", 5, 0, {}, None), ("wait", 1.0)])


def test_order_that_is_called_absent_too_soon_fails_a_scenario(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Life, "left_unanswered", lambda life: setattr(life, "status", "absent"))
    with pytest.raises(AssertionError, match="is final, but"):
        run([("strand_requests", None, 1.0, 1), ("add", "buy", 5, 0, {}, None), ("wait", 2.0)])


def test_fill_that_is_forgotten_fails_a_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    apply = Orders._apply_report

    def apply_no_fill(orders: Orders, report: ExecutionData) -> None:
        if report.exec_type != "trade":
            apply(orders, report)

    monkeypatch.setattr(Orders, "_apply_report", apply_no_fill)
    with pytest.raises(AssertionError, match="fills of"):
        run([("add", "buy", 5, 0, {"market": True}, None), ("wait", 0.1)])


def test_balance_that_is_wrong_fails_a_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Balances, "_apply_entry", lambda *_: None)
    with pytest.raises(AssertionError, match="no stream"):
        run([("wait", 0.1)])


def test_request_that_is_sent_twice_fails_a_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    send = OrderRequests._send

    def send_twice(requests: OrderRequests, command: Command, now: float) -> None:
        send(requests, command, now)
        requests._outgoing.append(command.frame)

    monkeypatch.setattr(OrderRequests, "_send", send_twice)
    with pytest.raises(AssertionError, match="was sent twice"):
        run([("add", "buy", 5, 0, {}, None)])
