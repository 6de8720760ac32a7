"""The bench of the package: imports in new processes, and the size of the extension."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from benches import package_rows
from benches.results import Results


@pytest.mark.long
def test_the_import_and_the_extension_are_measured() -> None:
    results = Results()
    package_rows.measure(results, 0.0)
    figures = {row.target: row.figure for row in results.rows}
    assert figures["import"].median > 1
    if find_spec("kraken_connector._native"):
        assert figures["extension"].median > 0.5
    else:
        assert results.notes
