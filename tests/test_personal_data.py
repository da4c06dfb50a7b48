"""What is stored about a person, told and forgotten: `hearth user export` and `hearth user erase`."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from domain.profile import Profile
from domain.refusals import LastOwner, NotFound
from models.database import database as connected
from resolvers.node_id import encode
from server import cli
from services import user_erasure, user_export
from services.ledger_verify import LedgerProven, verify
from services.user_erasure import ERASED, Erased, ErasedBefore, MoneyUnderWay
from services.user_export import EXPORTED, NOT_EXPORTED
from tests.cabinet import Cabinet
from tests.conftest import ROOT
from tests.hearth import hearth
from tests.newcomers import Newcomer, Newcomers
from tests.session import open_session
from tests.test_sign_in import WHO

Database = asyncpg.Connection

NAME = "Аполлинария Забвенская"
EMAIL = "zabvenie@example.org"

_TEXTS = """
select c.table_name, c.column_name from information_schema.columns c
join information_schema.tables t using (table_schema, table_name)
where c.table_schema = 'public' and t.table_type = 'BASE TABLE' and c.table_name <> 'outbox'
  and c.data_type in ('character varying', 'text', 'jsonb', 'ARRAY')
"""
PAYMENT = """
insert into payment (operator, payer_id, key, asked, kind, status, account_id, named, currency, amount, fee, refunded,
  method_kind, save_method, provider, provider_key, confirmation, receipt_email, created_at, completed_at, check_at,
  checks)
select 'letai', $1, $2, 'digest', 'TOP_UP', $3::varchar, a.id, $4, 'RUB', 100, 0, 0, 'CARD', false, 'BANK', $5, 'NONE',
  $6, now(), case when $3::varchar = 'COMPLETED' then now() end,
  case when $3::varchar = 'PROCESSING' then now() + interval '1 day' end, 0
from personal_account a where a.number = $7 returning id
"""


async def places_of(database: "Database[asyncpg.Record]", *words: str) -> set[str]:
    """Where in the database one of these words stands."""
    found = set()
    for table, column in await database.fetch(_TEXTS):
        for word in words:
            if await database.fetchval(f'select exists (select from "{table}" where "{column}"::text like $1)', word):
                found.add(f"{table}.{column}")
    return found


@pytest.fixture
async def town(demo_database: str) -> AsyncIterator["Database[asyncpg.Record]"]:
    """A connection to a database of the test's own, to which this process is connected too."""
    async with connected(demo_database, pool_size=4):
        connection = await asyncpg.connect(demo_database)
        yield connection
        await connection.close()
    assert isinstance(await verify(demo_database), LedgerProven)


@pytest.fixture
async def apollinaria(demo_people: dict[str, Any], town: "Database[asyncpg.Record]") -> Newcomer:
    """Somebody of whom much is stored, a member of another's household."""
    newcomers = Newcomers(town)
    person = await newcomers.arrive("letai", demo_people, email=EMAIL)
    owner = await newcomers.arrive("letai", demo_people)
    household = await newcomers.household("letai", OWNER=owner, ADULT=person)
    link = await newcomers.link(household, person.line_id, asked_by=person)
    user, line = person.user_id, person.line_id
    for statement, *values in (
        ("update app_user set display_name = $2 where id = $1", user, NAME),
        ("update person set name = $2, birth_date = '1970-01-01' where id = $1", person.person_id, NAME),
        ("update line set label = $2 where id = $1", line, f"Номер {NAME}"),
        (
            "insert into consent (link_id, method, text, scopes, given_at, given_by_id, address) values"
            " ($1, 'SMS_CODE', $2, '{VIEW}', now(), $3, '10.1.2.3')",
            link,
            f"{NAME} asks",
            user,
        ),
        ("insert into status_message (line_id, text, set_at) values ($1, $2, now())", line, f"Это {NAME}"),
        (
            "insert into ticket (operator, user_id, line_id, category, subject, details, comment, status, created_at,"
            " answer_due_at) values ('letai', $1, $2, 'COMPLAINT', 'BUNDLE', $3, $4, 'NEW', now(), now())",
            user,
            line,
            json.dumps({"email": EMAIL}),
            NAME,
        ),
        (
            "insert into ticket_message (ticket_id, text, at) select id, $2, now() from ticket where user_id = $1",
            user,
            f"Пишите на {EMAIL}",
        ),
        (
            "insert into audit_event (operator, user_id, action, details, at) values ('letai', $1, 'PAID', $2, now())",
            user,
            json.dumps({"amount": "1.00 RUB", "target": person.msisdn, "reason": "мой номер"}),
        ),
        (
            "insert into audit_event (operator, user_id, subject_id, action, details, at) values"
            " ('letai', $1, $2, 'SUCCESSOR_NOMINATED', $3, now())",
            owner.user_id,
            user,
            json.dumps({"successor": NAME, "number": person.msisdn[-4:], "role": "ADULT"}),
        ),
        (PAYMENT, user, "done", "COMPLETED", person.msisdn, uuid4(), EMAIL, person.account),
    ):
        await town.execute(statement, *values)
    return person


