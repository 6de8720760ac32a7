"""The command line `kraken-ws`: demo, watch, replay and sim."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path

from .._installation import check_installation

#: What a shell makes of a command that Ctrl-C ended.
_INTERRUPTED = 130


def main() -> None:
    """Run the command line; its packages come with the extra `cli`."""
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except OSError as error:
        _forget_output()
        # A reader that left early has seen what it wanted.
        why = (error.strerror or str(error)).lower()
        sys.exit(1 if error.errno == errno.EPIPE else f"kraken-ws: cannot write: {why}")


def _run() -> None:
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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A symbol in letters that the terminal lacks is still told from the others.
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="kraken-ws")
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


def _forget_output() -> None:
    """Keep Python from writing at its end what could not be written now."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
