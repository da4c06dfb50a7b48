"""N10, E7–E9, E11, F010: codes that come late or not at all, by other channels, and for numbers without a cabinet."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import asyncpg
import httpx2
import pytest
import structlog

from auth import challenge, code_guard
from auth.challenge import CodeRequest
from domain.challenge import ChallengeChannel
from domain.profile import Profile
from domain.refusals import RateLimited
from models.challenge import ChallengePurpose
from models.database import tx
from server.settings import Settings
from tests.cabinet import SIGN_IN, Cabinet
from tests.conftest import SECRET
from tests.newcomers import Newcomers
from tests.test_registration import FORGOT, RESET
from tests.test_sign_in import FIVE, try_code, wrong

CHALLENGE = "challenge { id channel tag deliveryStatus alternativeChannels attemptsLeft resendAllowedAt }"
ASK = f"""
mutation Ask($identifier: String!, $channel: ChallengeChannel! = SMS) {{
  requestSignInCode(input: {{identifier: $identifier, channel: $channel}}) {{
    {CHALLENGE} userErrors {{ __typename code field }}
  }}
}}
"""
RESEND = f"""
mutation Resend($id: ID!, $channel: ChallengeChannel) {{
  resendCode(input: {{challengeId: $id, channel: $channel}}) {{ {CHALLENGE} userErrors {{ __typename code field }} }}
}}
"""
STEP_UP = f"mutation {{ requestStepUp(input: {{}}) {{ {CHALLENGE} userErrors {{ code message }} }} }}"
PROVE = """
mutation Prove($id: ID!, $code: String!) {
  stepUp(input: {challengeId: $id, code: $code}) { userErrors { code } }
}
"""
REGISTER = f"""
mutation Register($msisdn: MSISDN!, $email: String, $password: String!) {{
  register(input: {{msisdn: $msisdn, email: $email, password: $password, acceptTerms: true}}) {{
    {CHALLENGE} userErrors {{ __typename code field }}
  }}
}}
"""
CONFIRM = """
mutation Confirm($id: ID!, $code: String!, $password: String!) {
  confirmRegistration(input: {challengeId: $id, code: $code, password: $password}) {
    accessToken viewer { user { login } } userErrors { __typename code field }
  }
}
"""
LINES = "{ viewer { steppedUp linkedNumbers { edges { node { msisdn } } } } }"
PASSWORD = "Domovoy2026x"
LETTERS = set("ABCDEFGHJKLMNPQRSTUVWXYZ")


@pytest.fixture
async def free_numbers(
    database: "asyncpg.Connection[asyncpg.Record]", demo_people: dict[str, Any]
) -> AsyncIterator[dict[str, str]]:
    """A number of each operator that nobody has a cabinet of, on the contract of the demo's owner."""
    numbers = {}
    for operator in FIVE:
        owner = demo_people[operator]["owner"]["msisdn"]
        numbers[operator] = owner[:-4] + "7431"
        await database.execute(
            "insert into line (operator, account_id, kind, msisdn, status, sim_epoch)"
            " select operator, account_id, 'MOBILE', $2, 'ACTIVE', 1 from line where msisdn = $1",
            owner,
            numbers[operator],
        )
    yield numbers
    await database.execute(
        "alter table audit_event disable trigger all; truncate audit_event, session, challenge, registration;"
        " alter table audit_event enable trigger all; delete from line where msisdn like '%7431';"
        " create temporary table gone as select user_id from login where value like '%7431';"
        " delete from contact where user_id in (select user_id from gone);"
        " delete from login where value like '%7431';"
        " delete from app_user where id in (select user_id from gone); drop table gone;"
        " delete from person where ref like 'registration:%'"
    )


@pytest.fixture
async def proven_address(
    database: "asyncpg.Connection[asyncpg.Record]", demo_people: dict[str, Any]
) -> AsyncIterator[str]:
    """An address that Beeline's owner proved two days ago."""
    await database.execute(
        "insert into contact (operator, user_id, kind, value, verified_at)"
        " select operator, user_id, 'EMAIL', 'anna@example.org', now() - interval '2 days' from login where value = $1",
        demo_people["beeline"]["owner"]["msisdn"],
    )
    yield "anna@example.org"
    await database.execute("delete from contact where value = 'anna@example.org'")


