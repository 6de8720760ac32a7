"""The count of instructions: what callgrind says, and what is compared."""

from __future__ import annotations

import json

import pytest
from benches import instructions


def test_the_total_is_found_in_what_callgrind_prints() -> None:
    report = "==1== Events    : Ir\n==1== Collected : 3968001\n==1== I   refs:      3,968,001\n"
    assert instructions.collected(report) == 3_968_001


def test_a_report_without_total_is_an_error() -> None:
    with pytest.raises(ValueError, match="no total"):
        instructions.collected("valgrind: cannot run")


def test_without_valgrind_it_says_so_and_passes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert instructions.main() == 0
    assert "valgrind is not installed" in capsys.readouterr().out


@pytest.mark.parametrize(("share", "code"), [(1.0, 0), (1.5, 1)])
def test_more_instructions_than_tolerated_fail(
    monkeypatch: pytest.MonkeyPatch, share: float, code: int
) -> None:
    committed = json.loads(instructions.COMMITTED.read_text())["feed"]
    monkeypatch.setattr("shutil.which", lambda _: "valgrind")
    monkeypatch.setattr("sys.argv", ["instructions.py"])
    monkeypatch.setattr(
        instructions, "count", lambda _, rounds: (round(rounds * 100 * share * committed), 100)
    )
    assert instructions.main() == code
