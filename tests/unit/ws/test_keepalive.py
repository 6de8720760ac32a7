"""Ping, pong and silence."""

from __future__ import annotations

import pytest

from kraken_connector.exceptions import ConnectionLost, HeartbeatTimeout
from kraken_connector.ws.protocol.keepalive import Keepalive

URL = "ws://exchange.test"


@pytest.fixture
def live() -> Keepalive:
    keepalive = Keepalive(ping_interval=10.0, ping_timeout=5.0, heartbeat_timeout=30.0)
    keepalive.reset(0.0)
    assert keepalive.start_ping(0.0)
    keepalive.on_pong(0.0)
    return keepalive


def test_ping_is_due_at_once_on_a_new_socket(live: Keepalive) -> None:
    live.reset(1000.0)
    assert live.deadline() == 1000.0
    assert live.start_ping(1000.0)
    assert not live.start_ping(1000.0)
    live.on_pong(1000.5)
    assert live.latency == 0.5
    assert live.deadline() == 1010.0


def test_ping_is_due_once_an_interval(live: Keepalive) -> None:
    assert live.deadline() == 10.0
    assert not live.start_ping(9.9)
    assert live.start_ping(10.0)
    assert not live.start_ping(10.1)
    live.on_pong(10.2)
    assert live.latency == pytest.approx(0.2)
    assert live.start_ping(20.0)


def test_pong_must_come_in_time(live: Keepalive) -> None:
    live.start_ping(10.0)
    live.heard = 14.0
    assert live.deadline() == 15.0
    assert live.failure(URL, 14.9) is None
    assert isinstance(live.failure(URL, 15.0), ConnectionLost)


def test_no_second_ping_while_one_is_unanswered() -> None:
    live = Keepalive(ping_interval=1.0, ping_timeout=5.0, heartbeat_timeout=30.0)
    live.reset(0.0)
    assert live.start_ping(1.0)
    assert not live.start_ping(2.0)
    assert live.deadline() == 3.0
    live.on_pong(2.5)
    assert live.start_ping(3.0)


def test_silence_is_measured_from_the_last_frame(live: Keepalive) -> None:
    live.heard = 4.0
    assert live.failure(URL, 33.9) is None
    failure = live.failure(URL, 34.0)
    assert isinstance(failure, HeartbeatTimeout)
    assert failure.silence == 30.0


def test_unexpected_pong_means_nothing(live: Keepalive) -> None:
    live.on_pong(1.0)
    assert live.latency == 0.0


def test_excuse_grants_time(live: Keepalive) -> None:
    live.start_ping(10.0)
    live.excuse(100.0, 0.5)
    assert live.failure(URL, 100.4) is None
    assert live.failure(URL, 100.6) is not None


def test_pause_judges_nothing_and_pings_on(live: Keepalive) -> None:
    live.start_ping(10.0)
    live.pause()
    assert live.failure(URL, 500.0) is None
    assert live.start_ping(20.0)
    assert live.start_ping(30.0)
    live.resume(500.0, 0.5)
    assert live.failure(URL, 500.4) is None
    assert isinstance(live.failure(URL, 500.6), HeartbeatTimeout)


def test_new_socket_begins_anew(live: Keepalive) -> None:
    live.start_ping(10.0)
    live.reset(1000.0)
    assert live.failure(URL, 1001.0) is None
    assert live.deadline() == 1000.0


def seconds_of_pongs_only(live: Keepalive, at: float) -> float | None:
    """Open a socket that brings an ack and then only pongs; return when it counts as dead."""
    live.reset(at)
    live.count_frames(1, at)
    for second in range(1, 200):
        live.heard = at + second
        live.count_frames(1, at + second)
        if live.failure(URL, at + second):
            return second
    return None


def test_host_without_heartbeats_costs_two_sockets_and_no_more(live: Keepalive) -> None:
    assert [seconds_of_pongs_only(live, 1000.0 * number) for number in range(4)] == [
        30,
        30,
        None,
        None,
    ]
    live.on_heartbeat()
    assert seconds_of_pongs_only(live, 9000.0) == 30


def test_socket_that_had_a_heartbeat_is_given_up_however_often(live: Keepalive) -> None:
    for number in range(5):
        at = 1000.0 * number
        live.reset(at)
        live.on_heartbeat()
        live.count_frames(1, at)
        live.heard = at + 30
        assert isinstance(live.failure(URL, at + 30), HeartbeatTimeout)


def test_busy_socket_that_stops_is_given_up_however_often(live: Keepalive) -> None:
    for number in range(5):
        at = 1000.0 * number
        live.reset(at)
        for second in range(60):
            live.heard = at + second
            live.count_frames(second, at + second)
        live.heard = at + 89
        assert isinstance(live.failure(URL, at + 89), HeartbeatTimeout)


def test_silence_without_pongs_is_the_end_whatever_came_before(live: Keepalive) -> None:
    for number in range(3):
        seconds_of_pongs_only(live, 1000.0 * number)
    live.reset(9000.0)
    live.count_frames(1, 9000.0)
    assert isinstance(live.failure(URL, 9030.0), HeartbeatTimeout)
