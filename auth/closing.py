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
        places = await cabinet_end.places(connection, viewer.user_id)
        if not await own_password.still_holds(connection, viewer, proof):
            return CredentialsRejected(message="The cabinet was changed meanwhile", field=("password",))
        if any(place.role == HouseholdRole.CHILD for place in places):
            return Forbidden("The owner of the household decides about a child's cabinet")
        if any(place.owns_others_home for place in places):
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
