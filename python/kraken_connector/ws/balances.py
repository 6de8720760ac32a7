"""The balances of the account, as the `balances` stream tells them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from ..models import BalanceLedgerUpdate, BalanceSnapshot, BalanceWallet
from .callbacks import call_all, check_plain_function
from .keepers import Keeper

__all__ = ["Balances"]

#: Ledger entries that are kept, and known as such should they be told again.
ENTRIES_KEPT = 10_000

Wallet = tuple[str, str]


class Balances(Keeper, Mapping[str, Decimal]):
    """What the account holds, live: `client.balances["USD"]`, exact, over all wallets.

    What open orders hold is included; the exchange does not tell it apart. It is kept up to date
    while `balances` is subscribed, best by `client.track_balances()`, and shows the last known
    state otherwise. Entries of a stream of all users are left out, as they are of several accounts.

    Attributes:
        is_current: whether the stream is followed without a hole at the moment.
    """

    def __init__(self) -> None:
        self.is_current = False
        self._totals: dict[str, Decimal] = {}
        self._wallets: dict[str, dict[Wallet, Decimal]] = {}
        self._entries: deque[BalanceLedgerUpdate] = deque()
        self._counted: set[str] = set()
        self._listeners: list[Callable[[str], object]] = []

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
        check_plain_function("on_change", listener)
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end

    # What is said about the stream, and what it says.

    def observe(self, message: Any) -> None:
        """Take a message of the `balances` channel."""
        if message.type == "snapshot":
            self._take_snapshot([i for i in message.data if isinstance(i, BalanceSnapshot)])
            return
        for item in message.data:
            if isinstance(item, BalanceLedgerUpdate) and item.user is None:
                self._take_entry(item)

    def broken(self) -> None:
        """Note that entries may be missing until the next snapshot."""
        self.is_current = False

    left = broken

    def _take_snapshot(self, items: list[BalanceSnapshot]) -> None:
        before = self._totals
        self._totals = {item.asset: item.decimal("balance") or Decimal(0) for item in items}
        self._wallets = {item.asset: _wallets(item) for item in items}
        self.is_current = True
        for asset in before.keys() | self._totals.keys():
            if before.get(asset) != self._totals.get(asset):
                call_all(self._listeners, asset)

    def _take_entry(self, entry: BalanceLedgerUpdate) -> None:
        if entry.ledger_id in self._counted:
            return
        self._counted.add(entry.ledger_id)
        self._entries.append(entry)
        if len(self._entries) > ENTRIES_KEPT:
            self._counted.discard(self._entries.popleft().ledger_id)
        total = entry.decimal("balance")
        if total is None:
            return
        # By the change of the total and not by `amount`: a snapshot may have had the entry.
        change = total - self._totals.get(entry.asset, Decimal(0))
        wallets = self._wallets.setdefault(entry.asset, {})
        place = (entry.wallet_type, entry.wallet_id)
        wallets[place] = wallets.get(place, Decimal(0)) + change
        self._totals[entry.asset] = total
        call_all(self._listeners, entry.asset)

    def __repr__(self) -> str:
        held = ", ".join(f"{asset} {total}" for asset, total in self._totals.items() if total)
        return f"<Balances: {held}>"


def _wallets(item: BalanceSnapshot) -> dict[Wallet, Decimal]:
    return {
        (wallet.type, wallet.id): wallet.decimal("balance") or Decimal(0)
        for wallet in item.wallets or ()
        if isinstance(wallet, BalanceWallet)
    }
