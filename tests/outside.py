"""Frames that are no part of the package: real captures, and frames of other projects.

An environment variable names the folder of each. By default: the folder of that name next to the
project's folder. Without it, the tests that read the frames are skipped.

`KRAKEN_CONNECTOR_CAPTURES`, or `captures`: files `*.jsonl`, in subfolders too, one frame of the
exchange a line, byte for byte as received.

`KRAKEN_CONNECTOR_CORPUS`, or `corpus`: `frames.jsonl`, one object a line with `frame`, the text,
and `direction`, `in` for what the exchange says and `out` for requests.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def folder(name: str) -> Path | None:
    """Return the folder of that name, `None` where there is none.

    Raises:
        NotADirectoryError: its variable is set, but names no folder.
    """
    variable = f"KRAKEN_CONNECTOR_{name.upper()}"
    if named := os.environ.get(variable):
        if not Path(named).is_dir():
            raise NotADirectoryError(f"{variable} names no folder: {named}")
        return Path(named)
    beside = ROOT.parent / name
    return beside if beside.is_dir() else None


def captures() -> list[Path]:
    """Return the captured files."""
    found = folder("captures")
    return sorted(found.rglob("*.jsonl")) if found else []


def lines(capture: Path) -> list[bytes]:
    """Return the frames of a captured file."""
    return [line for line in capture.read_bytes().splitlines() if line]


def checksums(frames: list[bytes]) -> int:
    """Count the checksums in the bytes of frames, without any parser."""
    return len(re.findall(rb'"checksum":\d+', b"\n".join(frames)))


def corpus(direction: str) -> list[str]:
    """Return the frames of other projects that go `in` or `out`."""
    found = folder("corpus")
    if found is None:
        return []
    entries = map(json.loads, (found / "frames.jsonl").read_text().splitlines())
    return [entry["frame"] for entry in entries if entry["direction"] == direction]
