"""What people read, in their language (F032): English sentences in the code, their translations in `locales/`.

A text stands where it is used, as a `Wording` or a `Counted`, and names what is put into it: "{minutes} min".
`make messages` brings new texts into the catalogues; whoever adds one translates it there.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from domain.language import Language
from domain.profile import Profile

LOCALES = Path(__file__).resolve().parent.parent / "locales"
"""The catalogues: `<language>/LC_MESSAGES/hearth.po`."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A text in English, as the catalogues know it."""

    english: str

    def text(self, language: Language, **values: object) -> str:
        """The text in a language, with the values that it names. Raises KeyError for one that is not given."""
        return catalogues()[language].gettext(self.english).format(**values)


@dataclass(frozen=True, slots=True)
class Counted:
    """A text whose words depend on a number, the value named `by`: as it is for one, and for many."""

    one: str
    many: str
    by: str

    def text(self, language: Language, **values: object) -> str:
        """The text in a language, in the form for the number. Raises KeyError for a value that is not given."""
        number = values[self.by]
        assert isinstance(number, int)
        return catalogues()[language].ngettext(self.one, self.many, number).format(**values)


def language_of(profile: Profile, chosen: str | None) -> Language:
    """The language to speak with whoever chose `chosen`; with a stranger it is the operator's first."""
    return next((each for each in profile.operator.languages if each == chosen), profile.operator.languages[0])


@cache
def catalogues() -> Mapping[Language, NullTranslations]:
    """The translations, read once. Raises OSError for a catalogue that cannot be read, PoFileError for a broken one."""
    return {language: _catalogue(language) for language in Language}


def _catalogue(language: Language) -> NullTranslations:
    """A catalogue as it was written: compiled here, so that nobody has to keep a compiled one beside it."""
    compiled = BytesIO()
    with (LOCALES / language / "LC_MESSAGES" / "hearth.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language, abort_invalid=True))
    compiled.seek(0)
    translations = GNUTranslations(compiled)
    translations.add_fallback(_English(language))
    return translations


class _English(NullTranslations):
    """What a catalogue lacks is said in English. The warning is an error in tests."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._language = language

    def gettext(self, message: str) -> str:
        self._warn(message)
        return message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        self._warn(msgid1)
        return super().ngettext(msgid1, msgid2, n)

    def _warn(self, message: str) -> None:
        warnings.warn(f"locales/{self._language} does not translate {message!r}", RuntimeWarning, stacklevel=4)
