"""What a permanent password looks like, as the operator's profile has it (F013, C15), and how strong one is.

The problems decide; the score is only advice. How a password is stored is `auth/passwords.py`.
"""

import math
import string
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path

from domain.profile import Profile
from domain.profile_access import PasswordRules
from domain.refusals import ErrorCode


class PasswordProblem(StrEnum):
    """Why a password is not taken, in the order in which a person is told."""

    TOO_SHORT = "TOO_SHORT"
    TOO_LONG = "TOO_LONG"
    INVISIBLE_CHARACTER = "INVISIBLE_CHARACTER"
    LETTER_NOT_LATIN = "LETTER_NOT_LATIN"
    SPECIAL_CHARACTER = "SPECIAL_CHARACTER"
    NO_MIXED_CASE = "NO_MIXED_CASE"
    NO_DIGIT = "NO_DIGIT"
    COMMON = "COMMON"
    PERSONAL = "PERSONAL"

    @property
    def code(self) -> ErrorCode:
        """The code for programs: characters that have to go, or else a password that has to change."""
        return ErrorCode.PASSWORD_FORBIDDEN_CHARACTERS if self in _FORBIDDEN else ErrorCode.PASSWORD_TOO_WEAK


@dataclass(frozen=True, slots=True)
class PasswordStrength:
    """A password's worth: whether the policy takes it, why not, and a score from 0 (guessed at once) to 4."""

    acceptable: bool
    score: int
    problems: tuple[PasswordProblem, ...]


def problems(password: str, profile: Profile, *, personal: Collection[str] = ()) -> tuple[PasswordProblem, ...]:
    """Everything that the policy holds against a new password; empty when it is taken.

    `personal` are the user's own logins: numbers as E.164 digits, e-mail addresses, names. A character is a code
    point. Any text is taken, also one that is not valid Unicode.
    """
    return tuple(_problems(password, profile, personal))


def strength(password: str, profile: Profile, *, personal: Collection[str] = ()) -> PasswordStrength:
    """The problems of a password and its score, for a form that answers while somebody types (B009).

    The score follows from the estimate of `_bits`: 0 below 25 bits, 1 below 40, 2 below 55, 3 below 70, else 4. Common
    and personal passwords get 0. What is longer than the policy allows is not counted.
    """
    found = problems(password, profile, personal=personal)
    guessed = is_common(password) or PasswordProblem.PERSONAL in found
    bits = 0.0 if guessed else _bits(password[: profile.auth.password.max_length])
    return PasswordStrength(not found, sum(bits >= limit for limit in _SCORES), found)


def message(problem: PasswordProblem, profile: Profile) -> str:
    """What to tell a person about a problem, in English and without the password."""
    rules = profile.auth.password
    match problem:
        case PasswordProblem.TOO_SHORT:
            return f"Use at least {rules.min_length} characters"
        case PasswordProblem.TOO_LONG:
            return f"Use at most {rules.max_length} characters"
        case PasswordProblem.SPECIAL_CHARACTER if rules.latin_only:
            return "Use only Latin letters and digits"
        case _:
            return _MESSAGES[problem]


def is_common(password: str) -> bool:
    """Whether a password is one of the 10,000 most common, in whatever case."""
    return password.lower() in _common_passwords()


def _problems(password: str, profile: Profile, personal: Collection[str]) -> Iterator[PasswordProblem]:
    rules = profile.auth.password
    if len(password) < rules.min_length:
        yield PasswordProblem.TOO_SHORT
    if len(password) > rules.max_length:
        yield PasswordProblem.TOO_LONG
    yield from _forbidden_characters(password, rules)
    yield from _lacking_characters(password, rules)
    if rules.check_breached_list and is_common(password):
        yield PasswordProblem.COMMON
    if any(_gives_away(password, login, profile) for login in personal):
        yield PasswordProblem.PERSONAL


def _forbidden_characters(password: str, rules: PasswordRules) -> Iterator[PasswordProblem]:
    """Each character has one problem at the most, so that nobody is told two things about one of them."""
    invisible = {character for character in password if _is_invisible(character)}
    foreign = {each for each in set(password) - invisible if _is_letter(each) and not each.isascii()}
    special = {each for each in set(password) - invisible if not _is_letter(each) and each not in string.digits}
    if invisible:
        yield PasswordProblem.INVISIBLE_CHARACTER
    if rules.latin_only and foreign:
        yield PasswordProblem.LETTER_NOT_LATIN
    if rules.forbid_special and special:
        yield PasswordProblem.SPECIAL_CHARACTER


def _lacking_characters(password: str, rules: PasswordRules) -> Iterator[PasswordProblem]:
    letters = [each for each in password if each.isascii() or not rules.latin_only]
    both = any(each.isupper() for each in letters) and any(each.islower() for each in letters)
    if rules.require_mixed_case and not both:
        yield PasswordProblem.NO_MIXED_CASE
    if rules.require_digit and not any(each in string.digits for each in password):
        yield PasswordProblem.NO_DIGIT


def _is_letter(character: str) -> bool:
    """A letter, or the accent that stands after one: "é" may be written as one character or as two."""
    return unicodedata.category(character)[0] in "LM"


