"""Tariffs and services: the catalogue, and what a line has of it."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry

from domain.catalogue import FeePeriod, ServiceCategory
from domain.line import ServiceKind
from domain.usage import UsageUnit
from execution.batched import batched
from loaders import catalogue, services_by_line_id, services_offered_by_key
from resolvers import catalogue as resolver
from resolvers import service_connection
from resolvers.context import Info
from schema.audit_log import AuditActor
from schema.money import Money
from schema.node import Node, backed_by

# A service names others.
OtherService = Annotated["Service", strawberry.lazy("schema.catalogue")]
# A line names its services.
LineOfSubscription = Annotated["Line", strawberry.lazy("schema.line")]  # type: ignore[name-defined]  # noqa: F821


@strawberry.type(description="What a tariff or a service includes of one unit in each of its periods")
class TariffAllowance:
    unit: UsageUnit = strawberry.field(description="The unit of `amount`")
    amount: Decimal = strawberry.field(description="How much is included; bytes are whole numbers")
    unlimited: bool = strawberry.field(description="True when there is no limit; `amount` then means nothing")
    scope: str | None = strawberry.field(description="Where it counts, such as the home region; null: everywhere")


@strawberry.type(description="How much of one unit may be chosen of a tariff (F104)")
class TariffOption:
    unit: UsageUnit = strawberry.field(description="The unit of `values`")
    values: list[Decimal] = strawberry.field(description="What may be chosen; the first is what the tariff includes")
    price_per_step: Money = strawberry.field(description="What each step above the first value adds to the fee")


@strawberry.type(description="A version of a tariff plan (F101, F102); lines keep the version that they took")
class Tariff(Node):
    code: str = strawberry.field(description="The operator's own code")
    name: str = strawberry.field(description="The name that people know it by")
    kind: ServiceKind = strawberry.field(description="Which kind of line it is for")
    fee: Money = strawberry.field(description="Charged each `feePeriod`")
    fee_period: FeePeriod = strawberry.field(description="How often the fee is charged")
    connection_fee: Money = strawberry.field(description="Charged once, when a line changes to it")
    included: list[TariffAllowance] = strawberry.field(description="What the fee pays for")
    configurable: list[TariffOption] = strawberry.field(description="What may be chosen; empty: nothing (F104)")
    terms: str | None = strawberry.field(description="The conditions in words")
    family_shareable: bool = strawberry.field(description="Whether a family may share what is included")
    archived: bool = strawberry.field(description="True when nobody can change to it any more")
    version: int = strawberry.field(description="Which edition of its terms it is; those of one `code` ascend")
    localities: list[str] = strawberry.field(description="Where it is sold; empty: everywhere")
    speed_mbps: int | None = strawberry.field(description="The speed of a fixed line; null for others")

    is_type_of = backed_by(catalogue.Tariff)


@strawberry.type(description="A service that can be switched on for a line (F111)")
class Service(Node):
    code: str = strawberry.field(description="The operator's own code")
    name: str = strawberry.field(description="The name that people know it by")
    category: ServiceCategory = strawberry.field(description="Where it stands in the catalogue")
    kind: ServiceKind = strawberry.field(description="Which kind of line it is for")
    description: str = strawberry.field(description="What it does, in the operator's language")
    connection_fee: Money = strawberry.field(description="Charged once, when it is switched on")
    fee: Money = strawberry.field(description="Charged each `feePeriod`")
    fee_period: FeePeriod = strawberry.field(description="How often the fee is charged")
    terms: str | None = strawberry.field(description="The conditions in words")
    trial_days: int | None = strawberry.field(description="Days that are free at the beginning; null: none")
    age_rating: int | None = strawberry.field(description="From which age it is; null: for everybody")
    archived: bool = strawberry.field(description="True when nobody can connect it any more")
    included: list[TariffAllowance] = strawberry.field(
        description="What it puts into the line's packages: in each period, or once for `validDays`"
    )
    valid_days: int | None = strawberry.field(
        description="For how many days it is connected; null: until it is disconnected"
    )
    content_provider: str | None = strawberry.field(description="Whose content it is; null: the operator's own")
    localities: list[str] = strawberry.field(description="Where it is sold; empty: everywhere")
    speed_mbps: int | None = strawberry.field(description="The speed of a fixed line while it is connected")
    incompatible_with: list[OtherService] = batched(
        list[OtherService],
        loader="incompatible_services_by_service_id",
        key="id",
        description="Services that a line cannot have together with it",
    )
    requires: list[OtherService] = batched(
        list[OtherService],
        loader="required_services_by_service_id",
        key="id",
        description="Services that a line must have before it",
    )

    is_type_of = backed_by(catalogue.Service)


@strawberry.type(description="A service connected to a line (F113)")
class ServiceSubscription(Node):
    service: Service = strawberry.field(description="Which service")
    since: datetime = strawberry.field(description="Since when")
    valid_until: datetime | None = strawberry.field(description="When it ends by itself; null: it does not")
    trial_ends_at: datetime | None = strawberry.field(description="When its free days end; null: it has none")
    next_charge: Money | None = strawberry.field(description="What is charged next; null: nothing")
    next_charge_at: datetime | None = strawberry.field(description="When that is charged")
    ended_at: datetime | None = strawberry.field(description="When it was switched off; null while it is on")
    paid_until: datetime | None = strawberry.field(
        description="Up to when one that was switched off is paid for: coming back before then costs nothing"
    )
    line: LineOfSubscription | None = batched(
        LineOfSubscription | None, loader="line_by_id", key="line_id", description="The line that has it"
    )
    connected_by: AuditActor = batched(
        AuditActor,
        loader="connector_by_subscription_id",
        key="id",
        description="Who connected it; the operator, where it is not known to be somebody else",
    )

    is_type_of = backed_by(services_by_line_id.ServiceSubscription)

    @strawberry.field(description="Whether the viewer may switch it off; a child asks its owner about a paid one")
    async def can_disconnect(self: Any, info: Info) -> bool:
        return await service_connection.can_disconnect(info.context, self)


_FOR_LINE = "Which this line may be offered: it fits, is sold there, and the line does not have it; an id of a `Line`"
_LOCALITY = "Sold in this place, such as Казань"
_SEARCH = "In whose {where} are all these words, in whichever case, ё as е; at most 100 characters"


@strawberry.input(description="Which tariffs to list; what is left out does not matter")
class TariffFilter:
    kind: ServiceKind | None = strawberry.field(default=None, description="For this kind of line")
    locality: str | None = strawberry.field(default=None, description=_LOCALITY)
    available_for_line: strawberry.ID | None = strawberry.field(default=None, description=_FOR_LINE)
    archived: bool = strawberry.field(default=False, description="True lists the archived ones instead")
    search: str | None = strawberry.field(default=None, description=_SEARCH.format(where="name, code or terms"))

    def wanted(self) -> resolver.TariffFilter:
        """As the resolver takes it. Raises CallerError for what cannot be looked for."""
        return resolver.TariffFilter(
            kind=self.kind,
            locality=resolver.place_of(self.locality),
            archived=self.archived,
            words=resolver.words_of(self.search),
        )


@strawberry.input(description="Which services to list; what is left out does not matter (F114)")
class ServiceFilter:
    kind: ServiceKind | None = strawberry.field(default=None, description="For this kind of line")
    categories: list[ServiceCategory] | None = strawberry.field(default=None, description="In one of these categories")
    paid_only: bool | None = strawberry.field(default=None, description="True: with a fee of any kind")
    free_only: bool | None = strawberry.field(default=None, description="True: without any fee")
    fee_period: FeePeriod | None = strawberry.field(default=None, description="Whose fee is charged this often")
    locality: str | None = strawberry.field(default=None, description=_LOCALITY)
    available_for_line: strawberry.ID | None = strawberry.field(default=None, description=_FOR_LINE)
    search: str | None = strawberry.field(
        default=None, description=_SEARCH.format(where="name, description, provider or code")
    )

    def wanted(self) -> services_offered_by_key.ServiceFilter:
        """As the resolver takes it. Raises CallerError for what cannot be looked for."""
        return services_offered_by_key.ServiceFilter(
            kind=self.kind,
            categories=None if self.categories is None else tuple(self.categories),
            fee_period=self.fee_period,
            paid=resolver.paid_or_free(self.paid_only, self.free_only),
            locality=resolver.place_of(self.locality),
            words=resolver.words_of(self.search),
        )
