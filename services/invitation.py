"""Inviting somebody to a household, and what they answer (F050, F161; I5, E32, E33).

An invitation is for whoever has the number or address, whether or not that is somebody with a cabinet: the answer does
not tell (I11). Its link opens nothing for anybody else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.invitation_target import PROVEN, Target, target_hmac, token_digest
from auth.session import Viewer, new_token
from domain.access import HouseholdRole
from domain.challenge import ChallengeChannel
from domain.household import invites, is_birth_date, is_of_age, spoken
from domain.household_refusals import (
    AlreadyInHousehold,
    HouseholdFull,
    InvitationExpired,
    MinorNotAllowed,
    OwnerAbsent,
)
from domain.profile import Profile
from domain.refusals import FeatureDisabled, Forbidden, InputRejected, NotFound, RateLimited
from domain.wording import Counted, Wording, language_of
from models import audit, counter, outbox
from models.audit import About
from models.database import tx
from models.invitation import InvitationStatus
from models.notify import notify
from models.rights import rights_changed
from services import household_notice
from services.household import HouseholdChanged, disabled
from services.household_row import NO_HOUSEHOLD, HouseholdRow, hold

_HOUR = 3600
_DAY = 86_400
_MOST_A_DAY = 20

_SHORT = Wording("{operator}: {name} invites you to share numbers. To answer, open your account: {link}")
_SUBJECT = Wording("{operator}: an invitation")
_LETTER = Wording(
    "Hello!\n\n"
    "{name} invites you to share numbers with them at {operator}. To accept or to decline, sign in and follow the "
    "link. It works for {time}.\n\n"
    "If you do not know who this is, just ignore this e-mail: nothing happens without your answer."
)
_TIME = Counted("{hours} hour", "{hours} hours", by="hours")

# What is asked for again ends what was asked before, and what is too old frees its place.
_END_OLDER = """
update invitation set status = 'CANCELLED', resolved_at = now()
where household_id = $1 and status = 'PENDING' and (target_hmac = $2 or expires_at <= now())
"""
_PENDING = "select count(*) as pending from invitation where household_id = $1 and status = 'PENDING'"
_INVITE = """
insert into invitation
  (operator, household_id, invited_by_id, role, birth_date, target_hmac, target_masked, token_hash, status, created_at,
   expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, 'PENDING', now(), now() + make_interval(hours => $9))
returning id
"""
_GOES_ON = "update household set dissolves_at = null where id = $1"
_LANGUAGE = """
select (select u.language from login l join app_user u on u.id = l.user_id
  where l.operator = $1 and l.value = $2 limit 1) as language
"""
_FIND = """
select id, household_id from invitation
where operator = $1 and (id = $2::bigint or token_hash = $3::bytea) and target_hmac = any($4::bytea[])
"""
_OPEN = """
select i.role, i.birth_date, i.invited_by_id from invitation i
where i.id = $1 and i.status = 'PENDING' and i.expires_at > now() for update
"""
_RESOLVE = "update invitation set status = $2, resolved_at = now() where id = $1"
# Who comes back has the same place again; nothing of another household is touched (I5).
_JOIN = """
insert into membership (household_id, user_id, role, status, birth_date, joined_at)
values ($1, $2, $3, 'ACTIVE', $4, now())
on conflict (household_id, user_id) do update set role = excluded.role, status = 'ACTIVE',
  birth_date = excluded.birth_date, joined_at = excluded.joined_at, is_successor = false, ended_at = null
"""
_JOINER = """
select u.display_name, p.birth_date from app_user u join person p on p.id = u.person_id where u.id = $1
"""
# Where somebody is a child already, or whose parent holds the contract of the child's line elsewhere (E39).
_CHILD_OF_OTHERS = """
select exists (
  select from membership m join household h on h.id = m.household_id and h.dissolved_at is null
  where m.user_id = $1 and m.role = 'CHILD' and m.status = 'ACTIVE' and m.household_id <> $2
) or exists (
  select from line l join personal_account a on a.id = l.account_id join contract c on c.id = a.contract_id
  join app_user holder on holder.person_id = c.holder_id and holder.id <> $1
  join membership m on m.user_id = holder.id and m.status = 'ACTIVE'
  join household h on h.id = m.household_id and h.dissolved_at is null
  where l.user_id = $1 and not exists (
    select from membership here where here.household_id = $2 and here.user_id = holder.id and here.status = 'ACTIVE')
) as claimed
"""
_CANCEL = """
select i.household_id, i.invited_by_id from invitation i where i.id = $1 and i.operator = $2
"""

Refused = (
    FeatureDisabled
    | InputRejected
    | NotFound
    | Forbidden
    | RateLimited
    | HouseholdFull
    | MinorNotAllowed
    | OwnerAbsent
    | InvitationExpired
    | AlreadyInHousehold
)


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation is on its way, whoever has the number or address."""

    invitation_id: int


@dataclass(frozen=True, slots=True)
class InvitationClosed:
    """It was declined, or taken back."""


@dataclass(frozen=True, slots=True)
class Named:
    """An invitation by its id, or by the token in its link."""

    invitation_id: int | None = None
    token: str | None = None


