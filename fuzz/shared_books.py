"""Reads of a shared book against a writer at full speed in another process, every one verified by
the checksum over its levels; ends with 1 at the first wrong one.

    python fuzz/shared_books.py --reads 100000000

The program in C of the tests does nearly all of them, and Python a thousandth.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.shared_books import writer

import kraken_connector
from kraken_connector import _native as native
from kraken_connector.exceptions import BookNotReady

SOURCE = ROOT / "tests" / "shared_books" / "reader.c"
INCLUDE = Path(kraken_connector.__file__).with_name("include")
SYMBOL = "BTC/USD"


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--reads", type=int, default=10_000_000)
    reads = options.parse_args().reads
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        path, program = Path(folder) / "kraken-fuzz", Path(folder) / "reader"
        command = ["cc", "-std=c11", "-O2", f"-I{INCLUDE}", str(SOURCE), "-o", str(program)]
        subprocess.run(command, check=True)
        process = writer.start(path, "flat_out")
        try:
            began = time.monotonic()
            in_c = subprocess.run([program, path, SYMBOL, "verify", str(reads)], check=False)
            print(f"in C: {time.monotonic() - began:.1f} s", flush=True)
            unfinished = in_python(path, reads // 1000)
            print(f"in Python: {reads // 1000} reads, {unfinished} unfinished")
        finally:
            process.kill()
            process.communicate()
    return in_c.returncode


def memory() -> str | None:
    """Return a folder in memory, `None` for that of temporary files."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def in_python(path: Path, reads: int) -> int:
    """Make copies, which `frozen` verifies; return how often there was none.

    The writer may lose its processor in a change.

    Raises:
        BookNotReady: the writer has ended.
    """
    book = native.BookFile(str(path), 60.0).book(SYMBOL)
    unfinished = 0
    while reads:
        try:
            frozen = book.frozen()
        except BookNotReady as unready:
            if unready.state != "unfinished":
                raise
            unfinished += 1
            continue
        assert frozen.is_valid
        reads -= 1
    return unfinished


if __name__ == "__main__":
    sys.exit(main())
