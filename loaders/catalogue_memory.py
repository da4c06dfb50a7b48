"""What this process has read of the catalogue: many lines have the same few tariffs and services.

Whoever names one says its id and its version, which PostgreSQL changes whenever it changes the row: what is remembered
of another version is not asked for, and forgotten in time. So a change of the catalogue is seen at once.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from domain.tariff import Option, read_options
from execution.cache import Cache
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
from loaders.scope import Entry, ReadScope
from models.reader import Statement

T = TypeVar("T")


class Plan(NamedTuple):
    """A tariff, and what may be chosen of it."""

    tariff: Tariff
    options: tuple[Option, ...]


_TARIFFS = Statement(
    f"select t.xmin, {TARIFF_COLUMNS} from tariff t where t.id = any($1::bigint[])",
    lambda version, *columns: (version, TariffRow(*columns)),
)
_SERVICES = Statement(
    f"select s.xmin, {SERVICE_COLUMNS} from service s where s.id = any($1::bigint[])",
    lambda version, *columns: (version, ServiceRow(*columns)),
)


async def plans(scope: ReadScope, wanted: Iterable[Entry]) -> Mapping[int, Plan]:
    """Tariffs by id."""

    async def read(ids: Sequence[int]) -> list[tuple[Entry, Plan]]:
        rows = await scope.reads.fetch(_TARIFFS, ids)
        return [
            (Entry(row.id, version), Plan(tariff(scope, row), read_options(row.options_json))) for version, row in rows
        ]

    return await _remembered(scope, scope.memory.plans, wanted, read)


async def services(scope: ReadScope, wanted: Iterable[Entry]) -> Mapping[int, Service]:
    """Services by id."""

    async def read(ids: Sequence[int]) -> list[tuple[Entry, Service]]:
        rows = await scope.reads.fetch(_SERVICES, ids)
        return [(Entry(row.id, version), service(scope, row)) for version, row in rows]

    return await _remembered(scope, scope.memory.services, wanted, read)


async def _remembered(
    scope: ReadScope,
    memory: Cache[tuple[str, Entry], T],
    wanted: Iterable[Entry],
    read: Callable[[Sequence[int]], Awaitable[list[tuple[Entry, T]]]],
) -> Mapping[int, T]:
    # It is the cabinet that says in which currency.
    cabinet, missing = scope.profile.operator.id, []
    found: dict[int, T] = {}
    for entry in dict.fromkeys(wanted):
        known = memory.get((cabinet, entry))
        if known is None:
            missing.append(entry.id)
        else:
            found[entry.id] = known
    if missing:
        for entry, value in await read(sorted(missing)):
            memory.put((cabinet, entry), value, 1)
            found[entry.id] = value
    return found
