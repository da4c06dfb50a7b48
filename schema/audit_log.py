"""Who did what with a cabinet, a number or a household."""

from datetime import datetime
from typing import Annotated

import strawberry

from domain.access import HouseholdRole
from loaders import actor, visible
from resolvers import audit_log
from resolvers.context import Info
from schema.node import Node, backed_by

# A line leads to its household's links, and from there to the log.
LineOfEvent = Annotated["Line", strawberry.lazy("schema.line")]  # type: ignore[name-defined]  # noqa: F821


@strawberry.type(description="Who did something")
class AuditActor:
    label: str = strawberry.field(description="What they are called")
    role: HouseholdRole | None = strawberry.field(description="Their place in the household at that time, if any")
    is_viewer: bool = strawberry.field(description="Whether it is the one who asks")
    is_operator_staff: bool = strawberry.field(description="Whether an employee of the operator did it for them (E60)")

    is_type_of = backed_by(actor.AuditActor)


@strawberry.type(description="One thing that an event tells besides its action")
class AuditDetail:
    key: str = strawberry.field(description="What it tells, such as method or device")
    value: str = strawberry.field(description="The value; never a code, a password or a token")


@strawberry.type(description="Something that happened to a cabinet, a number or a household (F038, I16)")
class AuditEvent(Node):
    at: datetime = strawberry.field(description="When")
    action: str = strawberry.field(description="What, such as SIGNED_IN or LINK_REVOKED")
    details: list[AuditDetail] = strawberry.field(description="More about it")
    actor: AuditActor | None = strawberry.field(description="Who did it; null where that is not told (E34)")
    is_operator_staff: bool = strawberry.field(
        description="Whether an employee of the operator did it for the user (E60); `details` says who and why"
    )

    is_type_of = backed_by(audit_log.AuditEvent)

    @strawberry.field(graphql_type=LineOfEvent | None, description="The line it is about, if the viewer may see it")
    async def line(parent: strawberry.Parent[audit_log.AuditEvent], info: Info) -> visible.Line | None:
        return await info.context.loaders.line_by_id.load(parent.line_id) if parent.line_id is not None else None
