"""Conversions for parameters of the REST API, under the names of kraken-connector 0.2.0."""

from __future__ import annotations

from .._installation import explain_missing_modules

explain_missing_modules(__name__)
