"""One-time codes as whoever asks for them sees them."""

from datetime import datetime
from typing import cast

import strawberry

from auth import challenge
from domain.challenge import ChallengeChannel, DeliveryStatus
from models.challenge import ChallengePurpose
from resolvers.context import Info
from schema.node import backed_by
from schema.payload import CLIENT_MUTATION_ID


@strawberry.type(description="A one-time code that was asked for; it says nothing about whether the number is known")
class Challenge:
    id: strawberry.ID = strawberry.field(description="To be given back with the code")
    purpose: ChallengePurpose = strawberry.field(description="What the code is for")
    channel: ChallengeChannel = strawberry.field(description="How it is sent")
    tag: str = strawberry.field(
        description="Two letters that stand before the code in the message: show them beside the form (E8)"
    )
    delivery_status: DeliveryStatus = strawberry.field(
        description="What became of the message: told of codes to one's own number or address, UNKNOWN of others (N10)"
    )
    expires_at: datetime = strawberry.field(description="When it stops working")
    attempts_left: int = strawberry.field(description="How often it may be tried")
    resend_allowed_at: datetime = strawberry.field(description="From when on a new one can be asked for")

    @strawberry.field(description="Other ways to get the code, for `resendCode`, when the message does not come (N10)")
    def alternative_channels(self, info: Info) -> list[ChallengeChannel]:
        asked_for = cast(challenge.Challenge, self)
        return [channel for channel in asked_for.alternatives if channel in info.context.channels]

    is_type_of = backed_by(challenge.Challenge)


@strawberry.input(description="A code that was sent")
class ConfirmChallengeInput:
    challenge_id: strawberry.ID = strawberry.field(description="The challenge that asking for the code gave")
    code: str = strawberry.field(description="The digits of the message")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)