async def invite(
    profile: Profile,
    secret: bytes,
    site: str,
    viewer: Viewer,
    household_id: int | None,
    target: Target,
    role: HouseholdRole,
    birth_date: date | None,
) -> Invited | Refused:
    """Invite somebody; asked for again, the earlier invitation ends and another one is sent."""
    today = datetime.now(profile.operator.zone).date()
    if refused := disabled(profile) or _bad_role(profile, role, birth_date, today):
        return refused
    operator, token = profile.operator.id, new_token()
    hours = profile.household.invitation_ttl_hours
    key = target_hmac(secret, operator, target.value)

    async def ask(connection: BaseDBAsyncClient) -> Invited | Refused:
        household = await hold(connection, operator, household_id)
        if household is None or household.member_of(viewer.user_id) is None:
            return NO_HOUSEHOLD
        if refused := _may_not_invite(household, viewer.user_id, role):
            return refused
        if limited := await _count(connection, profile, viewer, key):
            return limited
        await connection.execute_query(_END_OLDER, [household.id, key])
        [row] = await connection.execute_query_dict(_PENDING, [household.id])
        if len(household.members) + row["pending"] >= profile.household.max_members:
            return HouseholdFull()
        # Whoever invites does not dissolve: what was announced is taken back.
        await connection.execute_query(_GOES_ON, [household.id])
        born = birth_date if role is HouseholdRole.CHILD else None
        place = [operator, household.id, viewer.user_id, role, born]
        proof = [key, target.masked, token_digest(token), hours]
        [made] = await connection.execute_query_dict(_INVITE, place + proof)
        await _send(connection, profile, site, viewer, target, token)
        about = About(household_id=household.id, role=_role_of(household, viewer.user_id))
        await audit.record(connection, viewer, "MEMBER_INVITED", about, target=target.masked, role=role)
        await rights_changed(connection, households=[household.id])
        return Invited(made["id"])

    return await tx(ask)


async def accept(profile: Profile, secret: bytes, viewer: Viewer, named: Named) -> HouseholdChanged | Refused:
    """Join: only whoever has the number or address that was invited, in one more household of theirs (E32, E33)."""
    if refused := disabled(profile):
        return refused

    async def join(connection: BaseDBAsyncClient) -> HouseholdChanged | Refused:
        found = await _theirs(connection, profile, secret, viewer, named)
        household = None if found is None else await hold(connection, profile.operator.id, found["household_id"])
        asked = [] if found is None else await connection.execute_query_dict(_OPEN, [found["id"]])
        if found is None or household is None or not asked:
            return InvitationExpired()
        role = HouseholdRole(asked[0]["role"])
        if household.member_of(viewer.user_id) is not None:
            return AlreadyInHousehold()
        if household.owner_absent_since is not None:
            return OwnerAbsent(field=None)
        if not invites(_role_of(household, asked[0]["invited_by_id"]), role, adults_invite=household.adults_invite):
            return InvitationExpired()
        if len(household.members) >= profile.household.max_members:
            return HouseholdFull(field=None)
        [joiner] = await connection.execute_query_dict(_JOINER, [viewer.user_id])
        # What the operator knows of somebody's age counts before what a relative says.
        born = joiner["birth_date"] or asked[0]["birth_date"]
        if refused := await _unfit(connection, profile, viewer, household, role, born):
            return refused
        born = born if role is HouseholdRole.CHILD else None
        await connection.execute_query(_JOIN, [household.id, viewer.user_id, role, born])
        await connection.execute_query(_RESOLVE, [found["id"], InvitationStatus.ACCEPTED])
        about = About(household_id=household.id, subject_id=viewer.user_id, role=role)
        await audit.record(connection, viewer, "MEMBER_JOINED", about, household=household.name)
        await rights_changed(connection, households=[household.id])
        await household_notice.joined(connection, profile, household, joiner["display_name"])
        return HouseholdChanged(household.id)

    return await tx(join)


async def decline(
    profile: Profile, secret: bytes, viewer: Viewer, named: Named
) -> InvitationClosed | InvitationExpired:
    """Say no: whoever was invited, in their own cabinet."""

    async def refuse(connection: BaseDBAsyncClient) -> InvitationClosed | InvitationExpired:
        found = await _theirs(connection, profile, secret, viewer, named)
        if found is None or not await connection.execute_query_dict(_OPEN, [found["id"]]):
            return InvitationExpired()
        await connection.execute_query(_RESOLVE, [found["id"], InvitationStatus.DECLINED])
        await notify(connection, f"household:{found['household_id']}")
        return InvitationClosed()

    return await tx(refuse)


