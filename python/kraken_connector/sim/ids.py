"""Ids in the exchange's form."""

from __future__ import annotations

import random

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def new_id(first: str, chance: random.Random) -> str:
    """Return an id such as `OVKWAN-V3RLC-GJ4DAW`; `first` is `O` for orders."""
    letters = "".join(chance.choices(LETTERS, k=16))
    return f"{first}{letters[:5]}-{letters[5:10]}-{letters[10:]}"
