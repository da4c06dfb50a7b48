"""F001, F002, F004, F024, F025: into the cabinet and out of it, as five operators have it."""

import asyncio
import importlib.util
from collections.abc import Mapping
from typing import Any

import asyncpg
import pytest

from domain.profile import Profile
from domain.sign_in import LoginMethod
from tests.cabinet import SIGN_IN, Cabinet

FIVE = ["beeline", "letai", "life", "motiv", "tele2"]
BY_CODE = ["beeline", "tele2"]
NOT_BY_CODE = ["letai", "life", "motiv"]

WHO = "{ viewer { id accessLevel user { displayName login mustChangePassword } } }"

REQUEST_CODE = """
mutation RequestCode($identifier: String!) {
  requestSignInCode(input: {identifier: $identifier}) {
    challenge { id purpose channel expiresAt attemptsLeft resendAllowedAt }
    userErrors { __typename code message field ... on FeatureDisabled { feature } ... on RateLimited { retryAt } }
  }
}
"""

WITH_CODE = """
mutation WithCode($challenge: ID!, $code: String!) {
  signInWithCode(input: {challengeId: $challenge, code: $code}) {
    accessToken
    viewer { user { displayName } }
    userErrors { __typename code ... on CodeRejected { attemptsLeft } }
  }
}
"""

SIGN_OUT = "mutation { signOut(input: {}) { userErrors { code } } }"


async def request_code(visitor: Cabinet, identifier: str) -> dict[str, Any]:
    payload: dict[str, Any] = (await visitor.data(REQUEST_CODE, identifier=identifier))["requestSignInCode"]
    return payload


async def try_code(visitor: Cabinet, challenge: str, code: str) -> dict[str, Any]:
    payload: dict[str, Any] = (await visitor.data(WITH_CODE, challenge=challenge, code=code))["signInWithCode"]
    return payload


async def delivered_code(visitor: Cabinet, msisdn: str) -> str:
    """The code in the newest message to a number, once the worker has delivered it."""
    for _ in range(100):
        response = await visitor.http.get("/dev/inbox", headers={"accept": "application/json"})
        for message in response.json():
            if message["to"] == msisdn and message["code"]:
                return str(message["code"])
        await asyncio.sleep(0.02)
    raise AssertionError("no code was delivered")


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


@pytest.mark.parametrize("operator", FIVE)
async def test_f001_password_opens_the_cabinet(cabinet: Cabinet, demo_people: dict[str, Any], operator: str) -> None:
    owner = demo_people[operator]["owner"]
    payload = (await cabinet.of(operator).data(SIGN_IN, identifier=owner["msisdn"], password=owner["password"]))[
        "signInWithPassword"
    ]
    assert payload["userErrors"] == []
    assert payload["session"]["current"] is True
    assert payload["viewer"]["user"] == {"displayName": owner["name"], "login": owner["login"]}

    signed_in = cabinet.of(operator, payload["accessToken"])
    assert (await signed_in.data(WHO))["viewer"]["user"]["displayName"] == owner["name"]


@pytest.mark.parametrize("operator", FIVE)
async def test_f001_wrong_password_and_unknown_number_are_answered_alike(
    cabinet: Cabinet, demo_people: dict[str, Any], operator: str
) -> None:
    owner, visitor = demo_people[operator]["owner"], cabinet.of(operator)
    unknown = owner["msisdn"][:-4] + "0000"
    answers = [
        await visitor.data(SIGN_IN, identifier=identifier, password=password)
        for identifier, password in [
            (owner["msisdn"], "Wrong1234"),
            (unknown, owner["password"]),
            ("not a number", owner["password"]),
            (owner["msisdn"], ""),
            (owner["msisdn"], "x" * 5000),
        ]
    ]
    assert all(answer == answers[0] for answer in answers)
    payload = answers[0]["signInWithPassword"]
    assert payload["accessToken"] is None
    assert [error["code"] for error in payload["userErrors"]] == ["BAD_CREDENTIALS"]


@pytest.mark.parametrize("operator", FIVE)
async def test_f004_the_number_is_taken_in_every_usual_form(
    cabinet: Cabinet, demo_people: dict[str, Any], profiles: Mapping[str, Profile], operator: str
) -> None:
    owner, profile = demo_people[operator]["owner"], profiles[operator]
    national = owner["msisdn"].removeprefix(profile.operator.msisdn_country_code)
    spaced = f"+{profile.operator.msisdn_country_code} ({national[:2]}) {national[2:5]}-{national[5:]}"
    prefixed = [prefix + national for prefix in profile.operator.strip_prefixes]
    for form in [owner["msisdn"], "+" + owner["msisdn"], national, spaced, *prefixed]:
        payload = await cabinet.of(operator).data(SIGN_IN, identifier=form, password=owner["password"])
        assert payload["signInWithPassword"]["userErrors"] == [], form


