"""The live state of the account: balances, positions, and the pairs that it can trade."""
