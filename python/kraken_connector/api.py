"""A module of the REST API of kraken-connector 0.2.0; importing it raises an explanation."""

from __future__ import annotations

from ._installation import missing_module

raise missing_module(__name__)
