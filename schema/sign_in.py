"""Signing in and out."""

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry

from auth import challenge
from auth.temporary_password import PasswordOnItsWay
from domain.challenge import ChallengeChannel, DeliveryStatus
from domain.refusals import CodeNotDelivered, CredentialsRejected, LockedOut, Refusal
from models.challenge import ChallengePurpose
from resolvers import sign_in
from resolvers.context import Info
from resolvers.sign_in import Entered
from schema.node import backed_by
from schema.payload import CLIENT_MUTATION_ID, Payload, SimplePayload, done, errors
from schema.scalars import MSISDN
from schema.session import Session
from schema.viewer import Viewer


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


REMEMBER = "True gives a `refreshToken`, with which this device comes back without a password (F023)"


@strawberry.input(description="What the operator takes for a login, and a password")
class SignInWithPasswordInput:
    identifier: str = strawberry.field(
        description="One of `operator.loginIdentifiers`; a number with or without its prefix (F003, F004)"
    )
    password: str = strawberry.field(description="The password, exactly")
    remember_device: bool = strawberry.field(default=False, description=REMEMBER)
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="The number that a code is to be sent to")
class RequestSignInCodeInput:
    identifier: str = strawberry.field(description="The number, with or without its prefix (F004)")
    channel: ChallengeChannel = strawberry.field(
        default=ChallengeChannel.SMS, description="How it is to come: by SMS, or by another channel of the operator's"
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A code that did not come")
class ResendCodeInput:
    challenge_id: strawberry.ID = strawberry.field(description="The challenge that asking for the code gave")
    channel: ChallengeChannel | None = strawberry.field(
        default=None, description="One of its `alternativeChannels`; left out, the code comes as before"
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A code that was sent")
class SignInWithCodeInput:
    challenge_id: strawberry.ID = strawberry.field(description="The challenge that asking for the code gave")
    code: str = strawberry.field(description="The digits of the message")
    remember_device: bool = strawberry.field(default=False, description=REMEMBER)
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A number and the PUK1 of its starter kit")
class SignInWithPukInput:
    msisdn: MSISDN = strawberry.field(description="The number of the kit")
    puk1: str = strawberry.field(description="The digits printed on it")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="The number that a temporary password is to be sent to")
class RequestTemporaryPasswordInput:
    identifier: str = strawberry.field(description="The number, with or without its prefix (F004)")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A remembered device")
class RefreshSessionInput:
    refresh_token: str = strawberry.field(description="The newest `refreshToken` of the device")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="Which sessions to end")
class SignOutInput:
    everywhere: bool = strawberry.field(default=False, description="True ends all sessions of the user")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type(description="A session, or why there is none")
class SignInPayload(Payload):
    session: Session | None = strawberry.field(description="The session that was opened")
    access_token: str | None = strawberry.field(
        description="Sent as `Authorization: Bearer …`; told this once. Browsers have it in a cookie too"
    )
    refresh_token: str | None = strawberry.field(
        description="For `refreshSession`, once; told this once, and only where the device is to be remembered"
    )
    viewer: Viewer | None = strawberry.field(
        description="Who is signed in now; null while a temporary password has to be changed"
    )
    locked_until: datetime | None = strawberry.field(description="Until when no password is taken (F014)")
    attempts_left: int | None = strawberry.field(description="Wrong passwords left before that (F014)")
    must_change_password: bool | None = strawberry.field(description="Whether the password is a temporary one (F009)")


@strawberry.type(description="A challenge, or why there is none")
class ChallengePayload(Payload):
    challenge: Challenge | None = strawberry.field(description="What was sent; the same for every number")


