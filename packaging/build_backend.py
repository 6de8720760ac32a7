"""Build kraken-connector-rs: with the Rust core where there is cargo, without it elsewhere.

`KRAKEN_CONNECTOR_BUILD` decides: `native` and `pure` mean that core, `auto` (the default) means
native exactly when `cargo` is on PATH. A native build that fails is an error and never becomes a
pure package, since only slowness would tell. `KRAKEN_CONNECTOR_PROFILE=1` builds the native core
with a profile of its work, as in the released wheels.

The hooks are those of PEP 517 and PEP 660. maturin makes native wheels; hatchling makes the pure
wheel and the sdist, which holds everything that both need. Run as a program, this file prints
which core it would build.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

MATURIN = "maturin>=1.9.4,<2"
HATCHLING = "hatchling>=1.27,<2"
WAY_OUT = "KRAKEN_CONNECTOR_BUILD=pure installs the package without its Rust core."

Settings = Mapping[str, Any] | None


def core() -> str:
    """Return which core gets built: `native` or `pure`."""
    wanted = os.environ.get("KRAKEN_CONNECTOR_BUILD", "auto")
    if wanted == "auto":
        return "native" if shutil.which("cargo") else "pure"
    if wanted in ("native", "pure"):
        return wanted
    raise SystemExit(f"KRAKEN_CONNECTOR_BUILD is {wanted!r}; it must be 'auto', 'native' or 'pure'")


def announcement() -> str:
    """Return the one line that says which core gets built and why."""
    if core() == "native":
        return f"kraken-connector: native core, built with cargo {_usable_cargo()}"
    if os.environ.get("KRAKEN_CONNECTOR_BUILD") == "pure":
        return "kraken-connector: pure-Python core, as KRAKEN_CONNECTOR_BUILD=pure asks for"
    return "kraken-connector: pure-Python core (same results, slower), as there is no cargo on PATH"


def _usable_cargo() -> str:
    manifest = tomllib.loads(Path("Cargo.toml").read_text(encoding="utf-8"))
    needed = manifest["package"]["rust-version"]
    try:
        answer = subprocess.run(
            ["cargo", "--version"], capture_output=True, check=True, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"cargo does not run: {error}\n{WAY_OUT}") from error
    found = re.search(r"\d+(\.\d+)+", answer)
    if found is None or _numbers(found[0]) < _numbers(needed):
        raise SystemExit(f"Rust {needed} or newer is needed, this is {answer.strip()}\n{WAY_OUT}")
    return found[0]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _build(hook: str, directory: str, settings: Settings) -> str:
    print(announcement(), file=sys.stderr)
    if core() == "pure":
        return _run("hatchling.build", hook, directory, settings)
    try:
        if hook == "build_wheel" and os.environ.get("KRAKEN_CONNECTOR_PROFILE") == "1":
            profile_guided = importlib.import_module("profile_guided")
            make_wheel = partial(_run, "maturin", hook, settings=settings)
            name: str = profile_guided.build(make_wheel, directory)
            return name
        return _run("maturin", hook, directory, settings)
    except SystemExit as failure:
        raise SystemExit(f"The Rust core could not be built, see above.\n{WAY_OUT}") from failure


def _run(backend: str, hook: str, directory: str, settings: Settings) -> str:
    name: str = getattr(importlib.import_module(backend), hook)(directory, settings)
    return name


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    return [MATURIN if core() == "native" else HATCHLING]


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    return get_requires_for_build_wheel(config_settings)


def get_requires_for_build_sdist(config_settings: Settings = None) -> list[str]:
    return [HATCHLING]


def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    return _build("build_wheel", wheel_directory, config_settings)


def build_editable(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    return _build("build_editable", wheel_directory, config_settings)


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    return _run("hatchling.build", "build_sdist", sdist_directory, config_settings)


if __name__ == "__main__":
    print(announcement())
