"""Telling of limits (E35): at 80 and at 100 per cent, once in a period, whoever's transaction finds out.

Both hear of it: who uses the line, and who looks after them. The rows that say so are there once; who writes one,
tells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.money import Money
from domain.msisdn import mask
from domain.profile import Profile
from domain.usage import UsageUnit
from domain.usage_limit import Counted, Days, LimitAction, LimitPeriod, reached
from domain.wording import Wording, language_of
from models import outbox
from models.database import tx
from models.usage_limit import LIMITS_AFTER, LIMITS_OF_LINES, LOCKED_LIMITS_OF_LINES, USED, LimitRow, keys

BATCH = 500

_NEARLY = Wording("{operator}: 80 % of the limit of {limit} {period} is used on {line}.")
_REACHED = Wording("{operator}: the limit of {limit} {period} is reached on {line}.")
_LOWERED = Wording("{operator}: the limit on {line} is now {limit} {period}, and that much is used already.")
_PERIODS = {
    LimitPeriod.DAY: Wording("a day"),
    LimitPeriod.WEEK: Wording("a week"),
    LimitPeriod.BILLING_PERIOD: Wording("a billing period"),
    LimitPeriod.CALENDAR_MONTH: Wording("a month"),
}
_AMOUNTS = {
    UsageUnit.MINUTE: Wording("{amount} min"),
    UsageUnit.SMS: Wording("{amount} SMS"),
    UsageUnit.MMS: Wording("{amount} MMS"),
    UsageUnit.BYTE: Wording("{amount} MB"),
}

_NOTED = """
insert into limit_alert (limit_id, period_start, percent, told_at)
select $1, $2, unnest($3::int[]), now() on conflict do nothing returning percent
"""
_NOT_REACHED = "delete from limit_alert where limit_id = $1 and period_start = $2 and not percent = any($3::int[])"
# Who uses the line, and who owns a child's household.
_CONCERNED = """
select l.msisdn as line, l.msisdn as number, u.language
from line l left join app_user u on u.id = l.user_id where l.id = $1
union
select l.msisdn, (select g.value from login g where g.user_id = u.id and g.kind = 'MSISDN' order by g.id limit 1),
  u.language
from line l join app_user u on u.id in (
  select o.user_id from membership c join household h on h.id = c.household_id and h.dissolved_at is null
  join membership o on o.household_id = h.id and o.role = 'OWNER' and o.status = 'ACTIVE'
  where c.user_id = l.user_id and c.role = 'CHILD' and c.status = 'ACTIVE')
where l.id = $1
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """A limit, the days that it counts, and what was used in them."""

    row: LimitRow
    days: Days
    counted: Counted


def local_day(profile: Profile) -> date:
    """The day it is where the operator is."""
    return datetime.now(UTC).astimezone(profile.operator.zone).date()


async def measure(
    connection: BaseDBAsyncClient, profile: Profile, line_id: int, *, locked: bool = False
) -> list[Measured]:
    """The limits of a line with what was used of them; `locked` for whoever is about to use more."""
    sql = LOCKED_LIMITS_OF_LINES if locked else LIMITS_OF_LINES
    rows = await connection.execute_query_dict(sql, [[line_id], str(profile.operator.zone)])
    return await _measured(connection, profile, [LimitRow(**row) for row in rows])


async def look(connection: BaseDBAsyncClient, profile: Profile, line_id: int) -> None:
    """Tell of the limits of a line that its use has come near to, in the transaction that used it."""
    for each in await measure(connection, profile, line_id):
        await _tell(connection, profile, each)


async def is_set(connection: BaseDBAsyncClient, profile: Profile, line_id: int, limit_id: int) -> None:
    """Tell of a limit that has just been set: at once, if that much and more was used already (E35).

    Shares that are not used any more are told again when they are.
    """
    [each] = [found for found in await measure(connection, profile, line_id) if found.row.id == limit_id]
    shares = list(reached(each.counted.used, each.counted.amount))
    await connection.execute_query(_NOT_REACHED, [limit_id, each.days.first, shares])
    new = await _note(connection, each)
    if 100 in shares:
        await _write(connection, profile, each, _LOWERED)
    elif new:
        await _write(connection, profile, each, _NEARLY)


async def sweep(profiles: Mapping[str, Profile]) -> int:
    """Tell of whatever was used without anybody looking, such as usage that billing brought; gives how many limits
    were looked at.
    """
    looked = 0
    for operator, profile in profiles.items():
        place: int | None = 0
        while place is not None:
            place, count = await _sweep(profile, operator, place)
            looked += count
    return looked


async def _sweep(profile: Profile, operator: str, after: int) -> tuple[int | None, int]:
    async def work(connection: BaseDBAsyncClient) -> tuple[int | None, int]:
        arguments = [after, str(profile.operator.zone), operator, BATCH]
        rows = await connection.execute_query_dict(LIMITS_AFTER, arguments)
        measured = await _measured(connection, profile, [LimitRow(**row) for row in rows])
        for each in measured:
            await _tell(connection, profile, each)
        return (measured[-1].row.id if len(rows) == BATCH else None), len(rows)

    return await tx(work)


async def _measured(connection: BaseDBAsyncClient, profile: Profile, rows: Sequence[LimitRow]) -> list[Measured]:
    if not rows:
        return []
    today = local_day(profile)
    limits = [(row, row.days(today)) for row in rows]
    found = await connection.execute_query_dict(USED, list(keys(limits)))
    used: dict[int, Decimal] = {row["id"]: row["used"] for row in found}
    return [
        Measured(row, days, Counted(UsageUnit(row.unit), row.amount, LimitAction(row.on_reach), used[row.id]))
        for row, days in limits
    ]


async def _tell(connection: BaseDBAsyncClient, profile: Profile, each: Measured) -> None:
    new = await _note(connection, each)
    if new:
        await _write(connection, profile, each, _REACHED if 100 in new else _NEARLY)


async def _note(connection: BaseDBAsyncClient, each: Measured) -> set[int]:
    """The shares that nobody was told of before."""
    shares = list(reached(each.counted.used, each.counted.amount))
    if not shares:
        return set()
    rows = await connection.execute_query_dict(_NOTED, [each.row.id, each.days.first, shares])
    return {row["percent"] for row in rows}


async def _write(connection: BaseDBAsyncClient, profile: Profile, each: Measured, wording: Wording) -> None:
    for person in await connection.execute_query_dict(_CONCERNED, [each.row.line_id]):
        if person["number"] is None:
            continue
        language = language_of(profile, person["language"])
        unit, amount = UsageUnit(each.row.unit), each.row.amount
        if unit is UsageUnit.MONEY:
            limit = str(Money(amount, profile.operator.currency))
        else:
            limit = _AMOUNTS[unit].text(language, amount=amount // 2**20 if unit is UsageUnit.BYTE else amount)
        text = wording.text(
            language,
            operator=profile.operator.name,
            limit=limit,
            period=_PERIODS[LimitPeriod(each.row.per)].text(language),
            line=mask(person["line"] or ""),
        )
        await outbox.enqueue(connection, profile.operator.id, "sms", {"to": person["number"], "text": text})