@pytest.fixture
async def forgotten(apollinaria: Newcomer, profiles: Mapping[str, Profile]) -> Newcomer:
    """The same, erased."""
    assert isinstance(await user_erasure.erase(profiles, apollinaria.user_id, "Office"), Erased)
    return apollinaria


async def test_every_table_is_exported_or_has_a_reason_not_to_be(town: "Database[asyncpg.Record]") -> None:
    tables = {row[0] for row in await town.fetch("select tablename from pg_tables where schemaname = 'public'")}
    assert set(EXPORTED) | set(NOT_EXPORTED) == tables
    assert not set(EXPORTED) & set(NOT_EXPORTED)
    # Whatever refers to a person, at however many steps, is told.
    reaching = await town.fetch("""
with recursive reaching as (
  select 'app_user'::regclass::oid as id union select 'person'::regclass::oid
  union select c.conrelid from pg_constraint c join reaching r on r.id = c.confrelid where c.contype = 'f'
) select id::regclass::text as name from reaching
""")
    assert {row["name"] for row in reaching} <= set(EXPORTED)


async def test_export_tells_everything_but_what_opens_something(
    apollinaria: Newcomer, town: "Database[asyncpg.Record]", demo_database: str
) -> None:
    token = await open_session(demo_database, "letai", EMAIL)
    exported = await user_export.export(apollinaria.user_id, "Office")
    assert exported is not None
    told = json.loads(exported.json())["tables"]
    assert told["app_user"][0]["display_name"] == NAME
    assert {row["value"] for row in told["login"]} == {apollinaria.msisdn, EMAIL}
    assert told["payment"][0]["receipt_email"] == EMAIL
    assert told["consent"][-1]["address"] == "10.1.2.3"
    assert told["ticket_message"][0]["text"] == f"Пишите на {EMAIL}"
    assert {"contract", "personal_account", "line", "household", "session", "status_message"} <= set(told)
    # Of the others in the household nothing but what was done to this one.
    assert {row["user_id"] for row in told["membership"]} == {apollinaria.user_id}
    columns = {column for rows in told.values() for row in rows for column in row}
    assert not {each for each in columns if "hash" in each or "hmac" in each or "token" in each}
    assert token not in exported.json()
    [event] = await town.fetch("select details::text from audit_event where action = 'DATA_EXPORTED'")
    assert json.loads(event["details"]) == {"by": "Office"}
    assert await user_export.export(2**60, "Office") is None


async def test_nothing_names_an_erased_person(forgotten: Newcomer, town: "Database[asyncpg.Record]") -> None:
    # The number, the contract and its subscriber are the operator's as long as the contract is in force.
    kept = {"line.msisdn", "person.name"}
    words = (NAME, f"%{NAME}%", f"%{EMAIL}%", f"%{forgotten.msisdn}%")
    assert await places_of(town, *words) <= kept
    payment = await town.fetchrow("select * from payment where payer_id = $1", forgotten.user_id)
    assert payment is not None
    assert (payment["amount"], payment["named"], payment["receipt_email"]) == (100, ERASED, None)
    events = {
        row["action"]: json.loads(row["details"])
        for row in await town.fetch(
            "select action, details::text from audit_event where user_id = $1 or subject_id = $1", forgotten.user_id
        )
    }
    assert events["PAID"] == {"amount": "1.00 RUB", "target": ERASED, "reason": ERASED}
    assert events["SUCCESSOR_NOMINATED"] == {"successor": ERASED, "number": ERASED, "role": "ADULT"}
    assert events["DATA_ERASED"] == {"by": "Office"}
    [consent] = await town.fetch("select * from consent where given_by_id = $1", forgotten.user_id)
    assert (consent["text"], consent["address"], consent["scopes"]) == (f"{ERASED} asks", None, ["VIEW"])
    assert await town.fetchval("select status from number_link where line_id = $1", forgotten.line_id) == "REVOKED"


