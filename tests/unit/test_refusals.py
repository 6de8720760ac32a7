"""Error texts of the exchange, each from the protocol pages, a capture or Kraken's own SDK."""

from __future__ import annotations

import pytest

from kraken_connector.exceptions import OrderCheckFailed, OrderOutcomeUnknown, TradingError
from kraken_connector.refusals import classify, is_stale_token

UNCERTAIN = [
    "EService:Unavailable",
    "EService:Busy",
    "EService:Timeout",
    "EGeneral:Internal error",
    "EGeneral:Internal error:58",
    "EGeneral:Unknown error",
    "Internal error",
    "WGeneral:Something happened",
]
CERTAIN = {
    "EService:Market in cancel_only mode": "closed",
    "EService:Market in post_only mode": "closed",
    "EService:Deadline elapsed": "deadline",
    "EOrder:Insufficient funds": "funds",
    "EOrder:Insufficient margin": "funds",
    "EOrder:Margin level too low": "funds",
    "EOrder:Post only order": "post_only",
    "EOrder:Tick size check failed": "price",
    "EOrder:Invalid price": "price",
    "Limit_price field must be a number_float": "price",
    "EOrder:Order minimum not met": "size",
    "EOrder:Cost minimum not met": "size",
    "EGeneral:Invalid arguments:volume minimum not met": "size",
    "EOrder:Rate limit exceeded": "rate",
    "EOrder:Domain rate limit exceeded": "rate",
    "EAPI:Rate limit exceeded": "rate",
    "EAuth:Rate limit exceeded": "rate",
    "EGeneral:Temporary lockout": "rate",
    "Exceeded msg rate": "rate",
    "EOrder:Orders limit exceeded": "limit",
    "EBM:limit exceeded:CAL": "limit",
    "EOrder:Unknown order": "unknown_order",
    "EOrder:Invalid order": "unknown_order",
    "EGeneral:Permission denied": "permission",
    "EAccount:Invalid permissions": "permission",
    "EAPI:Invalid key": "permission",
    "EGeneral:Invalid arguments": "invalid",
    "EGeneral:Invalid arguments:tokenized asset": "invalid",
    "Currency pair not supported XBT/USD": "invalid",
    "Unsupported field: 'leverage' for the given msg type: add_order": "invalid",
    "Malformed request": "invalid",
    "EOrder:Something new": "other",
}
STALE = [
    "ESession:Invalid session",
    "EAPI:Invalid token",
    "EAPI:Invalid session",
    "EAuth:Invalid session",
    "ESession: Invalid session",
    "Token(s) not found",
    "token expired",
    "Stale token",
]


@pytest.mark.parametrize("text", UNCERTAIN)
def test_an_error_of_the_service_is_not_certain(text: str) -> None:
    meaning = classify(text)
    assert (meaning.kind, meaning.is_certain, meaning.retryable) == ("service", False, True)


@pytest.mark.parametrize(("text", "kind"), CERTAIN.items())
def test_a_refusal_is_certain_and_has_a_kind(text: str, kind: str) -> None:
    meaning = classify(text)
    assert (meaning.kind, meaning.is_certain) == (kind, True)


@pytest.mark.parametrize("text", STALE)
def test_a_stale_token_is_recognised_in_any_words(text: str) -> None:
    assert is_stale_token(text)
    assert (classify(text).kind, classify(text).retryable) == ("session", True)


@pytest.mark.parametrize("text", [None, "", 5, ["EOrder:Insufficient funds"], {}])
def test_what_is_no_text_is_not_certain(text: object) -> None:
    assert not classify(text).is_certain
    assert not is_stale_token(text)


def test_the_exceptions_have_the_kind() -> None:
    refused = TradingError("no", venue_error="EOrder:Rate limit exceeded", method="add_order")
    assert (refused.kind, refused.retryable) == ("rate", True)
    checked = OrderCheckFailed("no", rule="tick")
    assert (checked.kind, checked.retryable) == ("price", False)
    assert OrderCheckFailed("no", rule="system").retryable


def test_an_unknown_outcome_is_no_error_that_is_repeated_by_habit() -> None:
    error = OrderOutcomeUnknown("batch_add", "no answer", orders=("a", "b"))
    assert not isinstance(error, TimeoutError | ConnectionError)
    assert (error.orders, error.order) == (("a", "b"), None)
