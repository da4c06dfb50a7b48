"""Payments as rows, for tests of what is told about them afterwards."""

from datetime import datetime
from typing import Any

import asyncpg

_INSERT = """
insert into payment (operator, payer_id, key, asked, kind, status, account_id, line_id, named, currency, amount, fee,
  refunded, method_kind, save_method, provider, provider_key, confirmation, confirm_by, created_at, completed_at,
  check_at, checks)
select a.operator, g.user_id, gen_random_uuid(), 'x', $5, $6::text, a.id, l.id,
  coalesce($8::text, '***' || right($3, 4)), $9, $4, 150, 0, 'CARD', false, 'bank', gen_random_uuid(), 'NONE', now(),
  $7::timestamptz, case when $6 in ('COMPLETED', 'REFUNDED') then $7 end,
  case when $6 in ('PROCESSING', 'AWAITING_CONFIRMATION') then now() end, 0
from login g, line l join personal_account a on a.id = l.account_id
where g.operator = $1 and g.value = $2 and l.operator = $1 and l.msisdn = $3
returning id
"""


async def paid(
    database: "asyncpg.Connection[asyncpg.Record]",
    operator: str,
    payer: Any,
    payee: Any,
    minor: int = 15_750,
    *,
    kind: str = "TOP_UP",
    status: str = "COMPLETED",
    at: str = "2026-03-10T12:00:00Z",
    named: str | None = None,
) -> int:
    """A payment of a person of the demo into another's number; gives its id."""
    currency = "BYN" if operator == "life" else "RUB"
    moment = datetime.fromisoformat(at)
    told = [operator, payer["msisdn"], payee["msisdn"], minor, kind, status, moment, named, currency]
    payment: int | None = await database.fetchval(_INSERT, *told)
    assert payment is not None, "nobody has that number"
    return payment
