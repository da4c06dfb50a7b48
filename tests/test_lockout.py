"""F003, F014, E54–E56: guesses are counted before they are compared, and a lock is never a hole nor a trap."""

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg
import httpx2
import pytest

from domain.profile import Profile
from tests.cabinet import SIGN_IN, Cabinet
from tests.test_sign_in import FIVE, WHO, delivered_code, request_code, try_code

TRY = """
mutation Try($identifier: String!, $password: String!) {
  signInWithPassword(input: {identifier: $identifier, password: $password}) {
    accessToken lockedUntil attemptsLeft
    userErrors { __typename code message ... on LockedOut { lockedUntil } }
  }
}
"""
AUDIT = "{ viewer { auditLog(first: 50) { edges { node { action details { key value } } } } } }"


async def attempt(visitor: Cabinet, identifier: str, password: str) -> dict[str, Any]:
    payload: dict[str, Any] = (await visitor.data(TRY, identifier=identifier, password=password))["signInWithPassword"]
    return payload


@pytest.mark.parametrize("operator", FIVE)
async def test_f014_ten_wrong_passwords_lock_the_password_for_an_hour(
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    profiles: Mapping[str, Profile],
    database: "asyncpg.Connection[asyncpg.Record]",
    operator: str,
) -> None:
    owner, visitor, rules = demo_people[operator]["owner"], cabinet.of(operator), profiles[operator].auth.lockout
    left = [(await attempt(visitor, owner["msisdn"], "Wrong12345"))["attemptsLeft"] for _ in range(9)]
    assert left == list(range(9, 0, -1))
    tenth = await attempt(visitor, owner["msisdn"], "Wrong12345")
    assert [error["code"] for error in tenth["userErrors"]] == ["LOCKED_OUT"]
    assert tenth["lockedUntil"] == tenth["userErrors"][0]["lockedUntil"]
    assert (await attempt(visitor, owner["msisdn"], owner["password"]))["accessToken"] is None
    hour = await database.fetchval(
        "select round(extract(epoch from ends_at - now())) from counter where key like 'lock:%'"
    )
    assert rules.duration_seconds - 5 < hour <= rules.duration_seconds

    await database.execute("update counter set ends_at = now() where key similar to '(lock|fail):%'")
    after = await attempt(visitor, owner["msisdn"], owner["password"])
    if rules.require_new_temporary_password:
        assert after["accessToken"] is None, "the old password is burnt: a new temporary one is needed"
        await database.execute("update app_user set password_burnt = false")
    else:
        assert after["accessToken"]


