"""Private calls that place and cancel orders."""

from __future__ import annotations
