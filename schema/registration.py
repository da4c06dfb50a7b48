"""Registration, and an address of one's own."""

from typing import Annotated

import strawberry

from auth.email_binding import EmailBound
from auth.registration import LinkOnItsWay
from resolvers import account_security, registration
from resolvers.context import Info
from schema.account_security import UserPayload, user_payload
from schema.challenge import ConfirmChallengeInput
from schema.payload import CLIENT_MUTATION_ID
from schema.scalars import MSISDN
from schema.sign_in import ChallengePayload, SignInPayload, asked, entered


@strawberry.input(description="Who wants a cabinet: by an e-mail address, or by the number of a SIM")
class RegisterInput:
    email: str | None = strawberry.field(
        default=None, description="Where the link is to go; beside a number, an address to be proven later"
    )
    msisdn: MSISDN | None = strawberry.field(
        default=None, description="The number that a code is to go to, with or without its prefix (F004)"
    )
    password: str = strawberry.field(description="The password to be, as `operator.passwordPolicy` wants it")
    accept_terms: bool = strawberry.field(description="Whether the operator's terms are accepted; true")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="What was sent: the token of a link, or a code")
class ConfirmRegistrationInput:
    token: str | None = strawberry.field(default=None, description="The `token` of the link")
    challenge_id: strawberry.ID | None = strawberry.field(default=None, description="The one that `register` gave")
    code: str | None = strawberry.field(default=None, description="The digits of the message, with the challenge")
    password: str = strawberry.field(description="The password that was chosen, once more: only who chose it goes on")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="An address that is to be the viewer's")
class RequestEmailBindingInput:
    email: str = strawberry.field(description="The address")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class RegistrationMutation:
    @strawberry.mutation(
        description="Ask for a cabinet (F010): a link or a code is sent; the answer is the same for everybody"
    )
    async def register(
        self, info: Info, input: Annotated[RegisterInput, strawberry.argument(description="Who")]
    ) -> ChallengePayload:
        outcome = await registration.register(
            info.context, input.email, input.msisdn, input.password, accept_terms=input.accept_terms
        )
        if isinstance(outcome, LinkOnItsWay):
            return ChallengePayload(client_mutation_id=input.client_mutation_id, user_errors=[], challenge=None)
        return asked(outcome, input.client_mutation_id)

    @strawberry.mutation(description="Open the link, or give the code, of a registration, and sign in (F010, F011)")
    async def confirm_registration(
        self, info: Info, input: Annotated[ConfirmRegistrationInput, strawberry.argument(description="What was sent")]
    ) -> SignInPayload:
        outcome = await registration.confirm(
            info.context, input.token, input.challenge_id, input.code or "", input.password
        )
        return entered(outcome, input.client_mutation_id)

    @strawberry.mutation(description="Send a code to an e-mail address that is to be the viewer's (F031)")
    async def request_email_binding(
        self, info: Info, input: Annotated[RequestEmailBindingInput, strawberry.argument(description="Which address")]
    ) -> ChallengePayload:
        outcome = await account_security.request_email_binding(info.context, input.email)
        return asked(outcome, input.client_mutation_id)

    @strawberry.mutation(description="Prove the address with the code (F031); it restores access from now on")
    async def confirm_email_binding(
        self, info: Info, input: Annotated[ConfirmChallengeInput, strawberry.argument(description="Which code")]
    ) -> UserPayload:
        outcome = await account_security.confirm_email_binding(info.context, input.challenge_id, input.code)
        return user_payload(info, None if isinstance(outcome, EmailBound) else outcome, input.client_mutation_id)
