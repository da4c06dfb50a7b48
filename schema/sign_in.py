"""Signing in and out."""

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry

from auth import challenge
from domain.access import AccessLevel
from domain.challenge import ChallengeChannel
from domain.refusals import Refusal
from models.challenge import ChallengePurpose
from resolvers import sign_in
from resolvers.context import Info
from resolvers.sign_in import Entered
from schema.node import Node, backed_by
from schema.payload import CLIENT_MUTATION_ID, Payload, UserError
from schema.viewer import Viewer


@strawberry.type(description="A signed-in client")
class Session(Node):
    current: bool = strawberry.field(description="Whether it is the one that asks")
    device: str | None = strawberry.field(description="What the client called itself (User-Agent)")
    created_at: datetime = strawberry.field(description="When it began")
    last_seen_at: datetime = strawberry.field(description="Its last request, within five seconds")
    expires_at: datetime = strawberry.field(description="When it ends, unless a request comes before")
    access_level: AccessLevel = strawberry.field(description="How far it reaches")

    is_type_of = backed_by(sign_in.Session)


@strawberry.type(description="A one-time code that was asked for; it says nothing about whether the number is known")
class Challenge:
    id: strawberry.ID = strawberry.field(description="To be given back with the code")
    purpose: ChallengePurpose = strawberry.field(description="What the code is for")
    channel: ChallengeChannel = strawberry.field(description="How it is sent")
    expires_at: datetime = strawberry.field(description="When it stops working")
    attempts_left: int = strawberry.field(description="How often it may be tried")
    resend_allowed_at: datetime = strawberry.field(description="From when on a new one can be asked for")

    is_type_of = backed_by(challenge.Challenge)


@strawberry.input(description="Telephone number and password")
class SignInWithPasswordInput:
    identifier: str = strawberry.field(description="The number, with or without its prefix (F004)")
    password: str = strawberry.field(description="The password, exactly")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="The number that a code is to be sent to")
class RequestSignInCodeInput:
    identifier: str = strawberry.field(description="The number, with or without its prefix (F004)")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A code that was sent")
class SignInWithCodeInput:
    challenge_id: strawberry.ID = strawberry.field(description="The challenge that asking for the code gave")
    code: str = strawberry.field(description="The digits of the message")
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
    viewer: Viewer | None = strawberry.field(description="Who is signed in now")
    must_change_password: bool | None = strawberry.field(description="Whether the password is a temporary one (F009)")


@strawberry.type(description="A challenge, or why there is none")
class ChallengePayload(Payload):
    challenge: Challenge | None = strawberry.field(description="What was sent; the same for every number")


@strawberry.type(description="Nothing but whether it was done")
class SimplePayload(Payload):
    pass


@strawberry.type
class SignInMutation:
    @strawberry.mutation(description="Sign in by telephone number and password (F001)")
    async def sign_in_with_password(
        self,
        info: Info,
        input: Annotated[SignInWithPasswordInput, strawberry.argument(description="Who and with what")],
    ) -> SignInPayload:
        outcome = await sign_in.with_password(info.context, input.identifier, input.password)
        return _entered(outcome, input.client_mutation_id)

    @strawberry.mutation(description="Ask for a sign-in code by SMS (F002); the answer is the same for every number")
    async def request_sign_in_code(
        self, info: Info, input: Annotated[RequestSignInCodeInput, strawberry.argument(description="Where to send it")]
    ) -> ChallengePayload:
        outcome = await sign_in.request_code(info.context, input.identifier)
        sent = isinstance(outcome, challenge.Challenge)
        return ChallengePayload(
            client_mutation_id=input.client_mutation_id,
            user_errors=_errors(None if sent else cast(Refusal, outcome)),
            challenge=cast(Any, outcome) if sent else None,
        )

    @strawberry.mutation(description="Sign in with a code that was sent (F002)")
    async def sign_in_with_code(
        self, info: Info, input: Annotated[SignInWithCodeInput, strawberry.argument(description="Which code")]
    ) -> SignInPayload:
        outcome = await sign_in.with_code(info.context, input.challenge_id, input.code)
        return _entered(outcome, input.client_mutation_id)

    @strawberry.mutation(description="End this session, or all of the user's (F025)")
    async def sign_out(
        self, info: Info, input: Annotated[SignOutInput, strawberry.argument(description="Which sessions")]
    ) -> SimplePayload:
        await sign_in.out(info.context, everywhere=input.everywhere)
        return SimplePayload(client_mutation_id=input.client_mutation_id, user_errors=[])


def _entered(outcome: Entered | Refusal, client_mutation_id: str | None) -> SignInPayload:
    entered = outcome if isinstance(outcome, Entered) else None
    return SignInPayload(
        client_mutation_id=client_mutation_id,
        user_errors=_errors(None if isinstance(outcome, Entered) else outcome),
        session=cast(Any, entered.session) if entered else None,
        access_token=entered.token if entered else None,
        viewer=cast(Any, entered.viewer) if entered else None,
        must_change_password=entered.viewer.must_change_password if entered else None,
    )


def _errors(refusal: Refusal | None) -> list[UserError]:
    return [] if refusal is None else [cast(UserError, refusal)]
