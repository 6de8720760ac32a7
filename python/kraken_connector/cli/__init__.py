"""The command line `kraken-ws`: demo, watch, replay and sim."""

from __future__ import annotations

import sys
from pathlib import Path

from .._installation import check_installation


def main() -> None:
    """Run the command line; its packages come with the extra `cli`."""
    try:
        # The package's own check is gone if kraken-connector was installed last.
        check_installation([str(Path(__file__).parents[1])])
    except ImportError as mixed:
        sys.exit(str(mixed))
    try:
        from .app import app  # noqa: PLC0415 (only now can it be told what is missing)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("rich", "typer"):
            raise
        sys.exit("kraken-ws needs rich and typer: pip install 'kraken-connector-rs[cli]'")
    app(prog_name="kraken-ws")
