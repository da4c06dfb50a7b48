"""Which lines and personal accounts a user may have to do with: candidates by relation.

These fragments only find the relations (SPEC 4.1). Which rights follow from them is decided in
`domain/access.py`, and there only. Both take the viewer's user id as $1, the operator of the cabinet as $2, and
as $3 whether numbers of other operators belong in it (`linking.same_operator_only` is off, E58).
"""

from datetime import date
from functools import lru_cache
from typing import NamedTuple

import orjson

from domain.access import Grant, HouseholdRole, LinkKind, Scope, Standing
from domain.line import LineStatus, ServiceKind
from models.reader import SHARED

# A link counts only while it is active, confirmed again in time, and of the same SIM and contract (I7): whether it is
# still of those is seen where the line and its contract are at hand. `related` has a row for each reason why a line may
# be the viewer's: a link, a child of theirs, their own SIM, their contract.
_RELATIONS = f"""
with mine as (
  select m.household_id, m.role, h.owner_absent_since is not null as owner_absent
  from membership m join household h on h.id = m.household_id
  where m.user_id = $1 and m.status = 'ACTIVE' and h.dissolved_at is null
),
linked as (
  select nl.line_id, nl.account_id, m.household_id, m.role, m.owner_absent, nl.kind, nl.scopes, nl.label,
    coalesce(nl.settles_at > now(), false) as is_fresh, nl.sim_epoch, nl.contract_epoch
  from mine m join number_link nl on nl.household_id = m.household_id and nl.status = 'ACTIVE'
  where m.role <> 'CHILD' and (nl.reverify_by is null or nl.reverify_by > now())
),
held as (
  select c.id as contract_id from contract c join app_user u on u.person_id = c.holder_id where u.id = $1
),
related as (
  select line_id, household_id, role, owner_absent, kind, scopes, label, is_fresh, sim_epoch, contract_epoch
  from linked where line_id is not null
  union all
  select cl.id, m.household_id, m.role, m.owner_absent, 'PRIMARY', '{{}}'::text[], null, false, null, null
  from mine m
  join membership c on c.household_id = m.household_id and c.role = 'CHILD' and c.status = 'ACTIVE'
  join line cl on cl.user_id = c.user_id
  where m.role = 'OWNER'
  union all
  select id, null, null, null, null, null, null, null, null, null from line where user_id = $1
  union all
  select l.id, null, null, null, null, null, null, null, null, null
  from held join personal_account a using (contract_id) join line l on l.account_id = a.id
),
{SHARED}
"""
_GRANTS = """
jsonb_agg(jsonb_build_array(r.role, r.kind, r.scopes, hm.role, hm.birth_date, r.is_fresh, r.owner_absent))
    filter (where r.household_id is not null)
"""

# Who holds a mobile number is whoever has its SIM, with or without a cabinet; other lines without a user are
# their contract holder's.
VISIBLE_LINES = (
    _RELATIONS
    + f"""
visible as (
  select l.id, l.operator, l.msisdn, l.service_point, coalesce(min(r.label), l.label) as label,
    l.kind, l.status, coalesce(l.user_id = $1, false) as is_own, l.account_id,
    coalesce(l.user_id = $1, l.kind <> 'MOBILE' and c.id in (select contract_id from held)) as holds_it,
    c.id in (select contract_id from held) as holds_contract,
    exists (select from mine where role = 'CHILD') as is_child,
    l.status in ('TERMINATED', 'PORTED_OUT') or c.status = 'TERMINATED' as has_ended,
    {_GRANTS} as grants
  from related r
  join line l on l.id = r.line_id and (r.sim_epoch is null or r.sim_epoch = l.sim_epoch)
  join personal_account a on a.id = l.account_id
  join contract c on c.id = a.contract_id and (r.contract_epoch is null or r.contract_epoch = c.epoch)
  left join membership hm on hm.household_id = r.household_id and hm.user_id = l.user_id and hm.status = 'ACTIVE'
  where l.operator = $2 or $3
  group by l.id, c.id
)
"""
)

LINE_COLUMNS = """
id, operator, msisdn, service_point, label, kind, status, is_own, account_id,
holds_it, holds_contract, is_child, has_ended, grants::text
"""

