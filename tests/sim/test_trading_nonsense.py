"""No request, whatever it says, gets anything but an answer."""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sim.trader import BTC, ONE, Bench

from kraken_connector.sim.encode import encode
from kraken_connector.sim.requests import TRADING_METHODS, Refused, Request
from kraken_connector.sim.trading.fields import CONDITIONAL, FIELDS, ORDER, TRIGGERS
from kraken_connector.sim.trading.shapes import Answer
from kraken_connector.sim.trading.terms import ORDER_TYPES

NUMBERS = st.one_of(
    st.integers(-(10**30), 10**30),
    st.integers(-3, 100_000),
    st.sampled_from(
        ["0.5", "1e-30", "1e30", "83744.1", "-0.0", "0.00000000000000000000000001"]
    ).map(Decimal),
    st.decimals(-5, 10**6, places=1),
)
WORDS = st.sampled_from(
    [
        *sorted(ORDER_TYPES),
        *["buy", "sell", BTC, "KEEP/EUR", "XBT/USD", "gtc", "gtd", "ioc", "fok", "static", "pct"],
        *["quote", "base", "last", "index", "cancel_both", "2027-01-15T08:00:30Z", "", "ä" * 20],
        *["2027-01-15T08:00:03.5Z", "9999-12-31T23:59:59Z", "1", "-5"],
    ]
)
FLAGS = st.booleans()
LISTS = st.lists(st.one_of(WORDS, st.integers(-3, 3)), max_size=4)


def objects(known: Any) -> st.SearchStrategy[Any]:
    values = st.one_of(NUMBERS, WORDS, FLAGS)
    return st.dictionaries(st.sampled_from(sorted(known)), values, max_size=6)


VALUES = st.one_of(
    NUMBERS,
    WORDS,
    FLAGS,
    LISTS,
    st.none(),
    objects(TRIGGERS),
    objects(CONDITIONAL),
    st.lists(objects(ORDER), max_size=3),
)
PLAIN = ONE | {"symbol": BTC}


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A method with params that are partly right."""
    method = draw(st.sampled_from(sorted(TRADING_METHODS)))
    params = draw(st.dictionaries(st.sampled_from(sorted(FIELDS[method])), VALUES, max_size=5))
    sound = {key: value for key, value in PLAIN.items() if key in FIELDS[method]}
    left_out = draw(st.sets(st.sampled_from(sorted(sound) or ["x"]), max_size=2))
    return method, {k: v for k, v in sound.items() if k not in left_out} | params


@settings(max_examples=settings().max_examples * 3 // 2, deadline=None)
@given(sent=st.lists(requests(), min_size=1, max_size=6))
def test_every_request_has_an_answer(sent: list[tuple[str, dict[str, Any]]]) -> None:
    bench = Bench(tier="pro")
    for method, params in sent:
        answers: list[Answer] = []
        with contextlib.suppress(Refused):
            answers += bench.answers(method, **as_sent(method, params))
        assert all(encode(answer) for answer in answers)
        assert all(answer["success"] or answer["error"] for answer in answers)
        bench.wait(1)
    bench.request("cancel_all")
    assert not bench.sim.account.open_orders


def as_sent(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Return params as they are read from the wire."""
    text = json.dumps({"method": method, "params": params}, default=lambda value: f"@{value:f}@")
    text = text.replace('"@', "").replace('@"', "")
    read = Request.read(text, connection=1, received_ns=0)
    assert read.params.keys() == params.keys()
    return {key: value for key, value in read.params.items() if key != "token"}
