"""A household begins, is called something, and ends (F050, F052)."""

from dataclasses import dataclass
from datetime import datetime

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import HouseholdRole
from domain.features import feature
from domain.household import DISSOLVING_HOURS, LONGEST_NAME, household_name, is_of_age
from domain.household_refusals import HouseholdNotEmpty, MinorNotAllowed
from domain.profile import Profile
from domain.refusals import FeatureDisabled, Forbidden, InputRejected, NotFound, RateLimited
from models import audit, counter, leaving
from models.audit import About
from models.database import tx
from models.rights import rights_changed
from services import household_notice
from services.household_row import NO_HOUSEHOLD, hold

_DAY = 86_400
_MOST_A_DAY = 10

# Who owns a household has a number that the operator knows to be theirs, and is nobody's child (I2).
_MAY_OWN = """
select (select g.value from login g where g.user_id = u.id and g.kind = 'MSISDN' order by g.id limit 1) as msisdn,
  p.birth_date, exists (
    select from membership m join household h on h.id = m.household_id
    where m.user_id = u.id and m.role = 'CHILD' and m.status = 'ACTIVE' and h.dissolved_at is null) as is_child
from app_user u join person p on p.id = u.person_id where u.id = $1
"""
_CREATE = "insert into household (operator, name, created_at) values ($1, $2, now()) returning id"
_OWNER = """
insert into membership (household_id, user_id, role, status, joined_at) values ($1, $2, 'OWNER', 'ACTIVE', now())
"""
_UPDATE = "update household set name = $2, adults_invite = $3 where id = $1"
_ANNOUNCE = """
update household set dissolves_at = now() + make_interval(hours => $2) where id = $1 returning dissolves_at
"""
_WITHDRAW = "update invitation set status = 'CANCELLED', resolved_at = now() where household_id = $1 and status = $2"


@dataclass(frozen=True, slots=True)
class HouseholdChanged:
    """The household is as it was asked to be."""

    household_id: int


@dataclass(frozen=True, slots=True)
class HouseholdDissolved:
    """There is no such household any more."""


def disabled(profile: Profile) -> FeatureDisabled | None:
    """Why the operator has no households; None where it has."""
    flag = feature(profile, "household")
    return None if flag.enabled else FeatureDisabled(flag.key, flag.reason or "Not offered by this operator")


async def create(
    profile: Profile, viewer: Viewer, name: str
) -> HouseholdChanged | FeatureDisabled | InputRejected | Forbidden | MinorNotAllowed | RateLimited:
    """Found a household, which its founder owns."""
    if refused := disabled(profile):
        return refused
    if (called := household_name(name)) is None:
        return _bad_name()

    async def found(connection: BaseDBAsyncClient) -> HouseholdChanged | Forbidden | MinorNotAllowed | RateLimited:
        [founder] = await connection.execute_query_dict(_MAY_OWN, [viewer.user_id])
        if founder["msisdn"] is None:
            return Forbidden("Only who has a number here may own a household")
        today = datetime.now(profile.operator.zone).date()
        if founder["is_child"] or not is_of_age(founder["birth_date"], profile, today):
            return MinorNotAllowed("Only grown-ups own a household")
        count, ends_at = await counter.count(connection, f"households:{viewer.user_id}", _DAY, _MOST_A_DAY)
        if count > _MOST_A_DAY:
            return RateLimited(ends_at, "Too many households in a day")
        [row] = await connection.execute_query_dict(_CREATE, [profile.operator.id, called])
        await connection.execute_query(_OWNER, [row["id"], viewer.user_id])
        about = About(household_id=row["id"], subject_id=viewer.user_id, role=HouseholdRole.OWNER)
        await audit.record(connection, viewer, "HOUSEHOLD_CREATED", about, name=called)
        await rights_changed(connection, households=[row["id"]])
        return HouseholdChanged(row["id"])

    return await tx(found)


async def update(
    profile: Profile, viewer: Viewer, household_id: int | None, name: str | None, adults_invite: bool | None
) -> HouseholdChanged | InputRejected | NotFound | Forbidden:
    """Call it something else, and say whether its adults may invite VIEWERs; None leaves it as it is."""
    called = None if name is None else household_name(name)
    if name is not None and called is None:
        return _bad_name()

    async def change(connection: BaseDBAsyncClient) -> HouseholdChanged | NotFound | Forbidden:
        household = await hold(connection, profile.operator.id, household_id)
        if household is None or household.member_of(viewer.user_id) is None:
            return NO_HOUSEHOLD
        if household.owner.user_id != viewer.user_id:
            return only_the_owner()
        allowed = household.adults_invite if adults_invite is None else adults_invite
        await connection.execute_query(_UPDATE, [household.id, called or household.name, allowed])
        about = About(household_id=household.id, role=HouseholdRole.OWNER)
        details = {"name": called, "adults_invite": None if adults_invite is None else int(adults_invite)}
        await audit.record(connection, viewer, "HOUSEHOLD_UPDATED", about, **details)
        await rights_changed(connection, households=[household.id])
        return HouseholdChanged(household.id)

    return await tx(change)


async def dissolve(
    profile: Profile, viewer: Viewer, household_id: int | None
) -> HouseholdDissolved | HouseholdNotEmpty | NotFound | Forbidden:
    """End a household: at once when the owner is alone in it, else when everybody has known of it for 72 hours.

    The first call tells them, and takes back what invitations there are.
    """

    async def end(connection: BaseDBAsyncClient) -> HouseholdDissolved | HouseholdNotEmpty | NotFound | Forbidden:
        household = await hold(connection, profile.operator.id, household_id)
        if household is None or household.member_of(viewer.user_id) is None:
            return NO_HOUSEHOLD
        if household.owner.user_id != viewer.user_id:
            return only_the_owner()
        others = [member.user_id for member in household.others(viewer.user_id)]
        if others and household.dissolves_at is None:
            [row] = await connection.execute_query_dict(_ANNOUNCE, [household.id, DISSOLVING_HOURS])
            await connection.execute_query(_WITHDRAW, [household.id, "PENDING"])
            at = row["dissolves_at"]
            date = f"{at.astimezone(profile.operator.zone):%d.%m.%Y %H:%M}"
            await household_notice.dissolving(connection, profile, household, others, date)
            about = About(household_id=household.id, role=HouseholdRole.OWNER)
            await audit.record(connection, viewer, "HOUSEHOLD_DISSOLVING", about, at=at.isoformat())
            await rights_changed(connection, households=[household.id])
            return HouseholdNotEmpty(at)
        if others and household.dissolves_at is not None and household.now < household.dissolves_at:
            return HouseholdNotEmpty(household.dissolves_at)
        gone = await leaving.dissolve(connection, profile, viewer, household.id)
        await household_notice.dissolved(connection, profile, household, others, gone)
        return HouseholdDissolved()

    return await tx(end)


def only_the_owner() -> Forbidden:
    """What any other member is answered."""
    return Forbidden("Only the owner of the household may do this", ("householdId",))


def _bad_name() -> InputRejected:
    return InputRejected(f"A name has 1 to {LONGEST_NAME} characters on one line", ("name",))
