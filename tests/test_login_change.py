"""F020: a login of one's own choosing."""

import asyncio
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.login_change import MOST_TRIES_A_DAY
from domain.login import normalize_login
from tests.cabinet import SIGN_IN, Cabinet
from tests.newcomers import Newcomers
from tests.test_recovery_channels import codes, step_up

CHANGE = """
mutation Change($login: String!, $password: String!) {
  changeLogin(input: {login: $login, password: $password}) {
    user { login customLogin } userErrors { __typename code message field }
  }
}
"""


async def change(cabinet: Cabinet, login: str, password: str) -> dict[str, Any]:
    payload: dict[str, Any] = (await cabinet.data(CHANGE, login=login, password=password))["changeLogin"]
    return payload


async def opens(visitor: Cabinet, identifier: str, password: str) -> bool:
    payload = (await visitor.data(SIGN_IN, identifier=identifier, password=password))["signInWithPassword"]
    return payload["accessToken"] is not None


async def test_f020_new_login_opens_the_cabinet_and_the_old_one_does_not(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    person, visitor = await newcomers.arrive("beeline", demo_people), cabinet.of("beeline")
    signed_in = await cabinet.signed_in("beeline", person)
    assert codes(await change(signed_in, "nova.line", person.password)) == ["STEP_UP_REQUIRED"]
    await step_up(database)
    [error] = (await change(signed_in, "nova.line", "Wrong12345"))["userErrors"]
    assert (error["code"], error["field"]) == ("BAD_CREDENTIALS", ["password"])
    payload = await change(signed_in, " Nova.Line ", person.password)
    assert payload == {"user": {"login": person.msisdn, "customLogin": "nova.line"}, "userErrors": []}
    assert await opens(visitor, "NOVA.line", person.password)
    assert codes(await change(signed_in, "nova.line", person.password)) == [], "one's own again changes nothing"
    assert codes(await change(signed_in, "nova_2", person.password)) == []
    assert not await opens(visitor, "nova.line", person.password)
    assert await opens(visitor, "nova_2", person.password)
    assert await opens(visitor, person.msisdn, person.password), "the number goes on working"
    assert not await opens(cabinet.of("tele2"), "nova_2", person.password)
    assert await database.fetchval("select count(*) from audit_event where action = 'LOGIN_CHANGED'") == 2


async def test_f020_taken_login_is_not_told_whose(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    first, second = [await newcomers.arrive("beeline", demo_people) for _ in range(2)]
    one, two = [await cabinet.signed_in("beeline", person) for person in (first, second)]
    await step_up(database)
    assert codes(await change(one, "sokol", first.password)) == []
    assert codes(await change(two, "vorona", second.password)) == []
    [error] = (await change(two, "SOKOL", second.password))["userErrors"]
    assert (error["__typename"], error["code"]) == ("LoginTaken", "CONFLICT")
    assert "sokol" not in error["message"]
    visitor = cabinet.of("beeline")
    assert await opens(visitor, "vorona", second.password), "what was to be given up for it is kept"
    # The number of a contract names its holder, so it cannot be somebody else's login.
    assert codes(await change(two, first.contract, second.password)) == ["CONFLICT"]


async def test_f020_one_of_two_who_want_the_same_login_gets_it(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    people = [await newcomers.arrive("beeline", demo_people) for _ in range(4)]
    signed_in = [await cabinet.signed_in("beeline", person) for person in people]
    await step_up(database)
    answers = await asyncio.gather(*(change(each, "edinstvenny", people[0].password) for each in signed_in))
    assert sorted(codes(answer) for answer in answers) == [[], ["CONFLICT"], ["CONFLICT"], ["CONFLICT"]]
    assert await database.fetchval("select count(*) from login where value = 'edinstvenny'") == 1


async def test_f020_nobody_reads_the_list_of_users_from_it(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    person = await newcomers.arrive("beeline", demo_people)
    signed_in = await cabinet.signed_in("beeline", person)
    await step_up(database)
    tries = [codes(await change(signed_in, "anna.sokolova", person.password)) for _ in range(MOST_TRIES_A_DAY + 1)]
    assert tries == [["CONFLICT"]] * MOST_TRIES_A_DAY + [["RATE_LIMITED"]]


async def test_f020_wrong_passwords_lock_as_at_the_door(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    person = await newcomers.arrive("beeline", demo_people)
    signed_in = await cabinet.signed_in("beeline", person)
    await step_up(database)
    answers = [codes(await change(signed_in, "nova", "Wrong12345")) for _ in range(11)]
    assert answers == [["BAD_CREDENTIALS"]] * 10 + [["LOCKED_OUT"]]
    assert codes(await change(signed_in, "nova", person.password)) == ["LOCKED_OUT"]


async def test_f020_cabinet_without_a_password_proves_by_a_code(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    person = await newcomers.arrive("beeline", demo_people)
    signed_in = await cabinet.signed_in("beeline", person)
    await database.execute("update app_user set password_hash = null where id = $1", person.user_id)
    assert codes(await change(signed_in, "bez.parolya", "")) == ["STEP_UP_REQUIRED"]
    await step_up(database)
    assert codes(await change(signed_in, "bez.parolya", "")) == []


@pytest.mark.parametrize("operator", ["letai", "life", "motiv", "tele2"])
async def test_f020_is_the_profiles(cabinet: Cabinet, demo_people: dict[str, Any], operator: str) -> None:
    owner = demo_people[operator]["owner"]
    signed_in = await cabinet.signed_in(operator, owner)
    assert codes(await change(signed_in, "nova.line", owner["password"])) == ["FEATURE_DISABLED"]


@pytest.mark.parametrize(
    "login",
    [
        "",
        "abc",
        "9031234567",
        "+79031234567",
        "a@b.ru",
        "анна",
        "anna sokol",
        "1anna",
        "anna.",
        "a" * 33,
        "an\0na",
        ".anna",
    ],
)
async def test_f020_login_has_a_shape(cabinet: Cabinet, demo_people: dict[str, Any], login: str) -> None:
    owner = demo_people["beeline"]["owner"]
    signed_in = await cabinet.signed_in("beeline", owner)
    [error] = (await change(signed_in, login, owner["password"]))["userErrors"]
    assert (error["code"], error["field"]) == ("INVALID_INPUT", ["login"])


@given(st.text(max_size=40))
def test_f020_normal_form_is_stable_and_no_number_nor_address(text: str) -> None:
    login = normalize_login(text)
    if login is not None:
        assert normalize_login(login) == login == login.lower()
        assert 4 <= len(login) <= 32
        assert login.isascii()
        assert login[0].isalpha()
        assert "@" not in login
