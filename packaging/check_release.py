"""Compare a directory of distributions with the list of what a release consists of, both ways."""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHONS = ("cp311", "cp312", "cp313", "cp314", "cp314t")
PLATFORMS = (
    "macosx_arm64",
    "macosx_x86_64",
    "manylinux_aarch64",
    "manylinux_x86_64",
    "musllinux_aarch64",
    "musllinux_x86_64",
    "win_amd64",
)
EXPECTED = {"sdist", "pure", *(f"{python}-{on}" for python in PYTHONS for on in PLATFORMS)}


def kind(name: str, version: str) -> str:
    """Return which distribution a file is: `sdist`, `pure`, or as in `cp311-manylinux_x86_64`.

    A name that is no distribution of `version` is returned as it is.
    """
    stem = f"kraken_connector_rs-{re.escape(version)}"
    if re.fullmatch(rf"{stem}\.tar\.gz", name):
        return "sdist"
    if re.fullmatch(rf"{stem}-py3-none-any\.whl", name):
        return "pure"
    found = re.fullmatch(
        rf"{stem}-(cp\d+)-(\1t?)-(manylinux|musllinux|macosx|win)[\d_]*?_"
        r"(x86_64|aarch64|arm64|amd64)(\.\w+)*\.whl",
        name,
    )
    return f"{found[2]}-{found[3]}_{found[4]}" if found else name


def complaints(names: list[str], version: str, tag: str | None) -> list[str]:
    """Return a line for everything that keeps `names` from being the release of `version`."""
    found = [kind(name, version) for name in names]
    lines = [f"missing: {one}" for one in sorted(EXPECTED - set(found))]
    lines += [f"unexpected: {one}" for one in sorted(set(found) - EXPECTED)]
    lines += [f"twice: {one}" for one in sorted({one for one in found if found.count(one) > 1})]
    if tag is not None and tag != f"v{version}":
        lines.append(f"the tag is {tag}, but the version in Cargo.toml is {version}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--tag", help="the tag that is being released, v and the version")
    options = parser.parse_args()
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    names = sorted(path.name for path in options.directory.iterdir())
    if lines := complaints(names, manifest["package"]["version"], options.tag):
        sys.exit("\n".join(lines))
    print(f"{len(names)} distributions, none missing, none unexpected")


if __name__ == "__main__":
    main()
