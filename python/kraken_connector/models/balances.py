"""Channel `balances`: wallets in the snapshot, ledger entries in the updates."""

from __future__ import annotations

from typing import ClassVar

from .base import Model, model
from .timestamps import Timestamped


@model
class BalanceWallet(Model):
    """One wallet of an asset.

    Attributes:
        type: `spot` or `earn`.
        id: `main`, `flex`, `bonded`, `flexible`, `liquid`, `locked` or `closed`.
        balance: amount in this wallet.
    """

    CHECKED: ClassVar[frozenset[str]] = frozenset({"balance", "id", "type"})
    TOGETHER = CHECKED

    type: str
    id: str
    balance: float


@model
class BalanceSnapshot(Model):
    """The balance of one asset in a snapshot.

    Attributes:
        asset: asset code.
        asset_class: `currency`.
        balance: total over all wallets, including funds reserved by open orders.
        wallets: the wallets, possibly none.
    """

    CHECKED: ClassVar[frozenset[str]] = frozenset({"asset", "balance"})
    TOGETHER = CHECKED

    asset: str
    asset_class: str
    balance: float
    wallets: list[BalanceWallet]


@model
class BalanceLedgerUpdate(Timestamped):
    """One completed ledger transaction in an update.

    Attributes:
        asset: asset code.
        asset_class: `currency`.
        amount: signed change.
        balance: total of the asset in the account afterwards.
        fee: fee of the transaction.
        ledger_id: id of the entry.
        ref_id: id of the cause; both entries of a trade have the same.
        timestamp: RFC 3339 time of the exchange.
        type: `deposit`, `withdrawal`, `trade`, `margin`, `transfer`, `staking`, ...
        wallet_type: `spot` or `earn`.
        wallet_id: `main`, `bonded`, `flexible`, `liquid` or `locked`.
        subtype: direction of some transfers.
        category: finer classification.
        user: account id, only in streams of all users of a master account.
    """

    CHECKED: ClassVar[frozenset[str]] = frozenset(
        {"amount", "asset", "balance", "ledger_id", "type", "user", "wallet_id", "wallet_type"}
    )
    TOGETHER: ClassVar[frozenset[str]] = frozenset({"asset", "balance", "ledger_id"})

    asset: str
    asset_class: str
    amount: float
    balance: float
    fee: float
    ledger_id: str
    ref_id: str
    timestamp: str
    type: str
    wallet_type: str
    wallet_id: str
    subtype: str | None = None
    category: str | None = None
    user: str | None = None
