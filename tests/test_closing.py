"""F034, F035, F030: how a cabinet ends, and that nobody enters it afterwards."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from auth import network, office, puk, temporary_password
from auth import session as sessions
from auth.cabinet_end import end
from auth.session import Entry
from auth.sign_in import Caller
from domain.profile import Profile
from domain.refusals import CredentialsRejected
from domain.sign_in import LoginMethod
from models.audit import TheUser
from models.database import tx
from tests.cabinet import SIGN_IN, Cabinet
from tests.conftest import NETWORK_KEY, SECRET
from tests.newcomers import Newcomer, Newcomers
from tests.test_account_security import NETWORK, REFRESH, REMEMBER, RESET, RESET_CODE
from tests.test_recovery_channels import codes, step_up
from tests.test_registration import CONFIRM, REGISTER, newest
from tests.test_sign_in import REQUEST_CODE, WHO, WITH_CODE, delivered_code

CLOSE = """
mutation Close($password: String, $reason: String) {
  closeCabinet(input: {password: $password, reason: $reason}) { userErrors { __typename code message } }
}
"""
STATES = "select status from number_link where id = any($1::bigint[]) order by id"


async def close(cabinet: Cabinet, password: str | None = None, reason: str | None = None) -> dict[str, Any]:
    payload: dict[str, Any] = (await cabinet.data(CLOSE, password=password, reason=reason))["closeCabinet"]
    return payload


async def sign_in(cabinet: Cabinet, operator: str, person: Newcomer, identifier: str) -> dict[str, Any]:
    visitor = cabinet.of(operator)
    payload: dict[str, Any] = (await visitor.data(SIGN_IN, identifier=identifier, password=person.password))[
        "signInWithPassword"
    ]
    return payload


async def terminate(database: "asyncpg.Connection[asyncpg.Record]", person: Newcomer) -> None:
    """Their contract ends, and its line with it."""
    await database.execute("update contract set status = 'TERMINATED' where number = $1", person.contract)
    await database.execute("update line set status = 'TERMINATED' where id = $1", person.line_id)


async def told(visitor: Cabinet, to: str) -> str:
    """The newest message to a number or an address, once it says that something was closed."""
    for _ in range(100):
        for message in (await visitor.http.get("/dev/inbox", headers={"accept": "application/json"})).json():
            if message["to"] == to and "закрыт" in message["text"]:
                return str(message["text"])
        await asyncio.sleep(0.02)
    raise AssertionError("nothing was delivered")


async def test_f034_closed_cabinet_is_over(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    person = await newcomers.arrive("letai", demo_people, email="konec@example.org")
    await database.execute(
        "insert into social_account (user_id, operator, provider, subject, title, linked_at)"
        " values ($1, 'letai', 'VK', 'newcomer', 'VK', now())",
        person.user_id,
    )
    here, elsewhere = [await cabinet.signed_in("letai", person) for _ in range(2)]
    remembered = (await cabinet.of("letai").data(REMEMBER, identifier=person.msisdn, password=person.password))[
        "signInWithPassword"
    ]
    assert codes(await close(here)) == ["STEP_UP_REQUIRED"]
    assert codes(await close(here, "Wrong12345")) == ["BAD_CREDENTIALS"]
    assert codes(await close(here, person.password, "x" * 201)) == ["INVALID_INPUT"]
    assert codes(await close(here, person.password, "Переезжаю")) == []

    for token in (here.token, elsewhere.token, remembered["accessToken"]):
        assert (await cabinet.of("letai", token).data(WHO))["viewer"] is None
    again = (await cabinet.of("letai").data(REFRESH, token=remembered["refreshToken"]))["refreshSession"]
    assert again["accessToken"] is None
    for identifier in (person.msisdn, "konec@example.org"):
        assert codes(await sign_in(cabinet, "letai", person, identifier)) == ["BAD_CREDENTIALS"]
    for table in ("login", "contact", "social_account"):
        assert await database.fetchval(f"select count(*) from {table} where user_id = $1", person.user_id) == 0
    user = await database.fetchrow("select * from app_user where id = $1", person.user_id)
    assert user is not None
    assert (user["password_hash"], user["closed_at"] is not None) == (None, True)
    events = await database.fetch(
        "select action, details::text from audit_event where user_id = $1 order by id", person.user_id
    )
    assert ("CABINET_CLOSED", '{"reason": "Переезжаю"}') in [tuple(row) for row in events]
    for address in (person.msisdn, "konec@example.org"):
        assert "Личный кабинет закрыт" in await told(cabinet, address)


async def test_f034_address_and_number_are_free_again(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    person = await newcomers.arrive("letai", demo_people, email="snova@example.org")
    assert codes(await close(await cabinet.signed_in("letai", person), person.password)) == []
    visitor = cabinet.of("letai")
    await visitor.data(REGISTER, email="snova@example.org", password="Domovoy2026x", terms=True)
    token = parse_qs(urlsplit(await newest(visitor, "snova@example.org", "link")).query)["token"][0]
    entered = (await visitor.data(CONFIRM, token=token, password="Domovoy2026x"))["confirmRegistration"]
    assert entered["accessToken"], entered
    await database.execute(
        "insert into login (operator, user_id, kind, value)"
        " select 'letai', user_id, 'MSISDN', $1 from login where value = 'snova@example.org'",
        person.msisdn,
    )
    # The person behind the number may have a cabinet again, and has none now.
    assert await database.fetchval("select count(*) from app_user where person_id = $1", person.person_id) == 0
    assert await database.fetchval("select user_id from line where id = $1", person.line_id) is None


async def test_f034_code_is_proof_enough_and_two_at_once_close_it_once(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    person = await newcomers.arrive("letai", demo_people)
    signed_in = [await cabinet.signed_in("letai", person) for _ in range(3)]
    await step_up(database)
    answers = await asyncio.gather(*(each.ask(CLOSE) for each in signed_in))
    done = [answer for answer in answers if "errors" not in answer and not codes(answer["data"]["closeCabinet"])]
    assert len(done) == 1
    assert await database.fetchval("select count(*) from audit_event where action = 'CABINET_CLOSED'") == 1


@pytest.mark.parametrize("operator", ["beeline", "life", "motiv", "tele2"])
async def test_f034_is_the_profiles(cabinet: Cabinet, demo_people: dict[str, Any], operator: str) -> None:
    owner = demo_people[operator]["owner"]
    signed_in = await cabinet.signed_in(operator, owner)
    [error] = (await close(signed_in, owner["password"]))["userErrors"]
    flags = (await signed_in.data("{ operator { features { key reason } } }"))["operator"]["features"]
    assert error["code"] == "FEATURE_DISABLED"
    assert error["message"] == next(flag["reason"] for flag in flags if flag["key"] == "closing.self_close")
    assert (await signed_in.data(WHO))["viewer"] is not None


async def test_e27_owner_goes_last_and_takes_the_household_along(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    owner, adult, outsider = [await newcomers.arrive("letai", demo_people) for _ in range(3)]
    household = await newcomers.household("letai", OWNER=owner, ADULT=adult)
    other = await newcomers.household("letai", OWNER=outsider)
    links = [
        await newcomers.link(household, outsider.line_id),
        await newcomers.link(household, adult.line_id),
        await newcomers.link(other, owner.line_id),
    ]
    first = await cabinet.signed_in("letai", owner)
    [error] = (await close(first, owner.password))["userErrors"]
    assert (error["__typename"], error["code"]) == ("LastOwner", "LAST_OWNER")
    assert (await first.data(WHO))["viewer"] is not None, "nothing was changed"
    assert [row["status"] for row in await database.fetch(STATES, links)] == ["ACTIVE"] * 3

    assert codes(await close(await cabinet.signed_in("letai", adult), adult.password)) == []
    left = await database.fetchval("select status from membership where user_id = $1", adult.user_id)
    assert left == "LEFT"
    assert [row["status"] for row in await database.fetch(STATES, links)] == ["ACTIVE", "REVOKED", "ACTIVE"]

    assert codes(await close(first, owner.password)) == []
    assert [row["status"] for row in await database.fetch(STATES, links)] == ["REVOKED"] * 3
    assert await database.fetchval("select dissolved_at from household where id = $1", household) is not None
    assert await database.fetchval("select dissolved_at from household where id = $1", other) is None
    told = await database.fetch(
        "select subject_id from audit_event where action = 'LINK_REVOKED' and subject_id is distinct from user_id"
        " and household_id = $1",
        household,
    )
    assert [row["subject_id"] for row in told] == [outsider.user_id], "whoever holds the number reads of it (I16)"


async def test_f034_child_does_not_leave_by_the_back_door(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any]
) -> None:
    owner, child = [await newcomers.arrive("letai", demo_people) for _ in range(2)]
    await newcomers.household("letai", OWNER=owner, CHILD=child)
    assert codes(await close(await cabinet.signed_in("letai", child), child.password)) == ["FORBIDDEN"]


async def test_f034_every_way_into_a_closed_cabinet_is_shut(
    newcomers: Newcomers,
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    database: "asyncpg.Connection[asyncpg.Record]",
    profiles: Mapping[str, Profile],
) -> None:
    """By each way in that some operator has, with proofs that were good until the cabinet closed."""
    beeline, visitor, caller = profiles["beeline"], cabinet.of("beeline"), Caller(None, None, "somebody")
    person = await newcomers.arrive("beeline", demo_people, email="dver@example.org")
    code = await visitor.data(REQUEST_CODE, identifier=person.msisdn)
    digits = await delivered_code(visitor, person.msisdn)
    await database.execute("truncate counter")
    reset = await visitor.data(RESET_CODE, identifier="dver@example.org", channel="EMAIL")
    reset_digits = await delivered_code(visitor, "dver@example.org")
    await temporary_password.by_form(beeline, SECRET.encode(), person.msisdn)

    await close_directly(beeline, person)
    # Even with its logins left behind, as by an import that ran meanwhile, nothing opens.
    await database.execute(
        "insert into login (operator, user_id, kind, value) values ('beeline', $1, 'MSISDN', $2)",
        person.user_id,
        person.msisdn,
    )
    await database.execute(
        "update app_user set password_hash = (select password_hash from app_user where password_hash is not null"
        " order by id limit 1), last_signed_in_at = null where id = $1",
        person.user_id,
    )
    for identifier in (person.msisdn, person.contract, person.account):
        assert codes(await sign_in(cabinet, "beeline", person, identifier)) == ["BAD_CREDENTIALS"], identifier
    entered = await visitor.data(WITH_CODE, challenge=code["requestSignInCode"]["challenge"]["id"], code=digits)
    assert entered["signInWithCode"]["accessToken"] is None
    challenge = reset["requestPasswordReset"]["challenge"]["id"]
    answer = await visitor.data(RESET, challenge=challenge, code=reset_digits, new="Svezhiy2026")
    assert answer["resetPassword"]["accessToken"] is None
    token = network.vouch(NETWORK_KEY.encode(), "beeline", person.msisdn, f"closed-{time.time()}")
    assert (await visitor.data(NETWORK, token=token))["signInFromNetwork"]["accessToken"] is None
    await database.execute("update line set user_id = $1 where id = $2", person.user_id, person.line_id)
    assert not hasattr(await puk.with_puk1(profiles["life"], person.msisdn, "12345678", caller), "token")
    for method in LoginMethod:
        opened = await tx(
            lambda connection, method=method: sessions.open_session(  # type: ignore[misc]
                connection, beeline, person.user_id, Entry(method, None)
            )
        )
        assert isinstance(opened, CredentialsRejected), method


async def close_directly(profile: Profile, person: Newcomer) -> None:
    """As the cabinet of an operator ends whose users cannot close it themselves."""
    await tx(
        lambda connection: end(connection, profile, TheUser(profile.operator.id, person.user_id), "CABINET_CLOSED")
    )


@pytest.mark.parametrize("operator", ["letai", "life", "motiv", "tele2"])
async def test_f035_cabinet_is_suspended_when_all_contracts_have_ended(
    newcomers: Newcomers,
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    database: "asyncpg.Connection[asyncpg.Record]",
    operator: str,
) -> None:
    person = await newcomers.arrive(operator, demo_people)
    await terminate(database, person)
    right = await sign_in(cabinet, operator, person, person.msisdn)
    assert (right["accessToken"], codes(right)) == (None, ["ACCOUNT_TERMINATED"])
    wrong = await cabinet.of(operator).data(SIGN_IN, identifier=person.msisdn, password="Wrong12345")
    unknown = await cabinet.of(operator).data(SIGN_IN, identifier=person.msisdn[:-4] + "0000", password="Wrong12345")
    assert wrong["signInWithPassword"]["userErrors"] == unknown["signInWithPassword"]["userErrors"], (
        "only a proof tells"
    )
    assert await database.fetchval("select count(*) from session where user_id = $1", person.user_id) == 0
    await database.execute("update contract set status = 'ACTIVE' where number = $1", person.contract)
    assert (await sign_in(cabinet, operator, person, person.msisdn))["accessToken"], "a live contract is enough"


async def test_f035_live_line_or_another_contract_keeps_the_cabinet(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    holder, user = [await newcomers.arrive("tele2", demo_people) for _ in range(2)]
    # The second one's own contract has ended; they use a number of the first one's contract.
    await terminate(database, user)
    await database.execute("update line set user_id = $2 where id = $1", holder.line_id, user.user_id)
    assert (await sign_in(cabinet, "tele2", user, user.msisdn))["accessToken"]
    assert (await sign_in(cabinet, "tele2", holder, holder.msisdn))["accessToken"]
    await database.execute("update line set status = 'PORTED_OUT' where id = $1", holder.line_id)
    assert codes(await sign_in(cabinet, "tele2", user, user.msisdn)) == ["ACCOUNT_TERMINATED"]


async def test_f035_beeline_deletes_the_cabinet_with_the_contract(
    newcomers: Newcomers,
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    database: "asyncpg.Connection[asyncpg.Record]",
    profiles: Mapping[str, Profile],
) -> None:
    person, other = [await newcomers.arrive("beeline", demo_people) for _ in range(2)]
    household = await newcomers.household("beeline", OWNER=person, ADULT=other)
    await terminate(database, person)
    [error] = (await sign_in(cabinet, "beeline", person, person.msisdn))["userErrors"]
    assert (error["__typename"], error["code"]) == ("ContractEnded", "ACCOUNT_TERMINATED")
    assert codes(await sign_in(cabinet, "beeline", person, person.msisdn)) == ["BAD_CREDENTIALS"], "it is gone"
    assert await database.fetchval("select closed_at from app_user where id = $1", person.user_id) is not None
    # Nobody is crowned by that (E28): the household keeps the owner it had until somebody takes over.
    roles = await database.fetch("select role from membership where household_id = $1 and status = 'ACTIVE'", household)
    assert sorted(row["role"] for row in roles) == ["ADULT", "OWNER"]
    assert await office.issue(profiles["beeline"], person.msisdn) is None


async def test_f035_remembered_device_is_told_too(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    person, visitor = await newcomers.arrive("tele2", demo_people), cabinet.of("tele2")
    variables = {"identifier": person.msisdn, "password": person.password}
    first = (await visitor.data(REMEMBER, **variables))["signInWithPassword"]
    await terminate(database, person)
    assert codes((await visitor.data(REFRESH, token=first["refreshToken"]))["refreshSession"]) == ["ACCOUNT_TERMINATED"]
    code = (await visitor.data(REQUEST_CODE, identifier=person.msisdn))["requestSignInCode"]["challenge"]["id"]
    digits = await delivered_code(visitor, person.msisdn)
    assert codes((await visitor.data(WITH_CODE, challenge=code, code=digits))["signInWithCode"]) == [
        "ACCOUNT_TERMINATED"
    ]
