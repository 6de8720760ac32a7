"""The items of channel `book`, at the import path of kraken-connector 0.2.0."""

from __future__ import annotations

from ...models.book import BookData, BookLevel

__all__ = ["BookData", "BookLevel"]
