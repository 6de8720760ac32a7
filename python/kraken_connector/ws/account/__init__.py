"""What the account has, live: balances, positions, and the pairs that it trades."""
