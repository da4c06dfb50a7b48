"""The languages that the cabinet speaks."""

from enum import StrEnum


class Language(StrEnum):
    """A language of the cabinet; the value is its BCP 47 tag (SPEC 5.3 `operator.languages`)."""

    RU = "ru"
    BE = "be"
    TT = "tt"
    EN = "en"
