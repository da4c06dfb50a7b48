"""Handing a household over: two sides, a code, a day to think again, and one moment in which it happens (F052).

The owner asks with a fresh proof, the new owner accepts with a code that comes to their own number, either takes it
back until it is in effect (E29, E30). There is one owner at every moment (I1): the household's row is locked first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import challenge
from auth.challenge import Challenge, CodeAccepted, CodeRequest
from auth.session import Viewer
from domain.access import HouseholdRole
from domain.household import spoken
from domain.household_refusals import MinorNotAllowed, OwnerAbsent, TransferConflict
from domain.profile import Profile
from domain.profile_access import StepUpAction
from domain.refusals import CodeRejected, Forbidden, NotFound, RateLimited, StepUpRequired
from domain.sim import CooldownActive, cooldown
from domain.wording import Wording
from models import audit, leaving
from models.audit import About, TheUser
from models.challenge import ChallengePurpose
from models.database import tx
from models.rights import rights_changed
from services import household_notice
from services.household import only_the_owner
from services.household_row import NO_HOUSEHOLD, NO_MEMBER, HouseholdRow, MemberRow, hold

BATCH = 100

_ASKED = Wording(
    "{operator}: {name} wants to hand the household {household} over to you. To accept it, open your account and type "
    "the code that comes in another message."
)
_ACCEPTED = Wording(
    "{operator}: {name} becomes the owner of the household {household} on {date}. Until then it can be cancelled."
)
_CANCELLED = Wording("{operator}: the household {household} is not handed over.")
_DONE = Wording("{operator}: {name} is the owner of the household {household} now.")
_NEW_MANAGER = Wording(
    "{operator}: {name} is the owner of the household that manages your number now. To end it, reply {keyword}."
)

_OPEN = """
select t.id, t.from_member_id, t.to_member_id, t.accepted_at, t.effective_at, t.requested_at,
  t.expires_at <= now() and t.accepted_at is null as expired
from ownership_transfer t
where t.household_id = $1 and t.done_at is null and t.cancelled_at is null
"""
_HOUSEHOLD_OF = "select household_id from ownership_transfer where id = $1"
_REQUEST = """
insert into ownership_transfer (household_id, from_member_id, to_member_id, requested_at, expires_at)
values ($1, $2, $3, now(), now() + make_interval(hours => $4)) returning id
"""
_ACCEPT = """
update ownership_transfer set accepted_at = now(), effective_at = now() + make_interval(hours => $2)
where id = $1 returning effective_at
"""
_CANCEL = "update ownership_transfer set cancelled_at = now() where id = $1"
_FINISH = "update ownership_transfer set done_at = now() where id = $1"
# The old owner first: never two, and nobody else sees that for a moment there is none (I1).
_DEMOTE = "update membership set role = 'ADULT' where id = $1"
_PROMOTE = "update membership set role = 'OWNER', is_successor = false where id = $1"
_SETTLE = """
update household set dissolves_at = null, owner_absent_since = null, owner_absence_told = false, claimed_at = null,
  claim_confirmed_by = null
where id = $1
"""
_SIM = "select max(sim_changed_at) as changed_at from line where operator = $1 and msisdn = $2"
# Numbers whose holders agreed with the old owner by name (SPEC 4.5).
_AGREED_WITH = """
select distinct nl.line_id from number_link nl
where nl.household_id = $1 and nl.status in ('ACTIVE', 'SUSPENDED') and nl.line_id is not null
  and (nl.requester_id = $2 or (nl.requester_id is null and exists (
    select from consent c where c.link_id = nl.id and position((
      select display_name from app_user where id = $2) in c.text) > 0)))
"""
_DUE = """
select t.id, t.household_id, h.operator from ownership_transfer t join household h on h.id = t.household_id
where t.done_at is null and t.cancelled_at is null and h.operator = any($1::text[])
  and (t.effective_at <= now() or (t.accepted_at is null and t.expires_at <= now()))
