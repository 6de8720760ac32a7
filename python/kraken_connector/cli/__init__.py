"""The command line `kraken-ws`: demo, watch, share, replay and sim.

`main` runs before most imports, because until then Ctrl-C prints a traceback.
"""

from __future__ import annotations

import errno
import io
import os
import sys

from .._installation import check_installation

#: The exit code that a shell gives a command ended by Ctrl-C.
_INTERRUPTED = 130


def main() -> None:
    """Run the command line; it needs the packages of the extra `cli`."""
    try:
        _end_at_ctrl_c()
        _run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except OSError as error:
        _forget_output()
        sys.exit(_words(error))


def _end_at_ctrl_c() -> None:
    """Let Ctrl-C end the process at once while there is nothing to clean up.

    Where Python ignores exceptions, such as in the callback of a weak reference, a
    `KeyboardInterrupt` would be lost and the command would continue.
    """
    import signal  # noqa: PLC0415 (slow to import)

    # A shell makes commands in the background ignore it.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))


def _run() -> None:
    try:
        # The package's own check is overwritten if kraken-connector was installed last.
        check_installation([os.path.dirname(os.path.dirname(__file__))])  # noqa: PTH120 (slow, too)
    except ImportError as mixed:
        sys.exit(str(mixed))
    try:
        from .app import app  # noqa: PLC0415 (so that a missing package can be reported)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("rich", "typer"):
            raise
        sys.exit("kraken-ws needs rich and typer: pip install 'kraken-connector-rs[cli]'")
    _escape_foreign_letters()
    try:
        app(prog_name="kraken-ws")
    finally:
        if sys.stdout is not None:
            sys.stdout.flush()


def _escape_foreign_letters() -> None:
    """Escape letters that the terminal lacks, so that symbols stay distinct."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _words(error: OSError) -> str | int:
    """Return the exit code or text for output that cannot be written."""
    if error.errno == errno.EPIPE:  # the reader left early
        return 1
    return f"kraken-ws: cannot write: {(error.strerror or str(error)).lower()}"


def _forget_output() -> None:
    """Keep Python from writing the same output again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
