"""The ways to use this client that the installed version has."""

from __future__ import annotations

import pytest
from benches import ours


def test_the_default_comes_first_and_what_the_client_lacks_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = {ours.CALLBACK: {}, "new": {"no_such_option": 1}, "old": {"redundant": True}}
    monkeypatch.setattr(ours, "OPTIONS", options)
    assert ours.ways() == [ours.CALLBACK, "old"]


def test_without_tls_its_engine_makes_no_way() -> None:
    assert ours.OPENSSL not in ours.ways(tls=False)


def test_the_thread_has_the_freshest_book_where_there_is_one() -> None:
    assert ours.freshest([ours.CALLBACK, ours.THREAD]) == ours.THREAD
    assert ours.freshest([ours.CALLBACK, "picows"]) == ours.CALLBACK
    assert ours.freshest(["picows"]) is None
