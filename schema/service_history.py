"""The history of a line's services (F116)."""

from datetime import datetime
from typing import Any

import strawberry

from domain.catalogue import ServiceAction
from resolvers import service_history
from resolvers.context import Info
from schema.audit_log import AuditActor
from schema.catalogue import Service
from schema.money import Money
from schema.node import Node, backed_by


@strawberry.type(description="Something that happened to a service of a line (F116)")
class ServiceEvent(Node):
    action: ServiceAction = strawberry.field(description="What happened")
    at: datetime = strawberry.field(description="When")
    actor: AuditActor = strawberry.field(description="Who did it; the operator, where it came about by itself")
    charge: Money | None = strawberry.field(description="What was charged with it; null for nothing")

    is_type_of = backed_by(service_history.ServiceEvent)

    @strawberry.field(graphql_type=Service | None, description="Which service")
    async def service(self: Any, info: Info) -> object:
        return await info.context.loaders.service_by_id.load(self.service_id)
