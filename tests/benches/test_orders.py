"""The bench of orders compares what it says it compares."""

from __future__ import annotations

import pytest
from benches import order_rows
from benches.results import Results
from benches.targets import DICT, WEBSOCKETS


@pytest.mark.long
def test_every_method_is_beside_a_dict_and_the_library() -> None:
    results = Results()
    order_rows.measure(results, 0.01)
    figures = {group.case: group.figures for group in results.groups}
    assert sorted(figures) == ["add", "amend", "cancel"]
    for case in figures.values():
        assert {DICT, WEBSOCKETS} < case.keys()
        assert case[DICT].median < case[WEBSOCKETS].median
    assert results.notes == []
