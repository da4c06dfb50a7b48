"""A tariff or a service of this cabinet's catalogue by its id, archived ones included."""

from collections.abc import Mapping, Sequence

from loaders.catalogue import (
    SERVICE_COLUMNS,
    TARIFF_COLUMNS,
    Service,
    ServiceRow,
    Tariff,
    TariffRow,
    service,
    tariff,
)
from loaders.scope import ReadScope
from models.reader import Statement

TARIFFS = Statement(
    f"select {TARIFF_COLUMNS} from tariff t where t.id = any($1::bigint[]) and t.operator = $2", TariffRow
)
SERVICES = Statement(
    f"select {SERVICE_COLUMNS} from service s where s.id = any($1::bigint[]) and s.operator = $2", ServiceRow
)


async def tariff_by_id(scope: ReadScope, tariff_ids: Sequence[int]) -> Mapping[int, Tariff | None]:
    rows = await scope.reads.fetch(TARIFFS, tariff_ids, scope.profile.operator.id)
    return {row.id: tariff(scope, row) for row in rows}


async def service_by_id(scope: ReadScope, service_ids: Sequence[int]) -> Mapping[int, Service | None]:
    rows = await scope.reads.fetch(SERVICES, service_ids, scope.profile.operator.id)
    return {row.id: service(scope, row) for row in rows}
