"""People with a cabinet, a number and a contract of their own, for tests that change what becomes of them."""

from dataclasses import dataclass
from itertools import count
from typing import Any

import asyncpg

PASSWORD = "Domashniy24"

_numbers = count(1)

_PERSON = "insert into person (operator, ref, name) values ($1, $2, $3) returning id"
_USER = """
insert into app_user (operator, person_id, display_name, language, password_hash, must_change_password, created_at)
values ($1, $2, $3, 'ru', (select password_hash from app_user where password_hash is not null order by id limit 1),
  false, now()) returning id
"""
_LOGIN = "insert into login (operator, user_id, kind, value) values ($1, $2, $3, $4)"
_CONTRACT = """
insert into contract (operator, number, holder_id, kind, status, epoch)
values ($1, $2, $3, 'CONSUMER', 'ACTIVE', 1) returning id
"""
_ACCOUNT = """
insert into personal_account (operator, number, kind, contract_id, status, cash_payments_banned)
values ($1, $2, 'MOBILE', $3, 'ACTIVE', false) returning id
"""
_LINE = """
insert into line (operator, account_id, user_id, kind, msisdn, status, sim_epoch)
values ($1, $2, $3, 'MOBILE', $4, 'ACTIVE', 1) returning id
"""
_HOUSEHOLD = "insert into household (operator, name, created_at) values ($1, 'newcomers', now()) returning id"
_MEMBER = """
insert into membership (household_id, user_id, role, status, joined_at) values ($1, $2, $3, 'ACTIVE', now())
"""
_LINK = """
insert into number_link
  (household_id, line_id, kind, status, scopes, sim_epoch, contract_epoch, primary_slot, requested_at, confirmed_at,
   requester_id)
values ($1, $2, 'PRIMARY', 'ACTIVE', $3, 1, 1, $2, now(), now(), $4) returning id
"""
_CONSENT = """
insert into consent (link_id, method, text, scopes, given_at) values ($1, 'SMS_CODE', 'Yes', $2, now())
"""
_THEIRS = "select id from person where ref like 'newcomer:%' or ref like 'closed:%' or ref like 'registration:%'"
_REMOVE = (
    # What a test left behind of them, in the order of what points to what.
    "truncate session, refresh_token, challenge, outbox, counter, audit_event, registration",
    # Consents are there for good, but for those of a test.
    "set session_replication_role = replica",
    "delete from consent where link_id in (select n.id from number_link n join household h on h.id = n.household_id "
    "where h.name = 'newcomers')",
    "set session_replication_role = default",
    "delete from household where name = 'newcomers'",
    "delete from line where account_id in (select id from personal_account where number like 'newcomer-%')",
    "delete from personal_account where number like 'newcomer-%'",
    "delete from contract where number like 'newcomer-%'",
    f"delete from app_user where person_id in ({_THEIRS})",
    f"delete from person where id in ({_THEIRS})",
)


@dataclass(frozen=True)
class Newcomer:
    """One of them, and what is theirs."""

    user_id: int
    person_id: int
    line_id: int
    msisdn: str
    account: str
    contract: str
    password: str = PASSWORD

    def __getitem__(self, key: str) -> str:
        """As `/dev/demo` tells of its people."""
        return str(getattr(self, key))


class Newcomers:
    """Makes them, and takes them away again."""

    def __init__(self, database: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._database = database

    async def arrive(self, operator: str, demo_people: dict[str, Any], *, email: str | None = None) -> Newcomer:
        """Somebody with a password, a number and a contract; with `email`, a proven address that signs in too."""
        index = next(_numbers)
        # Beside the demo owner's, so that it has the operator's form.
        msisdn = f"{demo_people[operator]['owner']['msisdn'][:-4]}{9000 + index}"
        number = f"newcomer-{index}"
        fetch = self._database.fetchval
        person = await fetch(_PERSON, operator, f"newcomer:{index}", f"Новосёл {index}")
        user = await fetch(_USER, operator, person, f"Новосёл {index}")
        await self._database.execute(_LOGIN, operator, user, "MSISDN", msisdn)
        contract = await fetch(_CONTRACT, operator, number, person)
        account = await fetch(_ACCOUNT, operator, number, contract)
        line = await fetch(_LINE, operator, account, user, msisdn)
        if email is not None:
            await self.prove_email(operator, user, email)
            await self._database.execute(_LOGIN, operator, user, "EMAIL", email)
        return Newcomer(user, person, line, msisdn, number, number)

    async def prove_email(self, operator: str, user_id: int, email: str) -> None:
        """An address that the user has proven."""
        await self._database.execute(
            "insert into contact (operator, user_id, kind, value, verified_at) values ($1, $2, 'EMAIL', $3, now())",
            operator,
            user_id,
            email,
        )

    async def household(self, operator: str, **members: Newcomer) -> int:
        """A household of people by their roles: household("letai", OWNER=ann, ADULT=ben)."""
        household: int = await self._database.fetchval(_HOUSEHOLD, operator)
        for role, member in members.items():
            await self._database.execute(_MEMBER, household, member.user_id, role)
        return household

    async def link(self, household: int, line_id: int, *scopes: str, asked_by: Newcomer | None = None) -> int:
        """A household's link to a line, to look and to pay unless scopes are named, with a consent to it."""
        given = list(scopes or ("VIEW", "PAY"))
        requester = asked_by.user_id if asked_by else None
        link: int = await self._database.fetchval(_LINK, household, line_id, given, requester)
        await self._database.execute(_CONSENT, link, given)
        return link

    async def leave(self) -> None:
        """Remove all of them."""
        for statement in _REMOVE:
            await self._database.execute(statement)
