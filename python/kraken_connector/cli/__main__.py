"""`python -m kraken_connector.cli` is `kraken-ws`."""

from __future__ import annotations

from . import main

main()
