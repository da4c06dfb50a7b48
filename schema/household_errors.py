"""Why something was not done to a household."""

from datetime import datetime

import strawberry

from domain import household_refusals as refusals
from schema.node import backed_by
from schema.payload import UserError


@strawberry.type(description="Others are in it: they were told, and it may be dissolved when the time has passed")
class HouseholdNotEmpty(UserError):
    dissolves_at: datetime = strawberry.field(description="From when on it may be dissolved")

    is_type_of = backed_by(refusals.HouseholdNotEmpty)


@strawberry.type(description="No more people fit into the household")
class HouseholdFull(UserError):
    is_type_of = backed_by(refusals.HouseholdFull)


@strawberry.type(description="Too old, used, taken back, or for somebody else: it is not told which (E33)")
class InvitationExpired(UserError):
    is_type_of = backed_by(refusals.InvitationExpired)


@strawberry.type(description="The viewer is in the household already")
class AlreadyInHousehold(UserError):
    is_type_of = backed_by(refusals.AlreadyInHousehold)


@strawberry.type(description="Somebody under age cannot be this, or do this")
class MinorNotAllowed(UserError):
    is_type_of = backed_by(refusals.MinorNotAllowed)


@strawberry.type(description="The household has no owner who could decide (E28)")
class OwnerAbsent(UserError):
    is_type_of = backed_by(refusals.OwnerAbsent)


@strawberry.type(description="Another handover of the household is open, or this one is not any more (E29)")
class TransferConflict(UserError):
    is_type_of = backed_by(refusals.TransferConflict)


HOUSEHOLD_ERRORS = (
    HouseholdNotEmpty,
    HouseholdFull,
    InvitationExpired,
    AlreadyInHousehold,
    MinorNotAllowed,
    OwnerAbsent,
    TransferConflict,
)
