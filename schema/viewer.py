"""Who is signed in, and all that they see."""

from datetime import datetime
from typing import Annotated

import strawberry

from auth import session
from domain.access import AccessLevel
from domain.language import Language
from domain.line import LineStatus, ServiceKind
from domain.link_request import LinkDirection
from domain.sign_in import RecoveryChannel
from domain.ticket import TicketStatus
from execution.batched import Load, batched
from loaders.households_by_user_id import Household as HouseholdRow
from models.approval import ApprovalStatus
from resolvers import (
    account_security,
    approval,
    audit_log,
    autopay,
    guest_grant,
    invitation,
    link_request,
    number_link,
    payment,
    payment_method,
    ticket,
    viewer,
)
from resolvers import widget as widgets
from resolvers.context import Info
from schema.approval import ApprovalRequest
from schema.audit_log import AuditEvent
from schema.autopay_rule import AutopayRule
from schema.guest_grant import GuestGrant
from schema.household import Household, HouseholdInvitation
from schema.line import Line, PersonalAccount
from schema.link_request import LinkRequest
from schema.node import AFTER, FIRST, Connection, Node, backed_by
from schema.number_link import NumberLink
from schema.payment import Payment, PaymentFilter
from schema.payment_method import PaymentMethod
from schema.session import Session
from schema.social_account import SocialAccount
from schema.ticket import Ticket
from schema.widget import WidgetSnapshot


@strawberry.input(description="Which of the viewer's numbers to list; what is left out does not matter")
class LineFilter:
    status: list[LineStatus] | None = strawberry.field(default=None, description="In one of these states")
    own: bool | None = strawberry.field(default=None, description="True: own numbers; false: the linked ones")


@strawberry.type(description="A cabinet identity")
class User(Node):
    display_name: str = strawberry.field(description="How the user is called")
    login: str | None = strawberry.field(description="What the user signs in with, the telephone number first")
    custom_login: str | None = strawberry.field(description="The login of the user's own choosing (F020); null: none")
    language: Language = strawberry.field(description="The language of messages")
    must_change_password: bool = strawberry.field(description="Whether the password is a temporary one (F009)")
    recovery_channels: list[RecoveryChannel] = strawberry.field(
        description="The ways back in that the user leaves open; all of the operator's where none was chosen (F018)"
    )
    created_at: datetime = strawberry.field(description="Since when the cabinet exists")

    is_type_of = backed_by(viewer.User)


