"""The tariff of a line now (F101), what waits for its next period (F106), and what it can go back to (F108)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from domain.catalogue import Allowance
from domain.tariff import as_it_is
from loaders.catalogue import TARIFF_COLUMNS, Tariff, TariffRow, options, tariff
from loaders.catalogue_by_id import tariff_by_id
from loaders.scope import ReadScope
from models.reader import Statement


@dataclass(frozen=True, slots=True)
class TariffSubscription:
    """A line's tariff, since when, and when its fee is due next.

    `configuration` is None where nothing can be chosen. `pending_change` is the tariff that the next period begins
    with, `can_revert_to` the one before, which is paid for up to `revert_until`.
    """

    tariff: Tariff
    since: datetime
    next_charge_at: datetime | None
    configuration: Sequence[Allowance] | None = None
    pending_change: "TariffSubscription | None" = None
    can_revert_to: Tariff | None = None
    revert_until: datetime | None = None


class _Row(NamedTuple):
    line_id: int
    since: datetime
    next_charge_at: datetime | None
    configuration_json: str
    pending_tariff_id: int | None
    pending_options_json: str | None
    pending_configuration_json: str | None
    pending_at: datetime | None
    before_id: int | None
    paid_until: datetime | None
    tariff: TariffRow


def _row(*columns: Any) -> _Row:
    return _Row._make((*columns[:10], TariffRow(*columns[10:])))


# Only the last change can be taken back without saying which, and nothing while another one waits.
SUBSCRIPTIONS = Statement(
    f"""
select ts.line_id, ts.since, ts.next_charge_at, ts.configuration::text, ts.pending_tariff_id, p.options::text,
  ts.pending_configuration::text, ts.pending_at, b.before_id, b.paid_until, {TARIFF_COLUMNS}
from tariff_subscription ts join tariff t on t.id = ts.tariff_id
left join tariff p on p.id = ts.pending_tariff_id
left join lateral (
  select e.id, e.before_id, e.action from tariff_event e join line l on l.id = e.line_id
  where e.line_id = ts.line_id and (l.reissued_at is null or e.at >= l.reissued_at) order by e.id desc limit 1
) e on e.action <> 'REVERT' and ts.pending_at is null
left join lateral (
  select o.id as before_id, r.paid_until from tariff_rest r join tariff o on o.id = e.before_id and not o.archived
  where r.event_id = e.id and r.paid_until > now()
) b on true
where ts.line_id = any($1::bigint[])
""",
    _row,
)


async def tariff_subscription_by_line_id(
    scope: ReadScope, line_ids: Sequence[int]
) -> Mapping[int, TariffSubscription | None]:
    rows = await scope.reads.fetch(SUBSCRIPTIONS, line_ids)
    others = sorted({each for row in rows for each in (row.pending_tariff_id, row.before_id) if each is not None})
    named = await tariff_by_id(scope, others) if others else {}
    return {row.line_id: _subscription(scope, row, named) for row in rows}


def _subscription(scope: ReadScope, row: _Row, named: Mapping[int, Tariff | None]) -> TariffSubscription:
    before = _back(scope, row, named)
    return TariffSubscription(
        tariff=tariff(scope, row.tariff),
        since=row.since,
        next_charge_at=row.next_charge_at,
        configuration=_chosen(row.tariff.options_json, row.configuration_json),
        pending_change=_pending(row, named),
        can_revert_to=before,
        revert_until=row.paid_until if before is not None else None,
    )


def _back(scope: ReadScope, row: _Row, named: Mapping[int, Tariff | None]) -> Tariff | None:
    profile = scope.profile_of(row.tariff.operator)
    if row.before_id is None or profile is None or not profile.tariffs.revert:
        return None
    return named.get(row.before_id)


def _pending(row: _Row, named: Mapping[int, Tariff | None]) -> TariffSubscription | None:
    found = named.get(row.pending_tariff_id) if row.pending_tariff_id is not None else None
    if found is None or row.pending_at is None:
        return None
    chosen = _chosen(row.pending_options_json or "[]", row.pending_configuration_json or "[]")
    return TariffSubscription(found, row.pending_at, row.pending_at, chosen)


@lru_cache(4_000)
def _chosen(offered_json: str, stored_json: str) -> Sequence[Allowance] | None:
    """What a subscription has chosen of what may be; both as the database keeps them."""
    chosen = as_it_is(options(offered_json), orjson.loads(stored_json))
    return tuple(Allowance(unit, value) for unit, value in chosen) or None
