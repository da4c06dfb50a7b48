"""A small household file to change for a test, and what the database holds of it by natural keys."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import asyncpg

from tests.databases import fetch

Record = dict[str, Any]

ANNA, PETR = "79031110001", "79031110002"
SERVICE_POINT = "FTTB-1"


def family() -> list[Record]:
    """Anna, who owns the household, and Petr, whose number is linked by SMS; internet at home."""
    records: list[Record] = [
        {"type": "person", "ref": "anna", "name": "Анна", "cabinet": {"password": "Domashniy24"}},
        {"type": "person", "ref": "petr", "name": "Пётр", "birth_date": "-40y", "cabinet": {}},
        {"type": "contract", "number": "C1", "holder": "anna", "signed_on": "2020-02-29"},
        {"type": "contract", "number": "C2", "holder": "petr"},
        {"type": "account", "number": "A1", "kind": "MOBILE", "contract": "C1", "balance": "150.00"},
        {"type": "account", "number": "A2", "kind": "MOBILE", "contract": "C2", "balance": "-10.50"},
        {"type": "account", "number": "A3", "kind": "INTERNET", "contract": "C1", "balance": "0.00"},
        {
            "type": "line",
            "msisdn": "+7 903 111-00-01",
            "account": "A1",
            "kind": "MOBILE",
            "user": "anna",
            "tariff": "all-1",
            "next_charge_at": "+3d",
            "services": [{"code": "social"}],
            "packages": [
                {"code": "gb", "name": "ГБ", "unit": "GB", "source": "TARIFF", "total": 10, "remaining": "2.5"}
            ],
        },
        {"type": "line", "msisdn": PETR, "account": "A2", "kind": "MOBILE", "user": "petr", "tariff": "all-2"},
        {"type": "line", "service_point": SERVICE_POINT, "account": "A3", "kind": "INTERNET"},
        {
            "type": "household",
            "ref": "h1",
            "name": "Семья",
            "members": [{"person": "anna", "role": "OWNER"}, {"person": "petr", "role": "ADULT"}],
        },
        {
            "type": "link",
            "household": "h1",
            "line": PETR,
            "scopes": ["VIEW", "PAY"],
            "method": "SMS_CODE",
            "confirmed_at": "-1m 12:00",
        },
        {"type": "usage", "line": ANNA, "charge": "CALL", "unit": "MINUTE", "day": "-1d", "volume": "12.5"},
        {"type": "payment", "account": "A1", "at": "-10d 10:00", "amount": "100.00", "key": "p1"},
        {"type": "fee", "account": "A1", "at": "-9d", "amount": "30.00", "key": "f1"},
    ]
    return [{"operator": "beeline", **record} for record in records]


def changed(records: Iterable[Record], key: str, **fields: Any) -> list[Record]:
    """The records with some fields of one replaced; `key` is `type` or `type:name`, None removes a field."""
    kind, _, name = key.partition(":")
    result, found = [], False
    for record in records:
        if not found and record["type"] == kind and (not name or name in record.values()):
            found = True
            record = {field: value for field, value in {**record, **fields}.items() if value is not None}
        result.append(record)
    assert found, key
    return result


def write(path: Path, records: Iterable[Record]) -> Path:
    """The records as a file."""
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), "utf-8")
    return path


async def everything(url: str) -> Mapping[str, str]:
    """A checksum of each table, ids and moments included: equal only when no row at all has changed."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
        )
        return {
            name: await connection.fetchval(
                f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {name} t"
            )
            for (name,) in tables
        }
    finally:
        await connection.close()


_ADDRESS = "coalesce(l.msisdn, l.service_point)"