async def test_who_has_no_contract_is_forgotten_by_name_and_erasing_again_changes_nothing(
    apollinaria: Newcomer,
    opened: Callable[..., Awaitable[Cabinet]],
    town: "Database[asyncpg.Record]",
    demo_database: str,
    profiles: Mapping[str, Profile],
) -> None:
    token = await open_session(demo_database, "letai", EMAIL)
    signed_in = (await opened(demo_database)).of("letai", token)
    assert (await signed_in.data(WHO))["viewer"]["user"]["displayName"] == NAME
    await town.execute("update contract set status = 'TERMINATED' where holder_id = $1", apollinaria.person_id)
    both = await asyncio.gather(*(user_erasure.erase(profiles, apollinaria.user_id, "Office") for _ in range(2)))
    assert {type(each) for each in both} == {Erased, ErasedBefore}
    assert Erased(apollinaria.user_id) in both
    assert await places_of(town, f"%{NAME}%") == set()
    assert (await signed_in.data(WHO))["viewer"] is None
    assert await user_erasure.erase(profiles, apollinaria.user_id, "Office") == ErasedBefore(apollinaria.user_id)
    assert await town.fetchval("select count(*) from audit_event where action = 'DATA_ERASED'") == 1


async def test_an_owner_whom_others_need_and_money_on_its_way_come_first(
    apollinaria: Newcomer, town: "Database[asyncpg.Record]", profiles: Mapping[str, Profile]
) -> None:
    owner = await town.fetchval(
        "select user_id from membership where role = 'OWNER' and household_id = ("
        "select household_id from membership where user_id = $1)",
        apollinaria.user_id,
    )
    assert isinstance(await user_erasure.erase(profiles, owner, "Office"), LastOwner)
    who = apollinaria
    given = [who.user_id, "open", "PROCESSING", who.msisdn, uuid4(), EMAIL, who.account]
    payment = await town.fetchval(PAYMENT, *given)
    assert isinstance(await user_erasure.erase(profiles, who.user_id, "Office"), MoneyUnderWay)
    assert await town.fetchval("select display_name from app_user where id = $1", who.user_id) == NAME
    await town.execute("update payment set status = 'DECLINED', check_at = null where id = $1", payment)
    assert isinstance(await user_erasure.erase(profiles, who.user_id, "Office"), Erased)
    assert isinstance(await user_erasure.erase(profiles, owner, "Office"), Erased)
    assert isinstance(await user_erasure.erase(profiles, 2**60, "Office"), NotFound)


async def test_only_an_erasure_overwrites_and_only_words(
    apollinaria: Newcomer, town: "Database[asyncpg.Record]"
) -> None:
    async def tried(statement: str, *, erasing: bool) -> bool:
        transaction = town.transaction()
        await transaction.start()
        try:
            if erasing:
                await town.execute("select set_config('hearth.erasing', 'on', true)")
            await town.execute(statement)
        except asyncpg.RestrictViolationError:
            return False
        finally:
            await transaction.rollback()
        return True

    for table, words in {
        "audit_event": "details = '{}'",
        "consent": "text = ''",
        "ticket_message": "text = ''",
    }.items():
        assert not await tried(f"update {table} set {words}", erasing=False)
        assert await tried(f"update {table} set {words}", erasing=True)
        assert not await tried(f"delete from {table}", erasing=True)
    assert not await tried("update audit_event set details = '{}', action = 'X'", erasing=True)
    assert not await tried("update consent set scopes = '{}'", erasing=True)
    assert not await tried("update ledger_entry set amount = amount + 1", erasing=True)


def test_commands_tell_and_erase(process_database: str, tmp_path: Path) -> None:
    environment = {
        "PYTHONPATH": str(ROOT),
        "HEARTH_ENV": "development",
        "HEARTH_DATABASE_URL": process_database,
        "HEARTH_DATA": str(tmp_path),
    }

    def user(*words: str, said: str = "") -> str:
        done = hearth(environment, "user", *words, said=said)
        assert done.returncode == 0, done.stderr
        return done.stdout

    user_id = asyncio.run(_solitary(process_database))
    assert json.loads(user("export", encode("User", user_id), "--by", "Office"))["user"] == user_id
    assert user("erase", str(user_id), said="yes\n") == f"User {user_id} is erased\n"


@pytest.mark.parametrize("said", ["no\n", "", "y\n"])
def test_nobody_is_erased_by_mistake(
    said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    assert cli.main(["user", "erase", "1"]) == 1
    assert capsys.readouterr().err.endswith("hearth: Nothing was done: erase was not confirmed\n")


async def _solitary(url: str) -> int:
    connection = await asyncpg.connect(url)
    person = await connection.fetchval(
        "insert into person (operator, ref, name) values ('letai', 'solitary', 'Solitary') returning id"
    )
    user_id: int = await connection.fetchval(
        "insert into app_user (operator, person_id, display_name, language, must_change_password, created_at)"
        " values ('letai', $1, 'Solitary', 'en', false, now()) returning id",
        person,
    )
    await connection.close()
    return user_id


@pytest.mark.parametrize("given", ["nobody", "0x1", encode("Line", 1), "9" * 30])
def test_an_id_that_is_none_is_refused(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["user", "export", given])
    assert "is no user" in capsys.readouterr().err
