"""What a ticket asks for, in words, and the words that people write in one."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from domain.language import Language
from domain.refusals import InputRejected
from domain.ticket import TicketSubject
from domain.wording import Wording

LONGEST_COMMENT = 1_000
LONGEST_MESSAGE = 4_000

FASTEST_MBPS = 10_000
"""The highest speed, in megabits a second, that can be asked for."""

_SUBJECTS = {
    TicketSubject.SPEED_INCREASE: Wording("A speed of {mbps} Mbit/s"),
    TicketSubject.BUNDLE: Wording("The bundle {name}"),
}
# What is not text: control characters, and halves of characters.
_UNSEEN = frozenset({"Cc", "Cs"})


def subject_text(subject: TicketSubject, details: Mapping[str, Any], language: Language) -> str:
    """What a ticket asks for, in words."""
    return _SUBJECTS[subject].text(language, **details)


def read_words(typed: str | None, longest: int, field: str) -> str | InputRejected | None:
    """What somebody wrote, without the white space around it; None where that is nothing."""
    if typed is None:
        return None
    text = typed[: 2 * longest].strip()
    if len(text) > longest or any(unicodedata.category(each) in _UNSEEN and each != "\n" for each in text):
        return InputRejected(f"At most {longest} characters of text", (field,))
    return text or None
