"""Part of the REST API of kraken-connector 0.2.0, which is not here; importing it says so."""

from __future__ import annotations

from ._installation import missing_module

raise missing_module(__name__)