def _is_invisible(character: str) -> bool:
    """Control and format characters, surrogates, unassigned ones, line and paragraph separators.

    Nobody sees them to type them again, and a surrogate alone cannot be encoded, and so not be hashed.
    """
    category = unicodedata.category(character)
    return category[0] == "C" or category in ("Zl", "Zp")


def _gives_away(password: str, login: str, profile: Profile) -> bool:
    """Whether a password is one of the user's logins, or has it inside.

    A number counts without its country code and however it is spaced; an e-mail address also by its part before the @.
    """
    text, own = password.casefold(), login.casefold()
    national = own.removeprefix("+").removeprefix(profile.operator.msisdn_country_code)
    if _is_number(national, profile):
        return national in "".join(character for character in text if character in string.digits)
    names = {own, own.partition("@")[0]}
    return text in names or any(len(name) >= _SHORTEST_NAME and name in text for name in names)


def _is_number(digits: str, profile: Profile) -> bool:
    return len(digits) == profile.operator.msisdn_national_length and digits.isdecimal()


def _bits(password: str) -> float:
    """How many bits the cheapest way to spell a password takes: an estimate from above, since it knows only tricks.

    A character costs the logarithm of the size of the alphabets in use, a quarter of it when it repeats or continues
    the one before (`aa`, `bc`, `21`, `er` on a keyboard). A common password inside costs as one of 10,000, and a
    stretch of three or more that came before as one character. It knows no names, dates or words of other languages.
    """
    character_bits = math.log2(max(2, _alphabet(password)))
    lower = password.lower()
    cheapest = [0.0]
    for end in range(1, len(password) + 1):
        follows = end > 1 and lower[end - 2 : end] in _neighbours()
        ways = [cheapest[end - 1] + character_bits * (_EXPECTED if follows else 1)]
        for start in range(max(0, end - _LONGEST_STRETCH), end - _SHORTEST_STRETCH + 1):
            stretch = lower[start:end]
            if stretch in lower[:start]:
                ways.append(cheapest[start] + character_bits)
            elif len(stretch) >= _SHORTEST_WORD and stretch in _common_passwords():
                ways.append(cheapest[start] + math.log2(len(_common_passwords())))
        cheapest.append(min(ways))
    return cheapest[-1]


def _alphabet(password: str) -> int:
    """How many characters there are of the kinds that a password uses."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
    size = sum(len(kind) for kind in kinds if any(character in kind for character in password))
    others = {character for character in password if not any(character in kind for kind in kinds)}
    if any(character.isascii() for character in others):
        size += len(string.punctuation) + 1
    if any(not character.isascii() for character in others):
        size += _FOREIGN_ALPHABET
    return size


@cache
def _neighbours() -> frozenset[str]:
    """Two characters of which the second is the obvious next one: along the alphabet or a keyboard, either way."""
    rows = (string.ascii_lowercase, "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "йцукенгшщзхъ", "фывапролджэ")
    pairs = {a + b for row in rows for a, b in pairwise(row)}
    doubles = {character * 2 for row in rows for character in row} | {sign * 2 for sign in string.punctuation}
    return frozenset(pairs | {pair[::-1] for pair in pairs} | doubles)


@cache
def _common_passwords() -> frozenset[str]:
    """The 10,000 most common passwords, in small letters; read once, at the first need (1.0 MiB)."""
    return frozenset(_COMMON_FILE.read_text(encoding="utf-8").splitlines())


_COMMON_FILE = Path(__file__).parent / "common_passwords.txt"

_FORBIDDEN = frozenset(
    {
        PasswordProblem.INVISIBLE_CHARACTER,
        PasswordProblem.LETTER_NOT_LATIN,
        PasswordProblem.SPECIAL_CHARACTER,
    }
)

_MESSAGES = {
    PasswordProblem.INVISIBLE_CHARACTER: "Control and invisible characters cannot be used",
    PasswordProblem.LETTER_NOT_LATIN: "Use only Latin letters, A to Z",
    PasswordProblem.SPECIAL_CHARACTER: "Use only letters and digits",
    PasswordProblem.NO_MIXED_CASE: "Use both capital and small letters",
    PasswordProblem.NO_DIGIT: "Use at least one digit",
    PasswordProblem.COMMON: "This is one of the most common passwords, which are guessed first",
    PasswordProblem.PERSONAL: "The password must not contain your number or login",
}

# From how many bits on a score is 1, 2, 3 and 4. Eight random letters and digits have 48, twelve have 71.
_SCORES = (25, 40, 55, 70)

# What is left of a character's bits when it could be expected.
_EXPECTED = 0.25

# A shorter login inside a password may be chance; a shorter stretch saves an attacker nothing.
_SHORTEST_NAME = 5
_SHORTEST_STRETCH = 3
_SHORTEST_WORD = 4

# As long as the longest common password. It also bounds the work: a password takes less than a millisecond.
_LONGEST_STRETCH = 20

# One other alphabet, such as the Cyrillic one.
_FOREIGN_ALPHABET = 32
