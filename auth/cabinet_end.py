"""How a cabinet ends (F034, F035): nobody enters it any more, its numbers and addresses are free, its log stays.

It ends because its user closes it, or with the last contract of its user, where the operator does it so.
"""

from typing import NamedTuple

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import notices
from domain.access import HouseholdRole
from domain.profile import Profile
from domain.profile_offering import TerminationEffect
from domain.refusals import CabinetFrozen, CabinetLocked, ContractEnded, CredentialsRejected
from domain.wording import Wording
from models import audit, autopay, leaving
from models.audit import About, Actor, TheUser
from models.household import MembershipStatus
from models.notify import notify
from models.rights import rights_changed

NoEntry = CredentialsRejected | ContractEnded | CabinetFrozen | CabinetLocked
"""Why a right proof opens no session: there is no cabinet any more, no contract, or it is shut for a while."""

_CLOSED = Wording("Your account was closed.")

# Read under the row's lock: a cabinet that is being closed at this moment is waited for, and then it is closed. Who
# never had a contract, such as a relative who registered by e-mail, has none that could have ended.
_STANDING = """
select u.closed_at is not null as closed, u.frozen_at is not null as frozen,
  exists (
    select from line l join personal_account a on a.id = l.account_id join contract c on c.id = a.contract_id
    left join app_user b on b.id = l.blocked_by_id
    where l.user_id = u.id and l.block_reason in ('LOST', 'STOLEN') and (b.id = u.id or b.person_id = c.holder_id))
    as lost,
  (exists (select from line l where l.user_id = u.id)
    or exists (select from contract c where c.holder_id = u.person_id))
  and not exists (
    select from line l join personal_account a on a.id = l.account_id join contract c on c.id = a.contract_id
    where l.user_id = u.id and l.status not in ('TERMINATED', 'PORTED_OUT') and c.status <> 'TERMINATED')
  and not exists (select from contract c where c.holder_id = u.person_id and c.status <> 'TERMINATED') as ended
from app_user u where u.id = $1 for no key update of u
"""

# Households that others stay in keep their owner until somebody takes over (E28); a household of one ends.
_HOLD = """
select h.id from household h join membership m on m.household_id = h.id and m.user_id = $1 and m.status = 'ACTIVE'
where h.dissolved_at is null order by h.id for update of h
"""
_PLACES = """
select m.household_id, m.role, exists (
  select from membership o
  where o.household_id = m.household_id and o.status = 'ACTIVE' and o.user_id <> $1) as has_others
from membership m join household h on h.id = m.household_id
where m.user_id = $1 and m.status = 'ACTIVE' and h.dissolved_at is null order by h.id
"""
_OWNER_GONE = """
update household set owner_absent_since = coalesce(owner_absent_since, now()) where id = $1
"""
# Links to what is the user's by households that they are in no longer, or never were.
_REVOKE_LINKS = """
update number_link nl set status = 'REVOKED', primary_slot = null, account_slot = null, suspended_reason = null,
  ended_at = now()
where nl.status in ('PENDING', 'ACTIVE', 'SUSPENDED') and (
  nl.line_id in (select id from line where user_id = $1)
  or nl.account_id in (
    select a.id from personal_account a join contract c on c.id = a.contract_id
    join app_user u on u.person_id = c.holder_id where u.id = $1))
returning nl.line_id, nl.household_id
"""
_FORGET = (
    "delete from login where user_id = $1",
    "delete from contact where user_id = $1",
    "delete from social_account where user_id = $1",
    "update session set revoked_at = now() where user_id = $1 and revoked_at is null",
    "update refresh_token set revoked_at = now() where user_id = $1 and revoked_at is null",
    "update challenge set expires_at = now() where user_id = $1 and expires_at > now() and consumed_at is null",
    "update payment_method set removed_at = now() where user_id = $1 and removed_at is null",
    "update line set user_id = null where user_id = $1",
)
# The person may open another cabinet, and has one at the most: the closed one keeps a shadow of them.
_SHADOW = """
insert into person (operator, ref, name)
select operator, 'closed:' || id, display_name from app_user where id = $1 returning id
"""
_CLOSE = """
update app_user set closed_at = now(), person_id = $2, password_hash = null, must_change_password = false,
  temporary_hmac = null, temporary_expires_at = null, network_auto_login = null, recovery_channels = '{}'
where id = $1
"""


