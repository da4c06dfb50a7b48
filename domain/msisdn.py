"""Phone numbers: what people type becomes the one form that is stored, E.164 without a plus (F004)."""

import re

from domain.profile import Profile

LONGEST_TYPED = 32
"""The longest text, in characters, that is read as a number: 15 digits, their separators and a plus."""

# Spaces (plain, no-break, narrow, thin), hyphens and the dashes that typesetting makes of them, brackets.
_SEPARATORS = re.compile("[ \u00a0\u202f\u2009\u2010-\u2015()-]")
_NUMBER = re.compile(r"\+?[0-9]+")


def normalize(text: str, profile: Profile) -> str | None:
    """The E.164 digits, such as 79031234567, of a number typed in any form that the profile accepts.

    These are the national form, that form behind one of `operator.strip_prefixes`, and the international form
    with or without a plus; separators do not count. None for everything else. A prefix is one only when
    exactly `operator.msisdn_national_length` digits follow, so 8001234567 keeps its 8.
    """
    if len(text) > LONGEST_TYPED:
        return None
    number = _SEPARATORS.sub("", text)
    if not _NUMBER.fullmatch(number):
        return None
    operator = profile.operator
    code = operator.msisdn_country_code
    # The country's own code is accepted even where the profile does not list it: Hearth prints that form.
    for prefix in ("", code, f"+{code}", *operator.strip_prefixes):
        national = number.removeprefix(prefix)
        if number.startswith(prefix) and national.isdigit() and len(national) == operator.msisdn_national_length:
            return code + national
    return None


def mask(msisdn: str) -> str:
    """A number as somebody who may not see it reads it: the last four digits, ***4567."""
    return f"***{msisdn[-4:]}"
