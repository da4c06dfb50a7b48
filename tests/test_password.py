"""F013, C15: which passwords each operator takes, at the value, one below and one above; and what the API says."""

import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.password import PasswordProblem, is_common, message, problems, strength
from domain.profile import Profile, read_profiles
from domain.refusals import ErrorCode
from tests.cabinet import Cabinet

ROOT = Path(__file__).resolve().parent.parent
PROFILES = read_profiles(ROOT / "operators")
FIVE = sorted(PROFILES)

P = PasswordProblem
five = pytest.mark.parametrize("profile", PROFILES.values(), ids=FIVE)

STRENGTH = """
query Strength($password: String!) {
  passwordStrength(password: $password) { acceptable score problems messages }
}
"""


def with_rules(profile: Profile, **rules: Any) -> Profile:
    """The profile with other rules for passwords."""
    password = profile.auth.password.model_copy(update=rules)
    return profile.model_copy(update={"auth": profile.auth.model_copy(update={"password": password})})


def of_length(length: int) -> str:
    """A password without any other fault, of a length."""
    return ("Kw7rTq9xLpZ3" * 11)[:length]


@five
def test_f013_length_counts_at_the_limits_and_around(profile: Profile) -> None:
    rules = profile.auth.password
    found = {
        length: problems(of_length(length), profile)
        for limit in (rules.min_length, rules.max_length)
        for length in (limit - 1, limit, limit + 1)
    }
    assert found == {7: (P.TOO_SHORT,), 8: (), 9: (), 63: (), 64: (), 65: (P.TOO_LONG,)}


def test_f013_length_is_in_characters_not_in_bytes() -> None:
    profile = with_rules(PROFILES["tele2"], latin_only=False)
    assert problems("Ёжики12", profile) == (P.TOO_SHORT,)
    assert problems("Ёжики123", profile) == ()
    assert problems("Ёж1😀😀😀😀", profile) == (P.TOO_SHORT,)
    assert problems("Ёж1😀😀😀😀😀", profile) == ()


@pytest.mark.parametrize(
    ("password", "beeline", "letai", "others"),
    [
        # Both cases and a digit: one less of each.
        ("kw7rtq9x", (P.NO_MIXED_CASE,), (P.NO_MIXED_CASE,), ()),
        ("KW7RTQ9X", (P.NO_MIXED_CASE,), (P.NO_MIXED_CASE,), ()),
        ("kw7rtQ9x", (), (), ()),
        ("KwgrTqwx", (P.NO_DIGIT,), (), (P.NO_DIGIT,)),
        ("KwgrTqw1", (), (), ()),
        ("72915836", (P.NO_MIXED_CASE,), (P.NO_MIXED_CASE,), ()),
        # Digits that are not of ASCII are digits to nobody's keyboard.
        ("KwgrTqw٣", (P.SPECIAL_CHARACTER, P.NO_DIGIT), (), (P.NO_DIGIT,)),
        # Special characters.
        ("Kw7rTq9x!", (P.SPECIAL_CHARACTER,), (), ()),
        ("Kw7r Tq9x", (P.SPECIAL_CHARACTER,), (), ()),
        ("Kw7rTq9x😀", (P.SPECIAL_CHARACTER,), (), ()),
        # Letters of other alphabets, look-alikes and accents, also where the accent stands alone.
        *[
            (foreign, *[(P.LETTER_NOT_LATIN,)] * 3)
            for foreign in ("Kw7rTq9я", "Кw7rTq9x", "Kw7rTq9é", "Kw7rTq9e\u0301")
        ],
        # A case that only a foreign letter has is none.
        ("kw7rtq9Я", *[(P.LETTER_NOT_LATIN, P.NO_MIXED_CASE)] * 2, (P.LETTER_NOT_LATIN,)),
        # What nobody sees.
        *[
            (f"Kw7rTq9x{invisible}", *[(P.INVISIBLE_CHARACTER,)] * 3)
            for invisible in "\0\t\n\x7f\x85\u200b\u202e\u2028\ud800\udfff\ue000"
        ],
        # The common ones, in whatever case.
        ("Qwerty123", (P.COMMON,), (P.COMMON,), (P.COMMON,)),
        ("qWERTY123", (P.COMMON,), (P.COMMON,), (P.COMMON,)),
        ("Qwerty1237q", (), (), ()),
    ],
    ids=ascii,
)
def test_f013_each_operator_has_its_own_rules(
    password: str,
    beeline: tuple[PasswordProblem, ...],
    letai: tuple[PasswordProblem, ...],
    others: tuple[PasswordProblem, ...],
) -> None:
    expected = {"beeline": beeline, "letai": letai, "life": others, "motiv": others, "tele2": others}
    assert {name: problems(password, PROFILES[name]) for name in FIVE} == expected


