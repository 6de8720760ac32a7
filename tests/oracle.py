"""An independent idea of what a book is: text in dictionaries, sorted anew every time.

It shares nothing with the package. `Market` plays the exchange: a book deeper than the
subscription whose events become messages as the captured ones are, and `OracleBook` plays a client
and computes every checksum with `zlib` from text.
"""

from __future__ import annotations

import json
import random
import zlib
from bisect import insort
from decimal import Decimal
from typing import Literal

Side = Literal["bids", "asks"]
TextRow = tuple[str, str]
SIDES: tuple[Side, Side] = ("bids", "asks")


class OracleBook:
    """A client's book: price text to quantity text."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.sides: dict[Side, dict[str, str]] = {"bids": {}, "asks": {}}

    def apply(self, side: Side, rows: list[TextRow]) -> None:
        for price, qty in rows:
            if Decimal(qty) == 0:
                self.sides[side].pop(price, None)
            else:
                self.sides[side][price] = qty

    def cut(self) -> None:
        for side in SIDES:
            self.sides[side] = dict(self.levels(side)[: self.depth])

    def levels(self, side: Side) -> list[TextRow]:
        """Return the levels, best first."""
        return sorted(
            self.sides[side].items(), key=lambda row: Decimal(row[0]), reverse=side == "bids"
        )

    def checksum(self) -> int:
        best = self.levels("asks")[:10] + self.levels("bids")[:10]
        digits = [text.replace(".", "").lstrip("0") for row in best for text in row]
        return zlib.crc32("".join(digits).encode())


class Market:
    """The exchange's side of one pair: `snapshot()` first, then `update()` again and again.

    `book` is what a client must have after the last message. A side has at least `least` levels;
    with fewer than `depth` it also becomes shorter than that.
    """

    def __init__(
        self,
        symbol: str = "BTC/USD",
        depth: int = 10,
        *,
        seed: int = 0,
        price_decimals: int = 1,
        qty_decimals: int = 8,
        least: int = 1,
    ) -> None:
        self.symbol = symbol
        self.depth = depth
        self.least = least
        self.book = OracleBook(depth)
        self._random = random.Random(seed)
        self._price_decimals = price_decimals
        self._qty_decimals = qty_decimals
        self._count = 0
        #: Ticks of every level, ascending, and lots by tick; bids lie below `_middle`.
        self._middle = 10 * depth + self._random.randrange(500_000)
        spread = range(1, 3 * depth + 20)
        wanted = depth + depth // 10 + 10
        self._ticks: dict[Side, list[int]] = {
            "bids": sorted(self._middle - gap for gap in self._random.sample(spread, wanted)),
            "asks": sorted(self._middle + gap for gap in self._random.sample(spread, wanted)),
        }
        self._lots = {tick: self._lot() for side in SIDES for tick in self._ticks[side]}

    def snapshot(self) -> bytes:
        """Return a snapshot of the best levels."""
        self.book = OracleBook(self.depth)
        rows = {side: self._rows(self._scope(side)) for side in SIDES}
        return self._message("snapshot", rows)

    def update(self, events: int | None = None) -> bytes:
        """Return what `events` changes near the top, by default a few, do to the book."""
        rows: dict[Side, list[TextRow]] = {"bids": [], "asks": []}
        for _ in range(events or self._random.choice((1, 1, 1, 2, 2, 3, 5))):
            side = self._random.choice(SIDES)
            rows[side] += self._event(side)
        return self._message("update", rows)

    def _event(self, side: Side) -> list[TextRow]:
        """Change one level; return its row and that of a level that came into scope."""
        before = set(self._scope(side))
        tick = self._pick(side)
        may_go = len(self._ticks[side]) > self.least
        if tick in self._lots and self._random.random() < 0.4 and may_go:
            self._ticks[side].remove(tick)
            del self._lots[tick]
        else:
            if tick not in self._lots:
                insort(self._ticks[side], tick)
            self._lots[tick] = self._lot()
        after = self._scope(side)
        entered = [other for other in after if other not in before and other != tick]
        touched = [tick] if tick in before or tick in after else []
        return self._rows(touched + entered)

    def _pick(self, side: Side) -> int:
        """Return a tick, mostly near the top and sometimes a new one inside the spread."""
        sign = -1 if side == "bids" else 1
        if self._random.random() < 0.3:
            return self._middle + sign * self._random.randint(1, 3 * self.depth)
        scope = self._scope(side)
        rank = min(int(self._random.expovariate(0.3)), len(scope) - 1)
        return scope[rank]

    def _scope(self, side: Side) -> list[int]:
        """Return the ticks that a subscriber sees, best first."""
        ticks = self._ticks[side]
        return ticks[: -self.depth - 1 : -1] if side == "bids" else ticks[: self.depth]

    def _lot(self) -> int:
        return self._random.choice((1, 10, 1_000, self._random.randrange(1, 10**12)))

    def _rows(self, ticks: list[int]) -> list[TextRow]:
        return [
            (
                number_text(tick, self._price_decimals),
                number_text(self._lots.get(tick, 0), self._qty_decimals),
            )
            for tick in ticks
        ]

    def _message(self, kind: str, rows: dict[Side, list[TextRow]]) -> bytes:
        for side in SIDES:
            self.book.apply(side, rows[side])
        self.book.cut()
        self._count += 1
        return book_message(
            self.symbol,
            kind,
            rows["bids"],
            rows["asks"],
            self.book.checksum(),
            f"2026-01-01T00:{self._count // 60 % 60:02}:{self._count % 60:02}.000000Z",
        )


def number_text(mantissa: int, decimals: int) -> str:
    """Print `mantissa / 10**decimals` with all its decimals, as the exchange does."""
    digits = str(mantissa).zfill(decimals + 1)
    return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits


def book_message(
    symbol: str,
    kind: str,
    bids: list[TextRow],
    asks: list[TextRow],
    checksum: int | None,
    timestamp: str | None = None,
) -> bytes:
    """Write a message as the exchange does, numbers spelled as given."""
    end = "" if checksum is None else f',"checksum":{checksum}'
    if timestamp is not None:
        end += f',"timestamp":"{timestamp}"'
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":{json.dumps(symbol)},'
        f'"bids":{_rows_text(bids)},"asks":{_rows_text(asks)}{end}}}]}}'
    ).encode()


def _rows_text(rows: list[TextRow]) -> str:
    return "[" + ",".join(f'{{"price":{price},"qty":{qty}}}' for price, qty in rows) + "]"
