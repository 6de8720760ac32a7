"""The environment of the benchmarks, with the other libraries.

`python benches/peers.py` makes `.venv-bench` and prints the path of its interpreter. Libraries that
cannot be installed are reported and left out. kraken-connector 0.2.0 has the same import name as
this package, so it is in a folder of its own, which only its own processes have on their path.
"""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
HOME = ROOT / ".venv-bench"
PYTHON = HOME / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
PREDECESSOR = HOME / "predecessor"
STATE = HOME / "peers.json"

#: Dependencies of this package and of the benchmarks.
TOOLS = ("h11>=0.14", "httpx>=0.27", "orjson>=3.10", "websockets>=15.0", "trustme", "matplotlib")
PEERS = ("msgspec", "picows", "uvloop", "aiofastnet", "python-kraken-sdk", "ccxt", "iceoryx2")
OLD = "kraken-connector==0.2.0"


def install() -> dict[str, str | None]:
    """Make the environment unless it is there; return versions, `None` for what is missing."""
    if not STATE.exists():
        if not PYTHON.exists():
            venv.create(HOME, with_pip=True)
        _pip(*TOOLS)
        failed = [peer for peer in PEERS if not _pip(peer)]
        if not _pip("--target", str(PREDECESSOR), OLD):
            failed.append(OLD)
        STATE.write_text(json.dumps(failed))
    missing: list[str] = json.loads(STATE.read_text())
    return {**_versions(), **dict.fromkeys(name.partition("=")[0] for name in missing)}


def _pip(*arguments: str) -> bool:
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return subprocess.run([*command, *arguments], check=False).returncode == 0


def _versions() -> dict[str, str | None]:
    names = [name.partition(">")[0] for name in (*TOOLS, *PEERS)]
    listed = subprocess.run(
        [str(PYTHON), "-m", "pip", "list", "--format=json", "--disable-pip-version-check"],
        check=True,
        capture_output=True,
    )
    found = {package["name"]: package["version"] for package in json.loads(listed.stdout)}
    old = {"kraken-connector": OLD.partition("==")[2]} if PREDECESSOR.exists() else {}
    return {**{name: found.get(name) for name in names}, **old}


if __name__ == "__main__":
    absent = [name for name, version in install().items() if version is None]
    if absent:
        print(f"not installable, left out: {', '.join(absent)}", file=sys.stderr)
    print(PYTHON)