# An account is the viewer's own when one of its lines is, or when the viewer holds its contract and it has no
# line that somebody else uses; all lines of a contract that they hold are among those that they are related to.
VISIBLE_ACCOUNTS = (
    _RELATIONS
    + f"""
reached as (
  select l.account_id, l.user_id, l.kind = 'MOBILE' or l.user_id is not null as is_used, r.household_id, r.role,
    r.owner_absent, r.kind, r.scopes, r.is_fresh, r.contract_epoch
  from related r join line l on l.id = r.line_id and (r.sim_epoch is null or r.sim_epoch = l.sim_epoch)
  union all
  select account_id, null, false, household_id, role, owner_absent, kind, scopes, is_fresh, contract_epoch
  from linked where account_id is not null
  union all
  select a.id, null, false, null, null, null, null, null, null, null
  from held join personal_account a using (contract_id)
),
visible as (
  select a.id, a.operator, a.number, a.kind, a.status, a.cash_payments_banned,
    c.id as contract_id,
    coalesce(bool_or(r.user_id = $1), false) or (c.id in (select contract_id from held)
      and not bool_or(r.is_used and r.user_id is distinct from $1)) as holds_it,
    c.id in (select contract_id from held) as holds_contract,
    exists (select from mine where role = 'CHILD') as is_child,
    a.status in ('TERMINATED', 'PORTED_OUT') or c.status = 'TERMINATED' as has_ended,
    {_GRANTS} as grants
  from reached r
  join personal_account a on a.id = r.account_id
  join contract c on c.id = a.contract_id and (r.contract_epoch is null or r.contract_epoch = c.epoch)
  left join membership hm on hm.household_id = r.household_id and hm.user_id = r.user_id and hm.status = 'ACTIVE'
  where a.operator = $2 or $3
  group by a.id, c.id
)
"""
)

ACCOUNT_COLUMNS = """
id, operator, number, kind, status, cash_payments_banned, contract_id,
holds_it, holds_contract, is_child, has_ended, grants::text
"""

# Means of payment `m` that the user $1 may pay with: their own, and what somebody of their household shares with its
# adults; VIEWER and CHILD pay with their own.
USABLE_METHOD = """
m.removed_at is null and (m.user_id = $1 or (m.shared and exists (
  select from membership mine join membership theirs on theirs.household_id = mine.household_id
    join household h on h.id = mine.household_id
  where mine.user_id = $1 and mine.status = 'ACTIVE' and mine.role in ('OWNER', 'ADULT')
    and theirs.user_id = m.user_id and theirs.status = 'ACTIVE' and h.dissolved_at is null)))
"""


class Relation(NamedTuple):
    """How the viewer is related to a line or an account, as it is read; `grants` is JSON."""

    holds_it: bool
    holds_contract: bool
    is_child: bool
    has_ended: bool
    grants: str | None


class LineRow(NamedTuple):
    """A line that the viewer has some relation to."""

    id: int
    operator: str
    msisdn: str | None
    service_point: str | None
    label: str | None
    kind: ServiceKind
    status: LineStatus
    is_own: bool
    account_id: int
    holds_it: bool
    holds_contract: bool
    is_child: bool
    has_ended: bool
    grants: str | None


class AccountRow(NamedTuple):
    """A personal account that the viewer has some relation to."""

    id: int
    operator: str
    number: str
    kind: ServiceKind
    status: LineStatus
    cash_payments_banned: bool
    contract_id: int
    holds_it: bool
    holds_contract: bool
    is_child: bool
    has_ended: bool
    grants: str | None


def relation(row: LineRow | AccountRow) -> Relation:
    """The viewer's relation to what a row describes."""
    return Relation(row.holds_it, row.holds_contract, row.is_child, row.has_ended, row.grants)


def standing(row: Relation | LineRow | AccountRow) -> Standing:
    """How the viewer stands to something, for `domain/access.py` to judge."""
    return Standing(
        holds_it=row.holds_it,
        holds_contract=row.holds_contract,
        is_child=row.is_child,
        has_ended=row.has_ended,
        grants=_grants(row.grants) if row.grants else (),
    )


# There are few that differ, and every row of every page has some.
@lru_cache(10_000)
def _grants(told: str) -> tuple[Grant, ...]:
    return tuple(_grant(*each) for each in orjson.loads(told))


def _grant(
    role: str,
    kind: str,
    scopes: list[str],
    holder_role: str | None,
    holder_birth_date: str | None,
    is_fresh: bool,
    owner_absent: bool,
) -> Grant:
    return Grant(
        role=HouseholdRole(role),
        kind=LinkKind(kind),
        scopes=frozenset(Scope(name) for name in scopes),
        holder_role=HouseholdRole(holder_role) if holder_role else None,
        holder_birth_date=date.fromisoformat(holder_birth_date) if holder_birth_date else None,
        is_fresh=is_fresh,
        owner_absent=owner_absent,
    )
