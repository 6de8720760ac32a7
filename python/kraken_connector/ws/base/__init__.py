"""Parts that every layer uses: clocks, encoding, callbacks, options, rate limits."""
