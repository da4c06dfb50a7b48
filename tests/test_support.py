"""E60: an employee of the operator acts for a user, under a name, and the user sees it."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import asyncpg
import pytest

from auth import support
from domain.profile import Profile
from domain.refusals import InputRejected
from domain.staff import Staff, staff
from server.cli import main
from server.settings import Settings
from tests.cabinet import Cabinet
from tests.hearth import hearth
from tests.newcomers import Newcomer, Newcomers
from tests.test_account_security import CHANGE, REVOKE, SESSIONS
from tests.test_closing import CLOSE
from tests.test_closing import close_directly as close_cabinet
from tests.test_login_change import CHANGE as CHANGE_LOGIN
from tests.test_recovery_channels import SET as SET_RECOVERY
from tests.test_sign_in import WHO

HELPER = Staff("Ольга П.", "Не видит остаток", "T-1042")
AUDIT = """
{ viewer { auditLog(first: 50) { edges { node { action isOperatorStaff details { key value } } } } } }
"""
REFUSED = {
    "requestStepUp": "mutation { requestStepUp(input: {}) { challenge { id } userErrors { code message } } }",
    "stepUp": 'mutation { stepUp(input: {challengeId: "x", code: "1"}) { userErrors { code } } }',
    "requestEmailBinding": 'mutation { requestEmailBinding(input: {email: "a@b.ru"}) { userErrors { code } } }',
    "confirmEmailBinding": (
        'mutation { confirmEmailBinding(input: {challengeId: "x", code: "1"}) { userErrors { code } } }'
    ),
    "setNetworkAutoLogin": "mutation { setNetworkAutoLogin(input: {level: FULL}) { userErrors { code } } }",
    "createWidgetToken": 'mutation { createWidgetToken(input: {lineId: "x"}) { token userErrors { code } } }',
    "unlinkSocialAccount": 'mutation { unlinkSocialAccount(input: {socialAccountId: "x"}) { userErrors { code } } }',
}


async def helped(cabinet: Cabinet, profile: Profile, person: Newcomer) -> Cabinet:
    """The cabinet as the employee sees it."""
    token = await support.act_for(profile, person.msisdn, HELPER)
    assert token is not None
    return cabinet.of(profile.operator.id, token)


async def events(cabinet: Cabinet) -> list[dict[str, Any]]:
    edges = (await cabinet.data(AUDIT))["viewer"]["auditLog"]["edges"]
    return [
        {**edge["node"], "details": {detail["key"]: detail["value"] for detail in edge["node"]["details"]}}
        for edge in edges
    ]


@pytest.mark.parametrize("operator", ["beeline", "letai", "life", "motiv", "tele2"])
async def test_e60_user_reads_who_acted_why_and_for_which_ticket(
    newcomers: Newcomers,
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    profiles: Mapping[str, Profile],
    operator: str,
) -> None:
    person = await newcomers.arrive(operator, demo_people)
    employee = await helped(cabinet, profiles[operator], person)
    assert (await employee.data(WHO))["viewer"]["user"]["login"] == person.msisdn
    rename = 'mutation { updateProfile(input: {displayName: "Новое имя"}) { userErrors { code } } }'
    assert (await employee.data(rename))["updateProfile"]["userErrors"] == []

    user = await cabinet.signed_in(operator, person)
    signed_in, renamed, opened = await events(user)
    assert (signed_in["action"], signed_in["isOperatorStaff"]) == ("SIGNED_IN", False)
    told = {"staff": "Ольга П.", "staff_reason": "Не видит остаток", "staff_ticket": "T-1042"}
    assert renamed == {
        "action": "PROFILE_CHANGED",
        "isOperatorStaff": True,
        "details": {"what": "display_name", **told},
    }
    assert opened == {"action": "SUPPORT_SESSION_OPENED", "isOperatorStaff": True, "details": told}
    for _ in range(100):
        inbox = (await user.http.get("/dev/inbox", headers={"accept": "application/json"})).json()
        texts = [message["text"] for message in inbox if message["to"] == person.msisdn]
        if any("Ольга П." in text and "T-1042" in text for text in texts):
            break
        await asyncio.sleep(0.02)
    else:
        raise AssertionError("the user was not told")

    listed = (await user.data(SESSIONS))["viewer"]["sessions"]
    [support_session] = [session for session in listed if session["channel"] == "SUPPORT"]
    assert (await user.data(REVOKE, id=support_session["id"]))["revokeSession"]["userErrors"] == []
    assert (await employee.data(WHO))["viewer"] is None


async def test_e60_employee_never_becomes_the_user(
    newcomers: Newcomers,
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    profiles: Mapping[str, Profile],
    database: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    person = await newcomers.arrive("beeline", demo_people)
    employee = await helped(cabinet, profiles["beeline"], person)
    # Whatever makes a session proven must not help: an employee's is not the user's.
    await database.execute("update session set stepped_up_at = now()")
    before = await database.fetchrow("select * from app_user where id = $1", person.user_id)
    answers = {name: await employee.data(query) for name, query in REFUSED.items()}
    answers |= {
        "changePassword": await employee.data(CHANGE, current=person.password, new="Svezhiy2026"),
        "changeLogin": await employee.data(CHANGE_LOGIN, login="ne.moy", password=person.password),
        "setRecoveryChannels": await employee.data(SET_RECOVERY, channels=["HOTLINE"]),
        "closeCabinet": await employee.data(CLOSE, password=person.password),
    }
    for name, answer in answers.items():
        assert [error["code"] for error in answer[name]["userErrors"]] == ["FORBIDDEN"], name
    assert await database.fetchrow("select * from app_user where id = $1", person.user_id) == before
    assert await database.fetchval("select count(*) from challenge") == 0


async def test_e60_session_is_short_and_ends_itself_only(
    newcomers: Newcomers,
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    profiles: Mapping[str, Profile],
    database: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    person = await newcomers.arrive("tele2", demo_people)
    user = await cabinet.signed_in("tele2", person)
    first, second = [await helped(cabinet, profiles["tele2"], person) for _ in range(2)]
    await first.data("mutation { signOut(input: {everywhere: true}) { userErrors { code } } }")
    assert (await first.data(WHO))["viewer"] is None
    assert (await user.data(WHO))["viewer"] is not None
    lifetime = "select extract(epoch from expires_at - created_at)::int from session where staff is not null limit 1"
    assert await database.fetchval(lifetime) == 30 * 60
    await database.execute("update session set expires_at = expires_at - interval '30 minutes' where staff is not null")
    assert (await second.data(WHO))["viewer"] is None
    assert await database.fetchval("select count(*) from refresh_token") == 0
    assert await database.fetchval("select last_signed_in_at from app_user where id = $1", person.user_id) is not None


async def test_e60_help_does_not_count_as_the_users_sign_in(
    newcomers: Newcomers,
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    profiles: Mapping[str, Profile],
    database: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    person = await newcomers.arrive("life", demo_people)
    await database.execute("update app_user set must_change_password = true where id = $1", person.user_id)
    employee = await helped(cabinet, profiles["life"], person)
    assert (await employee.data(WHO))["viewer"] is not None, "the employee has no temporary password to change"
    assert await database.fetchval("select last_signed_in_at from app_user where id = $1", person.user_id) is None


async def test_e60_nobody_is_helped_in_a_cabinet_that_is_not(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], profiles: Mapping[str, Profile]
) -> None:
    assert await support.act_for(profiles["tele2"], "79000000000", HELPER) is None
    person = await newcomers.arrive("tele2", demo_people)
    assert await support.act_for(profiles["letai"], person.msisdn, HELPER) is None
    employee = await helped(cabinet, profiles["tele2"], person)
    await close_cabinet(profiles["tele2"], person)
    assert (await employee.data(WHO))["viewer"] is None
    for login in (person.msisdn, person.contract, person.account):
        assert await support.act_for(profiles["tele2"], login, HELPER) is None


@pytest.mark.parametrize(
    "wrong", [("", "r", "t"), ("n", " ", "t"), ("n", "r", ""), ("n" * 101, "r", "t"), ("n\n", "r\nr", "t")]
)
def test_e60_who_why_and_the_ticket_are_told_in_full(wrong: tuple[str, str, str]) -> None:
    assert isinstance(staff(*wrong), InputRejected)
    assert staff(" n ", "r", "t") == Staff("n", "r", "t")


def test_e60_command_wants_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["support", "--operator", "tele2", "--login", "79000000000", "--staff", "Ольга", "--reason", " "]
    with pytest.raises(SystemExit):
        main(words)
    assert "--ticket" in capsys.readouterr().err
    assert main([*words, "--ticket", "T-1"]) == 1
    assert capsys.readouterr().err == "hearth: The reason must be 1 to 200 characters on one line\n"


async def test_e60_command_prints_a_token_that_works(
    demo_database: str,
    opened: Callable[..., Awaitable[Cabinet]],
    demo_people: dict[str, Any],
    settings: Settings,
) -> None:
    login = demo_people["tele2"]["owner"]["msisdn"]
    named = ["--staff", "Ольга П.", "--reason", "Не видит остаток", "--ticket", "T-1"]
    environment = {
        **os.environ,
        "HEARTH_ENV": "development",
        "HEARTH_DATABASE_URL": demo_database,
        "HEARTH_DATA": str(settings.data),
    }

    async def run(*words: str) -> tuple[int | None, str, str]:
        done = await asyncio.to_thread(hearth, environment, "support", *words, *named)
        return done.returncode, done.stdout, done.stderr

    code, token, failed = await run("--operator", "tele2", "--login", login)
    assert (code, failed) == (0, "")
    visitor = await opened(demo_database)
    assert (await visitor.of("tele2", token.strip()).data(WHO))["viewer"]["user"]["login"] == login
    assert await run("--operator", "tele2", "--login", "nobody") == (
        1,
        "",
        "hearth: Nobody signs in to tele2 with 'nobody'\n",
    )