order by t.id limit $2
"""

NO_TRANSFER = NotFound("There is no such transfer of yours", ("transferId",))


@dataclass(frozen=True, slots=True)
class TransferChanged:
    """The transfer as it is now; `challenge` is the code that its new owner was sent."""

    transfer_id: int
    household_id: int
    challenge: Challenge | None = None


Refused = (
    NotFound
    | Forbidden
    | StepUpRequired
    | MinorNotAllowed
    | OwnerAbsent
    | TransferConflict
    | CooldownActive
    | RateLimited
    | CodeRejected
)


@dataclass(frozen=True, slots=True)
class _Held:
    """A household, its open transfer, and who is at both ends."""

    household: HouseholdRow
    transfer: Mapping[str, Any]
    old: MemberRow | None
    new: MemberRow | None

    def party(self, user_id: int) -> bool:
        return any(side is not None and side.user_id == user_id for side in (self.old, self.new))


async def request(
    profile: Profile, secret: bytes, viewer: Viewer, household_id: int | None, member_id: int | None
) -> TransferChanged | Refused:
    """Ask an adult of the household to own it; a code goes to their number."""

    async def ask(connection: BaseDBAsyncClient) -> TransferChanged | Refused:
        household = await hold(connection, profile.operator.id, household_id)
        if household is None or household.member_of(viewer.user_id) is None:
            return NO_HOUSEHOLD
        if household.owner.user_id != viewer.user_id:
            return only_the_owner()
        if StepUpAction.TRANSFER_OWNERSHIP in profile.access.step_up_for and not viewer.stepped_up:
            return StepUpRequired()
        if household.owner_absent_since is not None:
            return OwnerAbsent()
        new = household.member(member_id)
        if new is None:
            return NO_MEMBER
        if refused := _cannot_own(new):
            return refused
        if cooling := await _cooling(connection, profile, household, household.owner, new):
            return cooling
        if await _still_open(connection, household):
            return TransferConflict("Another transfer of the household is open: cancel it first", ("householdId",))
        hours = profile.household.invitation_ttl_hours
        [made] = await connection.execute_query_dict(_REQUEST, [household.id, household.owner.id, new.id, hours])
        sent = await _send_code(connection, profile, secret, made["id"], new)
        if not isinstance(sent, Challenge):
            await connection.execute_query("delete from ownership_transfer where id = $1", [made["id"]])
            return sent
        named = {"name": spoken(household.owner.display_name), "household": household.name}
        await household_notice.tell(connection, profile, [new.user_id], _ASKED, **named)
        about = About(household_id=household.id, subject_id=new.user_id, role=HouseholdRole.OWNER)
        await audit.record(connection, viewer, "OWNERSHIP_TRANSFER_REQUESTED", about, to=new.display_name)
        await rights_changed(connection, households=[household.id])
        return TransferChanged(made["id"], household.id, sent)

    return await tx(ask)


async def send_code(
    profile: Profile, secret: bytes, viewer: Viewer, transfer_id: int | None
) -> TransferChanged | Refused:
    """Send the new owner another code: the first one was for five minutes."""

    async def send(connection: BaseDBAsyncClient) -> TransferChanged | Refused:
        held = await _hold(connection, profile, viewer, transfer_id)
        if not isinstance(held, _Held):
            return held
        if held.new is None or held.new.user_id != viewer.user_id or held.transfer["accepted_at"] is not None:
            return NO_TRANSFER
        sent = await _send_code(connection, profile, secret, held.transfer["id"], held.new)
        return TransferChanged(held.transfer["id"], held.household.id, sent) if isinstance(sent, Challenge) else sent

    return await tx(send)


async def accept(
    profile: Profile, secret: bytes, viewer: Viewer, transfer_id: int | None, challenge_id: UUID, code: str
) -> TransferChanged | Refused:
    """Accept with the code: from then on it is in effect after `ownership_transfer_delay_hours`."""

    async def agree(connection: BaseDBAsyncClient) -> TransferChanged | Refused:
        held = await _hold(connection, profile, viewer, transfer_id)
        if not isinstance(held, _Held):
            return held
        household, new, transfer = held.household, held.new, held.transfer
        if new is None or new.user_id != viewer.user_id or held.old is None or transfer["accepted_at"] is not None:
            return NO_TRANSFER
        if refused := _cannot_own(new):
            return refused
        if cooling := await _cooling(connection, profile, household, held.old, new):
            await _void(connection, profile, viewer, held)
            return cooling
        proven = await challenge.confirm(
            connection,
            profile,
            secret,
            ChallengePurpose.TRANSFER_OWNERSHIP,
            challenge_id,
            code,
            initiator=_initiator(transfer["id"]),
        )
        if not isinstance(proven, CodeAccepted):
            return proven
        delay = profile.household.ownership_transfer_delay_hours
        [row] = await connection.execute_query_dict(_ACCEPT, [transfer["id"], delay])
        at = row["effective_at"]
        about = About(household_id=household.id, subject_id=held.old.user_id, role=new.role)
        await audit.record(connection, viewer, "OWNERSHIP_TRANSFER_ACCEPTED", about, effective_at=at.isoformat())
        if not delay:
            await _switch(connection, profile, held)
            return TransferChanged(transfer["id"], household.id)
        date = f"{at.astimezone(profile.operator.zone):%d.%m.%Y %H:%M}"
        values = {"name": spoken(new.display_name), "household": household.name, "date": date}
        everybody = [member.user_id for member in household.members]
        await household_notice.tell(connection, profile, everybody, _ACCEPTED, **values)
        await rights_changed(connection, households=[household.id])
        return TransferChanged(transfer["id"], household.id)

    return await tx(agree)


async def cancel(profile: Profile, viewer: Viewer, transfer_id: int | None) -> TransferChanged | Refused:
    """Take it back: either side, until it is in effect."""

    async def take_back(connection: BaseDBAsyncClient) -> TransferChanged | Refused:
        held = await _hold(connection, profile, viewer, transfer_id)
        if not isinstance(held, _Held):
            return held
        effective_at = held.transfer["effective_at"]
        if effective_at is not None and effective_at <= held.household.now:
            return TransferConflict("It is in effect already", ("transferId",))
        await _void(connection, profile, viewer, held)
        return TransferChanged(held.transfer["id"], held.household.id)

    return await tx(take_back)


async def complete_due(profiles: Mapping[str, Profile]) -> int:
    """Do the transfers whose time has come, and close those that nobody answered; gives how many there were."""

    async def due(connection: BaseDBAsyncClient) -> list[dict[str, Any]]:
        return list(await connection.execute_query_dict(_DUE, [list(profiles), BATCH]))

    found = await tx(due)
    for row in found:
        await _complete(profiles[row["operator"]], row["id"], row["household_id"])
    return len(found)


async def _complete(profile: Profile, transfer_id: int, household_id: int) -> None:
    async def work(connection: BaseDBAsyncClient) -> None:
        household = await hold(connection, profile.operator.id, household_id)
        held = None if household is None else await _open(connection, household)
        if held is None or held.transfer["id"] != transfer_id:
            return
        old, new = held.old, held.new
        at = held.transfer["effective_at"]
        if at is not None and at > held.household.now:
            return
        stands = old is not None and new is not None and _cannot_own(new) is None
        if stands and at is not None and old is not None and new is not None:
            swapped = await _cooling(connection, profile, held.household, old, new)
            if swapped is None:
                await _switch(connection, profile, held)
                return
        await _void(connection, profile, TheUser(profile.operator.id, held.household.owner.user_id), held)

    await tx(work)


async def crown(connection: BaseDBAsyncClient, household: HouseholdRow, new: MemberRow) -> None:
    """Make an adult the owner and the owner an adult, in the caller's transaction, which holds the household."""
    await connection.execute_query(_DEMOTE, [household.owner.id])
    await connection.execute_query(_PROMOTE, [new.id])
    await connection.execute_query(_SETTLE, [household.id])


