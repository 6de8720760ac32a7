"""A few seconds of the soak, so that it works when it is needed for hours."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.soak.figures import Sample, complaints
from tests.soak.run import soak


def sample(**changes: int) -> Sample:
    usual = {"messages": 0, "faults": 0, "memory": 2**25, "tasks": 6, "files": 9, "objects": 10_000}
    return Sample(**{**usual, **changes})


@pytest.mark.parametrize(
    ("name", "amount"), [("memory", 2**26), ("tasks", 1), ("files", 1), ("objects", 1000)]
)
def test_what_grows_is_complained_about(name: str, amount: int) -> None:
    start = getattr(sample(), name)
    samples = [sample(**{name: start + number * amount}) for number in range(9)]
    assert [text.split()[0] for text in complaints(samples)] == [name]
    assert complaints([sample()] * 9) == []


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="figures come from /proc")
async def test_a_lost_connection_and_a_wrong_book_are_survived() -> None:
    samples = await soak(seconds=60, faults=2, pause=0.1, heartbeat_timeout=20)
    assert samples[-1].faults == 2
    assert samples[-1].messages > 1000
