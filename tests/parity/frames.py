"""Valid and invalid frames, as hypothesis strategies of text and bytes.

Text is built by hand and not by a JSON encoder: spellings of numbers, white space, repeated keys
and the order of keys are what the two cores might read differently.
"""

from __future__ import annotations

import json

from benches.corpus import FIXTURES, frames, read_lines
from hypothesis import strategies as st

SYMBOLS = ("BTC/USD", "ETH/USD", "x")
CHANNELS = (
    "balances",
    "book",
    "executions",
    "heartbeat",
    "instrument",
    "level3",
    "news",
    "ohlc",
    "status",
    "ticker",
    "trade",
)
METHODS = ("subscribe", "unsubscribe", "pong", "ping", "error", "batch_cancel", "batch_add")

#: Numbers that two readers might read differently.
SPELLINGS = (
    "0",
    "-0",
    "0.0",
    "-0.0",
    "1e-08",
    "1E5",
    "1.50e+3",
    "0e0",
    "5e-324",
    "1e308",
    "1e400",
    "-1e9999999999999999999",
    "1e-9999999999999999999",
    *("9" * 19, "9" * 38, "9" * 39, "0." + "0" * 37 + "1", "1e-39", "1e38", "1e37"),
)
numbers = st.one_of(
    st.sampled_from(SPELLINGS),
    st.integers(-(2**63), 2**64 - 1).map(str),
    st.integers(0, 10**6).map(str),
    st.decimals(0, 10**9, places=8, allow_nan=False).map("{:f}".format),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
strings = st.one_of(
    st.text(max_size=8).map(json.dumps),
    st.text(max_size=8).map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from([json.dumps(symbol) for symbol in SYMBOLS]),
    st.sampled_from(['"snapshot"', '"update"', '"2026-01-01T00:00:00.123456789Z"', '"\\/\\u00e9"']),
)
spaces = st.sampled_from(["", "", "", "", " ", "\n\t", " \r "])


@st.composite
def array(draw: st.DrawFn, entries: st.SearchStrategy[str], max_size: int = 4) -> str:
    space = draw(spaces)
    return f"[{space}{f'{space},{space}'.join(draw(st.lists(entries, max_size=max_size)))}{space}]"


@st.composite
def record(draw: st.DrawFn, **fields: st.SearchStrategy[str]) -> str:
    """An object with most of the given fields in any order, perhaps one of them twice."""
    chosen = draw(st.lists(st.sampled_from(sorted(fields)), max_size=len(fields) + 1))
    names = draw(st.sampled_from([sorted(fields), sorted(fields), [*fields], [*fields], chosen]))
    space = draw(spaces)
    members = [f"{json.dumps(name)}{space}:{space}{draw(fields[name])}" for name in names]
    return "{" + space + f"{space},{space}".join(members) + space + "}"


@st.composite
def whole_record(draw: st.DrawFn, **fields: st.SearchStrategy[str]) -> str:
    """An object with all fields in the given order, as the exchange writes it."""
    return "{" + ",".join(f'"{name}":{draw(field)}' for name, field in fields.items()) + "}"


scalars = st.one_of(numbers, strings, st.sampled_from(["null", "true", "false", "{}", "[]"]))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(array(inner), record(symbol=inner, price=inner, a=inner)),
    max_leaves=8,
)


def quoted(*names: str) -> st.SearchStrategy[str]:
    return st.sampled_from([json.dumps(name) for name in names])


@st.composite
def mostly(draw: st.DrawFn, usual: st.SearchStrategy[str], rare: st.SearchStrategy[str]) -> str:
    return draw(usual if draw(st.integers(0, 4)) else rare)


prices = st.integers(1, 400).map(lambda tick: f"{tick / 2:.1f}")
quantities = st.one_of(
    st.just("0.00000000"), st.integers(1, 10**9).map(lambda lot: f"{lot / 1e8:.8f}")
)
usual_row = whole_record(price=prices, qty=quantities)
rows = array(mostly(usual_row, record(price=numbers, qty=numbers, extra=values)), max_size=12)
checksums = st.one_of(st.integers(0, 2**32 - 1).map(str), st.just("0"))


