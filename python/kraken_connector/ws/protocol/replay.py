"""What a new socket subscribes to again after a reconnect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..constants import REPLAY_BATCH
from .registry import Subscription

__all__ = ["replay_batches"]


def replay_batches(subscriptions: Iterable[Subscription]) -> Iterator[list[Subscription]]:
    """Yield the subscriptions to replay, in batches with equal parameters that share a message.

    Symbols that the exchange refused are left out, unless it had accepted them before.
    """
    groups: dict[tuple[object, ...], list[Subscription]] = {}
    for subscription in subscriptions:
        if subscription.state == "rejected" and subscription.ack is None:
            continue
        parameters = subscription.params.subscribe_params()
        groups.setdefault(tuple(sorted(parameters.items())), []).append(subscription)
    for alike in groups.values():
        for start in range(0, len(alike), REPLAY_BATCH):
            yield alike[start : start + REPLAY_BATCH]
