"""Which tone a caller hears, and what may be written for callers to read: pure rules (F126, F128)."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.child_policy import QuietHours, TypedHours
from domain.profile import Profile
from domain.refusals import InputRejected
from domain.ringback import STATUS_MESSAGE, Rule, heard, read_callers, read_rule_hours, read_status
from services.catalogue_file import read_sheet

OPERATORS = Path(__file__).resolve().parent.parent / "operators"
MOTHER, WORK = "79020000001", "79020000002"
NIGHT = QuietHours(time(22), time(7), (5, 6))
FRIDAY_NIGHT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 12, tzinfo=UTC)

_minutes = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))
_hours = st.none() | st.builds(
    QuietHours, _minutes, _minutes, st.sets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days)))
)
_rules = st.lists(
    st.builds(Rule, st.integers(1, 99), st.integers(1, 5), st.sets(st.sampled_from([MOTHER, WORK])).map(tuple), _hours),
    max_size=6,
    unique_by=lambda rule: rule.id,
)


@pytest.mark.parametrize(
    ("caller", "at", "tone"),
    [
        (MOTHER, MONDAY, 2),
        (MOTHER, FRIDAY_NIGHT, 4),
        (WORK, FRIDAY_NIGHT, 3),
        (WORK, MONDAY, 1),
        (None, FRIDAY_NIGHT, 3),
        (None, MONDAY, 1),
    ],
)
def test_f126_the_most_exact_rule_is_heard(caller: str | None, at: datetime, tone: int) -> None:
    rules = [Rule(9, 1), Rule(2, 2, (MOTHER,)), Rule(3, 3, (), NIGHT), Rule(4, 4, (MOTHER,), NIGHT)]
    found = heard(rules, caller, at)
    assert found is not None
    assert found.tone_id == tone


def test_f126_of_equals_the_last_that_was_set_is_heard() -> None:
    assert heard([Rule(2, 5, (MOTHER, WORK)), Rule(1, 6, (MOTHER,))], MOTHER, MONDAY) == Rule(2, 5, (MOTHER, WORK))
    assert heard([], MOTHER, MONDAY) is None


@given(_rules, st.sampled_from([MOTHER, WORK, "79029999999", None]), st.integers(0, 7 * 24 * 60 - 1), st.randoms())
def test_f126_what_is_heard_fits_and_nothing_more_exact_does(
    rules: list[Rule], caller: str | None, minute: int, chance: object
) -> None:
    local = MONDAY + timedelta(minutes=minute)
    found = heard(rules, caller, local)
    # A plain reading of the rules, one kind after the other.
    fits_now = [rule for rule in rules if rule.hours is None or local in rule.hours]
    mine = [rule for rule in fits_now if caller is not None and caller in rule.for_numbers]
    all_callers = [rule for rule in fits_now if rule.for_numbers == ()]
    expected: Rule | None = None
    for kind in (mine, all_callers):
        for timed in (True, False):
            of_kind = [rule for rule in kind if (rule.hours is not None) is timed]
            if expected is None and of_kind:
                expected = sorted(of_kind, key=lambda rule: rule.id)[-1]
    assert found == expected
    chance.shuffle(rules)  # type: ignore[attr-defined]
    assert heard(rules, caller, local) == found


def test_f126_numbers_are_read_as_people_type_them(profiles: Mapping[str, Profile]) -> None:
    motiv = profiles["motiv"]
    assert read_callers(["+7 902 000-00-02", "8 (902) 000-00-01", "79020000002"], motiv) == (MOTHER, WORK)
    assert read_callers([], motiv) == ()
    assert len(read_callers([f"7902000{n:04}" for n in range(50)], motiv)) == 50  # type: ignore[arg-type]
    for typed in ([MOTHER] * 51, ["+375251234567"], ["👍" * 60], ["\0"], [""], [MOTHER, "112"]):
        refused = read_callers(typed, motiv)
        assert isinstance(refused, InputRejected), typed
        assert refused.field == ("forNumbers",)


def test_f126_hours_are_those_of_a_policy() -> None:
    assert read_rule_hours(TypedHours("22:00", "07:00", [6, 5])) == NIGHT
    assert read_rule_hours(None) is None
    for typed in (("24:00", "07:00", [1]), ("07:00", "07:00", [1]), ("\0", "🌙", [1]), ("22:00", "07:00", [])):
        refused = read_rule_hours(TypedHours(*typed))
        assert isinstance(refused, InputRejected)
        assert refused.field == ("hours",)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (None, None),
        ("", None),
        ("   ", None),
        ("  На даче, перезвоню 🌻 ", "На даче, перезвоню 🌻"),
        ("👨‍👩‍👧‍👦 дома", "👨‍👩‍👧‍👦 дома"),
        ("й", "й"),
        ("x" * 100, "x" * 100),
    ],
)
def test_f128_a_message_is_read_as_it_is_shown(typed: str | None, text: str | None) -> None:
    assert read_status(typed) == text


@pytest.mark.parametrize(
    "typed",
    [
        "x" * 101,
        "👍" * 10_000,
        "a\0b",
        "два\nряда",
        "\x1b[2J",
        "\u202eолег",
        "\ud800",
        "z" + "\u0301" * 40,
        "\u2028",
        "a\tb",
    ],
)
def test_f128_what_is_no_line_of_words_is_refused(typed: str) -> None:
    refused = read_status(typed)
    assert isinstance(refused, InputRejected)
    assert refused.field == ("message",)


@pytest.mark.parametrize("operator", ["beeline", "letai", "life", "motiv", "tele2"])
def test_f128_who_offers_status_messages_sells_the_service_that_pays_for_them(
    operator: str, profiles: Mapping[str, Profile]
) -> None:
    sold = read_sheet(OPERATORS / operator / "catalogue.toml", profiles[operator]).catalogue.services
    codes = [each.code for each in sold if each.kind == "MOBILE" and each.period == "DAY"]
    assert (STATUS_MESSAGE in codes) or not profiles[operator].services.status_message
