"""What a user does for the safety of the cabinet: passwords, sessions, fresh proofs."""

from typing import Annotated, Any, cast

import strawberry

from auth.password_change import PasswordChanged
from domain.access import AccessLevel
from domain.language import Language
from domain.refusals import Refusal
from domain.sign_in import RecoveryChannel
from resolvers import account_security, viewer
from resolvers.context import Info
from schema.payload import CLIENT_MUTATION_ID, Payload, SimplePayload, done, errors
from schema.sign_in import ChallengePayload, SignInPayload, asked, entered
from schema.viewer import User


@strawberry.input(description="The password there is, and the one there is to be")
class ChangePasswordInput:
    current_password: str = strawberry.field(description="The current one; anything where there is none yet")
    new_password: str = strawberry.field(description="The new one, as `operator.passwordPolicy` wants it")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="Whose password was forgotten, and how to prove it")
class RequestPasswordResetInput:
    identifier: str = strawberry.field(description="The number, with or without its prefix (F004)")
    channel: RecoveryChannel = strawberry.field(description="How to send the code")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A code that was sent, and a new password")
class ResetPasswordInput:
    challenge_id: strawberry.ID = strawberry.field(description="The challenge that asking for the code gave")
    code: str = strawberry.field(description="The digits of the message")
    new_password: str = strawberry.field(description="The new one, as `operator.passwordPolicy` wants it")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A session of the viewer's")
class RevokeSessionInput:
    session_id: strawberry.ID = strawberry.field(description="Its global id")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="Nothing but the wish for a code")
class RequestStepUpInput:
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A code that was sent for a fresh proof")
class StepUpInput:
    challenge_id: strawberry.ID = strawberry.field(description="The challenge that asking for the code gave")
    code: str = strawberry.field(description="The digits of the message")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="What the operator's network says of the SIM")
class SignInFromNetworkInput:
    network_token: str = strawberry.field(description="The token that the network added; it works once, for a minute")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="How far the operator's network may let in")
class SetNetworkAutoLoginInput:
    level: AccessLevel | None = strawberry.field(
        default=None, description="FULL, or PARTIAL: look and pay. Left out: PARTIAL, as before anything was chosen"
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="The language of messages")
class SetLanguageInput:
    language: Language = strawberry.field(description="One of `operator.languages`")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="What users say of themselves")
class UpdateProfileInput:
    display_name: str = strawberry.field(description="How to be called: 1 to 100 characters on one line")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type(description="The viewer's own data, or why it was not changed")
class UserPayload(Payload):
    user: User | None = strawberry.field(description="The user as it is now; null when nothing was changed")


@strawberry.type
class AccountSecurityMutation:
    @strawberry.mutation(
        description="Change the password (F019); all other sessions end. What a temporary password is for (F009)"
    )
    async def change_password(
        self, info: Info, input: Annotated[ChangePasswordInput, strawberry.argument(description="Old and new")]
    ) -> SimplePayload:
        outcome = await account_security.change_password(info.context, input.current_password, input.new_password)
        return done(None if isinstance(outcome, PasswordChanged) else outcome, input.client_mutation_id)

    @strawberry.mutation(
        description="Ask for a code to set a new password with (F016, F017); the answer is the same for every number"
    )
    async def request_password_reset(
        self, info: Info, input: Annotated[RequestPasswordResetInput, strawberry.argument(description="Whose")]
    ) -> ChallengePayload:
        outcome = await account_security.request_password_reset(info.context, input.identifier, input.channel)
        return asked(outcome, input.client_mutation_id)

    @strawberry.mutation(description="Set a new password with the code, and sign in; all other sessions end")
    async def reset_password(
        self, info: Info, input: Annotated[ResetPasswordInput, strawberry.argument(description="Code and password")]
    ) -> SignInPayload:
        outcome = await account_security.reset_password(
            info.context, input.challenge_id, input.code, input.new_password
        )
        return entered(outcome, input.client_mutation_id)

    @strawberry.mutation(description="End a session from afar (F027): its next request is refused")
    async def revoke_session(
        self, info: Info, input: Annotated[RevokeSessionInput, strawberry.argument(description="Which session")]
    ) -> SimplePayload:
        return done(await account_security.revoke_session(info.context, input.session_id), input.client_mutation_id)

    @strawberry.mutation(description="Send a code to the viewer's own number, for `stepUp`")
    async def request_step_up(
        self, info: Info, input: Annotated[RequestStepUpInput, strawberry.argument(description="For which request")]
    ) -> ChallengePayload:
        return asked(await account_security.request_step_up(info.context), input.client_mutation_id)

    @strawberry.mutation(
        description="Prove with the code who is at the screen: for ten minutes this session may do what needs it (F028)"
    )
    async def step_up(
        self, info: Info, input: Annotated[StepUpInput, strawberry.argument(description="Which code")]
    ) -> SimplePayload:
        refusal = await account_security.confirm_step_up(info.context, input.challenge_id, input.code)
        return done(refusal, input.client_mutation_id)

    @strawberry.mutation(description="Sign in by the operator's own network, which knows the SIM (F022)")
    async def sign_in_from_network(
        self, info: Info, input: Annotated[SignInFromNetworkInput, strawberry.argument(description="Which token")]
    ) -> SignInPayload:
        outcome = await account_security.sign_in_from_network(info.context, input.network_token)
        return entered(outcome, input.client_mutation_id)

    @strawberry.mutation(description="Choose how far the operator's network lets in (F022)")
    async def set_network_auto_login(
        self, info: Info, input: Annotated[SetNetworkAutoLoginInput, strawberry.argument(description="How far")]
    ) -> SimplePayload:
        return done(await account_security.set_network_auto_login(info.context, input.level), input.client_mutation_id)

    @strawberry.mutation(description="Choose the language of messages (F032)")
    async def set_language(
        self, info: Info, input: Annotated[SetLanguageInput, strawberry.argument(description="Which language")]
    ) -> UserPayload:
        refusal = await account_security.set_language(info.context, input.language)
        return user_payload(info, refusal, input.client_mutation_id)

    @strawberry.mutation(description="Choose how to be called (F033)")
    async def update_profile(
        self, info: Info, input: Annotated[UpdateProfileInput, strawberry.argument(description="What to change")]
    ) -> UserPayload:
        refusal = await account_security.set_display_name(info.context, input.display_name)
        return user_payload(info, refusal, input.client_mutation_id)


def user_payload(info: Info, refusal: Refusal | None, client_mutation_id: str | None) -> UserPayload:
    """The payload of everything that changes the viewer's own data."""
    return UserPayload(
        client_mutation_id=client_mutation_id,
        user_errors=errors(refusal),
        user=cast(Any, viewer.user(info.context.require_viewer())) if refusal is None else None,
    )
