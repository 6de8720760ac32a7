"""What a process holds at a calm moment, and whether that grows."""

from __future__ import annotations

import asyncio
import gc
import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median

#: Growth after the warm-up that allocators and recorded gaps may cause.
MEMORY_SLACK = 8 * 2**20
#: With the pure core up to 1,024 frames and some hundred messages may be on their way.
OBJECTS_SLACK = 2_000
OBJECTS_PER_FAULT = 20
#: Share of the run that counts as warm-up, and share at the end that is compared with it.
THIRD = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment.

    Attributes:
        messages: received by all clients since the start.
        faults: caused since the start.
        memory: resident bytes.
        tasks: of the event loop.
        files: open descriptors.
        objects: that the garbage collector knows.
    """

    messages: int
    faults: int
    memory: int
    tasks: int
    files: int
    objects: int

    @classmethod
    def measure(cls, messages: int, faults: int) -> Sample:
        gc.collect()
        return cls(
            messages=messages,
            faults=faults,
            memory=resident_bytes(),
            tasks=len(asyncio.all_tasks()),
            files=len(list(Path("/proc/self/fd").iterdir())),
            objects=len(gc.get_objects()),
        )

    def __str__(self) -> str:
        return (
            f"{self.messages:>13,} messages {self.faults:>4} faults {self.memory / 2**20:>7.1f} MiB"
            f" {self.tasks:>3} tasks {self.files:>3} files {self.objects:>7,} objects"
        )


def resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def growth(samples: list[Sample], name: str) -> float:
    """Return by how much the median of the last third is above that of the second one."""
    third = max(1, len(samples) // THIRD)
    middle, last = samples[third : -third or None] or samples[:1], samples[-third:]
    values = [[getattr(sample, name) for sample in part] for part in (middle, last)]
    return median(values[1]) - median(values[0])


def complaints(samples: list[Sample]) -> list[str]:
    """Return what grew that should not."""
    allowed = {
        "memory": MEMORY_SLACK,
        "tasks": 0,
        "files": 0,
        "objects": OBJECTS_SLACK + OBJECTS_PER_FAULT * samples[-1].faults,
    }
    grown = {name: growth(samples, name) for name in allowed}
    return [
        f"{name} grew by {grown[name]:,.0f}, allowed are {limit:,}"
        for name, limit in allowed.items()
        if grown[name] > limit
    ]
