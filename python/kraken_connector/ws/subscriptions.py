"""What is subscribed; these import paths are those of kraken-connector 0.2.0."""

from __future__ import annotations

from .protocol.registry import SubscriptionEntry, SubscriptionError
from .subscribe import SubscriptionParams

__all__ = ["SubscriptionEntry", "SubscriptionError", "SubscriptionParams"]
