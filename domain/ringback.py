"""What a caller hears and reads while a line rings: tones by rules, and a status message (F126, F128). Pure rules."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.child_policy import QuietHours, TypedHours, read_hours
from domain.msisdn import LONGEST_TYPED, normalize
from domain.profile import Profile
from domain.refusals import InputRejected

MOST_NUMBERS = 50
"""How many numbers one rule is for."""

MOST_RULES = 20
LONGEST_STATUS = 100
STATUS_MESSAGE = "status"
"""The code of the service that pays for status messages, where the profile offers them."""

# A picture of several people is glued together by these; all else that is not seen would only deceive.
_JOINERS = frozenset("\u200c\u200d")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_MOST_MARKS = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """A tone for some callers, or for all where there are no numbers; at some hours, or always where there are none.

    Of two rules the one that was set later has the greater `id`.
    """

    id: int
    tone_id: int
    for_numbers: tuple[str, ...] = ()
    hours: QuietHours | None = None


def heard(rules: Iterable[Rule], caller: str | None, local: datetime) -> Rule | None:
    """The rule by which `caller` hears a tone at a moment of the operator's clock; None: the ordinary ringing.

    The most exact one counts: one for this caller before one for these hours before one for everybody, and of equals
    the last that was set. `caller` is None where the number is withheld.
    """
    fitting = (
        rule
        for rule in rules
        if (not rule.for_numbers or caller in rule.for_numbers) and (rule.hours is None or local in rule.hours)
    )
    return max(fitting, key=lambda rule: (bool(rule.for_numbers), rule.hours is not None, rule.id), default=None)


def read_callers(typed: Sequence[str], profile: Profile) -> tuple[str, ...] | InputRejected:
    """The numbers of a rule as they are stored, in order; the same number twice is one."""
    field = ("forNumbers",)
    if len(typed) > MOST_NUMBERS:
        return InputRejected(f"A rule is for at most {MOST_NUMBERS} numbers", field)
    read = [normalize(text, profile) if len(text) <= LONGEST_TYPED else None for text in typed]
    if None in read:
        return InputRejected("A number is written in full, such as +79031234567", field)
    return tuple(sorted({number for number in read if number is not None}))


def read_rule_hours(typed: TypedHours | None) -> QuietHours | InputRejected | None:
    """The hours of a rule; None where it is for any hour."""
    hours = None if typed is None else read_hours(typed)
    return replace(hours, field=("hours",)) if isinstance(hours, InputRejected) else hours


def read_status(typed: str | None) -> str | InputRejected | None:
    """A status message, on one line; None where it says nothing, which switches it off."""
    if typed is None:
        return None
    # Whoever sends a megabyte is not worth the work of normalising it.
    text = unicodedata.normalize("NFC", typed[: 10 * LONGEST_STATUS]).strip(" ")
    if len(text) > LONGEST_STATUS or len(typed) > 10 * LONGEST_STATUS:
        return InputRejected(f"A status message has at most {LONGEST_STATUS} characters", ("message",))
    marks = 0
    for letter in text:
        category = unicodedata.category(letter)
        marks = marks + 1 if category.startswith("M") else 0
        if marks > _MOST_MARKS or (category in _UNSEEN and letter not in _JOINERS):
            return InputRejected("A status message is one line of letters, digits, signs and pictures", ("message",))
    return text or None
