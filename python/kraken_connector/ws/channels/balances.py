"""The items of channel `balances`, at the import path of kraken-connector 0.2.0."""

from __future__ import annotations

from ...models.balances import BalanceLedgerUpdate, BalanceSnapshot, BalanceWallet

__all__ = ["BalanceLedgerUpdate", "BalanceSnapshot", "BalanceWallet"]