async def message(visitor: Cabinet, to: str, **like: Any) -> dict[str, Any]:
    """The newest message to somebody, once the worker has delivered it."""
    for _ in range(100):
        for found in (await visitor.http.get("/dev/inbox", headers={"accept": "application/json"})).json():
            if found["to"] == to and all(found.get(key) == value for key, value in like.items()):
                return dict(found)
        await asyncio.sleep(0.02)
    raise AssertionError("nothing was delivered")


async def message_after(visitor: Cabinet, to: str, code: str) -> dict[str, Any]:
    """The message to somebody that came after the one with that code."""
    for _ in range(100):
        if (found := await message(visitor, to))["code"] != code:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("no other message was delivered")


async def ask(visitor: Cabinet, query: str, **variables: Any) -> tuple[Any, list[str]]:
    """The challenge of an answer, and the codes of its errors."""
    [payload] = (await visitor.data(query, **variables)).values()
    return payload["challenge"], [error["code"] for error in payload["userErrors"]]


async def past_the_pause(database: "asyncpg.Connection[asyncpg.Record]") -> None:
    await database.execute("update challenge set created_at = created_at - interval '2 minutes'")


async def owner(cabinet: Cabinet, people: dict[str, Any]) -> Cabinet:
    return await cabinet.signed_in("beeline", people["beeline"]["owner"])


async def test_e8_message_and_form_show_the_same_tag(cabinet: Cabinet, demo_people: dict[str, Any]) -> None:
    visitor, msisdn = cabinet.of("tele2"), demo_people["tele2"]["owner"]["msisdn"]
    first, _ = await ask(visitor, ASK, identifier=msisdn)
    assert len(first["tag"]) == 2
    assert set(first["tag"]) <= LETTERS
    sent = await message(visitor, msisdn)
    assert f"{first['tag']}-{sent['code']}" in sent["text"]


async def test_e7_e8_resent_code_ends_the_older_one(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    visitor, msisdn = cabinet.of("tele2"), demo_people["tele2"]["owner"]["msisdn"]
    first, _ = await ask(visitor, ASK, identifier=msisdn)
    old = (await message(visitor, msisdn))["code"]
    assert (await ask(visitor, RESEND, id=first["id"]))[0]["id"] == first["id"], "the pause gives the same one (E21)"
    await past_the_pause(database)
    second, codes = await ask(visitor, RESEND, id=first["id"])
    assert codes == []
    assert second["id"] != first["id"]
    late = await try_code(visitor, first["id"], old)
    assert [error["code"] for error in late["userErrors"]] == ["CODE_EXPIRED"]
    new = await message_after(visitor, msisdn, old)
    assert f"{second['tag']}-" in new["text"]
    assert (await try_code(visitor, second["id"], new["code"]))["accessToken"]


async def test_n10_code_to_oneself_that_failed_comes_another_way_at_once(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]", proven_address: str
) -> None:
    here, msisdn = await owner(cabinet, demo_people), demo_people["beeline"]["owner"]["msisdn"]
    asked, _ = await ask(here, STEP_UP)
    assert (asked["channel"], asked["deliveryStatus"]) == ("SMS", "QUEUED")
    assert asked["alternativeChannels"] == ["VOICE_CALL", "EMAIL"], "nobody has an app that a push could reach"
    await message(here, msisdn)
    assert await ask(here, RESEND, id=asked["id"], channel="VOICE_CALL") == (None, ["RATE_LIMITED"])
    await database.execute("update outbox set delivery = 'FAILED' where dedup = 'challenge:' || $1", asked["id"])

    again, codes = await ask(here, STEP_UP)
    assert (again["id"], again["deliveryStatus"], codes) == (asked["id"], "FAILED", ["SMS_NOT_DELIVERED"])
    called, codes = await ask(here, RESEND, id=asked["id"], channel="VOICE_CALL")
    assert (called["channel"], codes) == ("VOICE_CALL", [])
    assert called["alternativeChannels"] == ["SMS", "EMAIL"]
    spoken = await message(here, msisdn, channel="VOICE_CALL")
    proven = (await here.data(PROVE, id=called["id"], code=spoken["code"]))["stepUp"]
    assert proven["userErrors"] == []


