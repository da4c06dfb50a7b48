"""Numbers as people type them become one form, by each operator's own prefixes (F004)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.msisdn import LONGEST_TYPED, mask, normalize
from domain.profile import Profile, read_profiles

PROFILES = read_profiles(Path(__file__).parent.parent / "operators")
RUSSIAN = [profile for profile in PROFILES.values() if profile.operator.msisdn_country_code == "7"]

profiles = st.sampled_from(list(PROFILES.values()))


def prefixes(profile: Profile) -> list[str]:
    """Every prefix that a typed number may bear."""
    code = profile.operator.msisdn_country_code
    return ["", code, f"+{code}", *profile.operator.strip_prefixes]


@st.composite
def numbers(draw: st.DrawFn) -> tuple[Profile, str]:
    """A profile and the national digits of one of its numbers."""
    profile = draw(profiles)
    length = profile.operator.msisdn_national_length
    return profile, draw(st.text("0123456789", min_size=length, max_size=length))


@given(numbers(), st.data())
def test_f004_every_rendering_normalises_to_the_same_digits(number: tuple[Profile, str], data: st.DataObject) -> None:
    profile, national = number
    typed = data.draw(st.sampled_from(prefixes(profile))) + national
    separators = st.sampled_from(["", "", " ", "-", "(", ")", "\u00a0", "\u202f", "\u2011", "\u2013"])
    rendering = "".join(digit + data.draw(separators) for digit in typed)

    assert normalize(rendering, profile) == profile.operator.msisdn_country_code + national


@given(numbers())
def test_f004_the_stored_form_is_accepted_and_stays_as_it_is(number: tuple[Profile, str]) -> None:
    profile, national = number
    stored = profile.operator.msisdn_country_code + national

    assert normalize(stored, profile) == stored


@given(profiles, st.text(max_size=40))
def test_f004_any_text_is_a_number_of_the_country_or_nothing(profile: Profile, text: str) -> None:
    number = normalize(text, profile)

    operator = profile.operator
    assert number is None or (
        number.isascii()
        and number.isdigit()
        and number.startswith(operator.msisdn_country_code)
        and len(number) == len(operator.msisdn_country_code) + operator.msisdn_national_length
    )


@pytest.mark.parametrize("profile", RUSSIAN, ids=lambda profile: profile.operator.id)
@pytest.mark.parametrize(
    "text",
    [
        "9031234567",
        "79031234567",
        "+79031234567",
        "+7 (903) 123-45-67",
        "903\u00a0123\u201145\u201167",
        " 903 1234567 ",
    ],
)
def test_f004_russian_forms(profile: Profile, text: str) -> None:
    assert normalize(text, profile) == "79031234567"


@pytest.mark.parametrize("text", ["291234567", "375291234567", "+375 (29) 123-45-67", "80 29 123 45 67"])
def test_f004_belarusian_forms(text: str) -> None:
    assert normalize(text, PROFILES["life"]) == "375291234567"


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.operator.id)
def test_f004_the_trunk_prefix_counts_where_the_profile_lists_it(profile: Profile) -> None:
    national = "903123456789"[: profile.operator.msisdn_national_length]
    accepted = normalize(f"8{national}", profile) is not None

    assert accepted == ("8" in profile.operator.strip_prefixes)


@pytest.mark.parametrize("profile", RUSSIAN, ids=lambda profile: profile.operator.id)
def test_f004_a_number_that_begins_like_a_prefix_keeps_its_digits(profile: Profile) -> None:
    assert normalize("8001234567", profile) == "78001234567"
    assert normalize("7001234567", profile) == "77001234567"


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.operator.id)
@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+",
        "-",
        "beeline",
        "903123456O",
        "90312345678901",
        "+89031234567",
        "++79031234567",
        "7+9031234567",
        "+9031234567",
        "0079031234567",
        "9031234567,",
        "903.123.4567",
        "9031234567\n",
        "9031234567\x00",
        "٩٠٣١٢٣٤٥٦٧",
        "９０３１２３４５６７",
        "²903123456",
        "+1 202 555 0142",
    ],
)
def test_f004_texts_that_are_no_numbers(profile: Profile, text: str) -> None:
    assert normalize(text, profile) is None


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.operator.id)
def test_f004_a_digit_more_or_less_is_refused(profile: Profile) -> None:
    stored = profile.operator.msisdn_country_code + "9" * profile.operator.msisdn_national_length

    assert normalize(f"+{stored}9", profile) is None
    assert normalize(f"+{stored[:-1]}", profile) is None


def test_f004_over_long_input_is_refused_whatever_it_holds() -> None:
    profile = RUSSIAN[0]

    assert normalize("9031234567".ljust(LONGEST_TYPED), profile) == "79031234567"
    assert normalize("9031234567".ljust(LONGEST_TYPED + 1), profile) is None


def test_a_masked_number_shows_its_last_four_digits() -> None:
    assert mask("79031234567") == "***4567"