def of_one_book(entries: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return the items of a channel of books, with these entries on each side."""
    return record(
        symbol=mostly(quoted(*SYMBOLS), scalars),
        bids=mostly(entries, scalars),
        asks=mostly(entries, scalars),
        checksum=mostly(checksums, scalars),
        timestamp=mostly(quoted("2026-01-01T00:00:00.000001Z"), strings),
        extra=values,
    )


def of_books(channel: str, item: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return whole_record(
        channel=quoted(channel),
        type=quoted("snapshot", "update"),
        data=array(mostly(item, scalars), max_size=2),
    )


book_item = of_one_book(rows)
book_frame = of_books("book", book_item)
order_ids = quoted("OA", "OB", "OC", "OD", "OE", "OFVLAA-HRSSP-BK75KB", "O" + 30 * "long")
order_times = quoted(
    "2026-01-01T00:00:00.000000001Z",
    "2026-01-01T00:00:00.000000002Z",
    "2026-01-01T00:00:00.5Z",
    "2026-01-01",
    "",
)
usual_order = whole_record(
    event=quoted("add", "modify", "delete"),
    order_id=order_ids,
    limit_price=prices,
    order_qty=quantities,
    timestamp=order_times,
)
listed_order = whole_record(
    order_id=order_ids, limit_price=prices, order_qty=quantities, timestamp=order_times
)
odd_order = record(
    event=mostly(quoted("add", "modify", "delete", "amend"), scalars),
    order_id=mostly(order_ids, scalars),
    limit_price=mostly(prices, scalars),
    order_qty=mostly(quantities, scalars),
    timestamp=mostly(order_times, scalars),
    extra=values,
)
orders = array(mostly(st.one_of(usual_order, listed_order), odd_order), max_size=8)
level3_item = of_one_book(orders)
level3_frame = of_books("level3", level3_item)
data_frame = record(
    channel=mostly(quoted(*CHANNELS), scalars),
    type=mostly(quoted("snapshot", "update"), scalars),
    data=mostly(array(mostly(values, st.one_of(book_item, level3_item))), values),
    sequence=mostly(st.integers(-3, 9).map(str), scalars),
    timestamp=scalars,
)
answer_frame = record(
    method=mostly(
        quoted("subscribe", "unsubscribe", "pong", "ping", "error", "batch_cancel"), scalars
    ),
    success=st.sampled_from(["true", "false", "true", "false", "null", "1"]),
    error=strings,
    result=mostly(
        record(
            channel=quoted(*CHANNELS),
            symbol=quoted(*SYMBOLS),
            depth=st.sampled_from(["10", "25", "1000", "11", "10.0", "1e1", '"10"', "null"]),
            warnings=values,
        ),
        values,
    ),
    req_id=scalars,
    orders_cancelled=scalars,
    symbol=scalars,
    channel=mostly(quoted(*CHANNELS), scalars),
    status=scalars,
    time_in=strings,
    time_out=strings,
)
#: A number or text of it, in bounds or not.
amounts = mostly(
    st.one_of(prices, quantities), st.one_of(numbers, numbers.map(json.dumps), scalars)
)
names = mostly(quoted("O1", "a", "USD"), scalars)
userrefs = mostly(st.integers(-5, 5).map(str), scalars)
fees = array(mostly(record(asset=names, qty=amounts, extra=values), scalars), max_size=2)
parts = mostly(record(price=numbers, reference=strings), scalars)
execution = record(
    exec_type=names,
    order_id=names,
    symbol=names,
    order_status=names,
    order_qty=amounts,
    order_userref=userrefs,
    cl_ord_id=names,
    timestamp=names,
    cum_qty=amounts,
    exec_id=names,
    trade_id=scalars,
    last_qty=amounts,
    fees=mostly(fees, scalars),
    fee_usd_equiv=scalars,
    triggers=parts,
    contingent=parts,
    reason=scalars,
    extra=values,
)
wallets = array(mostly(record(type=names, id=names, balance=amounts), scalars), max_size=2)
balance = record(asset=names, balance=amounts, wallets=mostly(wallets, scalars), extra=values)
ledger_entry = record(
    asset=names,
    amount=amounts,
    balance=amounts,
    fee=scalars,
    ledger_id=names,
    type=names,
    wallet_id=names,
    user=names,
)
ticker = record(symbol=names, bid=amounts, last=scalars)
asset = record(**{"id": scalars, "class": scalars, "multiplier": amounts})
pair = record(
    symbol=names, status=names, qty_increment=amounts, cost_min=amounts, tick_size=scalars
)
instrument = record(
    assets=mostly(array(mostly(asset, scalars)), scalars),
    pairs=mostly(array(mostly(pair, scalars)), scalars),
)


def items_frame(channel: str, item: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return whole_record(
        channel=quoted(channel),
        type=quoted("snapshot", "update"),
        data=mostly(array(mostly(item, scalars), max_size=2), item),
        sequence=st.integers(1, 3).map(str),
    )


items_frames = st.one_of(
    items_frame("executions", execution),
    items_frame("balances", balance),
    items_frame("balances", ledger_entry),
    items_frame("ticker", ticker),
    items_frame("instrument", instrument),
    items_frame("trade", ticker),
)
made = st.one_of(book_frame, level3_frame, data_frame, answer_frame, items_frames, values).map(
    str.encode
)

_FILES = sorted([*(FIXTURES / "examples").iterdir(), *(FIXTURES / "observed").iterdir()])
real = st.sampled_from(
    [*frames().values(), *(line for path in _FILES for line in read_lines(path))]
)


@st.composite
def damaged(draw: st.DrawFn, source: st.SearchStrategy[bytes]) -> bytes:
    """A frame with a few bytes lost, changed, doubled or put in."""
    frame = draw(source)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(frame)))
        end = draw(st.integers(start, min(len(frame), start + 6)))
        change = draw(
            st.one_of(
                st.just(b""),
                st.just(frame[start:end] * 2),
                st.binary(max_size=3),
                st.sampled_from([bytes([byte]) for byte in b'{}[]",:\\-.eE0n \xc3\xff']),
            )
        )
        frame = frame[:start] + change + frame[end:]
    return frame[: draw(st.integers(0, len(frame)))] if draw(st.booleans()) else frame


#: Deferred because hypothesis would print the whole tree of strategies otherwise.
any_frame = st.deferred(
    lambda: st.one_of(made, real, damaged(st.one_of(made, real)), st.binary(max_size=20))
)
