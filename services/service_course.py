"""What happens to services by itself: free days end, and so does what is bought for a time (F112, F129)."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import structlog
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.catalogue import ServiceAction
from domain.money import Money
from domain.profile import Profile
from models.database import tx
from services import service_disconnection, service_history, service_notice, service_row

BATCH = 100

_log = structlog.get_logger()

# Rows that somebody has in hand are looked at the next time. A charge that is late is made first.
_OVER = """
select ss.id, l.operator from service_subscription ss join line l on l.id = ss.line_id
where ss.valid_until <= now() and ss.ended_at is null and l.operator = any($1::text[])
order by ss.valid_until limit $2
"""
_IS_OVER = """
select line_id, service_id, valid_until > now() - interval '1 day' as is_news
from service_subscription where id = $1 and ended_at is null and valid_until <= now() for no key update skip locked
"""
_STEPS = """
select ss.id, l.operator from service_subscription ss join line l on l.id = ss.line_id
where ss.trial_step_at <= now() and l.operator = any($1::text[])
order by ss.trial_step_at limit $2
"""
_STEP = """
with ss as materialized (
  select * from service_subscription where id = $1 and trial_step_at <= now() for no key update skip locked)
select ss.line_id, ss.service_id, ss.trial_ends_at, ss.trial_ends_at <= now() as has_ended, s.name, s.fee
from ss join service s on s.id = ss.service_id
"""
_NEXT_STEP = "update service_subscription set trial_step_at = $2 where id = $1"


async def sweep(profiles: Mapping[str, Profile]) -> int:
    """Do what has come about by now; gives how much was done. Whoever was away calls again while it is `BATCH` or more.

    One that fails is told of, and left for the next time.
    """
    done = 0
    for sql, work in ((_STEPS, _trial), (_OVER, _end)):
        due = await tx(partial(_due, sql, list(profiles)))
        for row in due:
            try:
                await tx(partial(work, profiles[row["operator"]], row["id"]))
            except Exception:  # whatever it is, the services of others go on
                _log.exception("a service did not go on", subscription=row["id"])
            else:
                done += 1
    return done


async def _due(sql: str, operators: list[str], connection: BaseDBAsyncClient) -> list[dict[str, Any]]:
    return list(await connection.execute_query_dict(sql, [operators, BATCH]))


async def _trial(profile: Profile, subscription_id: int, connection: BaseDBAsyncClient) -> None:
    for row in await connection.execute_query_dict(_STEP, [subscription_id]):
        line_id, name, ends_at = row["line_id"], row["name"], row["trial_ends_at"]
        fee = Money(row["fee"], profile.operator.currency)
        await connection.execute_query(_NEXT_STEP, [subscription_id, None if row["has_ended"] else ends_at])
        if row["has_ended"]:
            await service_history.note(connection, line_id, row["service_id"], ServiceAction.TRIAL_END)
            await service_notice.trial_ended(connection, profile, line_id, name, fee)
        else:
            await service_notice.trial_ends(connection, profile, line_id, name, ends_at, fee)


async def _end(profile: Profile, subscription_id: int, connection: BaseDBAsyncClient) -> None:
    for row in await connection.execute_query_dict(_IS_OVER, [subscription_id]):
        service = await service_row.service(connection, profile, row["service_id"])
        assert service is not None, "a subscription's service stays in the catalogue"
        await service_disconnection.end(connection, profile, row["line_id"], service, None)
        if row["is_news"]:
            await service_notice.ended(connection, profile, row["line_id"], service.name)
