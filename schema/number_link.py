"""Links: which household may do what with a number or an account, and by whose consent."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry

from domain import number_link_refusals
from domain.access import HouseholdRole, LinkKind, Scope
from domain.number_link import ConsentMethod, LinkStatus, SuspensionReason
from loaders import number_links, visible
from resolvers import number_link
from resolvers.context import Info
from schema.line_payload import LinePayload, line_payload
from schema.node import Node, backed_by
from schema.payload import CLIENT_MUTATION_ID, Payload, SimplePayload, UserError, done, errors

# A line and a household name their links.
LineOfLink = Annotated["Line", strawberry.lazy("schema.line")]  # type: ignore[name-defined]  # noqa: F821
AccountOfLink = Annotated["PersonalAccount", strawberry.lazy("schema.line")]  # type: ignore[name-defined]  # noqa: F821


@strawberry.type(description="What a number's holder agreed to; rows are only ever added")
class Consent:
    method: ConsentMethod = strawberry.field(description="How the holder agreed")
    text: str = strawberry.field(description="What the holder read, word for word, with the code blacked out")
    scopes: list[Scope] = strawberry.field(description="What was agreed to; the link may have less")
    given_at: datetime = strawberry.field(description="When")
    receipt_id: strawberry.ID = strawberry.field(description="What the holder can name to the operator or a court")

    is_type_of = backed_by(number_links.Consent)


@strawberry.type(
    description="A household may do something with a number or an account, as its holder agreed (N1). Seen by whoever "
    "uses the number, and by the owner and the adults of the household"
)
class NumberLink(Node):
    kind: LinkKind = strawberry.field(description="Whether it is the household that looks after it, or another")
    status: LinkStatus = strawberry.field(description="Whether it counts")
    scopes: list[Scope] = strawberry.field(
        description="What it lets the household do; what a member may is `myScopes` of the line"
    )
    target_masked: str = strawberry.field(description="The end of the number or account that it is about")
    granted_to: str = strawberry.field(description="Who had asked, with the end of their number")
    consent: Consent | None = strawberry.field(description="The consent that counts, the newest")
    requested_at: datetime = strawberry.field(description="When it was asked for")
    confirmed_at: datetime | None = strawberry.field(description="When the holder agreed")
    reverify_by: datetime | None = strawberry.field(description="When the holder has to agree again; null: never")
    ended_at: datetime | None = strawberry.field(description="When it ended; null: it has not")
    suspended_reason: SuspensionReason | None = strawberry.field(description="Why it rests; null: it does not")
    is_mine: bool = strawberry.field(description="Whether the viewer uses the number, and may end the link any time")
    role: HouseholdRole | None = strawberry.field(
        name="myRole", description="The viewer's place in the household; null for somebody outside"
    )

    is_type_of = backed_by(number_links.NumberLink)

    @strawberry.field(graphql_type=LineOfLink | None, description="The line, if the viewer may see it")
    async def line(parent: strawberry.Parent[number_links.NumberLink], info: Info) -> visible.Line | None:
        return await info.context.loaders.line_by_id.load(parent.line_id) if parent.line_id is not None else None

    @strawberry.field(graphql_type=AccountOfLink | None, description="The account, if the viewer may see it")
    async def personal_account(
        parent: strawberry.Parent[number_links.NumberLink], info: Info
    ) -> visible.Account | None:
        key = parent.account_id
        return await info.context.loaders.account_by_id.load(key) if key is not None else None


@strawberry.type(description="The holder has to agree to this first (I6)")
class ConsentRequired(UserError):
    is_type_of = backed_by(number_link_refusals.ConsentRequired)


@strawberry.type(description="The link has ended, or rests: it gives nothing")
class LinkEnded(UserError):
    is_type_of = backed_by(number_link_refusals.LinkEnded)


LINK_ERRORS = (ConsentRequired, LinkEnded)


@strawberry.type(description="A link, or why it was not made or changed")
class NumberLinkPayload(Payload):
    link: NumberLink | None = strawberry.field(description="The link as it is now; null when nothing was changed")


@strawberry.input(description="Which link is to end")
class RevokeLinkInput:
    link_id: strawberry.ID = strawberry.field(description="Its global id")
    silent: bool = strawberry.field(
        default=False,
        description="For whoever uses the number: no message to it, and the household is told no more than that the "
        "line is not linked any more (E34)",
    )
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="What a link is to let its household do")
class UpdateLinkScopesInput:
    link_id: strawberry.ID = strawberry.field(description="Its global id")
    scopes: list[Scope] = strawberry.field(description="All that it gives from now on")
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.input(description="What to call a line")
class RenameLineInput:
    line_id: strawberry.ID = strawberry.field(description="Its global id: an own line, or one that is linked")
    label: str | None = strawberry.field(description='1 to 64 characters, such as "Бабушка"; null: nothing')
    client_mutation_id: str | None = strawberry.field(default=None, description=CLIENT_MUTATION_ID)


@strawberry.type
class NumberLinkMutation:
    @strawberry.mutation(
        description="End a link: who uses the number may always, the household's owner too, and who had asked for it. "
        "Rights are gone at once, everywhere; nobody is asked why (F044, F051)"
    )
    async def revoke_link(
        self, info: Info, input: Annotated[RevokeLinkInput, strawberry.argument(description="Which link")]
    ) -> SimplePayload:
        refusal = await number_link.revoke(info.context, input.link_id, silent=input.silent)
        return done(refusal, input.client_mutation_id)

    @strawberry.mutation(
        description="Let a link do less, or more: who uses the number decides, and the household stays within what "
        "was agreed to last (F161)"
    )
    async def update_link_scopes(
        self, info: Info, input: Annotated[UpdateLinkScopesInput, strawberry.argument(description="Which scopes")]
    ) -> NumberLinkPayload:
        outcome = await number_link.update_scopes(info.context, input.link_id, input.scopes)
        return link_payload(outcome, input.client_mutation_id)

    @strawberry.mutation(
        description="Call a line something: an own one for oneself, a linked one for the household (F161)"
    )
    async def rename_line(
        self, info: Info, input: Annotated[RenameLineInput, strawberry.argument(description="What to call it")]
    ) -> LinePayload:
        outcome = await number_link.rename_line(info.context, input.line_id, input.label)
        return line_payload(outcome, input.client_mutation_id)


def link_payload(outcome: object, client_mutation_id: str | None) -> NumberLinkPayload:
    """The payload of whatever makes or changes a link."""
    link = outcome if isinstance(outcome, number_links.NumberLink) else None
    refusal = None if link is not None else outcome
    return NumberLinkPayload(
        client_mutation_id=client_mutation_id, user_errors=errors(cast(Any, refusal)), link=cast(Any, link)
    )
