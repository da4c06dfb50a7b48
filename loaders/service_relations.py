"""What services mean to each other, by the id of one: those that it does not go with, and those that it needs."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.catalogue import ServiceRelationKind
from loaders.catalogue import SERVICE_COLUMNS, Service, ServiceRow, service
from loaders.scope import ReadScope
from models.reader import Statement


def _row(asked_id: int, *columns: Any) -> tuple[int, ServiceRow]:
    return asked_id, ServiceRow(*columns)


# Two that do not go together are stored as one pair, whichever was named first.
INCOMPATIBLE = Statement(
    f"""
select pair.asked, {SERVICE_COLUMNS}
from (
  select service_id as asked, other_id as other, kind from service_relation where service_id = any($1::bigint[])
  union select other_id, service_id, kind from service_relation where other_id = any($1::bigint[])
) pair join service s on s.id = pair.other
where pair.kind = '{ServiceRelationKind.INCOMPATIBLE}'
order by pair.asked, s.id
""",
    _row,
)

REQUIRED = Statement(
    f"""
select r.service_id, {SERVICE_COLUMNS}
from service_relation r join service s on s.id = r.other_id
where r.service_id = any($1::bigint[]) and r.kind = '{ServiceRelationKind.REQUIRES}'
order by r.service_id, s.id
""",
    _row,
)


async def incompatible_services_by_service_id(
    scope: ReadScope, service_ids: Sequence[int]
) -> Mapping[int, list[Service]]:
    return await _related(scope, INCOMPATIBLE, service_ids)


async def required_services_by_service_id(scope: ReadScope, service_ids: Sequence[int]) -> Mapping[int, list[Service]]:
    return await _related(scope, REQUIRED, service_ids)


async def _related(
    scope: ReadScope, statement: Statement[tuple[int, ServiceRow]], service_ids: Sequence[int]
) -> Mapping[int, list[Service]]:
    related: dict[int, list[Service]] = {}
    for asked, row in await scope.reads.fetch(statement, service_ids):
        related.setdefault(asked, []).append(service(scope, row))
    return related