async def test_session_belongs_to_one_operator(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    signed_in = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    assert (await signed_in.data(WHO))["viewer"] is not None
    assert (await signed_in.of("tele2", signed_in.token).data(WHO))["viewer"] is None


async def test_session_is_kept_in_a_cookie_that_scripts_cannot_read(
    cabinet: Cabinet, demo_people: dict[str, Any]
) -> None:
    owner = demo_people["beeline"]["owner"]
    variables = {"identifier": owner["msisdn"], "password": owner["password"]}
    response = await cabinet.post(SIGN_IN, variables)
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    name, _, value = cookie.partition(";")[0].partition("=")
    answer = (await cabinet.post(WHO, None, cookie=f"{name}={value}")).json()
    assert answer["data"]["viewer"]["user"]["displayName"] == owner["name"]


async def test_token_is_stored_as_a_hash_only(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    signed_in = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    assert signed_in.token is not None
    assert len(signed_in.token) >= 43  # 256 bits
    [row] = await database.fetch("select * from session")
    assert signed_in.token not in str(dict(row))


async def test_f025_sign_out_ends_the_session_at_once(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner = demo_people["beeline"]["owner"]
    one, other = [await cabinet.signed_in("beeline", owner) for _ in range(2)]
    assert (await one.data(SIGN_OUT))["signOut"]["userErrors"] == []
    assert (await one.data(WHO))["viewer"] is None
    assert (await other.data(WHO))["viewer"] is not None
    await other.data("mutation { signOut(input: {everywhere: true}) { userErrors { code } } }")
    assert (await other.data(WHO))["viewer"] is None


async def test_mutation_without_a_session_says_why(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    signed_in = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    await signed_in.data(SIGN_OUT)
    for caller, code in [
        (cabinet.of("beeline"), "UNAUTHENTICATED"),
        (cabinet.of("beeline", "never given out"), "UNAUTHENTICATED"),
        (signed_in, "SESSION_EXPIRED"),
    ]:
        [error] = (await caller.ask(SIGN_OUT))["errors"]
        assert error["extensions"]["code"] == code


@pytest.mark.parametrize("operator", FIVE)
async def test_f024_idle_limit_is_the_profiles(
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    profiles: Mapping[str, Profile],
    database: "asyncpg.Connection[asyncpg.Record]",
    operator: str,
) -> None:
    limit = profiles[operator].session.idle_timeout_seconds
    signed_in = await cabinet.signed_in(operator, demo_people[operator]["owner"])
    idle = "update session set last_seen_at = now() - make_interval(secs => $1)"
    await database.execute(idle, float(limit - 1))
    assert (await signed_in.data(WHO))["viewer"] is not None
    # The request above was activity, so the session starts anew; a full pause ends it.
    assert await database.fetchval("select now() - last_seen_at < interval '5 seconds' from session")
    await database.execute(idle, float(limit))
    assert (await signed_in.data(WHO))["viewer"] is None
    [error] = (await signed_in.ask(SIGN_OUT))["errors"]
    assert error["extensions"]["code"] == "SESSION_EXPIRED"


@pytest.mark.parametrize("operator", BY_CODE)
async def test_f002_code_by_sms_opens_the_cabinet(cabinet: Cabinet, demo_people: dict[str, Any], operator: str) -> None:
    owner, visitor = demo_people[operator]["owner"], cabinet.of(operator)
    payload = await request_code(visitor, owner["msisdn"])
    assert payload["userErrors"] == []
    assert payload["challenge"]["attemptsLeft"] == 5
    code = await delivered_code(visitor, owner["msisdn"])
    assert len(code) == 6
    entered = await try_code(visitor, payload["challenge"]["id"], code)
    assert entered["viewer"]["user"]["displayName"] == owner["name"]
    again = await try_code(visitor, payload["challenge"]["id"], code)
    assert [error["code"] for error in again["userErrors"]] == ["CODE_ALREADY_USED"]


@pytest.mark.parametrize("operator", NOT_BY_CODE)
async def test_f002_is_disabled_where_the_profile_lacks_it(
    cabinet: Cabinet, demo_people: dict[str, Any], profiles: Mapping[str, Profile], operator: str
) -> None:
    assert LoginMethod.SMS_CODE not in profiles[operator].auth.methods
    visitor = cabinet.of(operator)
    [error] = (await request_code(visitor, demo_people[operator]["owner"]["msisdn"]))["userErrors"]
    assert (error["code"], error["feature"]) == ("FEATURE_DISABLED", "auth.sms_code")
    flags = (await visitor.data("{ operator { features { key enabled reason } } }"))["operator"]["features"]
    [flag] = [flag for flag in flags if flag["key"] == "auth.sms_code"]
    assert flag == {"key": "auth.sms_code", "enabled": False, "reason": error["message"]}


async def test_f002_unknown_number_gets_the_same_answer_and_no_message(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    visitor = cabinet.of("beeline")
    known = demo_people["beeline"]["owner"]["msisdn"]
    unknown = known[:-4] + "0000"
    one, other = await request_code(visitor, known), await request_code(visitor, unknown)
    for payload in (one, other):
        for changing in ("id", "expiresAt", "resendAllowedAt"):
            assert payload["challenge"].pop(changing)
    assert one == other
    await delivered_code(visitor, known)
    messages = (await visitor.http.get("/dev/inbox", headers={"accept": "application/json"})).json()
    assert unknown not in {message["to"] for message in messages}


@pytest.mark.parametrize("identifier", ["", "12", "+1 202 555 0100", "٩٠٣١٢٣٤٥٦٧", "9" * 5000, "903'; drop table--"])
async def test_f002_malformed_number_is_refused_with_what_is_accepted(cabinet: Cabinet, identifier: str) -> None:
    [error] = (await request_code(cabinet.of("beeline"), identifier))["userErrors"]
    assert (error["__typename"], error["code"], error["field"]) == ("InputRejected", "INVALID_INPUT", ["identifier"])
    assert "+7 and 10 digits" in error["message"]


async def test_code_is_tried_five_times_at_the_most(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner, visitor = demo_people["beeline"]["owner"], cabinet.of("beeline")
    challenge = (await request_code(visitor, owner["msisdn"]))["challenge"]["id"]
    code = await delivered_code(visitor, owner["msisdn"])
    left = [(await try_code(visitor, challenge, wrong(code)))["userErrors"][0]["attemptsLeft"] for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    [error] = (await try_code(visitor, challenge, code))["userErrors"]
    assert error["code"] == "CODE_ATTEMPTS_EXCEEDED"


async def test_code_has_one_winner_under_concurrency(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner, visitor = demo_people["tele2"]["owner"], cabinet.of("tele2")
    challenge = (await request_code(visitor, owner["msisdn"]))["challenge"]["id"]
    code = await delivered_code(visitor, owner["msisdn"])
    answers = await asyncio.gather(*(try_code(visitor, challenge, code) for _ in range(20)))
    assert sum(answer["accessToken"] is not None for answer in answers) == 1


async def test_wrong_codes_are_counted_exactly_under_concurrency(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner, visitor = demo_people["tele2"]["owner"], cabinet.of("tele2")
    challenge = (await request_code(visitor, owner["msisdn"]))["challenge"]["id"]
    code = await delivered_code(visitor, owner["msisdn"])
    answers = await asyncio.gather(*(try_code(visitor, challenge, wrong(code)) for _ in range(20)))
    codes = sorted(answer["userErrors"][0]["code"] for answer in answers)
    assert codes == ["CODE_ATTEMPTS_EXCEEDED"] * 15 + ["CODE_INVALID"] * 5


async def test_e07_code_expires_after_five_minutes(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    owner, visitor = demo_people["beeline"]["owner"], cabinet.of("beeline")
    challenge = (await request_code(visitor, owner["msisdn"]))["challenge"]["id"]
    code = await delivered_code(visitor, owner["msisdn"])
    assert await database.fetchval("select expires_at - created_at = interval '5 minutes' from challenge")
    await database.execute("update challenge set expires_at = now()")
    [error] = (await try_code(visitor, challenge, code))["userErrors"]
    assert error["code"] == "CODE_EXPIRED"


async def test_e08_only_the_newest_code_counts(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    owner, visitor = demo_people["beeline"]["owner"], cabinet.of("beeline")
    old = (await request_code(visitor, owner["msisdn"]))["challenge"]["id"]
    old_code = await delivered_code(visitor, owner["msisdn"])
    await database.execute("update challenge set created_at = created_at - interval '61 seconds'")
    new = (await request_code(visitor, owner["msisdn"]))["challenge"]["id"]
    assert new != old
    [error] = (await try_code(visitor, old, old_code))["userErrors"]
    assert error["code"] == "CODE_EXPIRED"


async def test_e21_asking_twice_within_the_pause_sends_one_message(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    visitor, msisdn = cabinet.of("beeline"), demo_people["beeline"]["owner"]["msisdn"]
    payloads = await asyncio.gather(*(request_code(visitor, msisdn) for _ in range(10)))
    assert len({payload["challenge"]["id"] for payload in payloads}) == 1
    assert await database.fetchval("select count(*) from outbox") == 1


async def test_i10_stranger_cannot_use_up_the_tries_of_somebody_elses_code(
    cabinet: Cabinet, demo_people: dict[str, Any]
) -> None:
    """Whoever asks for the same number meanwhile gets a challenge that looks the same and is worth nothing."""
    visitor, owner = cabinet.of("beeline"), demo_people["beeline"]["owner"]
    mine = (await request_code(visitor, owner["msisdn"]))["challenge"]
    code = await delivered_code(visitor, owner["msisdn"])
    stranger = {"user-agent": "somebody else"}
    answer = (await visitor.post(REQUEST_CODE, {"identifier": owner["msisdn"]}, **stranger)).json()
    decoy = answer["data"]["requestSignInCode"]["challenge"]
    assert decoy["id"] != mine["id"]
    assert decoy.keys() == mine.keys()
    assert decoy["attemptsLeft"] == mine["attemptsLeft"] == 5
    for _ in range(5):
        assert (await try_code(visitor, decoy["id"], code))["userErrors"][0]["code"] == "CODE_INVALID"
    assert (await try_code(visitor, mine["id"], code))["accessToken"]

    # That the code was used shows to nobody else.
    answer = (await visitor.post(REQUEST_CODE, {"identifier": owner["msisdn"]}, **{"user-agent": "another"})).json()
    assert answer["data"]["requestSignInCode"]["userErrors"] == []


async def test_empty_bearer_is_nobody_even_beside_a_cookie(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    signed_in = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    cookie = {"cookie": f"hearth_session_beeline={signed_in.token}"}
    assert (await cabinet.post(WHO, None, **cookie)).json()["data"]["viewer"] is not None
    for header in ("Bearer ", "bearer wrong"):
        answer = await cabinet.post(WHO, None, **cookie, authorization=header)
        assert answer.json()["data"]["viewer"] is None


async def test_activity_never_waits_for_another_request(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    signed_in = await cabinet.signed_in("beeline", demo_people["beeline"]["owner"])
    await database.execute("update session set last_seen_at = now() - interval '1 minute'")
    async with database.transaction():
        await database.execute("select from session for update")
        async with asyncio.timeout(1):
            assert (await signed_in.data(WHO))["viewer"] is not None


async def test_sms_per_number_and_hour_are_limited_for_all_requesters(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    visitor, msisdn = cabinet.of("tele2"), demo_people["tele2"]["owner"]["msisdn"]
    for _ in range(5):
        assert (await request_code(visitor, msisdn))["userErrors"] == []
        await database.execute("update challenge set created_at = created_at - interval '61 seconds'")
    [error] = (await request_code(visitor, msisdn))["userErrors"]
    assert error["code"] == "RATE_LIMITED"
    assert error["retryAt"] > "20"


@pytest.mark.parametrize("challenge", ["", "nonsense", "00000000-0000-0000-0000-000000000000", "x" * 10_000])
async def test_code_of_no_challenge_is_wrong(cabinet: Cabinet, challenge: str) -> None:
    [error] = (await try_code(cabinet.of("beeline"), challenge, "123456"))["userErrors"]
    assert (error["code"], error["attemptsLeft"]) == ("CODE_INVALID", 0)


async def test_code_is_nowhere_in_the_database_after_delivery(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    visitor, msisdn = cabinet.of("beeline"), demo_people["beeline"]["owner"]["msisdn"]
    await request_code(visitor, msisdn)
    code = await delivered_code(visitor, msisdn)
    for _ in range(100):
        if await database.fetchval("select bool_and(done_at is not null) from outbox"):
            break
        await asyncio.sleep(0.02)
    kept = await database.fetchval(
        "select (select json_agg(c)::text from challenge c) || json_agg(o)::text from outbox o"
    )
    assert code not in kept.replace(msisdn, "")


def test_whoever_is_unknown_waits_as_long_as_for_a_wrong_password() -> None:
    # What it is compared with is written down, and may not stay behind when the hasher changes. conftest.py has changed
    # both here, so they are read once more.
    spec = importlib.util.find_spec("auth.passwords")
    assert spec is not None
    assert spec.loader is not None
    passwords = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(passwords)
    assert not passwords._HASHER.check_needs_rehash(passwords._NOBODY)
    assert not passwords.matches(None, "Sekretny2026")
