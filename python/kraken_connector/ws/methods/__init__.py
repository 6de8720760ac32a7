"""The methods of `KrakenWSClient`, by subject."""
