"""Asking a number's holder for a link, and answering who asks."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any, cast

import strawberry

from auth import challenge as codes
from domain import link_request_refusals
from domain.access import LinkKind, Scope
from domain.challenge import ChallengeChannel
from domain.channel import Channel
from domain.link_request_refusals import LinkChoice
from domain.number_link import LinkStatus
from loaders import link_requests, number_links
from resolvers import link_request
from resolvers.context import Info
from resolvers.link_request import Asked
from schema.challenge import Challenge, ConfirmChallengeInput
from schema.line import Line
from schema.node import Node, backed_by
from schema.number_link import NumberLink, NumberLinkPayload, link_payload
from schema.payload import CLIENT_MUTATION_ID, Payload, SimplePayload, UserError, done, errors
from schema.scalars import MSISDN, AccountNumber


@strawberry.type(
    description="A question to whoever holds a number: to whoever asked it looks the same for every number, answered "
    "or not, until it is agreed to (F040, F161)"
)
class LinkRequest(Node):
    status: LinkStatus = strawberry.field(
        description="PENDING until it is answered, or EXPIRED with its code; `resendCode` asks once more within an hour"
    )
    kind: LinkKind = strawberry.field(description="Whether to look after the number, or to look and pay beside others")
    moves: bool = strawberry.field(
        name="move", description="Whether it is to leave the household that looks after it now (E1)"
    )
    target_masked: str = strawberry.field(description="The end of the number or account that it is about")
    requested_by: str = strawberry.field(description="Who asks, with the end of their number, as the message says")
    requested_scopes: list[Scope] = strawberry.field(description="What for")
    is_incoming: bool = strawberry.field(description="Whether the viewer answers it, with `approveLinkRequest`")
    created_at: datetime = strawberry.field(description="When it was asked")
    expires_at: datetime = strawberry.field(description="Until when it can be answered")

    is_type_of = backed_by(link_requests.LinkRequest)

    @strawberry.field(
        graphql_type=Challenge | None,
        description="What the session that asked gives to `confirmNumberLink` with the code; null for everybody else",
    )
    def challenge(parent: strawberry.Parent[link_requests.LinkRequest]) -> codes.Challenge | None:
        return parent.challenge

    @strawberry.field(graphql_type=NumberLink | None, description="What came of it; null while nothing did")
    async def link(parent: strawberry.Parent[link_requests.LinkRequest], info: Info) -> number_links.NumberLink | None:
        key = parent.link_id
        return await info.context.loaders.number_link_by_id.load(key) if key is not None else None


@strawberry.type(description="Scopes that no link of this kind has: see `scopes` (I4, I15)")
class ScopesNotLinkable(UserError):
    scopes: list[Scope] = strawberry.field(description="Those to leave out")

    is_type_of = backed_by(link_request_refusals.ScopesNotLinkable)


@strawberry.type(description="A number of another country, as its form shows (E5)")
class NumberNotOfOperator(UserError):
    is_type_of = backed_by(link_request_refusals.NumberNotOfOperator)


@strawberry.type(description="The household has as many numbers as it may (E6)")
class NumberLimitReached(UserError):
    most: int = strawberry.field(description="How many that is")

    is_type_of = backed_by(link_request_refusals.NumberLimitReached)


@strawberry.type(description="Another household looks after the number; told after its holder's proof only (E1, E20)")
class NumberAlreadyLinked(UserError):
    choices: list[LinkChoice] = strawberry.field(description="What can be asked for in its place")

    is_type_of = backed_by(link_request_refusals.NumberAlreadyLinked)


@strawberry.type(description="Links are begun elsewhere only (F043)")
class LinkChannelNotAllowed(UserError):
    channels: list[Channel] = strawberry.field(description="Where")

    is_type_of = backed_by(link_request_refusals.LinkChannelNotAllowed)


@strawberry.type(description="The number has another SIM than when it was asked (E13)")
class SimChanged(UserError):
    is_type_of = backed_by(link_request_refusals.SimChanged)


@strawberry.type(description="The number belongs to another contract than when it was asked (E26)")
class ContractChanged(UserError):
    is_type_of = backed_by(link_request_refusals.ContractChanged)


@strawberry.type(description="Whoever asked may not link numbers to this household any more (E18)")
class NotAMember(UserError):
    is_type_of = backed_by(link_request_refusals.NotAMember)


@strawberry.type(description="What the number's holder read does not hold any more: ask again (E19)")
class QuestionChanged(UserError):
    is_type_of = backed_by(link_request_refusals.QuestionChanged)


@strawberry.type(description="The request was answered, or its time is over")
class RequestClosed(UserError):
    is_type_of = backed_by(link_request_refusals.RequestClosed)


@strawberry.type(
    description="An account's number alone gives nothing: its holder has to agree, by a code to the telephone of the "
    "contract, if there is one (E41, E42)"
)
class AccountAsked(UserError):
    is_type_of = backed_by(link_request_refusals.AccountAsked)

    @strawberry.field(
        graphql_type=LinkRequest | None, description="The question, whose code goes to `confirmNumberLink`"
    )
    async def link_request(self: Any, info: Info) -> link_requests.LinkRequest | None:
        return await link_request.by_id(info.context, self.request_id)


LINK_REQUEST_ERRORS = (
    ScopesNotLinkable,
    NumberNotOfOperator,
    NumberLimitReached,
    NumberAlreadyLinked,
    LinkChannelNotAllowed,
    SimChanged,
    ContractChanged,
    NotAMember,
    QuestionChanged,
    RequestClosed,
    AccountAsked,
)

SCOPES = "What the household is to be able to do; of an adult's number DETAILS has a sentence of its own (I9)"


@strawberry.input(description="Which number to link, and for what")
class RequestNumberLinkInput:
    msisdn: MSISDN = strawberry.field(description="The number, with or without its prefix")
    scopes: list[Scope] = strawberry.field(description=SCOPES)
    kind: LinkKind = strawberry.field(
        default=LinkKind.PRIMARY, description="SECONDARY: to look and pay beside the household that looks after it"
    )
    household_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="For which household; the viewer's own when left out, and one is made with the first link of "
        "whoever has none",
    )
    channel: ChallengeChannel | None = strawberry.field(
        default=None, description="SMS when left out, or another way of the operator's that reaches the SIM"
    )
    move: bool = strawberry.field(
        default=False,
        description="After NUMBER_ALREADY_LINKED: the number is to leave the household that looks after it, which its "
        "user confirms once more (E1)",
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A request to say yes to")
class ApproveLinkRequestInput:
    link_request_id: strawberry.ID = strawberry.field(description="One of `viewer.linkRequests`")
    scopes: list[Scope] = strawberry.field(description="All that was asked for, or less")
    move: bool = strawberry.field(
        default=False, description="True ends the link of the household that looks after the number now"
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A request to say no to")
class DeclineLinkRequestInput:
    link_request_id: strawberry.ID = strawberry.field(description="One of `viewer.linkRequests`")
    report_abuse: bool = strawberry.field(
        default=False, description="True: nothing that they ask of this number reaches it any more"
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="Whether others may ask for a number")
class SetLinkPrivacyInput:
    line_id: strawberry.ID = strawberry.field(description="A number of the viewer's own")
    allow_requests: bool = strawberry.field(description="False: no question reaches it, and nobody is told (E16)")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="A number whose password one knows")
class LinkNumberWithPasswordInput:
    login: str = strawberry.field(description="What its cabinet is signed in to with")
    password: str = strawberry.field(description="The password of that cabinet")
    scopes: list[Scope] = strawberry.field(
        description="What the household is to be able to do; TARIFF, AUTOPAY and DETAILS need a code to the number"
    )
    kind: LinkKind = strawberry.field(default=LinkKind.PRIMARY, description="As for `requestNumberLink`")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="An account of internet, TV or another service without a SIM")
class LinkPersonalAccountInput:
    account_number: AccountNumber = strawberry.field(description="Its number")
    password: str | None = strawberry.field(
        default=None, description="The installer's password (F012); without it the telephone of the contract is asked"
    )
    scopes: list[Scope] = strawberry.field(
        description="What the household is to be able to do; TARIFF, AUTOPAY and DETAILS need a code"
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type(description="A question that was asked, what made it needless, or why it was not asked")
class LinkRequestPayload(Payload):
    link_request: LinkRequest | None = strawberry.field(description="The question; the same for every number")
    link: NumberLink | None = strawberry.field(description="The household's own link, where it has one already (E3)")
    line: Line | None = strawberry.field(description="The viewer's own number, which needs no link (E4)")


@strawberry.type
class LinkRequestMutation:
    @strawberry.mutation(
        description="Ask a number's holder to let one's household manage it (F040); the answer is the same for every "
        "number (I11)"
    )
    async def request_number_link(
        self, info: Info, input: Annotated[RequestNumberLinkInput, strawberry.argument(description="Which number")]
    ) -> LinkRequestPayload:
        scopes = frozenset(input.scopes)
        outcome = await link_request.ask(
            info.context, input.msisdn, scopes, input.kind, input.household_id, input.channel, move=input.move
        )
        asked = outcome if isinstance(outcome, Asked) else Asked()
        return LinkRequestPayload(
            client_mutation_id=input.client_mutation_id,
            user_errors=errors(None if isinstance(outcome, Asked) else outcome),
            link_request=cast(Any, asked.request),
            link=cast(Any, asked.link),
            line=cast(Any, asked.line),
        )

    @strawberry.mutation(
        description="Link the number by the code that it got, in the session that asked (F040); of two households one "
        "gets it (E20)"
    )
    async def confirm_number_link(
        self, info: Info, input: Annotated[ConfirmChallengeInput, strawberry.argument(description="Which code")]
    ) -> NumberLinkPayload:
        outcome = await link_request.confirm(info.context, input.challenge_id, input.code)
        return link_payload(outcome, input.client_mutation_id)

    @strawberry.mutation(
        description="Say yes to whoever asks for one's number, to all of it or to less: no code is read to anybody "
        "(F161)"
    )
    async def approve_link_request(
        self, info: Info, input: Annotated[ApproveLinkRequestInput, strawberry.argument(description="To whom")]
    ) -> NumberLinkPayload:
        scopes = frozenset(input.scopes)
        outcome = await link_request.approve(info.context, input.link_request_id, scopes, move=input.move)
        return link_payload(outcome, input.client_mutation_id)

    @strawberry.mutation(description="Say no to whoever asks for one's number; they are not told (F161)")
    async def decline_link_request(
        self, info: Info, input: Annotated[DeclineLinkRequestInput, strawberry.argument(description="To whom")]
    ) -> SimplePayload:
        refusal = await link_request.decline(info.context, input.link_request_id, report_abuse=input.report_abuse)
        return done(refusal, input.client_mutation_id)

    @strawberry.mutation(description="Let others ask for one's own number, or not (F161, E16)")
    async def set_link_privacy(
        self, info: Info, input: Annotated[SetLinkPrivacyInput, strawberry.argument(description="Which number")]
    ) -> SimplePayload:
        refusal = await link_request.set_privacy(info.context, input.line_id, allow_requests=input.allow_requests)
        return done(refusal, input.client_mutation_id)

    @strawberry.mutation(description="Link a number by the login and the password of its cabinet (F041)")
    async def link_number_with_password(
        self,
        info: Info,
        input: Annotated[LinkNumberWithPasswordInput, strawberry.argument(description="Which number")],
    ) -> NumberLinkPayload:
        scopes = frozenset(input.scopes)
        outcome = await link_request.with_password(info.context, input.login, input.password, scopes, input.kind)
        return link_payload(outcome, input.client_mutation_id)

    @strawberry.mutation(
        description="Link an account without a SIM: by the installer's password, or by a code to the telephone of its "
        "contract (F042, E41)"
    )
    async def link_personal_account(
        self, info: Info, input: Annotated[LinkPersonalAccountInput, strawberry.argument(description="Which account")]
    ) -> NumberLinkPayload:
        scopes = frozenset(input.scopes)
        outcome = await link_request.account(info.context, input.account_number, input.password, scopes)
        return link_payload(outcome, input.client_mutation_id)


@strawberry.type
class LinkRequestSubscription:
    @strawberry.subscription(
        graphql_type=LinkRequest,
        description="A request of the viewer's or to them, at once and when it is answered; those of the last hour "
        "where none is named",
    )
    def link_request_updated(
        self,
        info: Info,
        request_id: Annotated[strawberry.ID | None, strawberry.argument(description="Which one")] = None,
    ) -> AsyncGenerator[link_requests.LinkRequest, None]:
        return link_request.link_request_updated(info.context, request_id)
