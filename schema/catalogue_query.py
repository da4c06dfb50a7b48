"""Looking at what the operator sells (F102, F103, F110, F111, F126)."""

from typing import Annotated

import strawberry

from domain.line import ServiceKind
from resolvers import bundle, catalogue, ringback_tone, tariff_comparison
from resolvers.context import Info
from schema.bundle import Bundle
from schema.catalogue import Service, ServiceFilter, Tariff, TariffFilter
from schema.node import AFTER, FIRST, Connection
from schema.ringback_tone import RingbackTone
from schema.tariff_comparison import TariffComparison

_COMPARED = "Global ids of tariffs for one kind of line, each once: 2 to 5"
_FOR_LINE = "A line of the viewer's: only its tariff, and those that it may change to, are compared"
_KINDS = "Only those that have all of these in them"
_TONE = "In whose title and artist are all these words, in whichever case, ё as е; at most 100 characters"


@strawberry.type
class CatalogueQuery:
    @strawberry.field(graphql_type=Connection[Tariff], description="The operator's tariffs (F102)")
    async def tariffs(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
        filter: Annotated[TariffFilter | None, strawberry.argument(description="Which tariffs")] = None,
    ) -> object:
        given = filter or TariffFilter()
        return await catalogue.tariffs(info.context, first, after, given.wanted(), given.available_for_line)

    @strawberry.field(
        graphql_type=TariffComparison,
        description="Tariffs side by side; refused where the operator's feature `tariffs.compare` is off (F103)",
    )
    async def compare_tariffs(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description=_COMPARED)],
        available_for_line: Annotated[strawberry.ID | None, strawberry.argument(description=_FOR_LINE)] = None,
    ) -> object:
        return await tariff_comparison.compared(info.context, ids, available_for_line)

    @strawberry.field(graphql_type=Connection[Service], description="The operator's services and prices (F111)")
    async def services(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
        filter: Annotated[ServiceFilter | None, strawberry.argument(description="Which services")] = None,
    ) -> object:
        given = filter or ServiceFilter()
        return await catalogue.services(info.context, first, after, given.wanted(), given.available_for_line)

    @strawberry.field(
        graphql_type=list[Bundle], description="Services of several kinds together, sold on request (F110)"
    )
    async def bundles(
        self,
        info: Info,
        service_kinds: Annotated[list[ServiceKind] | None, strawberry.argument(description=_KINDS)] = None,
    ) -> object:
        return await bundle.bundles(info.context, service_kinds)

    @strawberry.field(
        graphql_type=Connection[RingbackTone],
        description="What callers may hear instead of the ringing tone; none where the operator sells none (F126)",
    )
    async def ringback_tones(
        self,
        info: Info,
        search: Annotated[str | None, strawberry.argument(description=_TONE)] = None,
        first: Annotated[int | None, strawberry.argument(description=FIRST)] = 20,
        after: Annotated[str | None, strawberry.argument(description=AFTER)] = None,
    ) -> object:
        return await ringback_tone.tones(info.context, search, first, after)
