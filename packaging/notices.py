"""Writes NOTICES: the licences of the crates that are part of a built extension.

    python packaging/notices.py

Run it after a change of Cargo.lock; a test compares the file with the crates.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
NOTICES = ROOT / "NOTICES"
#: The systems with the most crates.
TARGETS = ("x86_64-unknown-linux-gnu", "aarch64-apple-darwin")
#: Where there is a choice, the shortest one is taken.
CHOSEN = ("LICENSE-MIT", "LICENSE-ISC")


def crates() -> dict[str, str]:
    """Return the licences of the crates in an extension, by name and version."""
    command = ["cargo", "tree", "--locked", "--features", "python"]
    command += [word for target in TARGETS for word in ("--target", target)]
    options = ["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}|{l}"]
    output = subprocess.run(
        [*command, *options], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    lines = (line.removesuffix(" (*)").partition("|") for line in output.splitlines() if line)
    found = {crate.split(" (")[0]: licence for crate, _, licence in lines}
    return {crate: found[crate] for crate in sorted(found) if "kraken_connector" not in crate}


def texts(crate: str) -> str:
    """Return the texts of the licence of a crate."""
    name, version = crate.split(" v")
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--features", "python"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    folder = next(
        Path(package["manifest_path"]).parent
        for package in metadata["packages"]
        if (package["name"], package["version"]) == (name, version)
    )
    files = [folder / choice for choice in CHOSEN if (folder / choice).exists()][:1]
    files = files or sorted(folder.glob("LICENSE*"))
    return "\n\n".join(file.read_text().strip() for file in files)


def main() -> None:
    parts = [
        "The extension module of a wheel contains the following crates.",
        *(
            f"{crate}\n{'=' * len(crate)}\n{licence}\n\n{texts(crate)}"
            for crate, licence in crates().items()
        ),
    ]
    NOTICES.write_text("\n\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
