"""Subscriptions: the import paths of kraken-connector 0.2.0."""

from __future__ import annotations

from .protocol.registry import SubscriptionEntry, SubscriptionError
from .subscribe import SubscriptionParams

__all__ = ["SubscriptionEntry", "SubscriptionError", "SubscriptionParams"]
