"""What happened to the tariff of a line (F107)."""

from datetime import datetime
from typing import Any

import strawberry

from domain.catalogue import TariffAction
from resolvers import tariff_history
from resolvers.context import Info
from schema.audit_log import AuditActor
from schema.catalogue import Tariff, TariffAllowance
from schema.money import Money
from schema.node import Node, backed_by


@strawberry.type(description="A change of a line's tariff (F107)")
class TariffHistoryEntry(Node):
    at: datetime = strawberry.field(description="When it began")
    action: TariffAction = strawberry.field(description="What was done")
    configuration: list[TariffAllowance] = strawberry.field(description="What was chosen of the tariff's options")
    actor: AuditActor | None = strawberry.field(description="Who did it, or had asked for it; null where nobody did")

    is_type_of = backed_by(tariff_history.TariffHistoryEntry)

    @strawberry.field(name="from", graphql_type=Tariff | None, description="The tariff before; null: there was none")
    async def before(self: Any, info: Info) -> object:
        return None if self.before_id is None else await info.context.loaders.tariff_by_id.load(self.before_id)

    @strawberry.field(name="to", graphql_type=Tariff, description="The tariff from then on")
    async def after(self: Any, info: Info) -> object:
        return await info.context.loaders.tariff_by_id.load(self.tariff_id)

    @strawberry.field(graphql_type=Money, description="What was charged for it at once")
    def charge(self: Any, info: Info) -> object:
        return tariff_history.charge(info.context, self)
