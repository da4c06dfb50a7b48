"""F010, F011, F016, F031, E62: a cabinet by e-mail, an address of one's own, and access restored by it."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from domain.profile import Profile
from domain.sign_in import LoginMethod
from tests.cabinet import SIGN_IN, Cabinet
from tests.newcomers import Newcomers
from tests.session import until_it_waits

REGISTER = """
mutation Register($email: String!, $password: String!, $terms: Boolean!) {
  register(input: {email: $email, password: $password, acceptTerms: $terms}) {
    challenge { id } userErrors { __typename code field }
  }
}
"""
CONFIRM = """
mutation Confirm($token: String!, $password: String = "Domovoy2026x") {
  confirmRegistration(input: {token: $token, password: $password}) {
    accessToken viewer { user { displayName login } } userErrors { code }
  }
}
"""
BIND = """
mutation Bind($email: String!) {
  requestEmailBinding(input: {email: $email}) { challenge { id channel } userErrors { code field } }
}
"""
PROVE = """
mutation Prove($id: ID!, $code: String!) {
  confirmEmailBinding(input: {challengeId: $id, code: $code}) { user { login } userErrors { code } }
}
"""
FORGOT = """
mutation Forgot($identifier: String!) {
  requestPasswordReset(input: {identifier: $identifier, channel: EMAIL}) { challenge { id } userErrors { code } }
}
"""
RESET = """
mutation Reset($id: ID!, $code: String!, $new: String!) {
  resetPassword(input: {challengeId: $id, code: $code, newPassword: $new}) { accessToken userErrors { code } }
}
"""
PASSWORD, NEW, EMAIL = "Domovoy2026x", "Svezhiy2026x", "novaya@example.org"


@pytest.fixture(autouse=True)
async def forgotten(database: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[None]:
    """Takes back the cabinets and addresses that these tests make."""
    yield
    await database.execute(
        "truncate registration, contact; delete from login where value like '%@example.org' and value like 'novaya%';"
        " alter table audit_event disable trigger all; truncate session, refresh_token, audit_event, challenge;"
        " delete from app_user where display_name = 'novaya'; delete from person where ref like 'registration:%';"
        " alter table audit_event enable trigger all"
    )


async def newest(visitor: Cabinet, to: str, what: str) -> str:
    """The link or the code of the newest mail to an address."""
    for _ in range(100):
        for message in (await visitor.http.get("/dev/inbox", headers={"accept": "application/json"})).json():
            if message["to"] == to and message.get(what):
                return str(message[what])
        await asyncio.sleep(0.02)
    raise AssertionError("no mail was delivered")


async def ask(visitor: Cabinet, email: str = EMAIL, password: str = PASSWORD, terms: bool = True) -> list[Any]:
    payload = (await visitor.data(REGISTER, email=email, password=password, terms=terms))["register"]
    assert payload["challenge"] is None
    found: list[Any] = payload["userErrors"]
    return found


async def link_token(visitor: Cabinet) -> str:
    return parse_qs(urlsplit(await newest(visitor, EMAIL, "link")).query)["token"][0]


@pytest.mark.parametrize("operator", ["letai", "beeline"])
async def test_f010_cabinet_by_email(cabinet: Cabinet, operator: str) -> None:
    visitor = cabinet.of(operator)
    assert await ask(visitor, " Novaya@Example.org ") == []
    entered = (await visitor.data(CONFIRM, token=await link_token(visitor)))["confirmRegistration"]
    assert entered["viewer"]["user"]["displayName"] == "novaya"
    signed_in = cabinet.of(operator, entered["accessToken"])
    assert (await signed_in.data("{ viewer { linkedNumbers { totalCount } } }"))["viewer"]["linkedNumbers"] == {
        "totalCount": 0
    }
    again = (await visitor.data(SIGN_IN, identifier=EMAIL.upper(), password=PASSWORD))["signInWithPassword"]
    # Beeline's cabinet is opened by number, account or login: an address is no login there.
    assert (again["accessToken"] is not None) is (operator == "letai")


@pytest.mark.parametrize(("operator", "hours"), [("letai", 168), ("beeline", 24)])
async def test_f011_e62_link_works_for_its_time_and_then_one_registers_again(
    cabinet: Cabinet,
    profiles: Mapping[str, Profile],
    database: "asyncpg.Connection[asyncpg.Record]",
    operator: str,
    hours: int,
) -> None:
    assert profiles[operator].auth.registration_link_ttl_hours == hours
    visitor = cabinet.of(operator)
    await ask(visitor)
    token = await link_token(visitor)
    assert await database.fetchval(
        "select expires_at - created_at = make_interval(hours => $1) from registration", hours
    )
    await database.execute("update registration set expires_at = now()")
    late = (await visitor.data(CONFIRM, token=token))["confirmRegistration"]
    assert [error["code"] for error in late["userErrors"]] == ["REGISTRATION_LINK_EXPIRED"]
    assert await ask(visitor) == []
    for _ in range(100):
        if (fresh := await link_token(visitor)) != token:
            break
        await asyncio.sleep(0.02)
    assert (await visitor.data(CONFIRM, token=fresh))["confirmRegistration"]["accessToken"]


async def test_link_has_one_winner_and_works_once(
    cabinet: Cabinet, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    visitor = cabinet.of("letai")
    await ask(visitor)
    token = await link_token(visitor)
    other = (await visitor.data(CONFIRM, token=token, password="Chuzhoy2026x"))["confirmRegistration"]
    assert other["accessToken"] is None, "whoever opens a link that a stranger asked for does not know the password"
    answers = await asyncio.gather(*(visitor.data(CONFIRM, token=token) for _ in range(6)))
    assert sum(answer["confirmRegistration"]["accessToken"] is not None for answer in answers) == 1
    assert await database.fetchval("select count(*) from login where value = $1", EMAIL) == 1
    for bad in (token, "", "nonsense", "x" * 5000):
        assert (await visitor.data(CONFIRM, token=bad))["confirmRegistration"]["accessToken"] is None


async def test_f032_letters_come_in_the_language_of_whoever_has_the_address(
    cabinet: Cabinet, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    visitor = cabinet.of("letai")
    await ask(visitor)
    token = await link_token(visitor)
    stranger = await letter(visitor, "Здравствуйте!")
    assert stranger["subject"] == "Летай (Таттелеком): регистрация"
    assert stranger["text"].endswith("Она действует 168 часов:")
    entered = (await visitor.data(CONFIRM, token=token))["confirmRegistration"]
    signed_in = cabinet.of("letai", entered["accessToken"])
    await signed_in.data("mutation { setLanguage(input: {language: TT}) { userErrors { code } } }")

    await ask(visitor)
    taken = await letter(visitor, "сезнең шәхси кабинетыгыз бар инде")
    assert (taken["subject"], taken["link"]) == ("Летай (Таттелеком): теркәлү", None)

    await database.execute("update session set stepped_up_at = now()")
    assert (await signed_in.data(BIND, email=EMAIL))["requestEmailBinding"]["userErrors"] == []
    code = await letter(visitor, "Ул 5 минут гамәлдә.")
    assert code["subject"] == "Летай (Таттелеком): сезнең код"
    assert re.search(rf"контактны алыштыру өчен код: [A-Z]{{2}}-{code['code']}", code["text"])


async def letter(visitor: Cabinet, words: str) -> dict[str, Any]:
    """The letter to the new address that has these words."""
    for _ in range(100):
        for message in (await visitor.http.get("/dev/inbox", headers={"accept": "application/json"})).json():
            if message["to"] == EMAIL and words in message["text"]:
                found: dict[str, Any] = message
                return found
        await asyncio.sleep(0.02)
    raise AssertionError("no such letter was delivered")


async def test_taken_address_is_answered_alike_and_told_by_mail(cabinet: Cabinet) -> None:
    visitor = cabinet.of("letai")
    await ask(visitor)
    first = await link_token(visitor)
    assert (await visitor.data(CONFIRM, token=first))["confirmRegistration"]["accessToken"]
    assert await ask(visitor) == []
    for _ in range(100):
        messages = (await visitor.http.get("/dev/inbox", headers={"accept": "application/json"})).json()
        if "уже есть" in messages[0]["text"]:
            break
        await asyncio.sleep(0.02)
    assert messages[0]["link"] is None


@pytest.mark.parametrize(
    ("operator", "given", "code", "field"),
    [
        ("motiv", {}, "FEATURE_DISABLED", None),
        ("tele2", {}, "FEATURE_DISABLED", None),
        ("life", {}, "FEATURE_DISABLED", None),
        ("letai", {"email": "nobody"}, "INVALID_INPUT", ["email"]),
        ("letai", {"email": "a@b.ru\r\nBcc: c@d.ru"}, "INVALID_INPUT", ["email"]),
        ("letai", {"email": "a" * 300 + "@b.ru"}, "INVALID_INPUT", ["email"]),
        ("letai", {"terms": False}, "INVALID_INPUT", ["acceptTerms"]),
        ("letai", {"password": "alllowercase"}, "PASSWORD_TOO_WEAK", ["password"]),
        ("beeline", {"password": "Novaya!2026"}, "PASSWORD_FORBIDDEN_CHARACTERS", ["password"]),
    ],
)
async def test_f010_registration_is_the_profiles(
    cabinet: Cabinet, operator: str, given: dict[str, Any], code: str, field: list[str] | None
) -> None:
    [error] = await ask(cabinet.of(operator), **given)
    assert (error["code"], error["field"]) == (code, field)


async def test_f031_f016_proven_address_restores_access(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    owner = demo_people["letai"]["strangers"][0]
    kept = await database.fetchrow("select id, password_hash from app_user where display_name = $1", owner["name"])
    signed_in, visitor = await cabinet.signed_in("letai", owner), cabinet.of("letai")
    [error] = (await signed_in.data(BIND, email=EMAIL))["requestEmailBinding"]["userErrors"]
    assert error["code"] == "STEP_UP_REQUIRED"
    await database.execute("update session set stepped_up_at = now()")
    assert (await signed_in.data(BIND, email="nobody"))["requestEmailBinding"]["userErrors"][0][
        "code"
    ] == "INVALID_INPUT"
    challenge = (await signed_in.data(BIND, email=EMAIL))["requestEmailBinding"]["challenge"]
    assert challenge["channel"] == "EMAIL"
    code = await newest(visitor, EMAIL, "code")
    elsewhere = await cabinet.signed_in("letai", owner)
    stolen = (await elsewhere.data(PROVE, id=challenge["id"], code=code))["confirmEmailBinding"]
    assert stolen["userErrors"][0]["code"] == "CODE_INVALID"
    unknown = (await visitor.data(FORGOT, identifier=EMAIL))["requestPasswordReset"]
    assert unknown["challenge"]["id"], "an address that nobody has proven is answered alike"
    assert (await signed_in.data(PROVE, id=challenge["id"], code=code))["confirmEmailBinding"]["userErrors"] == []

    await database.execute("truncate challenge")
    forgot = (await visitor.data(FORGOT, identifier=EMAIL))["requestPasswordReset"]["challenge"]["id"]
    for _ in range(100):
        if (fresh := await newest(visitor, EMAIL, "code")) != code:
            break
        await asyncio.sleep(0.02)
    assert (await visitor.data(RESET, id=forgot, code=fresh, new=NEW))["resetPassword"]["accessToken"]
    assert (await visitor.data(SIGN_IN, identifier=EMAIL, password=NEW))["signInWithPassword"]["accessToken"]
    assert kept is not None
    await database.execute("update app_user set password_hash = $2 where id = $1", kept["id"], kept["password_hash"])


async def test_f031_session_that_ends_at_this_moment_binds_no_address(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    person = await newcomers.arrive("tele2", demo_people)
    here = await cabinet.signed_in("tele2", person)
    await database.execute("update session set stepped_up_at = now()")
    asked = (await here.data(BIND, email=EMAIL))["requestEmailBinding"]["challenge"]
    code = await newest(cabinet, EMAIL, "code")
    async with database.transaction():
        await database.execute("select from app_user where id = $1 for update", person.user_id)
        proving = asyncio.create_task(here.data(PROVE, id=asked["id"], code=code))
        await until_it_waits(database, proving)
        await database.execute("update session set revoked_at = now() where user_id = $1", person.user_id)
    assert [error["code"] for error in (await proving)["confirmEmailBinding"]["userErrors"]] == ["CODE_EXPIRED"]
    assert await database.fetchval("select count(*) from contact where user_id = $1", person.user_id) == 0


def test_f010_is_open_where_the_profiles_say(profiles: Mapping[str, Profile]) -> None:
    by_email = {
        name for name, profile in profiles.items() if LoginMethod.EMAIL_LINK in profile.auth.registration_methods
    }
    assert by_email == {"letai", "beeline"}
