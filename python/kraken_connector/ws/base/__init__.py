"""Parts that every layer may use: clocks, encoding, callbacks, limits."""
