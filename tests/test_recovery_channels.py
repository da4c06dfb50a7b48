"""F018: which ways back in a user leaves open."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import pytest

from auth import temporary_password
from domain.profile import Profile
from domain.recovery import open_channels
from domain.sign_in import RecoveryChannel
from tests.cabinet import Cabinet
from tests.conftest import SECRET
from tests.newcomers import Newcomers
from tests.test_account_security import RESET_CODE
from tests.test_codes import RESEND, past_the_pause

SET = """
mutation Set($channels: [RecoveryChannel!]!) {
  setRecoveryChannels(input: {channels: $channels}) { user { recoveryChannels } userErrors { __typename code message } }
}
"""
OPEN = "{ viewer { user { recoveryChannels } } }"
OFFERED = {"beeline": ["SMS", "EMAIL", "USSD", "HOTLINE"], "letai": ["SMS", "EMAIL"]}


async def step_up(database: "asyncpg.Connection[asyncpg.Record]") -> None:
    """All sessions have just given a code."""
    await database.execute("update session set stepped_up_at = now()")


async def choose(cabinet: Cabinet, *channels: str) -> dict[str, Any]:
    payload: dict[str, Any] = (await cabinet.data(SET, channels=list(channels)))["setRecoveryChannels"]
    return payload


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


async def sent(database: "asyncpg.Connection[asyncpg.Record]") -> int:
    """How many codes went out for a new password; what went to nobody is none."""
    count: int = await database.fetchval(
        "select count(*) from outbox o join challenge c on o.dedup = 'challenge:' || c.id"
        " where c.purpose = 'RECOVER' and o.kind <> 'void' and c.user_id is not null"
    )
    return count


@pytest.mark.parametrize("operator", ["beeline", "letai"])
async def test_f018_a_way_that_is_closed_sends_nothing_and_says_nothing(
    newcomers: Newcomers,
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    database: "asyncpg.Connection[asyncpg.Record]",
    operator: str,
) -> None:
    person, visitor = await newcomers.arrive(operator, demo_people, email="nova@example.org"), cabinet.of(operator)
    signed_in = await cabinet.signed_in(operator, person)
    assert (await signed_in.data(OPEN))["viewer"]["user"]["recoveryChannels"] == OFFERED[operator]
    await step_up(database)
    assert await choose(signed_in, "EMAIL") == {"user": {"recoveryChannels": ["EMAIL"]}, "userErrors": []}
    assert (await signed_in.data(OPEN))["viewer"]["user"]["recoveryChannels"] == ["EMAIL"]

    closed = await visitor.data(RESET_CODE, identifier=person.msisdn, channel="SMS")
    unknown = await visitor.data(RESET_CODE, identifier=person.msisdn[:-4] + "0000", channel="SMS")
    for answer in (closed, unknown):
        assert answer["requestPasswordReset"]["challenge"]["id"]
        assert answer["requestPasswordReset"]["userErrors"] == []
    assert await sent(database) == 0
    await visitor.data(RESET_CODE, identifier="nova@example.org", channel="EMAIL")
    assert await sent(database) == 1

    assert (await choose(signed_in))["user"]["recoveryChannels"] == OFFERED[operator], "none named: all again"
    await database.execute("truncate challenge, counter")
    await visitor.data(RESET_CODE, identifier=person.msisdn, channel="SMS")
    assert await sent(database) == 1


async def test_f018_code_that_was_asked_for_before_is_not_sent_again(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    person, visitor = await newcomers.arrive("beeline", demo_people, email="nova@example.org"), cabinet.of("beeline")
    asked = (await visitor.data(RESET_CODE, identifier=person.msisdn, channel="SMS"))["requestPasswordReset"]
    assert await sent(database) == 1
    signed_in = await cabinet.signed_in("beeline", person)
    await step_up(database)
    await choose(signed_in, "EMAIL")
    await past_the_pause(database)
    again = (await visitor.data(RESEND, id=asked["challenge"]["id"]))["resendCode"]
    assert again["userErrors"] == []
    assert again["challenge"]["id"] != asked["challenge"]["id"]
    assert await sent(database) == 1


async def test_f018_a_way_needs_the_contact_it_goes_to(
    newcomers: Newcomers, cabinet: Cabinet, demo_people: dict[str, Any], database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    person = await newcomers.arrive("beeline", demo_people)
    signed_in = await cabinet.signed_in("beeline", person)
    assert codes(await choose(signed_in, "SMS")) == ["STEP_UP_REQUIRED"]
    await step_up(database)
    assert codes(await choose(signed_in, "EMAIL")) == ["INVALID_INPUT"], "no address is proven"
    await newcomers.prove_email("beeline", person.user_id, "dva@example.org")
    await database.execute("update contact set verified_at = null where value = 'dva@example.org'")
    assert codes(await choose(signed_in, "SMS", "EMAIL")) == ["INVALID_INPUT"], "bound, but not proven"
    assert codes(await choose(signed_in, "OFFICE")) == ["FEATURE_DISABLED"]
    again = await choose(signed_in, "HOTLINE", "SMS", "SMS")
    assert again["user"]["recoveryChannels"] == ["SMS", "HOTLINE"], "in the operator's order, each once"
    await database.execute("delete from login where user_id = $1 and kind = 'MSISDN'", person.user_id)
    assert codes(await choose(signed_in, "SMS")) == ["INVALID_INPUT"], "there is no number"
    events = await database.fetch("select details::text from audit_event where action = 'RECOVERY_CHANNELS_SET'")
    assert [row["details"] for row in events] == ['{"channels": "SMS, HOTLINE"}']


async def test_f018_temporary_password_does_not_come_by_a_closed_way_either(
    newcomers: Newcomers,
    cabinet: Cabinet,
    demo_people: dict[str, Any],
    profiles: Mapping[str, Profile],
    database: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    person, beeline = await newcomers.arrive("beeline", demo_people), profiles["beeline"]
    signed_in = await cabinet.signed_in("beeline", person)
    await step_up(database)
    has_one = "select temporary_hmac is not null from app_user where id = $1"
    await choose(signed_in, "HOTLINE")
    await temporary_password.by_form(beeline, SECRET.encode(), person.msisdn)
    await temporary_password.by_ussd(beeline, SECRET.encode(), person.msisdn, beeline.auth.ussd_password_code or "")
    assert await database.fetchval(has_one, person.user_id) is False
    await choose(signed_in, "USSD")
    await temporary_password.by_form(beeline, SECRET.encode(), person.msisdn)
    assert await database.fetchval(has_one, person.user_id) is False, "a form is anybody's"
    await temporary_password.by_ussd(beeline, SECRET.encode(), person.msisdn, beeline.auth.ussd_password_code or "")
    assert await database.fetchval(has_one, person.user_id) is True, "the SIM itself asked"


@pytest.mark.parametrize("operator", ["life", "motiv", "tele2"])
async def test_f018_where_there_is_one_way_there_is_no_choice(
    cabinet: Cabinet, demo_people: dict[str, Any], operator: str
) -> None:
    signed_in = await cabinet.signed_in(operator, demo_people[operator]["owner"])
    payload = await choose(signed_in, "SMS")
    assert codes(payload) == ["FEATURE_DISABLED"]
    flags = (await signed_in.data("{ operator { features { key enabled reason } } }"))["operator"]["features"]
    [flag] = [flag for flag in flags if flag["key"] == "recovery.choice"]
    assert flag == {"key": "recovery.choice", "enabled": False, "reason": payload["userErrors"][0]["message"]}


def test_f018_a_choice_that_the_operator_gave_up_leaves_nobody_locked_out() -> None:
    offered = [RecoveryChannel.SMS, RecoveryChannel.EMAIL]
    assert open_channels([], offered) == (RecoveryChannel.SMS, RecoveryChannel.EMAIL)
    assert open_channels(["EMAIL", "USSD"], offered) == (RecoveryChannel.EMAIL,)
    assert open_channels(["USSD"], offered) == (RecoveryChannel.SMS, RecoveryChannel.EMAIL)


async def test_f018_nobody_chooses_for_somebody_who_is_not_signed_in(cabinet: Cabinet) -> None:
    [error] = (await cabinet.of("beeline").ask(SET, channels=[]))["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
