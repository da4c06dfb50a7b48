"""F041, F042, E41, E42: links by a password, and of accounts without a SIM."""

from typing import Any

import pytest

from domain.features import feature
from tests import family
from tests.cabinet import SIGN_IN, Cabinet
from tests.linking import (
    ACCOUNT,
    ANN,
    CID,
    EVE,
    GRANNY,
    INTERNET,
    LOOK,
    OPERATOR,
    PASSWORD,
    TABLET,
    VERA,
    Village,
)
from tests.session import open_session

GRANNYS = family.number(OPERATOR, GRANNY)


async def by_password(cabinet: Cabinet, **form: Any) -> dict[str, Any]:
    told = {"login": GRANNYS, "password": family.PASSWORD, "scopes": LOOK, **form}
    payload: dict[str, Any] = (await cabinet.data(PASSWORD, input=told))["linkNumberWithPassword"]
    return payload


async def account(cabinet: Cabinet, **form: Any) -> dict[str, Any]:
    told = {"accountNumber": INTERNET, "scopes": LOOK, **form}
    payload: dict[str, Any] = (await cabinet.data(ACCOUNT, input=told))["linkPersonalAccount"]
    return payload


def code_of(payload: dict[str, Any]) -> str:
    assert payload["link"] is None
    [error] = payload["userErrors"]
    return str(error["code"])


async def test_f041_the_password_of_a_number_links_it_and_its_user_is_told(village: Village) -> None:
    ann = await village.of(ANN)
    payload = await by_password(ann, scopes=["VIEW", "PAY", "SERVICES"])
    assert payload["userErrors"] == []
    assert payload["link"]["consent"]["method"] == "PASSWORD"
    assert await village.scopes(ann, GRANNY) == ["VIEW", "PAY", "SERVICES"]
    told = await village.sent_to(GRANNY)
    assert "Ann (…00)" in told[0]
    assert len(told) == 2, "and once more a day later"


@pytest.mark.parametrize("scope", ["TARIFF", "AUTOPAY", "DETAILS"])
async def test_f041_some_scopes_need_the_sim(village: Village, scope: str) -> None:
    ann = await village.of(ANN)
    for password in (family.PASSWORD, "wrong"):
        assert code_of(await by_password(ann, scopes=["VIEW", scope], password=password)) == "CONSENT_REQUIRED"


async def test_f041_guesses_count_as_at_the_door(village: Village) -> None:
    ann = await village.of(ANN)
    for login in (GRANNYS, family.number(OPERATOR, 55)):
        assert code_of(await by_password(ann, password="wrong", login=login)) == "BAD_CREDENTIALS"
    visitor = village.anybody.of(OPERATOR)
    lockout = village.profiles[OPERATOR].auth.lockout.max_failed_passwords
    for _ in range(lockout - 2):
        await visitor.data(SIGN_IN, identifier=GRANNYS, password="wrong")
    assert code_of(await by_password(ann, password="wrong")) == "LOCKED_OUT"
    assert code_of(await by_password(ann)) == "LOCKED_OUT"
    assert await village.value("select count(*) from number_link") == 0


async def test_f041_own_and_childrens_numbers_and_whose_session_it_is(village: Village) -> None:
    ann = await village.of(ANN)
    assert code_of(await by_password(ann, login=family.number(OPERATOR, ANN))) == "INVALID_INPUT"
    eve = await village.of(EVE)
    assert code_of(await by_password(eve, login=family.number(OPERATOR, CID))) == "FORBIDDEN"
    assert code_of(await by_password(await village.of(VERA))) == "FORBIDDEN"
    assert code_of(await by_password(await village.of(ANN, level="PARTIAL"))) == "FORBIDDEN"
    assert code_of(await by_password(await village.of(ANN, proven=False))) == "STEP_UP_REQUIRED"
    assert code_of(await by_password(ann, scopes=["DOCUMENTS"])) == "INVALID_INPUT"


async def test_e41_f042_installers_password_links_an_account_without_a_sim(village: Village) -> None:
    ann = await village.of(ANN)
    assert code_of(await account(ann, password="wrong")) == "BAD_CREDENTIALS"
    assert code_of(await account(ann, password=family.PASSWORD, accountNumber="A999")) == "BAD_CREDENTIALS"
    payload = await account(ann, password=family.PASSWORD)
    assert payload["userErrors"] == []
    assert payload["link"]["consent"]["method"] == "PASSWORD"
    seen = "{ viewer { personalAccounts { edges { node { number myScopes balance { available { amount } } } } } } }"
    nodes = [edge["node"] for edge in (await ann.data(seen))["viewer"]["personalAccounts"]["edges"]]
    [internet] = [node for node in nodes if node["number"] == INTERNET]
    assert internet["myScopes"] == LOOK
    # The account of a mobile number is reached by that number alone.
    mobile = await account(ann, password=family.PASSWORD, accountNumber=f"A{GRANNY}")
    assert code_of(mobile) == "NOT_FOUND"


async def test_e42_an_accounts_number_alone_gives_nothing(village: Village) -> None:
    ann = await village.of(ANN)
    known, unknown, mobile = [await account(ann, accountNumber=each) for each in (INTERNET, "A999", f"A{TABLET}")]
    shapes = []
    for payload in (known, unknown, mobile):
        assert code_of(payload) == "CONSENT_REQUIRED"
        [error] = payload["userErrors"]
        asked = error["linkRequest"]
        shapes.append({**error, "linkRequest": (asked["status"], asked["challenge"] is not None)})
    assert shapes[0] == shapes[1] == shapes[2]
    sent = await village.rows("select kind, body->>'to' from outbox order by id")
    assert sent == [("sms", GRANNYS), ("void", "A999"), ("void", f"A{TABLET}")]
    assert await village.value("select count(*) from number_link") == 0


async def test_e41_a_code_to_the_telephone_of_the_contract_links_the_account(village: Village) -> None:
    ann = await village.of(ANN)
    [error] = (await account(ann, scopes=["VIEW", "PAY", "TARIFF"]))["userErrors"]
    payload = await village.confirm(ann, error["linkRequest"])
    assert payload["userErrors"] == []
    assert payload["link"]["scopes"] == ["VIEW", "PAY", "TARIFF"]
    assert code_of(await account(await village.of(GRANNY))) == "INVALID_INPUT", "it is hers already"


async def test_f041_f042_an_operator_without_it_says_so(village: Village) -> None:
    """Tele2 links numbers by a code only."""
    tele2 = village.profiles["tele2"]
    assert not feature(tele2, "linking.password").enabled
    assert not feature(tele2, "linking.personal_account").enabled
    visitor = await tele2_owner(village)
    for query, field, form in (
        (PASSWORD, "linkNumberWithPassword", {"login": "9000000000", "password": "x", "scopes": LOOK}),
        (ACCOUNT, "linkPersonalAccount", {"accountNumber": "1", "scopes": LOOK}),
    ):
        assert code_of((await visitor.data(query, input=form))[field]) == "FEATURE_DISABLED"


async def tele2_owner(village: Village) -> Cabinet:
    """Somebody of another operator's."""
    person = "insert into person (operator, ref, name) values ('tele2', 't', 'T') returning id"
    user = (
        "insert into app_user (operator, person_id, display_name, language, must_change_password, created_at) "
        "values ('tele2', $1, 'T', 'ru', false, now()) returning id"
    )
    user_id = await village.value(user, await village.value(person))
    await village.run(
        "insert into login (operator, user_id, kind, value) values ('tele2', $1, 'MSISDN', '79000009999')", user_id
    )
    return village.anybody.of("tele2", await open_session(village.url, "tele2", "79000009999"))
