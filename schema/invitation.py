"""Inviting to households, and answering (F050, F161)."""

from datetime import date
from typing import Annotated, Any, cast

import strawberry

from domain.access import HouseholdRole
from loaders import invitations_by_household_id
from resolvers import invitation
from resolvers.context import Info
from schema.household import HouseholdInvitation
from schema.household_management import HouseholdPayload, household_payload, simple_payload
from schema.payload import CLIENT_MUTATION_ID, Payload, SimplePayload, UserError
from schema.scalars import MSISDN
from services.invitation import Named


@strawberry.type(description="An invitation, or why there is none")
class InvitationPayload(Payload):
    invitation: HouseholdInvitation | None = strawberry.field(
        description="What was sent; the same whether or not somebody here has the number or address (I11)"
    )


@strawberry.input(description="Whom to invite: by a number or an e-mail address, one of them")
class InviteMemberInput:
    household_id: strawberry.ID = strawberry.field(description="A household that the viewer owns, or is an adult of")
    msisdn: MSISDN | None = strawberry.field(default=None, description="A number, which gets an SMS")
    email: str | None = strawberry.field(default=None, description="An address, which gets a letter")
    role: HouseholdRole = strawberry.field(description="As what: the owner any but OWNER, adults VIEWER if allowed")
    birth_date: date | None = strawberry.field(default=None, description="Of a CHILD: when it was born")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(one_of=True, description="An invitation, by one of the two")
class InvitationRef:
    token: str | None = strawberry.field(default=strawberry.UNSET, description="What its link holds")
    invitation_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="One of `viewer.invitations`"
    )

    def wanted(self) -> Named:
        """The one that was given, for the resolvers."""
        return invitation.named(self.token or None, self.invitation_id or None)


@strawberry.input(description="The invitation that is accepted")
class AcceptInvitationInput:
    invitation: InvitationRef = strawberry.field(description="Which one")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="The invitation that is declined")
class DeclineInvitationInput:
    invitation: InvitationRef = strawberry.field(description="Which one")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="The invitation that is taken back")
class CancelInvitationInput:
    invitation_id: strawberry.ID = strawberry.field(description="One of `household.invitations`")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class InvitationMutation:
    @strawberry.mutation(
        description="Invite somebody to a household; once more ends the earlier one and sends another (F050)"
    )
    async def invite_member(
        self, info: Info, input: Annotated[InviteMemberInput, strawberry.argument(description="Whom, and as what")]
    ) -> InvitationPayload:
        outcome = await invitation.invite(
            info.context, input.household_id, input.msisdn, input.email, input.role, input.birth_date
        )
        sent = outcome if isinstance(outcome, invitations_by_household_id.Invitation) else None
        return InvitationPayload(
            client_mutation_id=input.client_mutation_id,
            user_errors=[] if sent is not None else [cast(UserError, outcome)],
            invitation=cast(Any, sent),
        )

    @strawberry.mutation(
        description="Join a household: who has proven to have the number or address that was invited, and nobody whom "
        "the link was forwarded to. Other households of the viewer's stay as they are (E32, E33, I5)"
    )
    async def accept_invitation(
        self, info: Info, input: Annotated[AcceptInvitationInput, strawberry.argument(description="Which one")]
    ) -> HouseholdPayload:
        return household_payload(
            await invitation.accept(info.context, input.invitation.wanted()), input.client_mutation_id
        )

    @strawberry.mutation(description="Say no to an invitation: whoever could accept it")
    async def decline_invitation(
        self, info: Info, input: Annotated[DeclineInvitationInput, strawberry.argument(description="Which one")]
    ) -> SimplePayload:
        refusal = await invitation.decline(info.context, input.invitation.wanted())
        return simple_payload(refusal, input.client_mutation_id)

    @strawberry.mutation(description="Take an invitation back: the owner any, others those they sent (F161)")
    async def cancel_invitation(
        self, info: Info, input: Annotated[CancelInvitationInput, strawberry.argument(description="Which one")]
    ) -> SimplePayload:
        refusal = await invitation.cancel(info.context, input.invitation_id)
        return simple_payload(refusal, input.client_mutation_id)