async def cancel(profile: Profile, viewer: Viewer, invitation_id: int | None) -> InvitationClosed | NotFound:
    """Take an invitation back: the owner any, others their own. One that is not open any more is taken back already."""

    async def take_back(connection: BaseDBAsyncClient) -> InvitationClosed | NotFound:
        nothing = NotFound("There is no such invitation of yours", ("invitationId",))
        found = await connection.execute_query_dict(_CANCEL, [invitation_id or 0, profile.operator.id])
        household = await hold(connection, profile.operator.id, found[0]["household_id"]) if found else None
        member = None if household is None else household.member_of(viewer.user_id)
        if household is None or member is None:
            return nothing
        if member.role is not HouseholdRole.OWNER and found[0]["invited_by_id"] != viewer.user_id:
            return nothing
        if await connection.execute_query_dict(_OPEN, [invitation_id]):
            await connection.execute_query(_RESOLVE, [invitation_id, InvitationStatus.CANCELLED])
            await audit.record(
                connection, viewer, "INVITATION_CANCELLED", About(household_id=household.id, role=member.role)
            )
            await rights_changed(connection, households=[household.id])
        return InvitationClosed()

    return await tx(take_back)


def _bad_role(
    profile: Profile, role: HouseholdRole, born: date | None, today: date
) -> InputRejected | Forbidden | None:
    if role is HouseholdRole.OWNER:
        return Forbidden("A household is handed over with `requestOwnershipTransfer`", ("role",))
    if role is not HouseholdRole.CHILD:
        return None
    if born is None or not is_birth_date(born, today):
        return InputRejected("Say when the child was born", ("birthDate",))
    return InputRejected("Invite a grown-up as ADULT", ("birthDate",)) if is_of_age(born, profile, today) else None


def _may_not_invite(household: HouseholdRow, user_id: int, role: HouseholdRole) -> Forbidden | OwnerAbsent | None:
    if household.owner_absent_since is not None:
        return OwnerAbsent()
    mine = _role_of(household, user_id)
    if not invites(mine, role, adults_invite=household.adults_invite):
        return Forbidden("The owner invites; adults a VIEWER where the owner allows it", ("role",))
    if household.dissolves_at is not None and mine is not HouseholdRole.OWNER:
        return Forbidden("The household is about to be dissolved", ("householdId",))
    return None


async def _count(connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, key: bytes) -> RateLimited | None:
    """Count an invitation for who sends it and for who gets it, known or not (E16)."""
    operator, most = profile.operator.id, profile.auth.otp.max_sms_per_number_per_hour
    sent, ends_at = await counter.count(connection, f"invites:by:{viewer.user_id}", _DAY, _MOST_A_DAY)
    if sent > _MOST_A_DAY:
        return RateLimited(ends_at, "Too many invitations in a day")
    got, ends_at = await counter.count(connection, f"invites:to:{operator}:{key.hex()}", _HOUR, most, shared=True)
    return RateLimited(ends_at) if got > most else None


async def _send(
    connection: BaseDBAsyncClient, profile: Profile, site: str, viewer: Viewer, target: Target, token: str
) -> None:
    operator, hours = profile.operator, profile.household.invitation_ttl_hours
    [known] = await connection.execute_query_dict(_LANGUAGE, [operator.id, target.value])
    language = language_of(profile, known["language"])
    link = f"{site}/invitation?{urlencode({'token': token})}"
    name = spoken(viewer.display_name)
    if target.channel is ChallengeChannel.SMS:
        text = _SHORT.text(language, operator=operator.name, name=name, link=link)
        body = {"to": target.value, "text": text}
    else:
        time = _TIME.text(language, hours=hours)
        text = _LETTER.text(language, operator=operator.name, name=name, time=time)
        subject = _SUBJECT.text(language, operator=operator.name)
        body = {"to": target.value, "subject": subject, "text": text, "link": link}
    kind = target.channel.lower()
    await outbox.enqueue(connection, operator.id, kind, body, ttl_seconds=hours * float(_HOUR))


async def _theirs(
    connection: BaseDBAsyncClient, profile: Profile, secret: bytes, viewer: Viewer, named: Named
) -> dict[str, Any] | None:
    """The invitation that is meant, if it is for a number or an address that the viewer has proven."""
    operator = profile.operator.id
    proven = await connection.execute_query_dict(PROVEN, [viewer.user_id])
    keys: Sequence[bytes] = [target_hmac(secret, operator, row["value"]) for row in proven]
    digest = None if named.token is None else token_digest(named.token)
    found = await connection.execute_query_dict(_FIND, [operator, named.invitation_id, digest, keys])
    return found[0] if found else None


async def _unfit(
    connection: BaseDBAsyncClient,
    profile: Profile,
    viewer: Viewer,
    household: HouseholdRow,
    role: HouseholdRole,
    born: date | None,
) -> Forbidden | MinorNotAllowed | None:
    """Why somebody cannot be what they were invited as."""
    grown_up = is_of_age(born, profile, datetime.now(profile.operator.zone).date())
    if role is HouseholdRole.ADULT and not grown_up:
        return MinorNotAllowed("Ask to be invited as a child: adults are of age")
    if role is not HouseholdRole.CHILD:
        return None
    if grown_up:
        return Forbidden("You are of age: ask to be invited as an adult")
    [found] = await connection.execute_query_dict(_CHILD_OF_OTHERS, [viewer.user_id, household.id])
    if found["claimed"]:
        return Forbidden("Another household looks after this child; only an office changes that")
    return None


def _role_of(household: HouseholdRow, user_id: int) -> HouseholdRole | None:
    member = household.member_of(user_id)
    return None if member is None else member.role
