"""Founding, naming, leaving and dissolving households; their members, their successor; and what changes in them."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any, cast

import strawberry

from domain.access import HouseholdRole
from loaders import households_by_user_id
from resolvers import household as resolved
from resolvers.context import Info
from schema.household import Household
from schema.payload import CLIENT_MUTATION_ID, Payload, SimplePayload, UserError

HOUSEHOLD_ID = "A household of the viewer's"
_MEMBER_ID = "A member of a household that the viewer owns"


@strawberry.type(description="A household as it is now, or why nothing was changed")
class HouseholdPayload(Payload):
    household: Household | None = strawberry.field(description="The household; null when nothing was changed")


@strawberry.input(description="A new household")
class CreateHouseholdInput:
    name: str = strawberry.field(description="What the family calls it, in 1 to 100 characters")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="What is to be different about a household; what is left out stays")
class UpdateHouseholdInput:
    household_id: strawberry.ID = strawberry.field(description="A household that the viewer owns")
    name: str | None = strawberry.field(default=None, description="What the family calls it, in 1 to 100 characters")
    adults_may_invite_viewers: bool | None = strawberry.field(
        default=None, description="Whether its adults may invite a VIEWER"
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="Another role for a member")
class ChangeMemberRoleInput:
    member_id: strawberry.ID = strawberry.field(description=_MEMBER_ID)
    role: HouseholdRole = strawberry.field(description="ADULT or VIEWER; a child stays one until it comes of age")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="Who is to be in the household no longer")
class RemoveMemberInput:
    member_id: strawberry.ID = strawberry.field(description=_MEMBER_ID)
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="The household that the viewer leaves")
class LeaveHouseholdInput:
    household_id: strawberry.ID = strawberry.field(description=HOUSEHOLD_ID)
    silent: bool = strawberry.field(
        default=False,
        description="The others are told no more than that the viewer's numbers are not linked any more (E34)",
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="The household that is to end")
class DissolveHouseholdInput:
    household_id: strawberry.ID = strawberry.field(description="A household that the viewer owns")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="Who may take a household over when it has no owner any more")
class NominateSuccessorInput:
    household_id: strawberry.ID = strawberry.field(description="A household that the viewer owns")
    member_id: strawberry.ID | None = strawberry.field(default=None, description="An adult of it; left out: nobody")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A household whose owner is absent")
class ClaimHouseholdInput:
    household_id: strawberry.ID = strawberry.field(description="The household whose successor the viewer is")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class HouseholdMutation:
    @strawberry.mutation(description="Found a household, and own it: who has a number here, and is of age (F050, I2)")
    async def create_household(
        self, info: Info, input: Annotated[CreateHouseholdInput, strawberry.argument(description="The household")]
    ) -> HouseholdPayload:
        return household_payload(await resolved.create(info.context, input.name), input.client_mutation_id)

    @strawberry.mutation(description="Call a household something else, or say who may invite: its owner (F050)")
    async def update_household(
        self, info: Info, input: Annotated[UpdateHouseholdInput, strawberry.argument(description="What changes")]
    ) -> HouseholdPayload:
        outcome = await resolved.update(info.context, input.household_id, input.name, input.adults_may_invite_viewers)
        return household_payload(outcome, input.client_mutation_id)

    @strawberry.mutation(description="Give a member another role: the owner, and never that of an owner (F050)")
    async def change_member_role(
        self, info: Info, input: Annotated[ChangeMemberRoleInput, strawberry.argument(description="Who and what")]
    ) -> HouseholdPayload:
        outcome = await resolved.change_role(info.context, input.member_id, input.role)
        return household_payload(outcome, input.client_mutation_id)

    @strawberry.mutation(
        description="Remove a member: the owner. Their own lines leave with them, and what they pay automatically for "
        "the household stops first (F161, E31)"
    )
    async def remove_member(
        self, info: Info, input: Annotated[RemoveMemberInput, strawberry.argument(description="Whom")]
    ) -> HouseholdPayload:
        return household_payload(await resolved.remove_member(info.context, input.member_id), input.client_mutation_id)

    @strawberry.mutation(
        description="Leave a household, with one's own lines: adults and VIEWERs at any time, its owner as the last "
        "one in it, a child not by itself (F052, E27)"
    )
    async def leave_household(
        self, info: Info, input: Annotated[LeaveHouseholdInput, strawberry.argument(description="Which, and how")]
    ) -> SimplePayload:
        refusal = await resolved.leave(info.context, input.household_id, silent=input.silent)
        return simple_payload(refusal, input.client_mutation_id)

    @strawberry.mutation(
        description="End a household: its owner, at once when alone in it. Others are told by the first call, and it "
        "is done by one that comes 72 hours later (F052)"
    )
    async def dissolve_household(
        self, info: Info, input: Annotated[DissolveHouseholdInput, strawberry.argument(description="Which")]
    ) -> SimplePayload:
        return simple_payload(await resolved.dissolve(info.context, input.household_id), input.client_mutation_id)

    @strawberry.mutation(description="Name an adult who may claim the household when it has no owner any more (F049)")
    async def nominate_successor(
        self, info: Info, input: Annotated[NominateSuccessorInput, strawberry.argument(description="Whom")]
    ) -> HouseholdPayload:
        outcome = await resolved.nominate_successor(info.context, input.household_id, input.member_id)
        return household_payload(outcome, input.client_mutation_id)

    @strawberry.mutation(
        description="Take over a household whose owner is absent: its successor, with a fresh proof, once the operator "
        "has seen the papers; OFFICE_REQUIRED says which (F049)"
    )
    async def claim_household(
        self, info: Info, input: Annotated[ClaimHouseholdInput, strawberry.argument(description="Which")]
    ) -> HouseholdPayload:
        return household_payload(await resolved.claim(info.context, input.household_id), input.client_mutation_id)


@strawberry.type
class HouseholdSubscription:
    @strawberry.subscription(
        graphql_type=Household,
        description="The viewer's households: each one at once, and whenever something changes in it, such as its "
        "members, links, invitations or its owner",
    )
    def household_changed(self, info: Info) -> AsyncGenerator[households_by_user_id.Household, None]:
        return resolved.household_changed(info.context)


def household_payload(outcome: object, client_mutation_id: str | None) -> HouseholdPayload:
    """The payload of whatever changes a household."""
    found = outcome if isinstance(outcome, households_by_user_id.Household) else None
    return HouseholdPayload(
        client_mutation_id=client_mutation_id,
        user_errors=[] if found is not None else [cast(UserError, outcome)],
        household=cast(Any, found),
    )


def simple_payload(refusal: object | None, client_mutation_id: str | None) -> SimplePayload:
    """The payload of what is either done or refused."""
    return SimplePayload(
        client_mutation_id=client_mutation_id, user_errors=[] if refusal is None else [cast(UserError, refusal)]
    )
