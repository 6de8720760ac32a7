"""Warnings of deprecated names."""

from __future__ import annotations

import warnings


def deprecated(text: str) -> None:
    """Warn the caller of a method, or of a method behind `locked`."""
    warnings.warn(text, DeprecationWarning, stacklevel=3)
