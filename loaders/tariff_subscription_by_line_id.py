"""The tariff of a line now (F101), and what waits for its next period (F106)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from domain.catalogue import Allowance
from domain.tariff import as_it_is
from loaders.catalogue import Tariff
from loaders.catalogue_memory import Plan, plans
from loaders.scope import Entry, ReadScope
from models.reader import Statement


# A page may show hundreds: what is frozen takes several times as long to make.
@dataclass(slots=True)
class TariffSubscription:
    """A line's tariff, since when, and when its fee is due next.

    `configuration` is None where nothing can be chosen. `pending_change` is the tariff that the next period begins
    with; that is no line's yet.
    """

    tariff: Tariff
    since: datetime
    next_charge_at: datetime | None
    configuration: list[Allowance] | None = None
    pending_change: "TariffSubscription | None" = None
    line_id: int | None = None


class _Row(NamedTuple):
    line_id: int
    since: datetime
    next_charge_at: datetime | None
    tariff_id: int
    tariff_version: int
    configuration: list[dict[str, Any]]
    pending_id: int | None
    pending_version: int | None
    pending_configuration: list[dict[str, Any]] | None
    pending_at: datetime | None

    @property
    def entries(self) -> Iterator[Entry]:
        """The tariffs that it names."""
        yield Entry(self.tariff_id, self.tariff_version)
        if self.pending_id is not None and self.pending_version is not None:
            yield Entry(self.pending_id, self.pending_version)


SUBSCRIPTIONS = Statement(
    """
select ts.line_id, ts.since, ts.next_charge_at, t.id, t.xmin, ts.configuration, p.id, p.xmin,
  ts.pending_configuration, ts.pending_at
from tariff_subscription ts join tariff t on t.id = ts.tariff_id
left join tariff p on p.id = ts.pending_tariff_id
where ts.line_id = any($1::bigint[])
""",
    _Row,
)


async def tariff_subscription_by_line_id(
    scope: ReadScope, line_ids: Sequence[int]
) -> Mapping[int, TariffSubscription | None]:
    rows = await scope.reads.fetch(SUBSCRIPTIONS, line_ids)
    named = await plans(scope, (entry for row in rows for entry in row.entries))
    return {row.line_id: _subscription(row, named) for row in rows if row.tariff_id in named}


def _subscription(row: _Row, named: Mapping[int, Plan]) -> TariffSubscription:
    plan = named[row.tariff_id]
    return TariffSubscription(
        tariff=plan.tariff,
        since=row.since,
        next_charge_at=row.next_charge_at,
        configuration=_chosen(plan, row.configuration),
        pending_change=_pending(row, named),
        line_id=row.line_id,
    )


def _pending(row: _Row, named: Mapping[int, Plan]) -> TariffSubscription | None:
    plan = named.get(row.pending_id) if row.pending_id is not None else None
    if plan is None or row.pending_at is None:
        return None
    chosen = _chosen(plan, row.pending_configuration or [])
    return TariffSubscription(plan.tariff, row.pending_at, row.pending_at, chosen)


def _chosen(plan: Plan, stored: list[dict[str, Any]]) -> list[Allowance] | None:
    return [Allowance(unit, value) for unit, value in as_it_is(plan.options, stored)] or None