async def _switch(connection: BaseDBAsyncClient, profile: Profile, held: _Held) -> None:
    household, old, new = held.household, held.old, held.new
    assert old is not None, "who accepts and who carries it out have seen both sides"
    assert new is not None
    await crown(connection, household, new)
    await connection.execute_query(_FINISH, [held.transfer["id"]])
    about = About(household_id=household.id, subject_id=old.user_id, role=HouseholdRole.OWNER)
    actor = TheUser(profile.operator.id, new.user_id)
    await audit.record(connection, actor, "OWNERSHIP_TRANSFERRED", about, before=old.display_name)
    await leaving.stop_autopay(connection, profile, household.id)
    await rights_changed(connection, households=[household.id])
    values = {"name": spoken(new.display_name), "household": household.name}
    everybody = [member.user_id for member in household.members]
    await household_notice.tell(connection, profile, everybody, _DONE, **values)
    await tell_agreed(connection, profile, household, old, new)


async def tell_agreed(
    connection: BaseDBAsyncClient, profile: Profile, household: HouseholdRow, old: MemberRow, new: MemberRow
) -> None:
    """Tell the numbers that agreed with the old owner by name; a reply ends it (SPEC 4.5)."""
    lines = [row["line_id"] for row in await connection.execute_query_dict(_AGREED_WITH, [household.id, old.user_id])]
    keyword = profile.linking.revoke_sms_keyword
    await household_notice.tell_numbers(
        connection, profile, lines, _NEW_MANAGER, name=spoken(new.display_name), keyword=keyword
    )


