"""Registration by e-mail, and an address of one's own."""

from typing import Annotated

import strawberry

from auth.email_binding import EmailBound
from auth.registration import LinkOnItsWay
from resolvers import account_security
from resolvers.context import Info
from schema.account_security import UserPayload, user_payload
from schema.payload import CLIENT_MUTATION_ID
from schema.sign_in import ChallengePayload, SignInPayload, asked, entered, errors


@strawberry.input(description="Who wants a cabinet")
class RegisterInput:
    email: str = strawberry.field(description="Where the link is to go")
    password: str = strawberry.field(description="The password to be, as `operator.passwordPolicy` wants it")
    accept_terms: bool = strawberry.field(description="Whether the operator's terms are accepted; true")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A link that was sent")
class ConfirmRegistrationInput:
    token: str = strawberry.field(description="The `token` of the link")
    password: str = strawberry.field(description="The password that was chosen, once more: only who chose it goes on")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="An address that is to be the viewer's")
class RequestEmailBindingInput:
    email: str = strawberry.field(description="The address")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A code that was sent")
class ConfirmChallengeInput:
    challenge_id: strawberry.ID = strawberry.field(description="The challenge that asking for the code gave")
    code: str = strawberry.field(description="The digits of the message")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class RegistrationMutation:
    @strawberry.mutation(
        description="Ask for a cabinet by e-mail (F010): a link is sent; the answer is the same for every address"
    )
    async def register(
        self, info: Info, input: Annotated[RegisterInput, strawberry.argument(description="Who")]
    ) -> ChallengePayload:
        outcome = await account_security.register(
            info.context, input.email, input.password, accept_terms=input.accept_terms
        )
        refusal = None if isinstance(outcome, LinkOnItsWay) else outcome
        return ChallengePayload(
            client_mutation_id=input.client_mutation_id, user_errors=errors(refusal), challenge=None
        )

    @strawberry.mutation(description="Open the link of a registration, and sign in (F011)")
    async def confirm_registration(
        self, info: Info, input: Annotated[ConfirmRegistrationInput, strawberry.argument(description="Which link")]
    ) -> SignInPayload:
        outcome = await account_security.confirm_registration(info.context, input.token, input.password)
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
