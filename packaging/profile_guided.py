"""Build the Rust core twice: first to record a profile of its work, then with that profile.

The compiler learns from the recorded and synthetic frames in `tests/` which branches are taken and
what is worth inlining; a book update then takes a twentieth less time. `build_backend.py` does
this when `KRAKEN_CONNECTOR_PROFILE=1`, as for the released wheels. Run as a program, this file puts
the core that such a wheel has into the source tree, which is what `make bench` measures.

It needs an `llvm-profdata` that knows rustc's format: `rustup component add llvm-tools`, or the one
of LLVM 19 or newer.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

ROOT = Path(__file__).parent.parent
#: A folder of its own: its compiler flags would make other builds start over.
TARGET = ROOT / "target" / "profile-guided"
TRAINING = Path(__file__).parent / "training.py"
#: The first LLVM whose tool reads what today's rustc writes, and the newest to look for.
OLDEST_LLVM, NEWEST_LLVM = 19, 30
ADVICE = "rustup component add llvm-tools"


def profdata() -> str | None:
    """Return the tool that merges profiles, `None` if there is none."""
    answer = subprocess.run(
        ["rustc", "--print", "target-libdir"], capture_output=True, check=True, text=True
    )
    bundled = Path(answer.stdout.strip()).parent / "bin"
    suffix = ".exe" if sys.platform == "win32" else ""
    if (bundled / f"llvm-profdata{suffix}").exists():
        return str(bundled / f"llvm-profdata{suffix}")
    versions = range(NEWEST_LLVM, OLDEST_LLVM - 1, -1)
    found = (shutil.which(f"llvm-profdata-{version}") for version in versions)
    return next((tool for tool in found if tool), None)


def build(make_wheel: Callable[[str], str], directory: str) -> str:
    """Build a wheel into `directory` with a profile; return its name.

    Args:
        make_wheel: builds a wheel into a directory, with the environment's `RUSTFLAGS`.
        directory: where the wheel goes.

    Raises:
        SystemExit: the tool that it needs is missing.
    """
    tool = profdata()
    if tool is None:
        raise SystemExit(f"KRAKEN_CONNECTOR_PROFILE needs llvm-profdata: {ADVICE}")
    os.environ["CARGO_TARGET_DIR"] = str(TARGET)
    flags = os.environ.get("RUSTFLAGS", "")
    with tempfile.TemporaryDirectory() as scratch:
        profile = Path(scratch, "merged.profdata")
        os.environ["RUSTFLAGS"] = f"{flags} -Cprofile-generate={scratch}"
        watched = make_wheel(scratch)
        _train(Path(scratch, watched), Path(scratch))
        raw = sorted(map(str, Path(scratch).glob("*.profraw")))
        subprocess.run([tool, "merge", "-o", str(profile), *raw], check=True)
        os.environ["RUSTFLAGS"] = f"{flags} -Cprofile-use={profile}"
        return make_wheel(directory)


def extension(wheel: Path, directory: Path) -> Path:
    """Extract the extension of a wheel; return its path."""
    with zipfile.ZipFile(wheel) as archive:
        suffixes = tuple(EXTENSION_SUFFIXES)
        (name,) = (name for name in archive.namelist() if name.endswith(suffixes))
        return Path(archive.extract(name, directory))


def _train(wheel: Path, directory: Path) -> None:
    """Run the recorded work with the extension of a wheel."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(TRAINING), str(extension(wheel, directory))]
    subprocess.run(command, env=environment, check=True)


def _into_tree() -> None:
    """Build as for a release and put the extension beside the sources."""
    if profdata() is None:
        print(f"measuring a build without profile ({ADVICE} makes one like the released wheels)")
        return
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        environment = {**os.environ, "KRAKEN_CONNECTOR_PROFILE": "1"}
        subprocess.run([*command, "--wheel-dir", scratch, str(ROOT)], env=environment, check=True)
        (wheel,) = Path(scratch).glob("*.whl")
        made = extension(wheel, Path(scratch))
        # Not over the file that a running interpreter has mapped.
        fresh = ROOT / "python" / "kraken_connector" / f"{made.name}.new"
        shutil.copy(made, fresh)
        fresh.replace(fresh.with_suffix(""))


if __name__ == "__main__":
    _into_tree()
