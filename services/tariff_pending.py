"""A change of tariff that waited for the next period begins with it, in the transaction that charges its fee (F106).

The subscription is locked there, so that it begins once, however many workers there are; and before anything is
charged, so that nobody pays for a period of the tariff that they left.
"""

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.fees import PERIODIC
from domain.profile import Profile
from domain.tariff import read_chosen
from services import tariff_notice, tariff_packages
from services.tariff_plan import PLAN, plan_of

_PENDING = f"""
select s.line_id, s.tariff_id as before, s.pending_configuration, s.pending_charge, s.pending_at, s.pending_by_id,
  s.pending_role, s.pending_staff, {PLAN}
from tariff_subscription s join tariff t on t.id = s.pending_tariff_id where s.id = $1
"""
# What is paid by the day keeps the month that its packages began; a day that was paid begins no new one.
_BEGIN = """
update tariff_subscription set tariff_id = pending_tariff_id, configuration = pending_configuration,
  options_fee = pending_options_fee, since = pending_at, months_from = $2, changes = changes + 1,
  pending_tariff_id = null, pending_configuration = null, pending_options_fee = null, pending_at = null,
  pending_by_id = null, pending_role = null, pending_staff = null, pending_charge = 0
where id = $1
"""
_EVENT = """
insert into tariff_event (line_id, action, before_id, tariff_id, configuration, charge, actor_id, actor_role, staff, at)
values ($1, case when $2::bigint = $3 then 'CONFIGURE' else 'CHANGE' end, $2, $3, $4::jsonb, $5, $6, $7, $8, now())
"""


async def take_effect(connection: BaseDBAsyncClient, profile: Profile, subscription_id: int) -> None:
    """Put the tariff that waited in the place of the one that there is; the caller has locked the subscription.

    Its packages are empty until its fee is paid, which fills them.
    """
    [row] = await connection.execute_query_dict(_PENDING, [subscription_id])
    plan, line_id = plan_of(row), row["line_id"]
    chosen = read_chosen(orjson.loads(row["pending_configuration"]))
    month = await tariff_packages.running_month(connection, line_id, plan)
    await connection.execute_query(_BEGIN, [subscription_id, month.begins if month else None])
    told = [line_id, row["before"], plan.id, row["pending_configuration"], row["pending_charge"]]
    await connection.execute_query(_EVENT, [*told, row["pending_by_id"], row["pending_role"], row["pending_staff"]])
    if month is not None:
        await tariff_packages.refill(connection, line_id, plan, chosen, month.until, used=month.used)
    else:
        await tariff_packages.refill(connection, line_id, plan, chosen, None, empty=plan.every in PERIODIC)
    await tariff_notice.began(connection, profile, line_id, plan.name, by=row["pending_by_id"])