class Place(NamedTuple):
    """A place in a household, and whether anybody else has one there."""

    household_id: int
    role: HouseholdRole
    has_others: bool

    @property
    def owns_others_home(self) -> bool:
        """Whether it is that of an owner whom others need (E27)."""
        return self.role == HouseholdRole.OWNER and self.has_others


class _Standing(NamedTuple):
    closed: bool
    frozen: bool
    lost: bool
    ended: bool


async def refuses(connection: BaseDBAsyncClient, profile: Profile, user_id: int) -> NoEntry | None:
    """Why the user is not let in after proving who they are; None when they are.

    Where the cabinet goes with the contract, this is when it goes (`closing.on_contract_termination`).
    """
    rows = await connection.execute_query_dict(_STANDING, [user_id])
    standing = _Standing(**rows[0]) if rows else _Standing(closed=True, frozen=False, lost=False, ended=True)
    if standing.closed:
        return CredentialsRejected()
    if standing.frozen:
        return CabinetFrozen()
    # Only those whose number it is lock its cabinet: a household could shut its user out.
    if standing.lost and profile.blocking.also_locks_cabinet:
        return CabinetLocked()
    if not standing.ended:
        return None
    if profile.closing.on_contract_termination is TerminationEffect.SUSPEND:
        return ContractEnded(
            "All your contracts have ended, so the cabinet is suspended; ask support about what is left"
        )
    await end(connection, profile, TheUser(profile.operator.id, user_id), "CABINET_DELETED")
    return ContractEnded("All your contracts have ended, and the cabinet was deleted with them")


async def end(
    connection: BaseDBAsyncClient, profile: Profile, actor: Actor, action: str, *, reason: str | None = None
) -> None:
    """End the actor's cabinet: its ways in, sessions, contacts and links, and its place in households."""
    user_id = actor.user_id
    await notices.farewell(connection, profile, user_id, _CLOSED)
    # First of all, so that nothing is begun while the rest goes (E31).
    await autopay.stop_for(connection, user_id=user_id, because="account closed")
    await _leave_households(connection, profile, actor)
    for link in await connection.execute_query_dict(_REVOKE_LINKS, [user_id]):
        about = About(line_id=link["line_id"], household_id=link["household_id"])
        await audit.record(connection, actor, "LINK_REVOKED", about)
        await rights_changed(connection, households=[link["household_id"]])
    for statement in _FORGET:
        await connection.execute_query(statement, [user_id])
    [shadow] = await connection.execute_query_dict(_SHADOW, [user_id])
    await connection.execute_query(_CLOSE, [user_id, shadow["id"]])
    await notify(connection, f"session:{user_id}")
    await audit.record(connection, actor, action, reason=reason)


async def places(connection: BaseDBAsyncClient, user_id: int) -> list[Place]:
    """The user's places in households that are there.

    The households are taken first, in the order of their ids, and looked at afterwards: whoever joined one meanwhile is
    seen, and nobody joins one that its owner is leaving.
    """
    await connection.execute_query_dict(_HOLD, [user_id])
    return [Place(**row) for row in await connection.execute_query_dict(_PLACES, [user_id])]


async def _leave_households(connection: BaseDBAsyncClient, profile: Profile, actor: Actor) -> None:
    """Give up every place in a household but that of an owner whom others still have."""
    for place in await places(connection, actor.user_id):
        household_id = place.household_id
        if place.role != HouseholdRole.OWNER:
            await leaving.leave(connection, profile, actor, household_id, actor.user_id, MembershipStatus.LEFT)
        elif place.has_others:
            await connection.execute_query(_OWNER_GONE, [household_id])
            await audit.record(connection, actor, "OWNER_ABSENT", About(household_id=household_id))
            await rights_changed(connection, households=[household_id])
        else:
            await leaving.dissolve(connection, profile, actor, household_id)
