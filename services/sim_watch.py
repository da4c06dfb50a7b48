"""Asking the SIM registry about numbers, and acting on what it says (N3, E13, E24).

The registry is asked outside of transactions; its news of one line are acted on in one, and once, whoever asks.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.profile import Profile
from gateways.sim_registry import Asked, SimRegistry
from models.database import tx
from services import line_row, number_reassignment, sim_change

BATCH = 100
"""The most lines of one turn."""

# The registry hears of a swap a little after it happened.
_LATE = timedelta(minutes=10)
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)

_COLUMNS = """
l.id, l.operator, l.msisdn, c.answered_at, coalesce(c.known_since, now()) as known_since
"""
# Whose number means anything to somebody: it is linked, or opens a cabinet.
_WATCHED = """
l.operator = any($1::text[]) and l.msisdn is not null and l.status not in ('TERMINATED', 'PORTED_OUT')
  and (l.user_id is not null or exists (
    select from number_link nl where nl.line_id = l.id and nl.status in ('ACTIVE', 'SUSPENDED')))
"""
# Who was asked about before comes by the index of when that was; nobody sorts all lines for a hundred of them.
_DUE = f"""
select {_COLUMNS} from (
  (select l.id from sim_check c join line l on l.id = c.line_id
   where coalesce(c.asked_at, '-infinity'::timestamptz) < now() - make_interval(secs => $2) and {_WATCHED}
   order by coalesce(c.asked_at, '-infinity'::timestamptz) limit {BATCH})
  union all
  (select l.id from line l where not exists (select from sim_check c where c.line_id = l.id) and {_WATCHED}
   order by l.id limit {BATCH})
) due join line l using (id) left join sim_check c on c.line_id = l.id
order by c.asked_at nulls first, l.id limit {BATCH}
"""
_NAMED = f"""
select {_COLUMNS} from line l left join sim_check c on c.line_id = l.id
where l.operator = any($1::text[]) and l.id = any($2::bigint[])
  and l.msisdn is not null and l.status not in ('TERMINATED', 'PORTED_OUT')
order by l.id
"""
# The answer holds up to the moment before the question. In an order that all share, and not for lines that went away.
_ASKED = """
insert into sim_check (line_id, known_since, asked_at, answered_at)
select w.line_id, w.known_since, $3, case when w.answered then $3::timestamptz end
from unnest($1::bigint[], $2::timestamptz[], $4::bool[]) as w (line_id, known_since, answered)
join line l on l.id = w.line_id order by w.line_id
on conflict (line_id) do update set
  asked_at = greatest(sim_check.asked_at, excluded.asked_at),
  answered_at = greatest(sim_check.answered_at, excluded.answered_at)
"""
_ACTED_ON = "select changed_at, known_since from sim_check where line_id = $1"


@dataclass(frozen=True, slots=True)
class _Watched:
    id: int
    operator: str
    msisdn: str
    answered_at: datetime | None
    known_since: datetime


async def ask(registry: SimRegistry, profiles: Mapping[str, Profile]) -> int:
    """Ask about those lines that were left alone for long enough; gives how many. Raises RegistryUnavailable."""
    due = await _find(_DUE, list(profiles), registry.rests.total_seconds())
    await _look(registry, profiles, due)
    return len(due)


async def ask_about(registry: SimRegistry, profiles: Mapping[str, Profile], line_ids: Collection[int]) -> None:
    """Ask about these lines now. Raises RegistryUnavailable."""
    await _look(registry, profiles, await _find(_NAMED, list(profiles), list(line_ids)))


async def _find(statement: str, *arguments: object) -> list[_Watched]:
    async def read(connection: BaseDBAsyncClient) -> list[_Watched]:
        return [_Watched(**row) for row in await connection.execute_query_dict(statement, list(arguments))]

    return await tx(read)


async def _look(registry: SimRegistry, profiles: Mapping[str, Profile], watched: Sequence[_Watched]) -> None:
    if not watched:
        return
    now = datetime.now(UTC)
    swaps = await registry.sim_changed_since(
        [Asked(each.msisdn, _since(profiles[each.operator], each, now)) for each in watched]
    )
    passed_on = await registry.number_reassigned_since([Asked(each.msisdn, each.known_since) for each in watched])
    for each in watched:
        swapped_at, is_reassigned = swaps.get(each.msisdn), passed_on.get(each.msisdn, False)
        if swapped_at is not None or is_reassigned:
            news = partial(_act, profiles[each.operator], each, swapped_at, is_reassigned)
            await tx(news)
    # Last: news that could not be acted on are asked for again.
    noted = [
        [each.id for each in watched],
        [each.known_since for each in watched],
        now,
        [each.msisdn in swaps for each in watched],
    ]
    await tx(lambda connection: connection.execute_query(_ASKED, noted))


def _since(profile: Profile, watched: _Watched, now: datetime) -> datetime:
    """Since when a new SIM is news; of a number that was never asked about, what still has to cool down."""
    if watched.answered_at is not None:
        return watched.answered_at - _LATE
    return now - timedelta(hours=max(profile.linking.sim_change_cooldown_hours, 1))


async def _act(
    profile: Profile,
    watched: _Watched,
    swapped_at: datetime | None,
    is_reassigned: bool,
    connection: BaseDBAsyncClient,
) -> None:
    line = await line_row.hold(connection, watched.id)
    if line is None or line.msisdn != watched.msisdn:
        return
    # Somebody else may have acted on the same news while this one was on its way.
    rows = await connection.execute_query_dict(_ACTED_ON, [line.id])
    changed_at, known_since = (rows[0]["changed_at"], rows[0]["known_since"]) if rows else (None, watched.known_since)
    if is_reassigned and known_since <= watched.known_since:
        await number_reassignment.reassigned(connection, profile, line.id)
    elif swapped_at is not None and swapped_at > max(changed_at or _BEFORE_ALL, line.new_since or _BEFORE_ALL):
        await sim_change.changed(connection, profile, line.id)
