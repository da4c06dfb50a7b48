"""What was spent, by kind (F058). Pure rules."""

from collections.abc import Sequence
from decimal import Decimal

SHARE = Decimal("0.0001")
"""What shares are told in whole ones of."""


def shares(amounts: Sequence[int]) -> list[Decimal]:
    """Which part of all each amount is, so that they are 1 together; nothing where nothing was spent.

    What rounding leaves over goes to those that lost the most by it.
    """
    total = sum(amounts)
    if not total:
        return [Decimal(0) for _ in amounts]
    steps = int(1 / SHARE)
    parts = [divmod(amount * steps, total) for amount in amounts]
    missing = steps - sum(whole for whole, _ in parts)
    first = sorted(range(len(parts)), key=lambda place: -parts[place][1])[:missing]
    return [(whole + (place in first)) * SHARE for place, (whole, _) in enumerate(parts)]
