"""The balances of the account, as the `balances` stream tells them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from ...models import BalanceLedgerUpdate, BalanceSnapshot, BalanceWallet
from ...models._decimals import ZERO, add, subtract
from ..base.callbacks import Listeners
from ..base.followers import Follower

__all__ = ["Balances"]

#: Ledger entries that are kept, and known as such should they be told again.
ENTRIES_KEPT = 10_000

Wallet = tuple[str, str]
T = TypeVar("T")


class Balances(Follower, Mapping[str, Decimal]):
    """What the account holds, live: `client.balances["USD"]`, exact, over all wallets.

    What open orders hold is included; the exchange does not tell it apart. It is kept up to date
    while `balances` is subscribed, best by `client.track_balances()`, and shows the last known
    state otherwise. Entries of a stream of all users are left out, as they are of several accounts.

    Attributes:
        is_current: whether the stream is followed without a gap at the moment.
    """

    def __init__(self) -> None:
        self.is_current = False
        #: Whether the next snapshot is the first message of one that was asked for.
        self._is_awaited = False
        self._totals: dict[str, Decimal] = {}
        self._wallets: dict[str, dict[Wallet, Decimal]] = {}
        self._entries: deque[BalanceLedgerUpdate] = deque()
        self._counted: set[str] = set()
        self._listeners = Listeners()

    def __getitem__(self, asset: str) -> Decimal:
        return self._totals[asset]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._totals))

    def __len__(self) -> int:
        return len(self._totals)

    def wallets(self, asset: str) -> dict[Wallet, Decimal]:
        """Return what each wallet holds of an asset, by its type and id; a copy.

        It may be empty: the exchange does not name the wallets of every asset.
        """
        return dict(self._wallets.get(asset, {}))

    @property
    def entries(self) -> list[BalanceLedgerUpdate]:
        """The last 10,000 ledger entries that were told, each once, oldest first; a copy."""
        return list(self._entries)

    def on_change(self, listener: Callable[[str], object]) -> Callable[[], None]:
        """Let a plain function see each asset after each change of it.

        It is called in the receiving task and must be quick; what it raises is logged.

        Returns:
            A function that ends this.
        """
        return self._listeners.add("on_change", listener)

    # What is said about the stream, and what it says.

    def observe(self, message: Any) -> None:
        """Take a message of the `balances` channel.

        Raises:
            TypeError, ValueError: it has not the shape that page "Balances" describes.
        """
        if message.type == "snapshot":
            items = [_typed(item, BalanceSnapshot) for item in message.data]
            is_first = self._is_awaited or message.sequence in (None, 1)
            self._take_snapshot(items, is_further=not is_first)
            return
        for entry in [_typed(item, BalanceLedgerUpdate) for item in message.data]:
            if entry.user is None:
                self._take_entry(entry)

    def subscribing(self, params: Mapping[str, Any]) -> None:
        """Note that the stream was asked for, and with it a snapshot."""
        self._is_awaited = True

    def gap_began(self) -> None:
        """Note that entries may be missing until the next snapshot."""
        self.is_current = self._is_awaited = False

    unsubscribed = gap_began

    def _take_snapshot(self, items: list[BalanceSnapshot], *, is_further: bool) -> None:
        """Take a snapshot, or a further message of one.

        Whether a snapshot may come in several messages is not documented; the first one has the
        sequence number 1 (captured).
        """
        totals = {_asset(item): _balance(item) for item in items}
        wallets = {item.asset: _wallets(item) for item in items}
        # From here on nothing can fail, so a message counts as a whole or not at all.
        before = self._totals
        self._is_awaited = False
        if is_further:
            totals, wallets = {**before, **totals}, {**self._wallets, **wallets}
        else:
            self.is_current = True
        self._totals, self._wallets = totals, wallets
        for asset in before.keys() | self._totals.keys():
            if before.get(asset) != self._totals.get(asset):
                self._listeners.call(asset)

    def _take_entry(self, entry: BalanceLedgerUpdate) -> None:
        if entry.ledger_id in self._counted:
            return
        _asset(entry)
        total = _balance(entry)
        self._counted.add(entry.ledger_id)
        self._entries.append(entry)
        if len(self._entries) > ENTRIES_KEPT:
            self._counted.discard(self._entries.popleft().ledger_id)
        # By the change of the total and not by `amount`: a snapshot may have had the entry.
        change = subtract(total, self._totals.get(entry.asset, ZERO))
        wallets = self._wallets.setdefault(entry.asset, {})
        place = (entry.wallet_type, entry.wallet_id)
        wallets[place] = add(wallets.get(place, ZERO), change)
        self._totals[entry.asset] = total
        self._listeners.call(entry.asset)

    def __repr__(self) -> str:
        held = ", ".join(f"{asset} {total}" for asset, total in self._totals.items() if total)
        return f"<Balances: {held}>"


def _typed(item: object, kind: type[T]) -> T:
    """Return an item of a message.

    Raises:
        TypeError: it is of another kind: left out, it would be lost silently.
    """
    if not isinstance(item, kind):
        raise TypeError(f"an item must be a {kind.__name__}, not {item!r}")
    return item


def _asset(item: BalanceSnapshot | BalanceLedgerUpdate) -> str:
    """Return the asset's code.

    Raises:
        TypeError: it is no text.
    """
    if not isinstance(item.asset, str):
        raise TypeError(f"an asset's code must be text, not {item.asset!r}")
    return item.asset


def _balance(item: BalanceSnapshot | BalanceLedgerUpdate | BalanceWallet) -> Decimal:
    """Return what there is.

    Raises:
        InvalidFieldError: (a `ValueError`) it is no number.
        ValueError: it is missing, or beyond what `Decimal` holds: shown as 0 it would be a lie.
    """
    balance = item.decimal("balance")
    if balance is None or not balance.is_finite():
        raise ValueError(f"a balance must be a number, not {balance}")
    return balance


def _wallets(item: BalanceSnapshot) -> dict[Wallet, Decimal]:
    return {
        (wallet.type, wallet.id): _balance(wallet)
        for wallet in item.wallets or ()
        if isinstance(wallet, BalanceWallet)
    }