async def _void(connection: BaseDBAsyncClient, profile: Profile, actor: audit.Actor, held: _Held) -> None:
    household = held.household
    await connection.execute_query(_CANCEL, [held.transfer["id"]])
    about = About(household_id=household.id)
    await audit.record(connection, actor, "OWNERSHIP_TRANSFER_CANCELLED", about)
    await rights_changed(connection, households=[household.id])
    sides = [side.user_id for side in (held.old, held.new) if side is not None and side.user_id != actor.user_id]
    await household_notice.tell(connection, profile, sides, _CANCELLED, household=household.name)


def _cannot_own(member: MemberRow) -> Forbidden | MinorNotAllowed | None:
    """Why a member cannot own the household (I2)."""
    if member.is_child:
        return MinorNotAllowed("A child, of any household, owns none", ("toMemberId",))
    if member.role is not HouseholdRole.ADULT:
        return Forbidden("Only an adult of the household can become its owner", ("toMemberId",))
    if member.msisdn is None:
        return Forbidden("Only who has a number here may own a household", ("toMemberId",))
    return None


async def _cooling(
    connection: BaseDBAsyncClient, profile: Profile, household: HouseholdRow, *sides: MemberRow
) -> CooldownActive | None:
    """Whether a SIM of either side is too new (E30)."""
    for side in sides:
        if side.msisdn is not None:
            [sim] = await connection.execute_query_dict(_SIM, [profile.operator.id, side.msisdn])
            if refused := cooldown(profile, sim["changed_at"], household.now):
                return refused
    return None


async def _still_open(connection: BaseDBAsyncClient, household: HouseholdRow) -> bool:
    """Whether a transfer stands in the way; one that nobody answered in time is closed."""
    found = await connection.execute_query_dict(_OPEN, [household.id])
    if found and found[0]["expired"]:
        await connection.execute_query(_CANCEL, [found[0]["id"]])
        return False
    return bool(found)


async def _hold(
    connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, transfer_id: int | None
) -> _Held | NotFound:
    """The open transfer of that id with its household, for either side of it; nobody else's is there."""
    found = await connection.execute_query_dict(_HOUSEHOLD_OF, [transfer_id or 0])
    household = await hold(connection, profile.operator.id, found[0]["household_id"]) if found else None
    held = None if household is None else await _open(connection, household)
    if held is None or held.transfer["id"] != transfer_id or not held.party(viewer.user_id):
        return NO_TRANSFER
    return NO_TRANSFER if held.transfer["expired"] else held


async def _open(connection: BaseDBAsyncClient, household: HouseholdRow) -> _Held | None:
    found = await connection.execute_query_dict(_OPEN, [household.id])
    if not found:
        return None
    old = household.member(found[0]["from_member_id"])
    # Who is not the owner any more hands nothing over.
    old = old if old is not None and old.role is HouseholdRole.OWNER else None
    return _Held(household, found[0], old, household.member(found[0]["to_member_id"]))


async def _send_code(
    connection: BaseDBAsyncClient, profile: Profile, secret: bytes, transfer_id: int, new: MemberRow
) -> Challenge | RateLimited:
    wanted = CodeRequest(ChallengePurpose.TRANSFER_OWNERSHIP, new.msisdn or "", new.user_id, _initiator(transfer_id))
    return await challenge.request(connection, profile, secret, wanted)


def _initiator(transfer_id: int) -> str:
    """The code counts for this transfer, in whichever session its new owner types it."""
    return f"transfer:{transfer_id}"
