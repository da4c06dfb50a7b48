"""A child comes of age: at local midnight, once, whoever is signed in (E38, SPEC 4.5).

What was laid down for the child falls. The owner keeps looking and paying until the new adult decides otherwise, which
is a link with a consent of its own, seen and ended like any other.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import NamedTuple

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.access import LinkKind, Scope
from domain.consent import consent_text
from domain.household import MAJORITY_NOTICE_DAYS, comes_of_age_on, is_of_age, spoken
from domain.number_link import ConsentMethod
from domain.profile import Profile
from domain.wording import Wording, language_of
from models import audit, leaving
from models.audit import About, TheUser
from models.database import tx
from models.notify import notify
from models.rights import rights_changed
from services import household_notice
from services.household_row import HouseholdRow, MemberRow, hold

_SOON = Wording(
    "{operator}: on {date} {name} comes of age. The limits for a child then fall, and the owner of the household may "
    "look and pay only."
)
_GROWN_UP = Wording(
    "{operator}: {name} is of age now. The limits for a child have fallen; the owner of the household may look and "
    "pay, as long as {name} lets them."
)

_LEFT = (Scope.VIEW, Scope.PAY)

# Born early enough to be told of it, or to have come of age already.
_CHILDREN = """
select m.id, m.household_id, m.user_id, m.birth_date, u.display_name
from membership m join household h on h.id = m.household_id join app_user u on u.id = m.user_id
where m.role = 'CHILD' and m.status = 'ACTIVE' and h.dissolved_at is null and h.operator = $1
  and m.birth_date <= $2::date - make_interval(years => $3) + make_interval(days => $4)
order by m.id
"""
_IS_TOLD = "select exists (select from outbox where dedup like $1 || ':%') as told"
_GROW_UP = """
update membership set role = 'ADULT', birth_date = null
where id = $1 and role = 'CHILD' and status = 'ACTIVE' returning id
"""
_NARROW = """
update number_link set scopes = array(select unnest(scopes) intersect select unnest(array['VIEW', 'PAY']))
where household_id = $1 and line_id in (select id from line where user_id = $2) and status in ('ACTIVE', 'SUSPENDED')
returning line_id
"""
# Lines that the household looked after without a link, by a contract of one of its own.
_UNLINKED = """
select l.id, l.sim_epoch, c.epoch, exists (select from number_link p where p.primary_slot = l.id) as taken
from line l join personal_account a on a.id = l.account_id join contract c on c.id = a.contract_id
where l.user_id = $2 and l.status not in ('TERMINATED', 'PORTED_OUT') and c.status <> 'TERMINATED'
  and exists (
    select from app_user u join membership m on m.user_id = u.id and m.household_id = $1 and m.status = 'ACTIVE'
    where u.person_id = c.holder_id and u.id <> $2)
  and not exists (
    select from number_link nl where nl.household_id = $1 and nl.line_id = l.id
      and nl.status in ('ACTIVE', 'SUSPENDED'))
order by l.id
"""
_LINK = """
insert into number_link
  (household_id, line_id, kind, status, scopes, sim_epoch, contract_epoch, primary_slot, requester_id, requested_at,
   confirmed_at, reverify_by)
