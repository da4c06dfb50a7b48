"""All that is stored of households, links and rights at one moment, for invariants to look at."""

from typing import Any

import asyncpg
import orjson

Row = dict[str, Any]
Picture = dict[str, dict[Any, Row]]
"""Rows by their tables and ids."""

_TABLES = {
    "household": "select id, dissolved_at is not null as is_dissolved, name, adults_invite, dissolves_at, "
    "owner_absent_since is not null as is_absent, claimed_at is not null as claimed, "
    "claim_confirmed_by is not null as confirmed from household",
    "membership": "select id, household_id, user_id, role, status, is_successor from membership",
    "link": "select id, household_id, line_id, account_id, kind, status, array(select unnest(scopes) order by 1) as "
    "scopes, sim_epoch, contract_epoch, requester_id from number_link",
    "consent": "select id, link_id, scopes, text, challenge_id from consent",
    "line": "select l.id, l.account_id, l.user_id, l.msisdn, l.status, l.sim_epoch, l.blocked_by_id, c.holder_id, "
    "c.epoch as contract_epoch, l.link_requests_allowed as may_be_asked from line l "
    "join personal_account a on a.id = l.account_id join contract c on c.id = a.contract_id",
    "person": "select u.id, p.id as person_id, p.ref, p.name, p.birth_date, "
    "(select value from login g where g.user_id = u.id and g.kind = 'MSISDN' limit 1) as msisdn "
    "from app_user u join person p on p.id = u.person_id",
    "challenge": "select id, attempts, max_attempts, consumed_at is not null as is_used from challenge",
    "request": "select id, status, line_id, scopes, kind, expires_at > now() as in_time, link_id from link_request",
    "invitation": "select id, household_id, role, status from invitation",
    "transfer": "select id, household_id, to_member_id, accepted_at is not null as accepted, done_at is not null as "
    "done, cancelled_at is not null as cancelled from ownership_transfer",
    "limit": "select id, line_id, unit, per, amount, on_reach, set_by_id from usage_limit",
    "policy": "select line_id as id, can_top_up_self from child_policy",
    "approval": "select id, household_id, line_id, requested_by_id, price, status from approval_request",
    "guest": "select id, line_id, scopes, uses_left, revoked_at is not null as is_revoked from guest_grant",
    "balance": "select account_id as id, balance from ledger_account where kind = 'PERSONAL'",
    "payment": "select id, payer_id, key, kind, status, account_id, amount from payment",
    "audit": "select id, action, user_id, line_id, household_id, subject_id from audit_event",
    "message": "select id, kind, body->>'to' as sent_to from outbox",
}
_LOOK = "select " + ", ".join(
    f"(select coalesce(json_agg(t), '[]'::json) from ({select}) t) as \"{name}\"" for name, select in _TABLES.items()
)


async def look(database: "asyncpg.Connection[asyncpg.Record]") -> Picture:
    """The picture of this moment, from one statement."""
    [row] = await database.fetch(_LOOK)
    return {name: {each["id"]: each for each in orjson.loads(row[name])} for name in _TABLES}
