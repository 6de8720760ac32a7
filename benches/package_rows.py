"""What the package costs before it does anything: size of the extension, time of the import."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from benches.results import Results

IMPORTS = 15
IMPORT = """
import time
before = time.process_time_ns()
from kraken_connector import Engine
print(time.process_time_ns() - before)
"""
MB = 1_000_000


def measure(results: Results, _: float) -> None:
    """Measure the native extension, and imports in new processes."""
    _measure_extension(results)
    _import_time()  # compiles and caches the modules
    times = [_import_time() / 1e6 for _ in range(IMPORTS)]
    results.add("import", "Engine, processor time", "ms", {"this client": times})
    results.amount("import", "processor time", times)


def _measure_extension(results: Results) -> None:
    native, strip = find_spec("kraken_connector._native"), shutil.which("strip")
    if native is None or native.origin is None or strip is None:
        results.add_note("the size of the extension needs the native core and `strip`")
        return
    with tempfile.TemporaryDirectory() as folder:
        stripped = Path(folder) / "stripped"
        subprocess.run([strip, "-o", stripped, native.origin], check=True)
        size = stripped.stat().st_size / MB
    results.add_once("extension", "stripped", "MB", {"native": size})
    results.amount("extension", "native", [size, size])


def _import_time() -> int:
    """Return the processor time of an import, ns."""
    ran = subprocess.run([sys.executable, "-c", IMPORT], check=True, capture_output=True, text=True)
    return int(ran.stdout)
