"""The balances of the account, from the `balances` channel."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from ...models import BalanceLedgerUpdate, BalanceSnapshot, BalanceWallet
from ...models.decimals import ZERO, add, subtract
from ..base.followers import Follower
from ..base.listeners import Listeners

__all__ = ["Balances"]

#: Ledger entries that are kept; a repeated one of these is recognised and ignored.
ENTRIES_KEPT = 10_000

Wallet = tuple[str, str]
T = TypeVar("T")


class Balances(Follower, Mapping[str, Decimal]):
    """The balances of the account, live: `client.balances["USD"]`, exact, over all wallets.

    Funds reserved by open orders are included; the exchange does not report them separately. The
    balances are kept up to date while `balances` is subscribed, best with
    `client.track_balances()`; otherwise they are the last known ones. Entries of a stream of all
    users are ignored, because they belong to several accounts.

    Attributes:
        is_current: whether the channel is subscribed and no gap is open.
    """

    def __init__(self) -> None:
        self.is_current = False
        #: Whether a subscribe request was sent, so that the next snapshot message is the first.
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
        """Return the balance of an asset in each wallet, by wallet type and id; a copy.

        It may be empty: the exchange does not report the wallets of every asset.
        """
        return dict(self._wallets.get(asset, {}))

    @property
    def entries(self) -> list[BalanceLedgerUpdate]:
        """The last 10,000 ledger entries that arrived, each once, oldest first; a copy."""
        return list(self._entries)

    def on_change(self, listener: Callable[[str], object]) -> Callable[[], None]:
        """Call a plain function with the asset after each change of its balance.

        It is called in the receiving task and must be quick; exceptions are logged.

        Returns:
            A function that removes the listener.
        """
        return self._listeners.add("on_change", listener)

    def observe(self, message: Any) -> None:
        """Apply a message of the `balances` channel.

        Raises:
            TypeError, ValueError: the message does not have the shape that page "Balances"
                describes.
        """
        if message.type == "snapshot":
            items = [_typed(item, BalanceSnapshot) for item in message.data]
            is_first = self._is_awaited or message.sequence in (None, 1)
            self._apply_snapshot(items, is_further=not is_first)
            return
        for entry in [_typed(item, BalanceLedgerUpdate) for item in message.data]:
            if entry.user is None:
                self._apply_entry(entry)

    def subscribing(self, params: Mapping[str, Any]) -> None:
        """Record that a subscribe request is sent; a snapshot will follow."""
        self._is_awaited = True

    def gap_began(self) -> None:
        """Record that entries may be missing until the next snapshot."""
        self.is_current = self._is_awaited = False

    unsubscribed = gap_began

    def _apply_snapshot(self, items: list[BalanceSnapshot], *, is_further: bool) -> None:
        """Apply a snapshot, or a further message of one.

        Kraken does not document whether a snapshot may come in several messages; the first one has
        sequence number 1 (captured).
        """
        totals = {_asset(item): _balance(item) for item in items}
        wallets = {item.asset: _wallets(item) for item in items}
        # Nothing fails from here on, so a message is applied as a whole or not at all.
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

    def _apply_entry(self, entry: BalanceLedgerUpdate) -> None:
        if entry.ledger_id in self._counted:
            return
        _asset(entry)
        total = _balance(entry)
        self._counted.add(entry.ledger_id)
        self._entries.append(entry)
        if len(self._entries) > ENTRIES_KEPT:
            self._counted.discard(self._entries.popleft().ledger_id)
        # The wallet changes by the change of the total and not by `amount`: a snapshot may
        # include the entry already.
        change = subtract(total, self._totals.get(entry.asset, ZERO))
        wallets = self._wallets.setdefault(entry.asset, {})
        wallet = (entry.wallet_type, entry.wallet_id)
        wallets[wallet] = add(wallets.get(wallet, ZERO), change)
        self._totals[entry.asset] = total
        self._listeners.call(entry.asset)

    def __repr__(self) -> str:
        held = ", ".join(f"{asset} {total}" for asset, total in self._totals.items() if total)
        return f"<Balances: {held}>"


def _typed(item: object, kind: type[T]) -> T:
    """Return an item of a message.

    Raises:
        TypeError: it is of another type. Ignoring it would lose it silently.
    """
    if not isinstance(item, kind):
        raise TypeError(f"an item must be a {kind.__name__}, not {item!r}")
    return item


def _asset(item: BalanceSnapshot | BalanceLedgerUpdate) -> str:
    """Return the asset's code.

    Raises:
        TypeError: it is not a string.
    """
    if not isinstance(item.asset, str):
        raise TypeError(f"an asset's code must be text, not {item.asset!r}")
    return item.asset


def _balance(item: BalanceSnapshot | BalanceLedgerUpdate | BalanceWallet) -> Decimal:
    """Return the balance of an item.

    Raises:
        InvalidFieldError: (a `ValueError`) it is not a number.
        ValueError: it is missing, or beyond the range of `Decimal`.
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
