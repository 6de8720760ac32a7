"""Spacing of token calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kraken_connector.exceptions import TokenAcquisitionError
from kraken_connector.ws.token.pacer import TokenPacer

WALL = 1_790_000_000.0
#: Limit and decay per second of the REST counter of the lowest tier.
HOLDS, LOSES = 15, 0.33


def error_of(text: str, **attributes: object) -> TokenAcquisitionError:
    error = TokenAcquisitionError(f"refused: {text}", venue_error=text)
    vars(error).update(attributes)
    return error


def calls_within(seconds: float, after_call: Callable[[TokenPacer, float], None]) -> list[float]:
    """Call as soon as the pacer allows it, and return the times."""
    pacer, now, calls = TokenPacer(), 1000.0, []
    while (now := now + pacer.wait(now)) <= 1000.0 + seconds:
        pacer.calling(now)
        calls.append(now - 1000.0)
        after_call(pacer, now)
        now += 0.001
    return calls


def highest_count(calls: list[float]) -> float:
    """Return the highest value of the exchange's counter."""
    count, highest, last = 0.0, 0.0, 0.0
    for at in calls:
        count = max(0.0, count - (at - last) * LOSES) + 1
        highest, last = max(highest, count), at
    return highest


@pytest.mark.parametrize("hours", [0.01, 1, 24])
def test_good_tokens_without_end_stay_within_the_allowance(hours: float) -> None:
    calls = calls_within(hours * 3600, TokenPacer.succeeded)
    assert len(calls) >= 10
    assert highest_count(calls) <= HOLDS


def test_pause_that_an_answer_names_is_kept() -> None:
    pacer = TokenPacer()
    pacer.calling(0.0)
    pacer.failed(0.0, WALL, error_of("", status=503, retry_after=120.0))
    assert pacer.wait(0.0) == 120.0
    assert pacer.wait(100.0) == 20.0


def test_refused_tokens_are_followed_by_growing_pauses() -> None:
    def refuse(pacer: TokenPacer, now: float) -> None:
        pacer.succeeded(now)
        pacer.refused(now)

    calls = calls_within(150, refuse)
    assert [round(at) for at in calls] == [0, 0, 1, 3, 7, 15, 31, 61, 91, 121]


def test_failed_calls_are_followed_by_growing_pauses() -> None:
    calls = calls_within(40, lambda pacer, now: pacer.failed(now, WALL, error_of("EService:Busy")))
    assert [round(at) for at in calls] == [0, 0, 1, 3, 7, 15, 31]


def test_trouble_is_forgotten_when_a_token_has_proved_good() -> None:
    pacer, now = TokenPacer(), 1000.0
    for _ in range(4):
        pacer.succeeded(now)
        pacer.refused(now)
    # Short acceptance proves nothing: a socket that keeps failing uses one token after another.
    for life, pause in ((59.0, 8.0), (60.0, 0.0)):
        now += pacer.wait(now)
        pacer.succeeded(now)
        now += life
        pacer.refused(now)
        assert pacer.wait(now) == pause


def test_tokens_that_are_refused_together_are_one_trouble() -> None:
    pacer = TokenPacer()
    pacer.succeeded(1000.0)
    for _ in range(5):
        pacer.refused(1000.0)
    assert pacer.wait(1000.0) == 0.0


def test_lockout_is_honoured() -> None:
    calls = calls_within(
        1000, lambda pacer, now: pacer.failed(now, WALL, error_of("EGeneral:Temporary lockout"))
    )
    assert calls == [0.0, 900.0]


@pytest.mark.parametrize(
    "text", ["EAPI:Invalid key", "EAPI:Invalid signature", "EGeneral:Permission denied"]
)
def test_errors_of_the_key_are_tried_again_rarely(text: str) -> None:
    calls = calls_within(4000, lambda pacer, now: pacer.failed(now, WALL, error_of(text)))
    assert [round(at) for at in calls] == [0, 60, 180, 420, 900, 1800, 2700, 3600]


def test_moment_that_the_exchange_names_is_waited_for() -> None:
    for text in ("EService: Throttled: 1790000012", "EService:Throttled:1790000012"):
        pacer = TokenPacer()
        pacer.failed(1000.0, WALL, error_of(text))
        assert pacer.wait(1000.0) == 12.0
    # An absurd value is ignored.
    pacer.failed(1000.0, WALL, error_of("EService:Throttled:999999999999"))
    assert pacer.wait(1000.0) == 900.0


@pytest.mark.parametrize(
    "error", [error_of("EAPI:Rate limit exceeded"), error_of("", status=429, errors=())]
)
def test_rate_limit_is_not_prolonged(error: TokenAcquisitionError) -> None:
    pacer = TokenPacer()
    pacer.failed(1000.0, WALL, error)
    assert pacer.wait(1000.0) == 5.0


def test_worst_of_several_errors_counts() -> None:
    texts = ("EAPI:Invalid nonce", "EGeneral:Temporary lockout")
    pacer = TokenPacer()
    pacer.failed(1000.0, WALL, error_of(", ".join(texts), errors=texts))
    assert pacer.wait(1000.0) == 900.0


def test_reason_names_the_type_of_an_unknown_error_only() -> None:
    pacer = TokenPacer()
    pacer.failed(1000.0, WALL, ValueError("with the key in it"))
    assert pacer.reason == "ValueError"
    pacer.succeeded(1001.0)
    assert pacer.reason == ""
