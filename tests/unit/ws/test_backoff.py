"""Delays before reconnecting, and the budget of connection attempts."""

from __future__ import annotations

import ssl
from itertools import islice

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response

from kraken_connector.exceptions import ConnectionLost
from kraken_connector.ws.network.backoff import (
    ConnectBudget,
    connect_failed,
    delays,
    is_retryable,
    spread,
)

VENUE = "wss://ws.kraken.com/v2"


def test_delays_double_up_to_their_cap() -> None:
    assert list(islice(delays(0.5, 3.0, random=lambda: 0.0), 5)) == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_jitter_shortens_by_up_to_a_half() -> None:
    assert list(islice(delays(1.0, 8.0, random=lambda: 1.0), 3)) == [0.5, 1.0, 2.0]
    assert all(0.5 <= next(delays(1.0, 1.0)) <= 1.0 for _ in range(100))


def test_delays_go_on_for_ever() -> None:
    assert list(islice(delays(0.5, 30.0, random=lambda: 0.0), 5000))[-1] == 30.0


def test_budget_makes_wait_beyond_its_limit() -> None:
    budget = ConnectBudget(limit=2, window=10.0)
    assert [budget.reserve(VENUE, now) for now in (0.0, 1.0)] == [0.0, 0.0]
    assert budget.reserve(VENUE, 2.0) == 8.0
    assert budget.reserve("wss://ws-auth.kraken.com/v2", 2.0) == 9.0
    assert budget.reserve(VENUE, 10.0) == 10.0
    assert budget.reserve(VENUE, 40.0) == 0.0


def test_budget_never_lets_more_than_its_limit_into_a_window() -> None:
    budget = ConnectBudget(limit=5, window=60.0)
    starts = sorted(now + budget.reserve(VENUE, now) for now in (float(n) for n in range(50)))
    assert all(later - earlier >= 60.0 for earlier, later in zip(starts, starts[5:], strict=False))


def test_budget_forgets_an_attempt_that_is_given_back() -> None:
    budget = ConnectBudget(limit=2, window=10.0)
    for now in (0.0, 1.0):
        budget.reserve(VENUE, now)
    for _ in range(10):
        assert budget.reserve(VENUE, 2.1) == pytest.approx(7.9)
        budget.give_back(2.1 + 7.9)
    assert budget.reserve(VENUE, 12.0) == 0.0


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1/v2", "wss://notkraken.com", "wss://[::1]/v2"])
def test_budget_is_for_the_exchanges_hosts_alone(url: str) -> None:
    budget = ConnectBudget(limit=1, window=10.0)
    assert [budget.reserve(url, 0.0) for _ in range(3)] == [0.0, 0.0, 0.0]


def test_policy_violation_is_final() -> None:
    lost = ConnectionLost(VENUE, "")
    assert is_retryable(lost)
    lost.code = 1008
    assert not is_retryable(lost)


def test_untrusted_certificate_is_final() -> None:
    assert not is_retryable(ssl.SSLCertVerificationError("untrusted"))
    assert is_retryable(ConnectionRefusedError())
    assert is_retryable(TimeoutError())


@pytest.mark.parametrize(("chance", "pause"), [(0.0, 5.0), (0.5, 7.5)])
def test_gentle_pause_is_at_least_the_given_one(chance: float, pause: float) -> None:
    assert spread(5.0, random=lambda: chance) == pause


def refused(status: int, **headers: str) -> InvalidStatus:
    return InvalidStatus(Response(status, "", Headers(headers)))


@pytest.mark.parametrize("status", [200, 302, 429, 500, 502, 503, 520])
def test_other_refusals_of_a_handshake_are_not_final(status: int) -> None:
    assert is_retryable(refused(status))


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_refusals_of_a_handshake_that_stay_are_final(status: int) -> None:
    assert not is_retryable(refused(status))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 0.0),
        ("100000", 900.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 900.0),
        ("soon", None),
        ("-1", None),
        ("", None),
    ],
)
def test_pause_that_a_refusal_names_is_bounded(value: str, seconds: float | None) -> None:
    failed = connect_failed(VENUE, 1, refused(503, **{"Retry-After": value}))
    assert (failed.status, failed.retry_after) == (503, seconds)


def test_failures_without_a_text_have_their_type() -> None:
    assert connect_failed(VENUE, 2, TimeoutError()).reason == "TimeoutError"
