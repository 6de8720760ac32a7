"""The machine of a comparison, and the versions of the libraries."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from benches import peers


def describe() -> dict[str, str]:
    """Return the facts about machine and build that figures depend on."""
    return {
        "processor": _processor(),
        "processors": str(_available()),
        "load at start": _load(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "compiler": platform.python_compiler(),
        "rust": _output("rustc", "--version"),
        "commit": _output("git", "describe", "--always", "--dirty"),
    }


def versions() -> dict[str, str | None]:
    """Return the versions of the other libraries, `None` for what is missing."""
    return peers.install()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _available() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _output(*command: str) -> str:
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return ran.stdout.strip()