async def test_unknown_identifier_is_counted_and_locked_alike(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    visitor, known = cabinet.of("tele2"), demo_people["tele2"]["owner"]["msisdn"]
    unknown = known[:-4] + "0000"
    for _ in range(11):
        one, other = [await attempt(visitor, identifier, "Wrong12345") for identifier in (known, unknown)]
        for payload in (one, other):
            payload["lockedUntil"] = bool(payload["lockedUntil"])
            for error in payload["userErrors"]:
                error.pop("lockedUntil", None)
        assert one == other


async def test_guesses_are_exact_under_concurrency_and_aliases(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    """Thirty at once, the right one among them after the tenth: no more than ten are compared."""
    owner, visitor = demo_people["tele2"]["owner"], cabinet.of("tele2")
    answers = await asyncio.gather(*(attempt(visitor, owner["msisdn"], "Wrong12345") for _ in range(30)))
    codes = [answer["userErrors"][0]["code"] for answer in answers]
    assert codes.count("BAD_CREDENTIALS") == 9
    assert codes.count("LOCKED_OUT") == 21
    aliases = " ".join(
        f'a{n}: signInWithPassword(input: {{identifier: "9000000000", password: "x"}}) {{ attemptsLeft }}'
        for n in range(3)
    )
    [error] = (await visitor.ask(f"mutation {{ {aliases} }}"))["errors"]
    assert "one mutation" in error["message"].lower()


async def test_e56_lock_leaves_the_way_in_by_sms(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner, visitor = demo_people["tele2"]["owner"], cabinet.of("tele2")
    for _ in range(12):
        await attempt(visitor, owner["msisdn"], "Wrong12345")
    challenge = (await request_code(visitor, owner["msisdn"]))["challenge"]["id"]
    entered = await try_code(visitor, challenge, await delivered_code(visitor, owner["msisdn"]))
    assert entered["accessToken"]


async def test_right_password_ends_the_count(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner, visitor = demo_people["tele2"]["owner"], cabinet.of("tele2")
    for _ in range(3):
        for _ in range(5):
            await attempt(visitor, owner["msisdn"], "Wrong12345")
        assert (await attempt(visitor, owner["msisdn"], owner["password"]))["accessToken"]


async def test_every_spelling_of_a_number_shares_one_count(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner, visitor = demo_people["tele2"]["owner"], cabinet.of("tele2")
    national = owner["msisdn"][1:]
    spellings = [owner["msisdn"], "+" + owner["msisdn"], national, "8" + national, f" {national[:3]} {national[3:]} "]
    left = [(await attempt(visitor, spelling, "Wrong12345"))["attemptsLeft"] for spelling in spellings]
    assert left == [9, 8, 7, 6, 5]


async def test_every_case_of_a_login_shares_one_count(
    cabinet: Cabinet, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    visitor = cabinet.of("motiv")
    login = await database.fetchval(
        "select value from login where operator = 'motiv' and kind = 'NETWORK_LOGIN' limit 1"
    )
    left = [
        (await attempt(visitor, form, "Wrong12345"))["attemptsLeft"] for form in (login, login.upper(), login.title())
    ]
    assert left == [9, 8, 7]


async def test_e55_one_network_tries_fifty_numbers_an_hour(
    cabinet: Cabinet, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    transport = httpx2.ASGITransport(app=cabinet.http._transport.app, client=("203.0.113.7", 1))  # type: ignore[attr-defined]
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        stranger = Cabinet(client, "tele2")
        for number in range(50):
            assert (await attempt(stranger, f"79000{number:06}", "Wrong12345"))["userErrors"][0][
                "code"
            ] == "BAD_CREDENTIALS"
        for _ in range(2):
            refused = await attempt(stranger, "79000999999", "Wrong12345")
            assert refused["userErrors"][0]["code"] == "RATE_LIMITED", "asking twice makes no acquaintance"
        # A number that was tried before may be tried on.
        assert (await attempt(stranger, "79000000001", "Wrong12345"))["userErrors"][0]["code"] == "BAD_CREDENTIALS"
    assert (await attempt(cabinet.of("tele2"), "79000999999", "x"))["userErrors"][0]["code"] == "BAD_CREDENTIALS"


IDENTIFIERS = [
    ("motiv", "ACCOUNT_NUMBER", True),
    ("motiv", "NETWORK_LOGIN", True),
    ("beeline", "ACCOUNT_NUMBER", True),
    ("beeline", "CONTRACT_NUMBER", True),
    ("beeline", "CUSTOM_LOGIN", True),
    ("letai", "EMAIL", True),
    ("letai", "ACCOUNT_NUMBER", False),
    ("tele2", "ACCOUNT_NUMBER", False),
    ("life", "CONTRACT_NUMBER", False),
]


@pytest.mark.parametrize(("operator", "kind", "taken"), IDENTIFIERS)
async def test_f003_identifiers_are_the_profiles(
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    profiles: Mapping[str, Profile],
    database: "asyncpg.Connection[asyncpg.Record]",
    operator: str,
    kind: str,
    taken: bool,
) -> None:
    assert (kind in profiles[operator].auth.identifiers) is taken
    owner = demo_people[operator]["owner"]
    account, contract = await database.fetchrow(
        """
select a.number, c.number from line l join personal_account a on a.id = l.account_id
join contract c on c.id = a.contract_id where l.msisdn = $1 and l.operator = $2
""",
        owner["msisdn"],
        operator,
    )  # type: ignore[misc]
    stored = await database.fetchval(
        """
select o.value from login l join login o on o.user_id = l.user_id
where l.operator = $1 and l.value = $2 and o.kind = $3
""",
        operator,
        owner["msisdn"],
        kind,
    )
    identifier = {"ACCOUNT_NUMBER": account, "CONTRACT_NUMBER": contract}.get(kind) or stored
    assert identifier, f"the demo owner of {operator} has a {kind}"
    payload = (await cabinet.of(operator).data(SIGN_IN, identifier=identifier.upper(), password=owner["password"]))[
        "signInWithPassword"
    ]
    assert (payload["accessToken"] is not None) is taken


async def test_f038_audit_tells_the_user_what_happened(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner, visitor = demo_people["tele2"]["owner"], cabinet.of("tele2")
    await attempt(visitor, owner["msisdn"], "Wrong12345")
    signed_in = await cabinet.signed_in("tele2", owner)
    events = [edge["node"] for edge in (await signed_in.data(AUDIT))["viewer"]["auditLog"]["edges"]]
    assert [event["action"] for event in events] == ["SIGNED_IN", "SIGN_IN_FAILED"]
    assert {"key": "method", "value": "PASSWORD"} in events[0]["details"]
    stranger = await cabinet.signed_in("tele2", demo_people["tele2"]["strangers"][0])
    others = (await stranger.data(AUDIT))["viewer"]["auditLog"]["edges"]
    assert [edge["node"]["action"] for edge in others] == ["SIGNED_IN"]


async def test_new_device_is_announced_by_sms(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    owner, visitor = demo_people["tele2"]["owner"], cabinet.of("tele2")
    variables = {"identifier": owner["msisdn"], "password": owner["password"]}
    for device in ("Firefox", "Firefox", "Chrome"):
        assert "accessToken" in (await visitor.post(SIGN_IN, variables, **{"user-agent": device})).text
    for _ in range(100):
        messages = (await visitor.http.get("/dev/inbox", headers={"accept": "application/json"})).json()
        if messages:
            break
        await asyncio.sleep(0.02)
    assert [message["to"] for message in messages] == [owner["msisdn"]]
    assert "нового устройства" in messages[0]["text"]
    assert (await visitor.data(WHO))["viewer"] is None
