"""The root of reading."""

from typing import Annotated

import strawberry

from auth import session
from resolvers import node, operator
from resolvers import password as passwords
from resolvers.context import Info
from schema.catalogue_query import CatalogueQuery
from schema.guest_grant import GuestGrantQuery
from schema.node import Node
from schema.operator import Operator
from schema.password import PASSWORD, PasswordStrength
from schema.payment import PaymentQuery
from schema.social import SocialQuery
from schema.viewer import Viewer

_ID = "A global id. Unknown, foreign and malformed ids are answered alike: null"


@strawberry.type(description="Everything that can be read")
class Query(SocialQuery, PaymentQuery, GuestGrantQuery, CatalogueQuery):
    @strawberry.field(graphql_type=Viewer | None, description="Who is signed in; null without a session")
    def viewer(self, info: Info) -> session.Viewer | session.Widget | None:
        caller = info.context.caller
        if isinstance(caller, session.Viewer):
            return info.context.require_viewer()
        return caller if isinstance(caller, session.Widget) else None

    @strawberry.field(graphql_type=Node | None, description="An object by its global id, if the viewer may see it")
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description=_ID)]
    ) -> object | None:
        return await node.node(info.context, id)

    @strawberry.field(
        graphql_type=list[Node | None], description="Objects by their global ids, in the same order; at most 100"
    )
    async def nodes(
        self, info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description=_ID)]
    ) -> list[object | None]:
        return await node.nodes(info.context, ids)

    @strawberry.field(graphql_type=Operator, description="The operator of this cabinet: `X-Operator`, or the host")
    def operator(self, info: Info) -> operator.Operator:
        return operator.operator(info.context.profile)

    @strawberry.field(
        graphql_type=PasswordStrength, description="Whether a password would be taken, and how strong it is (F013)"
    )
    def password_strength(
        self, info: Info, password: Annotated[str, strawberry.argument(description=PASSWORD)]
    ) -> passwords.PasswordStrength:
        return passwords.password_strength(info.context, password)