def test_c15_what_has_to_go_and_what_is_lacking_have_codes_of_their_own() -> None:
    codes = {problem: problem.code for problem in PasswordProblem}
    assert {problem for problem, code in codes.items() if code is ErrorCode.PASSWORD_FORBIDDEN_CHARACTERS} == {
        P.INVISIBLE_CHARACTER,
        P.LETTER_NOT_LATIN,
        P.SPECIAL_CHARACTER,
    }
    assert set(codes.values()) == {ErrorCode.PASSWORD_FORBIDDEN_CHARACTERS, ErrorCode.PASSWORD_TOO_WEAK}


def test_the_list_has_ten_thousand_passwords_and_can_be_switched_off() -> None:
    listed = (ROOT / "domain/common_passwords.txt").read_text().splitlines()
    assert len(set(listed)) == 10_000
    assert listed == sorted(listed)
    assert [each for each in listed if each != each.lower() or each != each.strip() or len(each) > 20] == []
    assert all(map(is_common, listed))
    assert problems("Qwerty123", with_rules(PROFILES["beeline"], check_breached_list=False)) == ()


@pytest.mark.parametrize(
    ("password", "login"),
    [
        ("x79031234501X", "79031234501"),
        ("9031234501Xx", "79031234501"),
        ("89031234501Xx", "79031234501"),
        ("Xx9031234501", "+79031234501"),
        ("X903x123x45x01", "79031234501"),
        ("7Annasokolova", "annaSokolova"),
        ("Annasokolova7", "annasokolova@example.org"),
        ("Kw7rTq9x", "kw7rtq9x"),
        ("Kw7rTq9x", "Kw7r@q"),
    ],
)
def test_own_number_and_login_are_refused_however_they_are_hidden(password: str, login: str) -> None:
    found = problems(password, PROFILES["beeline"], personal=[login])
    assert found == ((P.PERSONAL,) if login != "Kw7r@q" else ())


def test_somebody_elses_number_and_short_names_do_not_matter() -> None:
    personal = ["79031234502", "Anna", ""]
    assert problems("Annamaria9031234501", PROFILES["beeline"], personal=personal) == ()


@st.composite
def acceptable(draw: st.DrawFn, profile: Profile) -> str:
    """A password that meets an operator's rules, whatever they are."""
    rules = profile.auth.password
    special = "" if rules.forbid_special else string.punctuation + " №€😀"
    size = draw(st.integers(rules.min_length, rules.max_length))
    needed = [draw(st.sampled_from(kind)) for kind in (string.ascii_uppercase, string.ascii_lowercase, string.digits)]
    anything = string.ascii_letters + string.digits + special
    rest = draw(st.lists(st.sampled_from(anything), min_size=size - 3, max_size=size - 3))
    return "".join(draw(st.permutations(needed + rest)))


@five
@given(data=st.data())
def test_a_password_that_meets_the_rules_is_accepted(profile: Profile, data: st.DataObject) -> None:
    password = data.draw(acceptable(profile))
    if not is_common(password):
        found = strength(password, profile)
        assert (found.acceptable, found.problems) == (True, ())


# Lone surrogates too, which no encoding takes.
anything = st.text(st.characters(codec=None, categories=None), max_size=200)