# Without ids, hashes and the moments at which a row was written.
_CONTENT = {
    "person": "select operator, ref, name, birth_date from person",
    "app_user": """select p.operator, p.ref, u.display_name, u.language, u.must_change_password,
        u.password_hash is null from app_user u join person p on p.id = u.person_id""",
    "login": """select l.operator, l.kind, l.value, p.ref from login l
        join app_user u on u.id = l.user_id join person p on p.id = u.person_id""",
    "contract": """select c.operator, c.number, p.ref, c.kind, c.status, c.epoch, c.signed_on, c.terminated_on
        from contract c join person p on p.id = c.holder_id""",
    "account": """select a.operator, a.number, a.kind, c.number, a.status, a.cash_payments_banned
        from personal_account a join contract c on c.id = a.contract_id""",
    "line": f"""select l.operator, {_ADDRESS}, a.number, p.ref, l.kind, l.label, l.status, l.sim_epoch, l.activated_at
        from line l join personal_account a on a.id = l.account_id
        left join app_user u on u.id = l.user_id left join person p on p.id = u.person_id""",
    "tariff": f"""select l.operator, {_ADDRESS}, t.code, s.since, s.next_charge_at from tariff_subscription s
        join line l on l.id = s.line_id join tariff t on t.id = s.tariff_id""",
    "service": f"""select l.operator, {_ADDRESS}, v.code, s.since, s.valid_until, s.trial_ends_at, s.next_charge_at
        from service_subscription s join line l on l.id = s.line_id join service v on v.id = s.service_id""",
    "package": f"""select l.operator, {_ADDRESS}, p.code, p.name, p.unit, p.source, p.total, p.remaining,
        p.unlimited, p.resets_at from package_counter p join line l on l.id = p.line_id""",
    "usage": f"""select l.operator, {_ADDRESS}, u.day, u.type, u.unit, u.volume, u.sum
        from usage_day u join line l on l.id = u.line_id""",
    "membership": """select h.operator, h.ref, h.name, p.operator, p.ref, m.role, m.status, m.birth_date
        from membership m join household h on h.id = m.household_id
        join app_user u on u.id = m.user_id join person p on p.id = u.person_id""",
    "link": f"""select h.operator, h.ref, {_ADDRESS}, a.number, n.kind, n.status, n.scopes, n.label, n.sim_epoch,
        n.contract_epoch, n.primary_slot = n.line_id, n.confirmed_at, n.reverify_by, c.method, c.text, c.scopes
        from number_link n join household h on h.id = n.household_id left join line l on l.id = n.line_id
        left join personal_account a on a.id = n.account_id left join consent c on c.link_id = n.id""",
    "ledger": """select g.operator, g.kind, a.number, g.currency, g.balance, g.reserved, g.floor
        from ledger_account g left join personal_account a on a.id = g.account_id""",
    "entry": """select t.operator, t.kind, t.key, t.at, g.kind, a.number, e.amount from ledger_entry e
        join ledger_transfer t on t.id = e.transfer_id join ledger_account g on g.id = e.account_id
        left join personal_account a on a.id = g.account_id""",
    "snapshot": """select a.operator, a.number, s.currency, s.available, s.credit, s.reserved, s.next_charge,
        s.next_charge_at from balance_snapshot s join personal_account a on a.id = s.account_id""",
}


async def content(url: str) -> Mapping[str, list[str]]:
    """What the database holds, by natural keys, in an order that does not depend on when rows were written."""
    connection = await asyncpg.connect(url)
    try:
        return {
            name: sorted(str(tuple(row)) for row in await connection.fetch(statement))
            for name, statement in _CONTENT.items()
        }
    finally:
        await connection.close()


_TOP_UP = """
with t as (
  insert into ledger_transfer (operator, kind, key, at)
  select operator, 'TOP_UP', gen_random_uuid()::text, now() from personal_account where number = $1
  returning id, operator)
insert into ledger_entry (transfer_id, account_id, amount)
select t.id, own.id, $2::bigint from t join personal_account a on a.operator = t.operator and a.number = $1
  join ledger_account own on own.account_id = a.id
union all
select t.id, c.id, -$2::bigint from t join ledger_account c on c.operator = t.operator and c.kind = 'CLEARING'
"""


async def top_up(url: str, account: str, amount: int) -> None:
    """Add to the balance of the personal account of that number, in minor units, after an import made its ledger."""
    await fetch(url, _TOP_UP, account, amount)