async def test_n10_step_up_by_mail_needs_an_address_of_long_ago(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]", proven_address: str
) -> None:
    here = await owner(cabinet, demo_people)
    asked, _ = await ask(here, STEP_UP)
    await past_the_pause(database)
    await database.execute("update contact set verified_at = now() - interval '23 hours'")
    assert await ask(here, RESEND, id=asked["id"], channel="EMAIL") == (None, ["CHANNEL_UNAVAILABLE"])
    await database.execute("update contact set verified_at = now() - interval '25 hours'")
    mailed, codes = await ask(here, RESEND, id=asked["id"], channel="EMAIL")
    assert (mailed["channel"], codes) == ("EMAIL", [])
    code = (await message(here, proven_address))["code"]
    assert (await here.data(PROVE, id=mailed["id"], code=code))["stepUp"]["userErrors"] == []


async def test_n10_sign_in_by_mail_proves_the_address_and_not_the_sim(
    cabinet: Cabinet, demo_people: dict[str, Any], proven_address: str
) -> None:
    visitor = cabinet.of("beeline")
    asked, codes = await ask(visitor, ASK, identifier=demo_people["beeline"]["owner"]["msisdn"], channel="EMAIL")
    assert codes == []
    entered = await try_code(visitor, asked["id"], (await message(visitor, proven_address))["code"])
    viewer = (await cabinet.of("beeline", entered["accessToken"]).data(LINES))["viewer"]
    assert viewer["steppedUp"] is False


@pytest.mark.parametrize("resent", [False, True])
async def test_e13_code_opens_nothing_of_whoever_had_the_number_before(
    newcomers: Newcomers,
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    database: "asyncpg.Connection[asyncpg.Record]",
    resent: bool,
) -> None:
    """Asked for while the number was somebody else's, read once the SIM was one's own."""
    before, after = [await newcomers.arrive("tele2", demo_people) for _ in range(2)]
    visitor = cabinet.of("tele2")
    asked, _ = await ask(visitor, ASK, identifier=before.msisdn)
    code = (await message(visitor, before.msisdn))["code"]
    await database.execute("update login set user_id = $2 where value = $1", before.msisdn, after.user_id)
    if resent:
        await past_the_pause(database)
        asked, _ = await ask(visitor, RESEND, id=asked["id"])
        code = (await message_after(visitor, before.msisdn, code))["code"]
    entered = await try_code(visitor, asked["id"], code)
    assert entered["accessToken"] is None
    assert [error["code"] for error in entered["userErrors"]] == ["CODE_EXPIRED"]
    assert await database.fetchval("select count(*) from session where user_id = $1", before.user_id) == 0


