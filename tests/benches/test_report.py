"""The report's verdicts: which targets were met, missed by how much, or not measured."""

from __future__ import annotations

from typing import Any

import pytest
from benches import report
from benches.results import Results
from benches.targets import OLD, ORJSON, TARGETS


def document(results: Results) -> dict[str, Any]:
    return {
        "machine": {"processor": "a processor"},
        "versions": {"orjson": "1.0", "picows": None},
        "date": "2026-01-01",
        "command": "make bench",
        "ways": {"callback": {}, "callback, thread": {"reader": "thread"}},
        "minutes": 1.0,
        **results.to_dict(),
    }


@pytest.fixture
def results() -> Results:
    made = Results()
    rounds = {"native": [0.1, 0.2, 0.3], ORJSON: [1.0, 1.0, 1.0], "pure": [5.0, 5.0, 5.0]}
    made.add("feed", "deep", "ns/message", rounds)
    made.compare("feed", "deep", rounds, ("native", ORJSON))
    made.compare("feed", "shallow", rounds, ("pure", ORJSON), decides=False)
    made.compare("pure-10", "deep", {**rounds, OLD: [8.0, 8.0, 8.0]}, ("pure", OLD))
    return made


def test_the_table_has_every_target_and_its_verdict(results: Results) -> None:
    rows = {row[0]: row for row in report.targets(document(results))}
    assert len(rows) == len(TARGETS)
    assert rows[TARGETS["feed"].what][4:] == ("0.2 (0.15 to 0.25)", "met")
    assert rows[TARGETS["pure-10"].what][4:] == ("1.6", "missed by 25 %")
    assert rows[TARGETS["callback"].what][5] == "not measured"


def test_a_missing_peer_is_in_the_notes(results: Results) -> None:
    results.compare("callback", "asyncio", {"callback": [1.0, 1.0]}, ("callback", "picows"))
    (note,) = results.notes
    assert "picows" in note


def test_the_page_has_no_placeholder_left(results: Results) -> None:
    results.add_note("picows could not be installed")
    text = report.page(document(results))
    assert "$" not in text
    assert "1 of 2 targets were met in this run" in text
    assert "- picows could not be installed" in text
    assert '`callback, thread` is this client with `reader="thread"`.' in text


@pytest.mark.parametrize(
    ("key", "figure", "said"),
    [
        ("feed", 0.28, "met"),
        ("feed", 0.56, "missed by 100 %"),
        ("iterate-old", 30, "met"),
        ("iterate-old", 15, "missed by 100 %"),
    ],
)
def test_verdicts_know_both_senses(key: str, figure: float, said: str) -> None:
    assert report.verdict(key, figure) == said
