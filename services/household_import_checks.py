"""What only shows when all records of a file, and the database, are seen together.

Every check is one statement over the temporary tables, `known_line` among them, that gives (line_no, field, reason)
of what is wrong.
"""

from collections.abc import Mapping

from domain.household_file_values import Complaint
from domain.profile import Profile
from services.bulk_connection import Connection


def _unknown(table: str, key: str, target: str, known: str, *, of: str = "operator", field: str = "") -> str:
    """A reference, `key` of `table`, to something that is neither in the file nor in the database.

    `target` is the temporary table and the key in it, `known` the stored table and the key in it.
    """
    staged, staged_key = target.split(".")
    stored, stored_key = known.split(".")
    return f"""
select distinct i.line_no, {field or f"'{key}'"}, format('there is no {staged} %s of %s', i.{key}, i.{of})
from import_{table} i
where i.{key} is not null
  and not exists (select from import_{staged} t where t.operator = i.{of} and t.{staged_key} = i.{key})
  and not exists (select from {stored} k where k.operator = i.{of} and k.{stored_key} = i.{key})
"""


def _without_cabinet(table: str, of: str, field: str) -> str:
    """A reference to somebody who has to have a cabinet, and has none."""
    return f"""
select i.line_no, {field}, format('%s of %s is no person with a cabinet', i.person, i.{of})
from import_{table} i
where i.person is not null
  and not exists (
    select from import_person t where t.operator = i.{of} and t.ref = i.person and t.has_cabinet)
  and not exists (
    select from person p join app_user u on u.person_id = p.id where p.operator = i.{of} and p.ref = i.person)
"""


def _twice(table: str, key: str, field: str) -> str:
    """Two records of the file about the same thing."""
    return f"""
select d.line_no, '{field}', format('is already in line %s', d.first)
from (
  select i.line_no, first_value(i.line_no) over same as first, row_number() over same as n
  from import_{table} i window same as (partition by i.operator, {key} order by i.line_no)
) d
where d.n > 1
"""


def _not_sold(table: str, key: str, line_kind: str, catalogue: str, field: str) -> str:
    """A tariff or a service that the operator does not have, or has for lines of another kind."""
    # A tariff may have several versions.
    return f"""
select distinct i.line_no, {field}, case
    when c.id is null then format('%s has no {catalogue} %s', i.operator, i.{key})
    else format('is a {catalogue} for %s, not for %s', c.kind, i.{line_kind})
  end
from import_{table} i
left join {catalogue} c on c.operator = i.operator and c.code = i.{key}
where i.{key} is not null and c.kind is distinct from i.{line_kind}
"""


# One account for each service, where the profile says so. $1: the operators that do.
_MIXED_ACCOUNT = """
select i.line_no, 'account', format('is of %s: each service has an account of its own', a.kind)
from import_line i
join (
  select operator, number, kind from import_account
  union all
  select operator, number, kind from personal_account k
  where not exists (select from import_account t where t.operator = k.operator and t.number = k.number)
) a on a.operator = i.operator and a.number = i.account
where a.kind <> i.kind and i.operator = any($1::text[])
"""

# A line has one household that looks after it (I3).
_PRIMARY_TWICE = """
select d.line_no, 'kind', format('the line is already PRIMARY in line %s', d.first)
from (
  select i.line_no, first_value(i.line_no) over same as first, row_number() over same as n
  from import_link i
  where i.kind = 'PRIMARY' and i.address is not null
  window same as (partition by i.target, i.address order by i.line_no)
) d
where d.n > 1
"""

# A household that has, or had, a link to the line gets no other, so there is nothing to refuse then.
_PRIMARY_ELSEWHERE = """
select i.line_no, 'kind', 'another household already looks after the line'
from import_link i
join known_line l on l.operator = i.target and l.address = i.address
join number_link nl on nl.primary_slot = l.id
join household h on h.id = nl.household_id
where i.kind = 'PRIMARY' and (h.operator, h.ref) is distinct from (i.operator, i.household)
  and not exists (
    select from number_link own join household oh on oh.id = own.household_id
    where own.line_id = l.id and oh.operator = i.operator and oh.ref = i.household)
"""

