"""F005–F009, F016–F019, F023, F027, F028: passwords, sessions and fresh proofs, as each profile has them."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg
import pytest

from auth import network, office, temporary_password
from domain.password import problems
from domain.profile import Profile
from domain.sign_in import LoginMethod
from server.settings import Settings
from tests.cabinet import SIGN_IN, Cabinet
from tests.conftest import NETWORK_KEY, SECRET
from tests.newcomers import Newcomers
from tests.session import until_it_waits
from tests.test_sign_in import WHO, delivered_code

CHANGE = """
mutation Change($current: String!, $new: String!) {
  changePassword(input: {currentPassword: $current, newPassword: $new}) { userErrors { __typename code message field } }
}
"""
TEMPORARY = """
mutation Ask($identifier: String!) {
  requestTemporaryPassword(input: {identifier: $identifier}) { challenge { id } userErrors { code message } }
}
"""
PUK = """
mutation Puk($msisdn: MSISDN!, $puk1: String!) {
  signInWithPuk(input: {msisdn: $msisdn, puk1: $puk1}) {
    accessToken mustChangePassword viewer { id } userErrors { __typename code }
  }
}
"""
RESET_CODE = """
mutation Ask($identifier: String!, $channel: RecoveryChannel!) {
  requestPasswordReset(input: {identifier: $identifier, channel: $channel}) { challenge { id } userErrors { code } }
}
"""
RESET = """
mutation Reset($challenge: ID!, $code: String!, $new: String!) {
  resetPassword(input: {challengeId: $challenge, code: $code, newPassword: $new}) { accessToken userErrors { code } }
}
"""
SESSIONS = "{ viewer { sessions { id current device channel expiresAt } } }"
REVOKE = "mutation Revoke($id: ID!) { revokeSession(input: {sessionId: $id}) { userErrors { code } } }"
REMEMBER = """
mutation SignIn($identifier: String!, $password: String!) {
  signInWithPassword(input: {identifier: $identifier, password: $password, rememberDevice: true}) {
    accessToken refreshToken userErrors { code }
  }
}
"""
REFRESH = """
mutation Refresh($token: String!) {
  refreshSession(input: {refreshToken: $token}) { accessToken refreshToken userErrors { code } }
}
"""
NEW = "Svezhiy2026"


@pytest.fixture(autouse=True)
async def restored_passwords(database: "asyncpg.Connection[asyncpg.Record]") -> AsyncIterator[None]:
    """Puts back what these tests change of the demo people."""
    columns = "id, password_hash, must_change_password, temporary_hmac, password_burnt, last_signed_in_at"
    before = await database.fetch(f"select {columns} from app_user")
    yield
    await database.execute("truncate refresh_token")
    await database.executemany(
        "update app_user set password_hash = $2, must_change_password = $3, temporary_hmac = $4,"
        " password_burnt = $5, last_signed_in_at = $6 where id = $1",
        [tuple(row) for row in before],
    )


async def sign_in(visitor: Cabinet, identifier: str, password: str) -> dict[str, Any]:
    payload: dict[str, Any] = (await visitor.data(SIGN_IN, identifier=identifier, password=password))[
        "signInWithPassword"
    ]
    return payload


async def delivered_password(visitor: Cabinet, msisdn: str) -> str:
    """The temporary password in the newest message to a number."""
    for _ in range(100):
        for message in (await visitor.http.get("/dev/inbox", headers={"accept": "application/json"})).json():
            found = re.search(r"(?:временный|часовы) пароль (\w+)", message["text"])
            if message["to"] == msisdn and found:
                return found.group(1)
        await asyncio.sleep(0.02)
    raise AssertionError("no password was delivered")


@pytest.mark.parametrize(("operator", "method"), [("life", "USSD"), ("beeline", "USSD"), ("motiv", "SMS")])
async def test_f005_f006_temporary_password_comes_back_to_the_number_that_asked(
    cabinet: Cabinet, demo_people: dict[str, Any], profiles: Mapping[str, Profile], operator: str, method: str
) -> None:
    profile, owner, visitor = profiles[operator], demo_people[operator]["owner"], cabinet.of(operator)
    if method == "USSD":
        assert profile.auth.ussd_password_code
        await temporary_password.by_ussd(profile, SECRET.encode(), owner["msisdn"], profile.auth.ussd_password_code)
    else:
        assert profile.auth.inbound_sms_number == "1070"
        await temporary_password.by_inbound_sms(profile, SECRET.encode(), owner["msisdn"], "1070")
    password = await delivered_password(visitor, owner["msisdn"])
    # Whoever asks for somebody else's number takes nothing from them: the permanent password works on.
    assert (await sign_in(visitor, owner["msisdn"], owner["password"]))["accessToken"]
    entered = await sign_in(visitor, owner["msisdn"], password)
    must_change = profile.auth.temporary_password_must_change
    assert entered["mustChangePassword"] is must_change

    signed_in = cabinet.of(operator, entered["accessToken"])
    if must_change:
        [error] = (await signed_in.ask(WHO))["errors"]
        assert error["extensions"]["code"] == "PASSWORD_CHANGE_REQUIRED"
        assert entered["viewer"] is None
        changed = (await signed_in.data(CHANGE, current=password, new=NEW))["changePassword"]
        assert changed["userErrors"] == []
        assert (await sign_in(visitor, owner["msisdn"], NEW))["mustChangePassword"] is False
    assert (await signed_in.data(WHO))["viewer"] is not None


@pytest.mark.parametrize("operator", ["tele2", "letai", "motiv"])
async def test_f005_is_disabled_where_the_profile_lacks_it(
    cabinet: Cabinet, demo_people: dict[str, Any], operator: str
) -> None:
    payload = await cabinet.of(operator).data(TEMPORARY, identifier=demo_people[operator]["owner"]["msisdn"])
    assert [error["code"] for error in payload["requestTemporaryPassword"]["userErrors"]] == ["FEATURE_DISABLED"]


async def test_f007_form_answers_alike_for_every_number(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    visitor, known = cabinet.of("beeline"), demo_people["beeline"]["owner"]["msisdn"]
    one, other = [await visitor.data(TEMPORARY, identifier=number) for number in (known, known[:-4] + "0000")]
    assert one == other == {"requestTemporaryPassword": {"challenge": None, "userErrors": []}}
    assert await delivered_password(visitor, known)


async def test_temporary_password_ends_after_its_time_and_a_burnt_one_is_replaced(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    visitor, msisdn = cabinet.of("beeline"), demo_people["beeline"]["owner"]["msisdn"]
    await database.execute("update app_user set password_burnt = true")
    await visitor.data(TEMPORARY, identifier=msisdn)
    password = await delivered_password(visitor, msisdn)
    assert (await sign_in(visitor, msisdn, password))["accessToken"]
    await database.execute("update app_user set temporary_expires_at = now() where temporary_hmac is not null")
    assert (await sign_in(visitor, msisdn, password))["accessToken"] is None


async def test_f008_e61_puk1_opens_a_cabinet_once(
    cabinet: Cabinet, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    visitor, msisdn, puk1 = cabinet.of("life"), "375251234907", "18273645"
    wrong = (await visitor.data(PUK, msisdn=msisdn, puk1="00000000"))["signInWithPuk"]
    assert [error["code"] for error in wrong["userErrors"]] == ["BAD_CREDENTIALS"]
    payloads = await asyncio.gather(*(visitor.data(PUK, msisdn=msisdn, puk1=puk1) for _ in range(5)))
    entered = [payload["signInWithPuk"] for payload in payloads]
    [first] = [payload for payload in entered if payload["accessToken"]]
    assert {error["code"] for payload in entered for error in payload["userErrors"]} == {"LOGIN_METHOD_DISABLED"}
    assert first["mustChangePassword"] is True
    signed_in = cabinet.of("life", first["accessToken"])
    assert (await signed_in.data(CHANGE, current="", new=NEW))["changePassword"]["userErrors"] == []
    assert (await sign_in(visitor, msisdn, NEW))["accessToken"]
    again = (await visitor.data(PUK, msisdn=msisdn, puk1=puk1))["signInWithPuk"]
    assert [error["code"] for error in again["userErrors"]] == ["LOGIN_METHOD_DISABLED"]
    other = (await cabinet.of("beeline").data(PUK, msisdn="9031234501", puk1=puk1))["signInWithPuk"]
    assert [error["code"] for error in other["userErrors"]] == ["FEATURE_DISABLED"]


@pytest.mark.parametrize(
    ("operator", "new", "code"),
    [
        ("beeline", "Svezhiy!2026", "PASSWORD_FORBIDDEN_CHARACTERS"),
        ("beeline", "svezhiy2026", "PASSWORD_TOO_WEAK"),
        ("beeline", "Password1", "PASSWORD_TOO_WEAK"),
        ("letai", "svezhiy2026", "PASSWORD_TOO_WEAK"),
        ("tele2", "Svezh1", "PASSWORD_TOO_WEAK"),
    ],
)
async def test_f013_f019_new_password_keeps_the_policy(
    cabinet: Cabinet, demo_people: dict[str, Any], operator: str, new: str, code: str
) -> None:
    owner = demo_people[operator]["owner"]
    signed_in = await cabinet.signed_in(operator, owner)
    [error] = (await signed_in.data(CHANGE, current=owner["password"], new=new))["changePassword"]["userErrors"]
    assert (error["__typename"], error["code"], error["field"]) == ("PasswordRejected", code, ["newPassword"])
    assert new not in error["message"]


async def test_f019_change_ends_all_other_sessions(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner = demo_people["tele2"]["owner"]
    here, elsewhere = [await cabinet.signed_in("tele2", owner) for _ in range(2)]
    [error] = (await here.data(CHANGE, current="Wrong12345", new=NEW))["changePassword"]["userErrors"]
    assert error["code"] == "BAD_CREDENTIALS"
    assert (await here.data(CHANGE, current=owner["password"], new=NEW))["changePassword"]["userErrors"] == []
    assert (await here.data(WHO))["viewer"] is not None
    assert (await elsewhere.data(WHO))["viewer"] is None
    [error] = (await cabinet.of("tele2").ask(CHANGE, current="a", new=NEW))["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("operator", ["tele2", "letai", "beeline"])
async def test_f017_forgotten_password_is_set_anew_by_a_code(
    cabinet: Cabinet, demo_people: dict[str, Any], operator: str
) -> None:
    owner, visitor = demo_people[operator]["owner"], cabinet.of(operator)
    elsewhere = await cabinet.signed_in(operator, owner)
    asked = (await visitor.data(RESET_CODE, identifier=owner["msisdn"], channel="SMS"))["requestPasswordReset"]
    code, challenge = await delivered_code(visitor, owner["msisdn"]), asked["challenge"]["id"]
    weak = (await visitor.data(RESET, challenge=challenge, code=code, new="short"))["resetPassword"]
    assert weak["userErrors"][0]["code"].startswith("PASSWORD")
    entered = (await visitor.data(RESET, challenge=challenge, code=code, new=NEW))["resetPassword"]
    assert entered["accessToken"]
    assert (await elsewhere.data(WHO))["viewer"] is None
    assert (await sign_in(visitor, owner["msisdn"], NEW))["accessToken"]
    unknown = await visitor.data(RESET_CODE, identifier=owner["msisdn"][:-4] + "0000", channel="SMS")
    assert unknown["requestPasswordReset"]["challenge"]["id"]


@pytest.mark.parametrize("operator", ["life", "motiv"])
async def test_f017_recovery_is_the_profiles(cabinet: Cabinet, demo_people: dict[str, Any], operator: str) -> None:
    asked = await cabinet.of(operator).data(
        RESET_CODE, identifier=demo_people[operator]["owner"]["msisdn"], channel="SMS"
    )
    assert [error["code"] for error in asked["requestPasswordReset"]["userErrors"]] == ["FEATURE_DISABLED"]


async def test_code_of_one_purpose_is_none_of_another(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner, visitor = demo_people["tele2"]["owner"], cabinet.of("tele2")
    asked = (await visitor.data(RESET_CODE, identifier=owner["msisdn"], channel="SMS"))["requestPasswordReset"]
    code = await delivered_code(visitor, owner["msisdn"])
    query = (
        "mutation ($id: ID!, $code: String!) { signInWithCode(input: {challengeId: $id, code: $code}) { accessToken } }"
    )
    entered = await visitor.data(query, id=asked["challenge"]["id"], code=code)
    assert entered["signInWithCode"]["accessToken"] is None


async def test_f027_sessions_are_seen_and_ended_from_afar(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner = demo_people["tele2"]["owner"]
    here, elsewhere = [await cabinet.signed_in("tele2", owner) for _ in range(2)]
    listed = (await here.data(SESSIONS))["viewer"]["sessions"]
    assert [session["current"] for session in listed] == [True, False]
    stranger = await cabinet.signed_in("tele2", demo_people["tele2"]["strangers"][0])
    for caller, session in ((stranger, listed[1]["id"]), (here, "nonsense"), (here, "U2Vzc2lvbjo5OTk5OTk")):
        [error] = (await caller.data(REVOKE, id=session))["revokeSession"]["userErrors"]
        assert error["code"] == "NOT_FOUND"
    assert (await elsewhere.data(WHO))["viewer"] is not None
    assert (await here.data(REVOKE, id=listed[1]["id"]))["revokeSession"]["userErrors"] == []
    assert (await elsewhere.data(WHO))["viewer"] is None
    assert len((await here.data(SESSIONS))["viewer"]["sessions"]) == 1


async def test_f023_remembered_device_comes_back_and_a_used_token_ends_its_family(
    cabinet: Cabinet, demo_people: dict[str, Any]
) -> None:
    owner, visitor = demo_people["tele2"]["owner"], cabinet.of("tele2")
    variables = {"identifier": owner["msisdn"], "password": owner["password"]}
    first = (await visitor.data(REMEMBER, **variables))["signInWithPassword"]
    second = (await visitor.data(REFRESH, token=first["refreshToken"]))["refreshSession"]
    assert second["refreshToken"] != first["refreshToken"]
    assert (await visitor.of("tele2", second["accessToken"]).data(WHO))["viewer"] is not None
    other = (await cabinet.of("beeline").data(REFRESH, token=second["refreshToken"]))["refreshSession"]
    assert other["accessToken"] is None, "a device is remembered by one operator"

    stolen = (await visitor.data(REFRESH, token=first["refreshToken"]))["refreshSession"]
    assert [error["code"] for error in stolen["userErrors"]] == ["BAD_CREDENTIALS"]
    for token in (first["accessToken"], second["accessToken"]):
        assert (await visitor.of("tele2", token).data(WHO))["viewer"] is None
    assert (await visitor.data(REFRESH, token=second["refreshToken"]))["refreshSession"]["accessToken"] is None


async def test_f023_refresh_has_one_winner_under_concurrency(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner, visitor = demo_people["tele2"]["owner"], cabinet.of("tele2")
    variables = {"identifier": owner["msisdn"], "password": owner["password"]}
    first = (await visitor.data(REMEMBER, **variables))["signInWithPassword"]
    answers = await asyncio.gather(*(visitor.data(REFRESH, token=first["refreshToken"]) for _ in range(8)))
    # None at all when the losers, who bring a used token, have ended the family before the winner looked around.
    assert sum(answer["refreshSession"]["accessToken"] is not None for answer in answers) <= 1


async def test_f028_step_up_holds_in_this_session_only(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    owner = demo_people["tele2"]["owner"]
    here, elsewhere = [await cabinet.signed_in("tele2", owner) for _ in range(2)]
    query = "mutation { requestStepUp(input: {}) { challenge { id } userErrors { code } } }"
    challenge = (await here.data(query))["requestStepUp"]["challenge"]["id"]
    code = await delivered_code(here, owner["msisdn"])
    prove = (
        "mutation ($id: ID!, $code: String!) { stepUp(input: {challengeId: $id, code: $code}) { userErrors { code } } }"
    )
    [error] = (await elsewhere.data(prove, id=challenge, code=code))["stepUp"]["userErrors"]
    assert error["code"] == "CODE_INVALID", "a code counts in the session that asked for it (I10)"
    assert (await here.data(prove, id=challenge, code=code))["stepUp"]["userErrors"] == []
    assert (await here.data("{ viewer { steppedUp } }"))["viewer"]["steppedUp"] is True
    assert (await elsewhere.data("{ viewer { steppedUp } }"))["viewer"]["steppedUp"] is False
    await database.execute("update session set stepped_up_at = stepped_up_at - interval '10 minutes'")
    assert (await here.data("{ viewer { steppedUp } }"))["viewer"]["steppedUp"] is False


def test_invented_passwords_keep_every_policy(profiles: Mapping[str, Profile]) -> None:
    for profile in profiles.values():
        for _ in range(200):
            assert problems(temporary_password.invent(), profile) == ()
    assert LoginMethod.USSD_PASSWORD in profiles["life"].auth.methods


NETWORK = """
mutation Network($token: String!) {
  signInFromNetwork(input: {networkToken: $token}) { accessToken viewer { accessLevel } userErrors { code } }
}
"""
LEVEL = "mutation ($level: AccessLevel) { setNetworkAutoLogin(input: {level: $level}) { userErrors { code } } }"


async def test_f022_network_lets_in_as_far_as_the_user_allowed(
    cabinet: Cabinet, demo_people: dict[str, Any], settings: Settings
) -> None:
    owner, visitor, key = demo_people["beeline"]["owner"], cabinet.of("beeline"), NETWORK_KEY.encode()

    async def enter(token: str) -> dict[str, Any]:
        payload: dict[str, Any] = (await visitor.data(NETWORK, token=token))["signInFromNetwork"]
        return payload

    token = network.vouch(key, "beeline", owner["msisdn"], "one")
    assert (await enter(token))["viewer"]["accessLevel"] == "PARTIAL"
    assert [error["code"] for error in (await enter(token))["userErrors"]] == ["BAD_CREDENTIALS"], "it works once"
    for bad in (
        network.vouch(b"another key", "beeline", owner["msisdn"], "two"),
        network.vouch(key, "beeline", owner["msisdn"], "three", seconds=-1),
        network.vouch(key, "beeline", owner["msisdn"], "four", seconds=3600),
        network.vouch(key, "beeline", owner["msisdn"][:-4] + "0000", "five"),
        token[:-2],
        "",
        "x.y",
        "🏠",
        "x" * 5000,
    ):
        assert (await enter(bad))["accessToken"] is None, bad
    signed_in = await cabinet.signed_in("beeline", owner)
    assert (await signed_in.data(LEVEL, level="FULL"))["setNetworkAutoLogin"]["userErrors"] == []
    assert (await enter(network.vouch(key, "beeline", owner["msisdn"], "six")))["viewer"]["accessLevel"] == "FULL"
    await signed_in.data(LEVEL, level=None)
    tele2 = (await cabinet.of("tele2").data(NETWORK, token=token))["signInFromNetwork"]
    assert [error["code"] for error in tele2["userErrors"]] == ["FEATURE_DISABLED"]


@pytest.mark.parametrize(
    ("operator", "taken"), [("life", ["RU", "BE", "EN"]), ("letai", ["RU", "TT"]), ("motiv", ["RU"])]
)
async def test_f032_language_is_one_of_the_operators(
    cabinet: Cabinet, demo_people: dict[str, Any], operator: str, taken: list[str]
) -> None:
    query = "mutation ($l: Language!) { setLanguage(input: {language: $l}) { user { language } userErrors { code } } }"
    signed_in = await cabinet.signed_in(operator, demo_people[operator]["owner"])
    before = (await signed_in.data("{ viewer { user { language } } }"))["viewer"]["user"]["language"]
    for language in ("BE", "TT", "EN", "RU", before):
        payload = (await signed_in.data(query, l=language))["setLanguage"]
        if language in taken:
            assert payload == {"user": {"language": language}, "userErrors": []}
        else:
            assert payload == {"user": None, "userErrors": [{"code": "INVALID_INPUT"}]}


@pytest.mark.parametrize("name", ["", " ", "x" * 101, "a\u0000b", "a\u202eb"])
async def test_f033_name_is_one_short_line(cabinet: Cabinet, demo_people: dict[str, Any], name: str) -> None:
    query = (
        "mutation ($n: String!) {"
        " updateProfile(input: {displayName: $n}) { user { displayName } userErrors { code } } }"
    )
    owner = demo_people["tele2"]["owner"]
    signed_in = await cabinet.signed_in("tele2", owner)
    assert (await signed_in.data(query, n=name))["updateProfile"]["userErrors"] == [{"code": "INVALID_INPUT"}]
    payload = (await signed_in.data(query, n=f"  {owner['name']} "))["updateProfile"]
    assert payload == {"user": {"displayName": owner["name"]}, "userErrors": []}


async def test_f012_office_gives_a_permanent_password(
    cabinet: Cabinet, demo_people: dict[str, Any], profiles: Mapping[str, Profile]
) -> None:
    owner, visitor = demo_people["motiv"]["owner"], cabinet.of("motiv")
    before = await cabinet.signed_in("motiv", owner)
    password = await office.issue(profiles["motiv"], owner["msisdn"])
    assert password is not None
    assert (await before.data(WHO))["viewer"] is None
    assert (await sign_in(visitor, owner["msisdn"], owner["password"]))["accessToken"] is None
    assert (await sign_in(visitor, owner["msisdn"], password))["mustChangePassword"] is False
    assert await office.issue(profiles["motiv"], "79000000000") is None


async def test_f029_partial_session_cannot_make_itself_a_full_one(
    cabinet: Cabinet, demo_people: dict[str, Any]
) -> None:
    owner = demo_people["beeline"]["owner"]
    full = await cabinet.signed_in("beeline", owner)
    token = network.vouch(NETWORK_KEY.encode(), "beeline", owner["msisdn"], "partial")
    entered = (await cabinet.of("beeline").data(NETWORK, token=token))["signInFromNetwork"]
    partial = cabinet.of("beeline", entered["accessToken"])
    [full_session] = [
        session["id"] for session in (await full.data(SESSIONS))["viewer"]["sessions"] if session["current"]
    ]
    bind = 'mutation { requestEmailBinding(input: {email: "a@b.ru"}) { userErrors { code } } }'
    for name, answer in {
        "setNetworkAutoLogin": await partial.data(LEVEL, level="FULL"),
        "changePassword": await partial.data(CHANGE, current=owner["password"], new=NEW),
        "requestEmailBinding": await partial.data(bind),
        "revokeSession": await partial.data(REVOKE, id=full_session),
    }.items():
        assert [error["code"] for error in answer[name]["userErrors"]] == ["FORBIDDEN"], name
    await partial.data("mutation { signOut(input: {everywhere: true}) { userErrors { code } } }")
    assert (await partial.data(WHO))["viewer"] is None
    assert (await full.data(WHO))["viewer"] is not None


async def test_f023_signing_out_forgets_the_device(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner, visitor = demo_people["tele2"]["owner"], cabinet.of("tele2")
    variables = {"identifier": owner["msisdn"], "password": owner["password"]}
    first = (await visitor.data(REMEMBER, **variables))["signInWithPassword"]
    await visitor.of("tele2", first["accessToken"]).data("mutation { signOut(input: {}) { userErrors { code } } }")
    assert (await visitor.data(REFRESH, token=first["refreshToken"]))["refreshSession"]["accessToken"] is None


async def test_old_password_lets_nobody_in_once_it_was_changed(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    """Sign-ins that were on their way while the password was changed end with it, or do not happen."""
    owner, visitor = demo_people["tele2"]["owner"], cabinet.of("tele2")
    here = await cabinet.signed_in("tele2", owner)
    attempts = [asyncio.create_task(sign_in(visitor, owner["msisdn"], owner["password"])) for _ in range(6)]
    await asyncio.sleep(0.05)
    changed = (await here.data(CHANGE, current=owner["password"], new=NEW))["changePassword"]
    assert changed["userErrors"] == []
    for payload in await asyncio.gather(*attempts):
        if payload["accessToken"]:
            assert (await visitor.of("tele2", payload["accessToken"]).data(WHO))["viewer"] is None


async def test_e56_whoever_has_the_sim_ends_a_lock(
    cabinet: Cabinet, demo_people: dict[str, Any], profiles: Mapping[str, Profile]
) -> None:
    owner, visitor = demo_people["motiv"]["owner"], cabinet.of("motiv")
    for _ in range(11):
        await sign_in(visitor, owner["msisdn"], "Wrong12345")
    assert (await sign_in(visitor, owner["msisdn"], owner["password"]))["accessToken"] is None
    await temporary_password.by_inbound_sms(profiles["motiv"], SECRET.encode(), owner["msisdn"], "1070")
    password = await delivered_password(visitor, owner["msisdn"])
    assert (await sign_in(visitor, owner["msisdn"], password))["accessToken"]


@pytest.mark.parametrize("way", ["everywhere", "from afar"])
async def test_f025_f027_device_that_is_coming_back_at_this_moment_is_ended_too(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]", way: str
) -> None:
    """A remembered device has used its token, and has not committed yet, when its sessions are ended."""
    here = await cabinet.signed_in("tele2", demo_people["tele2"]["owner"])
    thief = (
        await cabinet.of("tele2").data(
            REMEMBER,
            identifier=demo_people["tele2"]["owner"]["msisdn"],
            password=demo_people["tele2"]["owner"]["password"],
        )
    )["signInWithPassword"]
    everyone = (await here.data(SESSIONS))["viewer"]["sessions"]
    [stolen] = [session["id"] for session in everyone if not session["current"]]
    [row] = await database.fetch("select * from session where family is not null")
    async with database.transaction():
        # What `refresh` does, up to its commit.
        await database.execute("select from app_user where id = $1 for no key update", row["user_id"])
        await database.execute(
            "insert into session (user_id, operator, token_hash, access_level, channel, family, created_at,"
            " last_seen_at, expires_at) values ($1, $2, 'coming', 'FULL', 'APP', $3, now(), now(), $4)",
            row["user_id"],
            row["operator"],
            row["family"],
            row["expires_at"],
        )
        out = "mutation { signOut(input: {everywhere: true}) { userErrors { code } } }"
        asked = here.data(out) if way == "everywhere" else here.data(REVOKE, id=stolen)
        ending = asyncio.create_task(asked)
        await until_it_waits(database, ending)
    await ending
    left = await database.fetchval("select count(*) from session where family is not null and revoked_at is null")
    assert left == 0
    assert (await cabinet.of("tele2").data(REFRESH, token=thief["refreshToken"]))["refreshSession"]["userErrors"]


async def test_f019_session_that_ends_at_this_moment_changes_no_password(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    person = await newcomers.arrive("tele2", demo_people)
    here = await cabinet.signed_in("tele2", person)
    async with database.transaction():
        await database.execute("select from app_user where id = $1 for update", person.user_id)
        changing = asyncio.create_task(here.data(CHANGE, current=person.password, new=NEW))
        await until_it_waits(database, changing)
        await database.execute("update session set revoked_at = now() where user_id = $1", person.user_id)
    assert (await changing)["changePassword"]["userErrors"]
    await cabinet.signed_in("tele2", person)
