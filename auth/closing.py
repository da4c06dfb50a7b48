"""The user closes the cabinet (F034)."""

from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import cabinet_end, own_password
from auth.own_password import Proof
from auth.session import Viewer
from auth.sign_in import Caller
from domain.access import HouseholdRole
from domain.features import feature
from domain.profile import Profile
from domain.refusals import (
    CredentialsRejected,
    FeatureDisabled,
    Forbidden,
    InputRejected,
    LastOwner,
    LockedOut,
    RateLimited,
    StepUpRequired,
)
from models.database import tx

_LONGEST_REASON = 200

# The households are taken first, in the order of their ids, and looked at afterwards: whoever joined one meanwhile is
# seen, and nobody joins one that its owner is leaving.
_HOLD_HOUSEHOLDS = """
select h.id from household h join membership m on m.household_id = h.id and m.user_id = $1 and m.status = 'ACTIVE'
where h.dissolved_at is null order by h.id for update of h
"""
_PLACES = """
select m.role, exists (
    select from membership o where o.household_id = h.id and o.status = 'ACTIVE' and o.user_id <> $1) as has_others
from household h join membership m on m.household_id = h.id and m.user_id = $1 and m.status = 'ACTIVE'
where h.dissolved_at is null
"""


@dataclass(frozen=True, slots=True)
class CabinetClosed:
    """Nobody signs in to it any more."""


async def close(
    profile: Profile, viewer: Viewer, password: str | None, reason: str | None, caller: Caller
) -> (
    CabinetClosed
    | FeatureDisabled
    | InputRejected
    | StepUpRequired
    | CredentialsRejected
    | LockedOut
    | RateLimited
    | LastOwner
    | Forbidden
):
    """Close the viewer's cabinet, by the password or a fresh code.

    An owner goes last (E27), and a child not without the household's owner (SPEC 4.4).
    """
    flag = feature(profile, "closing.self_close")
    if not flag.enabled:
        return FeatureDisabled(flag.key, flag.reason or "Not offered by this operator")
    told = " ".join((reason or "").split())
    if len(told) > _LONGEST_REASON or not told.isprintable():
        return InputRejected(f"The reason must be at most {_LONGEST_REASON} characters", ("reason",))
    proof = await _prove(profile, viewer, password, caller)
    if not isinstance(proof, Proof):
        return proof

    async def finish(connection: BaseDBAsyncClient) -> CabinetClosed | CredentialsRejected | LastOwner | Forbidden:
        await connection.execute_query_dict(_HOLD_HOUSEHOLDS, [viewer.user_id])
        if not await own_password.still_holds(connection, viewer, proof):
            return CredentialsRejected(message="The cabinet was changed meanwhile", field=("password",))
        places = await connection.execute_query_dict(_PLACES, [viewer.user_id])
        if any(row["role"] == HouseholdRole.CHILD for row in places):
            return Forbidden("The owner of the household decides about a child's cabinet")
        if any(row["role"] == HouseholdRole.OWNER and row["has_others"] for row in places):
            return LastOwner()
        await cabinet_end.end(connection, profile, viewer, "CABINET_CLOSED", reason=told or None)
        return CabinetClosed()

    return await tx(finish)


async def _prove(
    profile: Profile, viewer: Viewer, password: str | None, caller: Caller
) -> Proof | StepUpRequired | CredentialsRejected | LockedOut | RateLimited:
    if viewer.stepped_up:
        return Proof()
    if password is None:
        return StepUpRequired("Give the password, or prove by a code who is at the screen, then try again")
    return await own_password.prove(profile, viewer, password, caller)