# Who is already a member keeps the role that they have now, so only a newcomer can be one owner too many (I1).
_OWNER_TWICE = """
select i.line_no, format('members.%s.role', i.n), 'the household already has an owner'
from import_member i
join household h on h.operator = i.operator and h.ref = i.household
where i.role = 'OWNER'
  and exists (select from membership m where m.household_id = h.id and m.role = 'OWNER' and m.status = 'ACTIVE')
  and not exists (
    select from membership m
    join app_user u on u.id = m.user_id join person p on p.id = u.person_id
    where m.household_id = h.id and p.operator = i.person_operator and p.ref = i.person)
"""

_LOGIN_OF_TWO = """
select d.line_no, case when d.by_line then 'user' else format('cabinet.logins.%s', d.kind) end,
  format('%s is also the login of %s', d.value, d.other)
from (
  select i.line_no, i.kind, i.value, i.person, i.by_line, first_value(i.person) over same as other
  from import_login i
  window same as (partition by i.operator, i.kind, i.value order by i.line_no)
) d
where d.person <> d.other
"""

# A number that passed to somebody else takes its login along; any other login belongs to whoever has it.
_LOGIN_TAKEN = """
select i.line_no, format('cabinet.logins.%s', i.kind), format('%s already signs in with it', p.ref)
from import_login i
join login l on l.operator = i.operator and l.kind = i.kind and l.value = i.value
join app_user u on u.id = l.user_id
join person p on p.id = u.person_id
where not i.by_line and p.ref <> i.person
"""

# A session is of a line that goes online by a wire: kind and address are in the file, or stored.
_SESSION_OF_ANOTHER_KIND = """
select distinct i.line_no, 'line', format('is for %s: only home internet has sessions', coalesce(t.kind, k.kind))
from import_internet_session i
left join import_line t on t.operator = i.operator and t.address = i.address
left join known_line n on n.operator = i.operator and n.address = i.address
left join line k on k.id = n.id
where coalesce(t.kind, k.kind) <> 'INTERNET'
"""

_SESSION_ENDS_BEFORE = """
select i.line_no, 'ended_at', 'is before started_at' from import_internet_session i where i.ended_at < i.started_at
"""

_MEMBER_FIELD = "format('members.%s.person', i.n)"
_SERVICE_FIELD = "format('services.%s.code', i.n)"

_CHECKS = (
    _twice("person", "i.ref", "ref"),
    _twice("contract", "i.number", "number"),
    _twice("account", "i.number", "number"),
    _twice("line", "i.address", "msisdn"),
    _twice("household", "i.ref", "ref"),
    _twice("link", "i.household, i.target, i.address, i.account", "household"),
    _twice("usage", "i.address, i.day, i.type, i.unit", "day"),
    _twice("internet_session", "i.address, i.started_at", "started_at"),
    _twice("money", "i.account, i.kind, i.key", "key"),
    _unknown("contract", "holder", "person.ref", "person.ref"),
    _unknown("account", "contract", "contract.number", "contract.number"),
    _unknown("line", "account", "account.number", "personal_account.number"),
    _unknown("link", "household", "household.ref", "household.ref"),
    _unknown("link", "address", "line.address", "known_line.address", of="target", field="'line'"),
    _unknown("link", "account", "account.number", "personal_account.number", of="target"),
    _unknown("usage", "address", "line.address", "known_line.address", field="'line'"),
    _unknown("internet_session", "address", "line.address", "known_line.address", field="'line'"),
    _SESSION_OF_ANOTHER_KIND,
    _SESSION_ENDS_BEFORE,
    _unknown("money", "account", "account.number", "personal_account.number"),
    _without_cabinet("line", "operator", "'user'"),
    _without_cabinet("member", "person_operator", _MEMBER_FIELD),
    _not_sold("line", "tariff", "kind", "tariff", "'tariff'"),
    _not_sold("service", "code", "line_kind", "service", _SERVICE_FIELD),
    _PRIMARY_TWICE,
    _PRIMARY_ELSEWHERE,
    _OWNER_TWICE,
    _LOGIN_OF_TWO,
    _LOGIN_TAKEN,
)


async def find_problems(
    connection: Connection, profiles: Mapping[str, Profile], most: int
) -> list[tuple[int, Complaint]]:
    """At most `most` complaints with the lines that they are about, in the order of the file."""
    separate = [operator for operator, profile in profiles.items() if profile.accounts.one_service_per_account]
    found = await connection.fetch(f"{_MIXED_ACCOUNT} limit {most}", separate)
    for check in _CHECKS:
        found += await connection.fetch(f"{check} limit {most}")
    problems = [(line_no, Complaint(field, reason)) for line_no, field, reason in found]
    return sorted(problems, key=lambda each: (each[0], each[1].field or ""))[:most]