@strawberry.type
class SignInMutation:
    @strawberry.mutation(description="Sign in by telephone number and password (F001)")
    async def sign_in_with_password(
        self,
        info: Info,
        input: Annotated[SignInWithPasswordInput, strawberry.argument(description="Who and with what")],
    ) -> SignInPayload:
        outcome = await sign_in.with_password(
            info.context, input.identifier, input.password, remember=input.remember_device
        )
        return entered(outcome, input.client_mutation_id)

    @strawberry.mutation(description="Ask for a sign-in code by SMS (F002); the answer is the same for every number")
    async def request_sign_in_code(
        self, info: Info, input: Annotated[RequestSignInCodeInput, strawberry.argument(description="Where to send it")]
    ) -> ChallengePayload:
        outcome = await sign_in.request_code(info.context, input.identifier, input.channel)
        return asked(outcome, input.client_mutation_id)

    @strawberry.mutation(
        description="Get a new code for what an earlier one was for, perhaps another way; the earlier one ends (N10)"
    )
    async def resend_code(
        self, info: Info, input: Annotated[ResendCodeInput, strawberry.argument(description="Which code, and how")]
    ) -> ChallengePayload:
        outcome = await sign_in.resend_code(info.context, input.challenge_id, input.channel)
        return asked(outcome, input.client_mutation_id)

    @strawberry.mutation(description="Sign in with a code that was sent (F002)")
    async def sign_in_with_code(
        self, info: Info, input: Annotated[SignInWithCodeInput, strawberry.argument(description="Which code")]
    ) -> SignInPayload:
        outcome = await sign_in.with_code(info.context, input.challenge_id, input.code, remember=input.remember_device)
        return entered(outcome, input.client_mutation_id)

    @strawberry.mutation(description="Sign in for the first time with the PUK1 of the starter kit (F008)")
    async def sign_in_with_puk(
        self, info: Info, input: Annotated[SignInWithPukInput, strawberry.argument(description="Which kit")]
    ) -> SignInPayload:
        return entered(await sign_in.with_puk1(info.context, input.msisdn, input.puk1), input.client_mutation_id)

    @strawberry.mutation(
        description="Ask for a temporary password by SMS (F005, F007); the answer is the same for every number"
    )
    async def request_temporary_password(
        self,
        info: Info,
        input: Annotated[RequestTemporaryPasswordInput, strawberry.argument(description="Where to send it")],
    ) -> ChallengePayload:
        outcome = await sign_in.request_temporary_password(info.context, input.identifier)
        refusal = None if isinstance(outcome, PasswordOnItsWay) else outcome
        return ChallengePayload(
            client_mutation_id=input.client_mutation_id, user_errors=errors(refusal), challenge=None
        )

    @strawberry.mutation(description="Come back with a remembered device (F023); each token works once")
    async def refresh_session(
        self, info: Info, input: Annotated[RefreshSessionInput, strawberry.argument(description="Which device")]
    ) -> SignInPayload:
        return entered(await sign_in.refresh(info.context, input.refresh_token), input.client_mutation_id)

    @strawberry.mutation(description="End this session, or all of the user's (F025)")
    async def sign_out(
        self, info: Info, input: Annotated[SignOutInput, strawberry.argument(description="Which sessions")]
    ) -> SimplePayload:
        await sign_in.out(info.context, everywhere=input.everywhere)
        return done(None, input.client_mutation_id)


def entered(outcome: Entered | Refusal, client_mutation_id: str | None) -> SignInPayload:
    """The payload of everything that signs somebody in."""
    entered = outcome if isinstance(outcome, Entered) else None
    must_change = entered.viewer.must_change_password if entered else None
    return SignInPayload(
        client_mutation_id=client_mutation_id,
        user_errors=errors(None if isinstance(outcome, Entered) else outcome),
        session=cast(Any, entered.session) if entered else None,
        access_token=entered.token if entered else None,
        refresh_token=entered.refresh_token if entered else None,
        viewer=cast(Any, entered.viewer) if entered and not must_change else None,
        locked_until=outcome.locked_until if isinstance(outcome, LockedOut) else None,
        attempts_left=outcome.attempts_left if isinstance(outcome, CredentialsRejected) else None,
        must_change_password=must_change,
    )


def asked(outcome: challenge.Challenge | Refusal, client_mutation_id: str | None) -> ChallengePayload:
    """The payload of everything that sends a code."""
    if not isinstance(outcome, challenge.Challenge):
        return ChallengePayload(client_mutation_id=client_mutation_id, user_errors=errors(outcome), challenge=None)
    failed = outcome.delivery_status is DeliveryStatus.FAILED
    return ChallengePayload(
        client_mutation_id=client_mutation_id,
        user_errors=errors(CodeNotDelivered() if failed else None),
        challenge=cast(Any, outcome),
    )