@five
@given(password=anything, personal=st.lists(anything, max_size=3))
def test_any_text_is_judged_without_being_repeated(profile: Profile, password: str, personal: list[str]) -> None:
    found = strength(password, profile, personal=personal)
    assert found.acceptable == (not found.problems)
    assert 0 <= found.score <= 4
    assert len(set(found.problems)) == len(found.problems)
    messages = [message(problem, profile) for problem in found.problems]
    assert all(1 < len(each) < 100 for each in messages)
    assert len(password) < 10 or not any(password in each for each in messages)


@pytest.mark.parametrize(
    ("password", "score"),
    [
        ("", 0),
        ("password", 0),
        ("Qwerty123", 0),
        ("aaaaaaaaaaaaaaa", 0),
        ("qwertyuiop[]", 0),
        ("passwordpasswordpassword", 0),
        ("Aa1!Aa1!Aa1!", 1),
        ("Kw7rTq9x", 2),
        ("Kw7rTq9xLp", 3),
        ("Kw7rTq9xLpZ3v", 4),
        ("9031234501", 0),
    ],
)
def test_score_knows_repeats_rows_of_keys_and_common_words(password: str, score: int) -> None:
    assert {strength(password, PROFILES[name]).score for name in FIVE} == {score}


def test_own_number_scores_nothing() -> None:
    assert strength("Kw7-9031234501", PROFILES["tele2"], personal=["79031234501"]).score == 0


async def test_f013_beeline_refuses_special_characters_and_says_so(cabinet: Cabinet) -> None:
    found = (await cabinet.of("beeline").data(STRENGTH, password="Kw7rTq9x!"))["passwordStrength"]
    assert found == {
        "acceptable": False,
        "score": 2,
        "problems": ["PASSWORD_FORBIDDEN_CHARACTERS"],
        "messages": ["Use only Latin letters and digits"],
    }
    assert (await cabinet.of("tele2").data(STRENGTH, password="Kw7rTq9x!"))["passwordStrength"]["acceptable"] is True


async def test_f013_letai_wants_both_cases_of_latin_letters(cabinet: Cabinet) -> None:
    found = (await cabinet.of("letai").data(STRENGTH, password="семья"))["passwordStrength"]
    assert found["problems"] == ["PASSWORD_TOO_WEAK", "PASSWORD_FORBIDDEN_CHARACTERS", "PASSWORD_TOO_WEAK"]
    assert found["messages"] == [
        "Use at least 8 characters",
        "Use only Latin letters, A to Z",
        "Use both capital and small letters",
    ]


async def test_f013_whoever_is_signed_in_may_not_use_the_own_number(
    cabinet: Cabinet, demo_people: dict[str, Any]
) -> None:
    owner = demo_people["beeline"]["owner"]
    password = f"Xx{owner['msisdn']}"
    signed_in = await cabinet.signed_in("beeline", owner)
    assert (await signed_in.data(STRENGTH, password=password))["passwordStrength"]["acceptable"] is False
    assert (await cabinet.of("beeline").data(STRENGTH, password=password))["passwordStrength"]["acceptable"] is True


@pytest.mark.parametrize("length", [0, 65, 1_000])
async def test_a_password_of_any_bearable_length_is_judged(cabinet: Cabinet, length: int) -> None:
    found = (await cabinet.of("motiv").data(STRENGTH, password=("Kw7rTq9x" * 125)[:length]))["passwordStrength"]
    assert found["acceptable"] is False


@pytest.mark.parametrize("password", ["Kw7rTq9x" * 126, "Kw7rTq9x" * 10_000])
async def test_a_huge_password_is_refused_without_being_repeated(
    cabinet: Cabinet, password: str, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = await cabinet.of("motiv").ask(STRENGTH, password=password)
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "INVALID_INPUT"
    assert error["message"] == "`password` must be at most 1,000 characters"
    said = capfd.readouterr()
    assert "Kw7rTq9x" not in f"{answer}{said.out}{said.err}"
