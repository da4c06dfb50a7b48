"""The number that is printed on a card, which belongs to the bank's own form and is never stored here (PCI DSS 3)."""

import re

_NUMBER = re.compile(r"[0-9](?:[ -]?[0-9]){12,18}")


def is_card_number(text: str) -> bool:
    """Whether a text is 13 to 19 digits whose last is their check digit (Luhn), perhaps in groups."""
    if not _NUMBER.fullmatch(text.strip()):
        return False
    digits = [int(each) for each in reversed(text) if each.isdigit()]
    doubled = (2 * each - 9 * (each > 4) for each in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