@strawberry.type(description="Who is signed in: the root of everything personal")
class Viewer(Node):
    access_level: AccessLevel = strawberry.field(description="How far this session reaches (F029)")
    stepped_up: bool = strawberry.field(
        description="Whether a fresh code was given within ten minutes, which some actions ask for (F028)"
    )

    # A widget sees what its fields give to somebody who is nobody (N13).
    is_type_of = backed_by(session.Viewer, session.Widget)

    @strawberry.field(graphql_type=User, description="The viewer's own data")
    def user(self, info: Info) -> viewer.User:
        return viewer.user(info.context.require_viewer())

    @strawberry.field(
        graphql_type=Connection[Line],
        description="Mobile numbers the viewer may have to do with: own ones first, then the linked ones (F039, F045)",
    )
    async def linked_numbers(
        parent: strawberry.Parent[session.Viewer],
        info: Info,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
        filter: Annotated[LineFilter | None, strawberry.argument(description="Which numbers")] = None,
    ) -> object:
        wanted = viewer.LineFilter(filter.status, filter.own) if filter else viewer.LineFilter()
        return await viewer.linked_numbers(info.context, first, after, wanted)

    @strawberry.field(
        graphql_type=Connection[PersonalAccount],
        description="Personal accounts the viewer may have to do with, by opening (F039, F046)",
    )
    async def personal_accounts(
        parent: strawberry.Parent[session.Viewer],
        info: Info,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
        kind: Annotated[ServiceKind | None, strawberry.argument(description="Only those of this service")] = None,
    ) -> object:
        return await viewer.personal_accounts(info.context, first, after, kind)

    @strawberry.field(
        graphql_type=Household | None,
        description="The household that the viewer owns, else the one joined first; null when there is none",
    )
    def household(parent: strawberry.Parent[session.Viewer], info: Info) -> Load[HouseholdRow | None]:
        return viewer.household(info.context, parent)

    @strawberry.field(
        graphql_type=list[Session], description="Where the viewer is signed in, this session first (F027)"
    )
    async def sessions(self, info: Info) -> object:
        return await account_security.viewer_sessions(info.context)

    @strawberry.field(
        graphql_type=Connection[AuditEvent],
        description="What happened to this cabinet, what others did with the viewer's numbers, and what was done to "
        "the viewer; newest first (F038, I16)",
    )
    async def audit_log(
        self,
        info: Info,
        line_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Only what is about this line; a foreign one has none"),
        ] = None,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
    ) -> object:
        return await audit_log.of_viewer(info.context, line_id, first, after)

    @strawberry.field(
        graphql_type=WidgetSnapshot,
        description="What a home-screen widget shows, cheaply: its line, or the viewer's first number (F060, N13)",
    )
    async def widget(self, info: Info) -> widgets.Snapshot:
        return await widgets.snapshot(info.context)

    social_accounts: list[SocialAccount] = batched(
        list[SocialAccount],
        loader="social_accounts_by_user_id",
        key="user_id",
        description="Accounts of social networks that open this cabinet, by the time they were bound (F021)",
    )

    @strawberry.field(
        graphql_type=list[Household],
        description="Every household the viewer is in: the owned one first, then by joining",
    )
    async def households(parent: strawberry.Parent[session.Viewer], info: Info) -> list[HouseholdRow]:
        return await viewer.households(info.context, parent)

    @strawberry.field(
        graphql_type=list[NumberLink],
        description="Who may do something with the viewer's own numbers and accounts, and with those of children "
        "whose household the viewer owns, the oldest first; `revokeLink` "
        "ends it (F051, N1)",
    )
    async def links_to_my_numbers(parent: strawberry.Parent[session.Viewer], info: Info) -> object:
        return await number_link.links_to_my_numbers(info.context)

    @strawberry.field(
        graphql_type=list[HouseholdInvitation],
        description="Open invitations to numbers and addresses that the viewer has proven, the oldest first (F050)",
    )
    async def invitations(parent: strawberry.Parent[session.Viewer], info: Info) -> object:
        return await invitation.mine(info.context)

    @strawberry.field(
        graphql_type=list[PaymentMethod],
        description="What the viewer may pay with: their own, the newest first, then what others of the household "
        "share. None in a session that the network opened, and for an employee (F079)",
    )
    async def payment_methods(parent: strawberry.Parent[session.Viewer], info: Info) -> object:
        return await payment_method.payment_methods(info.context)

    @strawberry.field(
        graphql_type=Connection[Payment],
        description="What the viewer paid, and what was paid into accounts whose payments they may see; newest first. "
        "A PARTIAL session sees none (F083)",
    )
    async def payments(
        parent: strawberry.Parent[session.Viewer],
        info: Info,
        filter: Annotated[PaymentFilter | None, strawberry.argument(description="Which payments")] = None,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
    ) -> object:
        return await payment.payments(info.context, filter.wanted() if filter else payment.Filter(), first, after)

    @strawberry.field(
        graphql_type=list[AutopayRule],
        description="What the viewer has agreed to pay without being asked, the oldest first. None in a session that "
        "the network opened, and for an employee (F080)",
    )
    async def autopay_rules(parent: strawberry.Parent[session.Viewer], info: Info) -> object:
        return await autopay.autopay_rules(info.context)

    @strawberry.field(
        graphql_type=Connection[LinkRequest],
        description="Requests to link a number, the newest first (F161)",
    )
    async def link_requests(
        parent: strawberry.Parent[session.Viewer],
        info: Info,
        direction: Annotated[
            LinkDirection, strawberry.argument(description="INCOMING: to the viewer; OUTGOING: of the viewer's")
        ] = LinkDirection.INCOMING,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
    ) -> object:
        return await link_request.requests(info.context, direction, first, after)

    @strawberry.field(
        graphql_type=Connection[ApprovalRequest],
        description="What children of the viewer's household ask for, and what the viewer asked as a child; newest "
        "first. None in a session that the network opened (F053)",
    )
    async def approval_requests(
        parent: strawberry.Parent[session.Viewer],
        info: Info,
        status: Annotated[ApprovalStatus | None, strawberry.argument(description="Only those in this state")] = None,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
    ) -> object:
        return await approval.approvals(info.context, status, first, after)

    @strawberry.field(
        graphql_type=list[GuestGrant],
        description="Links for guests that work: those that the viewer made, and those to the viewer's own lines. None "
        "in a session that the network opened (F054)",
    )
    async def guest_grants(parent: strawberry.Parent[session.Viewer], info: Info) -> object:
        return await guest_grant.guest_grants(info.context)

    @strawberry.field(
        graphql_type=Connection[Ticket],
        description="What the viewer asked the operator for, the newest first. None in a session that the network "
        "opened",
    )
    async def tickets(
        parent: strawberry.Parent[session.Viewer],
        info: Info,
        status: Annotated[TicketStatus | None, strawberry.argument(description="Only those in this state")] = None,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
    ) -> object:
        return await ticket.tickets(info.context, status, first, after)
