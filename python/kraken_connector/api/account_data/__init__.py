"""Private calls that read the account."""

from __future__ import annotations
