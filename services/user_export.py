"""All that is stored about a person, as the operator hands it to whoever asks what that is.

Each table stands in one of two lists, and a test holds them against the database: a new one cannot be forgotten.
Hashes, tokens and the payment provider's names for cards are no part of it: they say nothing of a person, and open
things.
"""

import re
from dataclasses import dataclass
from typing import Any

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from models import audit
from models.audit import TheUser
from models.database import tx

# Sets that the conditions below speak of; $1 is the user.
_SETS = """
with recursive their_person as (select person_id as id from app_user where id = $1),
address as (select value from login where user_id = $1 union select value from contact where user_id = $1),
their_contract as (select id from contract where holder_id in (select id from their_person)),
their_account as (select id from personal_account where contract_id in (select id from their_contract)),
their_ledger as (select id from ledger_account where account_id in (select id from their_account)),
-- What one uses is one's own; what one only pays the contract of is a line, and no more.
own_line as (select id from line where user_id = $1),
their_place as (select id, household_id from membership where user_id = $1),
their_link as (
  select id from number_link where requester_id = $1 or line_id in (select id from own_line)
    or account_id in (select id from their_account)),
their_payment as (select id from payment where payer_id = $1),
their_tariff_event as (select id from tariff_event where actor_id = $1 or line_id in (select id from own_line))
"""
_OF_USER, _OF_LINE = "t.user_id = $1", "t.line_id in (select id from own_line)"
_OF_PAYMENT = "t.payment_id in (select id from their_payment)"

EXPORTED = {
    "app_user": "t.id = $1",
    "person": "t.id in (select id from their_person)",
    "login": _OF_USER,
    "contact": _OF_USER,
    "social_account": _OF_USER,
    "registration": "t.email in (select value from address) or t.msisdn in (select value from address)",
    "session": _OF_USER,
    "refresh_token": _OF_USER,
    "challenge": _OF_USER,
    "contract": "t.id in (select id from their_contract)",
    "personal_account": "t.id in (select id from their_account)",
    "balance_snapshot": "t.account_id in (select id from their_account)",
    "ledger_account": "t.id in (select id from their_ledger)",
    "ledger_entry": "t.account_id in (select id from their_ledger)",
    "ledger_transfer": """
t.id in (select transfer_id from ledger_entry where account_id in (select id from their_ledger))
""",
    "line": "t.id in (select id from own_line) or t.account_id in (select id from their_account)",
    "line_change": f"{_OF_USER} or {_OF_LINE}",
    "sim_check": _OF_LINE,
    "tariff_subscription": _OF_LINE,
    "tariff_event": "t.id in (select id from their_tariff_event)",
    "tariff_rest": "t.event_id in (select id from their_tariff_event)",
    "service_subscription": _OF_LINE,
    "service_event": f"t.actor_id = $1 or {_OF_LINE}",
    "package_counter": _OF_LINE,
    "usage_day": _OF_LINE,
    "usage_event": _OF_LINE,
    "usage_limit": _OF_LINE,
    "limit_alert": "t.limit_id in (select id from usage_limit where line_id in (select id from own_line))",
    "internet_session": _OF_LINE,
    "status_message": _OF_LINE,
    "ringback_rule": _OF_LINE,
    "data_gift": """
t.given_by_id = $1 or t.source_id in (select id from own_line) or t.target_id in (select id from own_line)
""",
    "membership": _OF_USER,
    "household": "t.id in (select household_id from their_place)",
    "ownership_transfer": """
t.from_member_id in (select id from their_place) or t.to_member_id in (select id from their_place)
""",
    "invitation": "t.invited_by_id = $1",
    "number_link": "t.id in (select id from their_link)",
    "consent": "t.given_by_id = $1 or t.link_id in (select id from their_link)",
    "link_request": f"t.requester_id = $1 or {_OF_LINE}",
    "guest_grant": f"t.created_by_id = $1 or {_OF_LINE}",
    "approval_request": f"t.requested_by_id = $1 or t.resolved_by_id = $1 or {_OF_LINE}",
    "child_policy": _OF_LINE,
    "pool_share": _OF_LINE,
    "payment_method": _OF_USER,
    "payment": "t.id in (select id from their_payment)",
    "payment_notification": _OF_PAYMENT,
    "balance_payment": _OF_PAYMENT,
    "refund": _OF_PAYMENT,
    "voucher": _OF_PAYMENT,
    "autopay_rule": _OF_USER,
    "autopay_run": _OF_PAYMENT,
    "promised_payment": "t.taker_id = $1",
    "ticket": _OF_USER,
    "ticket_message": "t.ticket_id in (select id from ticket where user_id = $1)",
    "audit_event": f"t.user_id = $1 or t.subject_id = $1 or {_OF_LINE}",
}

NOT_EXPORTED = {
    "outbox": "what is on its way to the person, who gets it; emptied as soon as it has left",
    "counter": "how often something was tried in a window of at most a day, forgotten after it",
    "bundle": "what the operator sells",
    "service": "what the operator sells",
    "service_relation": "what the operator sells",
    "tariff": "what the operator sells",
    "tortoise_migrations": "which tables there are",
    "trusted_document": "what front ends ask",
}

_SECRET = re.compile(r"hash|hmac|token|secret|fingerprint|^reference$|^provider_key$|^redirect_url$|^searched$")
_COLUMNS = """
select table_name, column_name from information_schema.columns
where table_schema = 'public' and table_name = any($1::text[])
"""
_KNOWN = "select operator from app_user where id = $1"


@dataclass(frozen=True, slots=True)
class Exported:
    """The rows of each table, without the tables that have none."""

    user_id: int
    operator: str
    tables: dict[str, list[dict[str, Any]]]

    def json(self) -> str:
        """All of it as one JSON object."""
        told = {"user": self.user_id, "operator": self.operator, "tables": self.tables}
        return orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()


async def export(user_id: int, by: str) -> Exported | None:
    """Everything about a user at one moment; None where there is none. That it was handed out stays on record."""

    async def read(connection: BaseDBAsyncClient) -> Exported | None:
        known = await connection.execute_query_dict(_KNOWN, [user_id])
        if not known:
            return None
        operator: str = known[0]["operator"]
        await audit.record(connection, TheUser(operator, user_id), "DATA_EXPORTED", by=by)
        columns = await connection.execute_query_dict(_COLUMNS, [list(EXPORTED)])
        tables: dict[str, list[dict[str, Any]]] = {}
        for table, condition in EXPORTED.items():
            secret = [
                row["column_name"]
                for row in columns
                if row["table_name"] == table and _SECRET.search(row["column_name"])
            ]
            sql = f"{_SETS} select to_jsonb(t) - $2::text[] as told from {table} t where {condition} order by t.id"
            rows = await connection.execute_query_dict(sql, [user_id, secret])
            if rows:
                tables[table] = [orjson.loads(row["told"]) for row in rows]
        return Exported(user_id, operator, tables)

    return await tx(read, isolation="repeatable_read")