values ($1, $2, $3, 'ACTIVE', array['VIEW', 'PAY'], $4, $5, $6, $7, now(), now(), now() + make_interval(days => $8))
returning id
"""
_CONSENT = """
insert into consent (link_id, method, text, scopes, given_at) values ($1, 'CONTRACT_HOLDER', $2, $3, now())
"""
_CLOSE_QUESTIONS = """
update approval_request set status = 'CANCELLED', resolved_at = now()
where household_id = $1 and requested_by_id = $2 and status = 'PENDING' returning id
"""
_LANGUAGE = "select language from app_user where id = $1"


class _Child(NamedTuple):
    id: int
    household_id: int
    user_id: int
    birth_date: date
    display_name: str


async def come_of_age(profiles: Mapping[str, Profile], now: datetime | None = None) -> int:
    """Tell of those who soon come of age, and make adults of those who have; gives how many became adults."""
    moment, grown = now or datetime.now(UTC), 0
    for profile in profiles.values():
        today = moment.astimezone(profile.operator.zone).date()
        for child in await _children(profile, today):
            if is_of_age(child.birth_date, profile, today):
                grown += await _grow_up(profile, child)
            else:
                await _announce(profile, child, today)
    return grown


async def _children(profile: Profile, today: date) -> list[_Child]:
    years, days = profile.household.age_of_majority, max(MAJORITY_NOTICE_DAYS) + 1

    async def read(connection: BaseDBAsyncClient) -> list[_Child]:
        arguments = [profile.operator.id, today, years, days]
        return [_Child(**row) for row in await connection.execute_query_dict(_CHILDREN, arguments)]

    return await tx(read)


async def _announce(profile: Profile, child: _Child, today: date) -> None:
    """Tell the child and the owner, once for each of the profile's moments; who is late is told the later one only."""
    day = comes_of_age_on(child.birth_date, profile)
    notices = [days for days in MAJORITY_NOTICE_DAYS if (day - today).days <= days]
    if not notices:
        return
    key = f"majority:{child.id}:{min(notices)}"

    async def tell(connection: BaseDBAsyncClient) -> None:
        [row] = await connection.execute_query_dict(_IS_TOLD, [key])
        household = None if row["told"] else await hold(connection, profile.operator.id, child.household_id)
        if household is not None:
            both = [child.user_id, household.owner.user_id]
            named = {"name": spoken(child.display_name), "date": f"{day:%d.%m.%Y}"}
            await household_notice.tell(connection, profile, both, _SOON, dedup=key, **named)

    await tx(tell)


async def _grow_up(profile: Profile, child: _Child) -> bool:
    async def work(connection: BaseDBAsyncClient) -> bool:
        household = await hold(connection, profile.operator.id, child.household_id)
        if household is None or not await connection.execute_query_dict(_GROW_UP, [child.id]):
            return False
        member = household.member(child.id)
        assert member is not None, "it was a child of the household a moment ago"
        await leaving.policies_fall(connection, child.user_id)
        narrowed = await connection.execute_query_dict(_NARROW, [household.id, child.user_id])
        linked = await _link(connection, profile, household, member)
        if await connection.execute_query_dict(_CLOSE_QUESTIONS, [household.id, child.user_id]):
            await notify(connection, f"approval:{household.id}")
        await leaving.stop_autopay(connection, profile, household.id)
        actor = TheUser(profile.operator.id, child.user_id)
        about = About(household_id=household.id, subject_id=child.user_id, role=member.role)
        await audit.record(connection, actor, "CAME_OF_AGE", about)
        lines = [row["line_id"] for row in narrowed] + linked
        await rights_changed(connection, households=[household.id], lines=lines)
        both = [child.user_id, household.owner.user_id]
        await household_notice.tell(connection, profile, both, _GROWN_UP, name=spoken(child.display_name))
        return True

    return await tx(work)


async def _link(
    connection: BaseDBAsyncClient, profile: Profile, household: HouseholdRow, member: MemberRow
) -> list[int]:
    """Let the household look and pay by a link, where it looked after a line without one; gives those lines."""
    [user] = await connection.execute_query_dict(_LANGUAGE, [member.user_id])
    language = language_of(profile, user["language"])
    text = consent_text(profile, language, ConsentMethod.CONTRACT_HOLDER, _LEFT, household.owner.display_name)
    lines = await connection.execute_query_dict(_UNLINKED, [household.id, member.user_id])
    for line in lines:
        kind, slot = (LinkKind.SECONDARY, None) if line["taken"] else (LinkKind.PRIMARY, line["id"])
        epochs = [line["sim_epoch"], line["epoch"]]
        by = [slot, household.owner.user_id, profile.linking.reverify_days]
        [link] = await connection.execute_query_dict(_LINK, [household.id, line["id"], kind, *epochs, *by])
        await connection.execute_query(_CONSENT, [link["id"], text, list(_LEFT)])
    return [line["id"] for line in lines]
