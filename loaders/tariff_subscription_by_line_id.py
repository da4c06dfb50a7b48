"""The tariff of a line now (F101), what waits for its next period (F106), and what it can go back to (F108)."""

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
    with, `can_revert_to` the one before, which is paid for up to `revert_until`.
    """

    tariff: Tariff
    since: datetime
    next_charge_at: datetime | None
    configuration: list[Allowance] | None = None
    pending_change: "TariffSubscription | None" = None
    can_revert_to: Tariff | None = None
    revert_until: datetime | None = None


class _Row(NamedTuple):
    line_id: int
    operator: str
    since: datetime
    next_charge_at: datetime | None
    tariff_id: int
    tariff_version: int
    configuration: list[dict[str, Any]]
    pending_id: int | None
    pending_version: int | None
    pending_configuration: list[dict[str, Any]] | None
    pending_at: datetime | None
    before_id: int | None
    before_version: int | None
    paid_until: datetime | None

    @property
    def entries(self) -> Iterator[Entry]:
        """The tariffs that it names."""
        yield Entry(self.tariff_id, self.tariff_version)
        for entry, version in ((self.pending_id, self.pending_version), (self.before_id, self.before_version)):
            if entry is not None and version is not None:
                yield Entry(entry, version)


# Only the last change can be taken back without saying which, and nothing while another one waits.
SUBSCRIPTIONS = Statement(
    """
select ts.line_id, t.operator, ts.since, ts.next_charge_at, t.id, t.xmin, ts.configuration, p.id, p.xmin,
  ts.pending_configuration, ts.pending_at, b.before_id, b.before_version, b.paid_until
from tariff_subscription ts join tariff t on t.id = ts.tariff_id
left join tariff p on p.id = ts.pending_tariff_id
left join lateral (
  select e.id, e.before_id, e.action from tariff_event e join line l on l.id = e.line_id
  where e.line_id = ts.line_id and (l.reissued_at is null or e.at >= l.reissued_at) order by e.id desc limit 1
) e on e.action <> 'REVERT' and ts.pending_at is null
left join lateral (
  select o.id as before_id, o.xmin as before_version, r.paid_until
  from tariff_rest r join tariff o on o.id = e.before_id and not o.archived
  where r.event_id = e.id and r.paid_until > now()
) b on true
where ts.line_id = any($1::bigint[])
""",
    _Row,
)


async def tariff_subscription_by_line_id(
    scope: ReadScope, line_ids: Sequence[int]
) -> Mapping[int, TariffSubscription | None]:
    rows = await scope.reads.fetch(SUBSCRIPTIONS, line_ids)
    named = await plans(scope, (entry for row in rows for entry in row.entries))
    return {row.line_id: _subscription(scope, row, named) for row in rows if row.tariff_id in named}


def _subscription(scope: ReadScope, row: _Row, named: Mapping[int, Plan]) -> TariffSubscription:
    plan, before = named[row.tariff_id], _back(scope, row, named)
    return TariffSubscription(
        tariff=plan.tariff,
        since=row.since,
        next_charge_at=row.next_charge_at,
        configuration=_chosen(plan, row.configuration),
        pending_change=_pending(row, named),
        can_revert_to=before,
        revert_until=row.paid_until if before is not None else None,
    )


def _back(scope: ReadScope, row: _Row, named: Mapping[int, Plan]) -> Tariff | None:
    profile = scope.profile_of(row.operator)
    if row.before_id is None or profile is None or not profile.tariffs.revert or row.before_id not in named:
        return None
    return named[row.before_id].tariff


def _pending(row: _Row, named: Mapping[int, Plan]) -> TariffSubscription | None:
    plan = named.get(row.pending_id) if row.pending_id is not None else None
    if plan is None or row.pending_at is None:
        return None
    chosen = _chosen(plan, row.pending_configuration or [])
    return TariffSubscription(plan.tariff, row.pending_at, row.pending_at, chosen)


def _chosen(plan: Plan, stored: list[dict[str, Any]]) -> list[Allowance] | None:
    return [Allowance(unit, value) for unit, value in as_it_is(plan.options, stored)] or None
