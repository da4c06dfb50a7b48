"""Documents."""

from datetime import datetime
from typing import Annotated, Any, cast

import strawberry

from domain.document import DocumentKind
from resolvers import document
from resolvers.context import Info
from schema.node import Node, backed_by
from schema.scalars import URL

# An account names its receipts, which name their account.
AccountOfDocument = Annotated["PersonalAccount", strawberry.lazy("schema.line")]  # type: ignore[name-defined]  # noqa: F821


@strawberry.type(description="Something to keep, as a file")
class Document(Node):
    kind: DocumentKind = strawberry.field(description="What it is")
    title: str = strawberry.field(description="What it is called, in the operator's first language")
    issued_at: datetime = strawberry.field(description="When it came to be")

    is_type_of = backed_by(document.Document)

    @strawberry.field(
        description="Where it is to be had as PDF: for ten minutes, without a session. Ask again for a new address; "
        "null where the server has none"
    )
    def url(self: Any, info: Info) -> URL | None:
        return cast(URL | None, document.url(info.context, self))

    @strawberry.field(
        graphql_type=AccountOfDocument | None, description="What it is about; null where the viewer may not see it"
    )
    async def personal_account(self: Any, info: Info) -> Any:
        return await info.context.loaders.account_by_id.load(self.account_id)
