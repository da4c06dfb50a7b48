"""Links that rest until the number's holder agrees again, and those that end with their contract (SPEC 4.5, N3, I7).

What rests keeps its place: a new consent of the same household brings it back, and nobody else takes it meanwhile.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.access import NOBODY
from domain.number_link import SuspensionReason
from domain.profile import Profile
from models import audit
from models.audit import About, TheUser
from models.database import tx
from models.entitlement import stop_unentitled
from models.rights import rights_changed
from services import link_notice, link_row
from services.link_row import LinkRow

OVERDUE_BATCH = 100

_REST = """
update number_link set status = 'SUSPENDED', suspended_reason = $3
where (line_id = any($1::bigint[]) or account_id = any($2::bigint[])) and status = 'ACTIVE' returning id
"""
_TERMINATE = """
update number_link set status = 'TERMINATED', suspended_reason = null, primary_slot = null, account_slot = null,
  ended_at = now()
where (line_id = any($1::bigint[]) or account_id = any($2::bigint[])) and status in ('PENDING', 'ACTIVE', 'SUSPENDED')
returning id
"""
_MEMBERS = "select user_id from membership where household_id = $1 and status = 'ACTIVE'"
# Whoever is slower finds the link resting, or agreed to again.
_OVERDUE = f"""
update number_link set status = 'SUSPENDED', suspended_reason = 'REVERIFY_OVERDUE' where id in (
  select nl.id from number_link nl join household h on h.id = nl.household_id
  where nl.status = 'ACTIVE' and nl.reverify_by <= now() and h.operator = $1
  order by nl.reverify_by limit {OVERDUE_BATCH} for update of nl skip locked)
returning id
"""
# Of the SIM and the contract of now: what the holder agreed to is theirs.
_RESUME = """
update number_link nl set status = 'ACTIVE', suspended_reason = null, confirmed_at = now(), reverify_by = $2,
  sim_epoch = coalesce((select l.sim_epoch from line l where l.id = nl.line_id), nl.sim_epoch),
  contract_epoch = (
    select c.epoch from personal_account a join contract c on c.id = a.contract_id
    where a.id = coalesce(nl.account_id, (select l.account_id from line l where l.id = nl.line_id)))
where nl.id = $1 and nl.status = 'SUSPENDED' returning nl.id
"""


async def rest(
    connection: BaseDBAsyncClient,
    profile: Profile,
    why: SuspensionReason,
    *,
    lines: Collection[int] = (),
    accounts: Collection[int] = (),
) -> None:
    """Suspend the links to these, in the caller's transaction: automatic payments stop, households are told."""
    rows = await connection.execute_query_dict(_REST, [list(lines), list(accounts), why])
    await _follow(connection, profile, [row["id"] for row in rows], "LINK_SUSPENDED", why)


async def terminate(
    connection: BaseDBAsyncClient,
    profile: Profile,
    because: str,
    *,
    lines: Collection[int] = (),
    accounts: Collection[int] = (),
) -> None:
    """End the links to these for good. The number itself is not told: somebody else may have it by now (E24)."""
    rows = await connection.execute_query_dict(_TERMINATE, [list(lines), list(accounts)])
    await _follow(connection, profile, [row["id"] for row in rows], "LINK_TERMINATED", because)


async def resume(connection: BaseDBAsyncClient, profile: Profile, link_id: int) -> bool:
    """Bring a resting link back, in the transaction of a new consent of the number's holder; False: it did not rest.

    The caller holds the link, adds the consent and sets the scopes; rights are told of here.
    """
    reverify_by = datetime.now(UTC) + timedelta(days=profile.linking.reverify_days)
    if not await connection.execute_query_dict(_RESUME, [link_id, reverify_by]):
        return False
    link = await link_row.hold(connection, link_id, NOBODY)
    assert link is not None
    await rights_changed(
        connection,
        households=[link.household_id],
        lines=[link.line_id] if link.line_id is not None else [],
        accounts=[link.paid_by],
    )
    return True


async def rest_overdue(profiles: Mapping[str, Profile]) -> int:
    """Suspend links whose holders were to agree again by now; gives how many."""
    done = 0
    for profile in profiles.values():
        done += await tx(partial(_rest_overdue, profile))
    return done


async def _rest_overdue(profile: Profile, connection: BaseDBAsyncClient) -> int:
    rows = await connection.execute_query_dict(_OVERDUE, [profile.operator.id])
    why = SuspensionReason.REVERIFY_OVERDUE
    await _follow(connection, profile, [row["id"] for row in rows], "LINK_SUSPENDED", why)
    return len(rows)


async def _follow(
    connection: BaseDBAsyncClient, profile: Profile, link_ids: list[int], action: str, because: str
) -> None:
    """What goes with the rights of these links: automatic payments, the log, open subscriptions, a message."""
    for link_id in sorted(link_ids):
        link = await link_row.hold(connection, link_id, NOBODY)
        if link is None:  # a question that nobody had agreed to
            continue
        members = [row["user_id"] for row in await connection.execute_query_dict(_MEMBERS, [link.household_id])]
        await stop_unentitled(
            connection, profile, members, account_id=link.paid_by, line_id=link.line_id, because=action
        )
        about = About(line_id=link.line_id, household_id=link.household_id)
        actor = _in_cabinet_of(profile, link)
        await audit.record(connection, actor, action, about, number=link.target[-4:], because=because)
        await rights_changed(
            connection,
            households=[link.household_id],
            lines=[link.line_id] if link.line_id is not None else [],
            accounts=[link.paid_by],
        )
        if action == "LINK_SUSPENDED":
            await link_notice.rests(connection, profile, link)
        else:
            await link_notice.ended(connection, profile, link, by=NOBODY, silent=True)


def _in_cabinet_of(profile: Profile, link: LinkRow) -> TheUser:
    """Whose log it is in: the number's user's; where nobody has a cabinet for it, the household owner's."""
    return TheUser(profile.operator.id, link.number_user_id or link.owner_id)
