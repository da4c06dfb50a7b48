"""Social sign-in (F021): OpenID Connect with PKCE, of which a front end knows only the networks' names."""

from typing import Annotated

import strawberry

from domain.sign_in import SocialProvider
from execution.once import Once
from gateways.oidc import AuthorizationCode
from resolvers import social
from resolvers.context import Info
from schema.payload import CLIENT_MUTATION_ID, SimplePayload, done
from schema.scalars import URL
from schema.sign_in import SignInPayload, entered

_NETWORK = "Which network"
_CODE = "The `code` that the network's answer brought; it works once"
_VERIFIER = "The PKCE verifier whose challenge was given to `socialAuthorizationUrl`"
_ADDRESS = "Where the network sent the user back to, exactly as it was asked for"


@strawberry.input(description="What came back from the network, to bind the account")
class LinkSocialAccountInput:
    provider: SocialProvider = strawberry.field(description=_NETWORK)
    authorization_code: str = strawberry.field(description=_CODE)
    code_verifier: str = strawberry.field(description=_VERIFIER)
    redirect_uri: URL = strawberry.field(description=_ADDRESS)
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="What came back from the network, to sign in")
class SignInWithSocialInput:
    provider: SocialProvider = strawberry.field(description=_NETWORK)
    authorization_code: str = strawberry.field(description=_CODE)
    code_verifier: str = strawberry.field(description=_VERIFIER)
    redirect_uri: URL = strawberry.field(description=_ADDRESS)
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A bound account")
class UnlinkSocialAccountInput:
    social_account_id: strawberry.ID = strawberry.field(description="Its global id, from `viewer.socialAccounts`")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class SocialQuery:
    @strawberry.field(
        extensions=[Once()],
        description="Where to send a user who is to sign in with a network, or to bind an account of it (F021); null "
        "where the operator does not offer the network, and `operator.features` says why",
    )
    async def social_authorization_url(
        self,
        info: Info,
        provider: Annotated[SocialProvider, strawberry.argument(description=_NETWORK)],
        redirect_uri: Annotated[
            str,
            strawberry.argument(description="Where the network is to send the user back to: a registered address"),
        ],
        code_challenge: Annotated[
            str,
            strawberry.argument(
                description="PKCE: the SHA-256 of a random verifier that the front end keeps, in base64url"
            ),
        ],
        state: Annotated[
            str,
            strawberry.argument(description="Random text that comes back unchanged, for the front end to check"),
        ],
    ) -> str | None:
        return await social.authorization_url(info.context, provider, redirect_uri, code_challenge, state)


@strawberry.type
class SocialMutation:
    @strawberry.mutation(description="Bind an account of a social network, which opens this cabinet then (F021)")
    async def link_social_account(
        self,
        info: Info,
        input: Annotated[LinkSocialAccountInput, strawberry.argument(description="Which account")],
    ) -> SimplePayload:
        return done(await social.link(info.context, input.provider, _brought(input)), input.client_mutation_id)

    @strawberry.mutation(description="Sign in with an account of a social network that was bound before (F021)")
    async def sign_in_with_social(
        self,
        info: Info,
        input: Annotated[SignInWithSocialInput, strawberry.argument(description="Which account")],
    ) -> SignInPayload:
        return entered(await social.sign_in(info.context, input.provider, _brought(input)), input.client_mutation_id)

    @strawberry.mutation(
        description="Unbind an account of a social network (F021); refused where nothing else would open the cabinet"
    )
    async def unlink_social_account(
        self,
        info: Info,
        input: Annotated[UnlinkSocialAccountInput, strawberry.argument(description="Which account")],
    ) -> SimplePayload:
        return done(await social.unlink(info.context, input.social_account_id), input.client_mutation_id)


def _brought(given: LinkSocialAccountInput | SignInWithSocialInput) -> AuthorizationCode:
    return AuthorizationCode(given.authorization_code, given.code_verifier, given.redirect_uri)