async def test_e13_address_that_passed_on_restores_no_access(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    person, visitor = (
        await newcomers.arrive("beeline", demo_people, email="byvshaya@example.org"),
        cabinet.of("beeline"),
    )
    asked = (await visitor.data(FORGOT, identifier="byvshaya@example.org"))["requestPasswordReset"]["challenge"]
    code = (await message(visitor, "byvshaya@example.org"))["code"]
    await database.execute("delete from contact where user_id = $1", person.user_id)
    await database.execute("delete from login where user_id = $1 and kind = 'EMAIL'", person.user_id)
    answer = (await visitor.data(RESET, id=asked["id"], code=code, new="Svezhiy2026x"))["resetPassword"]
    assert [error["code"] for error in answer["userErrors"]] == ["CODE_EXPIRED"]
    await cabinet.signed_in("beeline", person)


async def test_n10_strangers_learn_nothing_of_delivery(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """A number without address, an unknown one and one whose SMS failed look the same, whichever way is asked for."""
    visitor, known = cabinet.of("beeline"), demo_people["beeline"]["owner"]["msisdn"]
    answers = []
    for number in (known, known[:-4] + "0000"):
        told: list[tuple[Any, ...]] = []
        asked, codes = await ask(visitor, ASK, identifier=number)
        told.append((asked["deliveryStatus"], asked["alternativeChannels"], codes))
        await database.execute("update outbox set delivery = 'FAILED'")
        again, codes = await ask(visitor, ASK, identifier=number)
        told.append((again["deliveryStatus"], again["id"] == asked["id"], codes))
        told.append(await ask(visitor, RESEND, id=asked["id"], channel="EMAIL"))
        await past_the_pause(database)
        mailed, codes = await ask(visitor, RESEND, id=asked["id"], channel="EMAIL")
        told.append((mailed["channel"], mailed["deliveryStatus"], mailed["alternativeChannels"], codes))
        answers.append(told)
    assert answers[0] == answers[1]
    assert answers[0][1] == ("UNKNOWN", True, [])
    assert await database.fetchval("select count(*) from outbox where kind = 'email'") == 0


@pytest.mark.parametrize("channel", ["PUSH", "TOTP"])
async def test_e9_channel_that_there_is_not(cabinet: Cabinet, demo_people: dict[str, Any], channel: str) -> None:
    visitor, msisdn = cabinet.of("tele2"), demo_people["tele2"]["owner"]["msisdn"]
    assert await ask(visitor, ASK, identifier=msisdn, channel=channel) == (None, ["CHANNEL_UNAVAILABLE"])
    asked, _ = await ask(visitor, ASK, identifier=msisdn)
    assert await ask(visitor, RESEND, id=asked["id"], channel=channel) == (None, ["CHANNEL_UNAVAILABLE"])


def test_e9_channels_are_those_that_the_server_has_gateways_for() -> None:
    def channels(**given: Any) -> set[ChallengeChannel]:
        settings = Settings(
            env="production", database_url="postgresql://x/y", secret=SECRET, hosts="lk.example.org=tele2", **given
        )
        return set(settings.channels)

    key = {"sms_key": "k" * 40, "sms_url": "https://sms.example/messages"}
    assert channels() == set()
    assert channels(**key) == {ChallengeChannel.SMS}
    assert channels(**key, voice_url="https://voice.example/calls") == {
        ChallengeChannel.SMS,
        ChallengeChannel.VOICE_CALL,
    }


@pytest.mark.parametrize("whose", ["unknown", "foreign", "used", "not an id"])
async def test_resend_of_what_the_caller_never_asked_for(
    cabinet: Cabinet, demo_people: dict[str, Any], app: Any, whose: str
) -> None:
    visitor, msisdn = cabinet.of("tele2"), demo_people["tele2"]["owner"]["msisdn"]
    asked, _ = await ask(visitor, ASK, identifier=msisdn)
    wanted = {"unknown": "5f0f3a52-7d0c-4b0e-8a53-3a1f1b2c3d4e", "not an id": "x"}.get(whose, asked["id"])
    if whose == "used":
        await try_code(visitor, asked["id"], (await message(visitor, msisdn))["code"])
    if whose == "foreign":
        transport = httpx2.ASGITransport(app=app, client=("203.0.113.9", 1))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            outcome = await ask(Cabinet(client, "tele2"), RESEND, id=wanted)
    else:
        outcome = await ask(visitor, RESEND, id=wanted)
    assert outcome == (None, ["CODE_EXPIRED"])


async def test_e11_number_is_warned_of_guesses_and_another_channel_works(
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    profiles: Mapping[str, Profile],
    database: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    visitor, msisdn = cabinet.of("tele2"), demo_people["tele2"]["owner"]["msisdn"]
    await database.execute(
        "insert into counter (key, count, started_at, ends_at) values ($1, $2, now(), now() + interval '1 day')",
        f"guess:sms:tele2:{msisdn}",
        profiles["tele2"].auth.otp.max_guesses_per_number_per_day - 1,
    )
    asked, _ = await ask(visitor, ASK, identifier=msisdn)
    code = (await message(visitor, msisdn))["code"]
    await try_code(visitor, asked["id"], wrong(code))
    assert "подбирает" in (await message(visitor, msisdn, code=None))["text"]
    burnt = await try_code(visitor, asked["id"], code)
    assert [error["code"] for error in burnt["userErrors"]] == ["CODE_ATTEMPTS_EXCEEDED"]
    await past_the_pause(database)
    called, _ = await ask(visitor, ASK, identifier=msisdn, channel="VOICE_CALL")
    spoken = await message(visitor, msisdn, channel="VOICE_CALL")
    assert (await try_code(visitor, called["id"], spoken["code"]))["accessToken"]


async def test_budget_of_a_minute_opens_an_alarm_and_shuts_out_only_who_floods(
    cabinet: Cabinet, profiles: Mapping[str, Profile]
) -> None:
    tele2 = profiles["tele2"]
    otp = tele2.auth.otp.model_copy(update={"max_sms_per_minute": 5})
    small = tele2.model_copy(update={"auth": tele2.auth.model_copy(update={"otp": otp})})

    async def from_network(network: str, n: int) -> object:
        wanted = CodeRequest(ChallengePurpose.SIGN_IN, f"7900100{n:04}", None, f"caller {n}", network=network)
        return await tx(lambda connection: challenge.request(connection, small, b"key", wanted))

    with structlog.testing.capture_logs() as logs:
        flood = [await from_network("198.51.100.0/24", n) for n in range(9)]
        others = [await from_network(f"203.0.{n}.0/24", 100 + n) for n in range(5)]
        own = replace(
            CodeRequest(ChallengePurpose.STEP_UP, "79001009999", None, "session:1"), network="198.51.100.0/24"
        )
        step_up = await tx(lambda connection: challenge.request(connection, small, b"key", own))
    assert [isinstance(outcome, RateLimited) for outcome in flood] == [False] * 5 + [True] * 4
    assert not any(isinstance(outcome, RateLimited) for outcome in [*others, step_up])
    assert [log["operator"] for log in logs if log["event"].startswith("alarm")] == ["tele2"]
    assert code_guard.FEW_PER_NETWORK < 5


@pytest.mark.parametrize("operator", ["beeline", "tele2"])
async def test_f010_first_code_opens_a_cabinet_of_the_sim_alone(
    cabinet: Cabinet, demo_people: dict[str, Any], free_numbers: dict[str, str], operator: str
) -> None:
    visitor, msisdn = cabinet.of(operator), free_numbers[operator]
    asked, _ = await ask(visitor, ASK, identifier=msisdn)
    entered = await try_code(visitor, asked["id"], (await message(visitor, msisdn))["code"])
    viewer = (await cabinet.of(operator, entered["accessToken"]).data(LINES))["viewer"]
    assert [edge["node"]["msisdn"] for edge in viewer["linkedNumbers"]["edges"]] == [msisdn]
    told = await message(visitor, demo_people[operator]["owner"]["msisdn"])
    assert f"***{msisdn[-4:]}" in told["text"]
    assert msisdn not in told["text"]


async def test_f010_code_opens_nothing_when_the_number_became_a_login_meanwhile(
    newcomers: Newcomers,
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    free_numbers: dict[str, str],
    database: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """An import gave it to somebody, whose line is another one."""
    person = await newcomers.arrive("tele2", demo_people)
    visitor, msisdn = cabinet.of("tele2"), free_numbers["tele2"]
    asked, _ = await ask(visitor, ASK, identifier=msisdn)
    code = (await message(visitor, msisdn))["code"]
    await database.execute(
        "insert into login (operator, user_id, kind, value) values ('tele2', $1, 'MSISDN', $2)", person.user_id, msisdn
    )
    entered = await try_code(visitor, asked["id"], code)
    assert [error["code"] for error in entered["userErrors"]] == ["CODE_EXPIRED"]


async def test_f010_line_that_has_another_number_by_now_is_not_opened(
    cabinet: Cabinet, free_numbers: dict[str, str], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    visitor, msisdn = cabinet.of("tele2"), free_numbers["tele2"]
    asked, _ = await ask(visitor, ASK, identifier=msisdn)
    code = (await message(visitor, msisdn))["code"]
    await database.execute("update line set msisdn = left(msisdn, -5) || '17431' where msisdn = $1", msisdn)
    entered = await try_code(visitor, asked["id"], code)
    assert [error["code"] for error in entered["userErrors"]] == ["CODE_EXPIRED"]


@pytest.mark.parametrize("operator", ["beeline", "letai", "tele2"])
async def test_f010_cabinet_by_code_and_password(
    cabinet: Cabinet, free_numbers: dict[str, str], database: "asyncpg.Connection[asyncpg.Record]", operator: str
) -> None:
    visitor, msisdn = cabinet.of(operator), free_numbers[operator]
    asked, codes = await ask(visitor, REGISTER, msisdn=msisdn, email="Novaya@example.org", password=PASSWORD)
    assert codes == []
    assert asked["alternativeChannels"] == ["VOICE_CALL"], "only what reaches the SIM proves it"
    code = (await message(visitor, msisdn))["code"]
    for _ in range(6):
        slip = (await visitor.data(CONFIRM, id=asked["id"], code=code, password="Drugoy2026x"))["confirmRegistration"]
        assert [error["code"] for error in slip["userErrors"]] == ["BAD_CREDENTIALS"]
    entered = (await visitor.data(CONFIRM, id=asked["id"], code=code, password=PASSWORD))["confirmRegistration"]
    assert entered["viewer"]["user"]["login"] == msisdn
    [address] = await database.fetch("select value, verified_at from contact")
    assert tuple(address) == ("novaya@example.org", None)
    again = (await visitor.data(SIGN_IN, identifier=msisdn, password=PASSWORD))["signInWithPassword"]
    assert again["accessToken"]
    used = (await visitor.data(CONFIRM, id=asked["id"], code=code, password=PASSWORD))["confirmRegistration"]
    assert [error["code"] for error in used["userErrors"]] == ["CODE_ALREADY_USED"]


async def test_f010_letai_wants_an_address_at_registration(cabinet: Cabinet, free_numbers: dict[str, str]) -> None:
    visitor = cabinet.of("letai")
    assert await ask(visitor, REGISTER, msisdn=free_numbers["letai"], password=PASSWORD) == (None, ["INVALID_INPUT"])
    assert (await ask(cabinet.of("tele2"), REGISTER, msisdn=free_numbers["tele2"], password=PASSWORD))[1] == []


@pytest.mark.parametrize(("operator", "code"), [("life", "FEATURE_DISABLED"), ("motiv", "FEATURE_DISABLED")])
async def test_f010_no_registration_by_code(
    cabinet: Cabinet, free_numbers: dict[str, str], operator: str, code: str
) -> None:
    answer = await ask(cabinet.of(operator), REGISTER, msisdn=free_numbers[operator], password=PASSWORD)
    assert answer == (None, [code])


async def test_f010_everybody_is_answered_alike_and_who_has_a_cabinet_is_told(
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    free_numbers: dict[str, str],
    database: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    visitor, taken = cabinet.of("tele2"), demo_people["tele2"]["owner"]["msisdn"]
    answers = []
    for number in (free_numbers["tele2"], taken, taken[:-4] + "0000"):
        asked, codes = await ask(visitor, REGISTER, msisdn=number, password=PASSWORD)
        slip = await visitor.data(CONFIRM, id=asked["id"], code="000000", password="Drugoy2026x")
        guess = await visitor.data(CONFIRM, id=asked["id"], code="000000", password=PASSWORD)
        for changing in ("id", "tag", "resendAllowedAt"):
            asked.pop(changing)
        answers.append((asked, codes, slip, guess))
    assert answers[0] == answers[1] == answers[2]
    assert "уже есть" in (await message(visitor, taken))["text"]
    kinds = await database.fetch("select kind, count(*) from outbox group by kind")
    assert {row["kind"]: row["count"] for row in kinds} == {"sms": 2, "void": 4}


async def test_f010_form_of_many_browsers_is_no_flood_of_messages(
    cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Whoever calls under another name each time sends somebody no more than who calls under one."""
    visitor, taken = cabinet.of("tele2"), demo_people["tele2"]["owner"]["msisdn"]
    for index in range(12):
        form = {"msisdn": taken, "password": PASSWORD}
        answer = (await visitor.post(REGISTER, form, **{"user-agent": f"browser {index}"})).json()
        assert answer["data"]["register"]["userErrors"] == []
    assert await database.fetchval("select count(*) from outbox where kind = 'sms'") == 1


async def test_f010_race_for_one_number_has_one_winner(
    cabinet: Cabinet, free_numbers: dict[str, str], database: "asyncpg.Connection[asyncpg.Record]", app: Any
) -> None:
    """Two telephones' forms, two right codes, at the same moment: one cabinet."""
    msisdn = free_numbers["tele2"]
    asked, _ = await ask(cabinet.of("tele2"), ASK, identifier=msisdn)
    first = (await message(cabinet, msisdn))["code"]
    await past_the_pause(database)
    transport = httpx2.ASGITransport(app=app, client=("203.0.113.9", 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        other = Cabinet(client, "tele2")
        registered, _ = await ask(other, REGISTER, msisdn=msisdn, password=PASSWORD)
        second = (await message(cabinet, msisdn))["code"]
        outcomes = await asyncio.gather(
            try_code(cabinet.of("tele2"), asked["id"], first),
            other.data(CONFIRM, id=registered["id"], code=second, password=PASSWORD),
        )
    entered = [outcomes[0]["accessToken"], outcomes[1]["confirmRegistration"]["accessToken"]]
    assert sorted(token is not None for token in entered) == [False, True]
    assert await database.fetchval("select count(*) from login where value = $1", msisdn) == 1
