"""The services connected to a line (F113), oldest first; by its id also one that was switched off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from domain.catalogue import FeePeriod
from domain.money import Money
from loaders.batch import grouped
from loaders.catalogue import Service
from loaders.catalogue_memory import services
from loaders.scope import Entry, ReadScope
from models.reader import Statement


# A page may show hundreds: what is frozen takes several times as long to make.
@dataclass(slots=True)
class ServiceSubscription:
    """A service of a line, since when, until when, and what is due next.

    `ended_at` once it was switched off, and up to when it is paid for then.
    """

    id: int
    line_id: int
    service: Service
    since: datetime
    valid_until: datetime | None
    trial_ends_at: datetime | None
    next_charge_at: datetime | None
    ended_at: datetime | None
    paid_until: datetime | None

    @property
    def next_charge(self) -> Money | None:
        is_charged = self.service.fee_period is not FeePeriod.PER_USE and self.next_charge_at is not None
        return self.service.fee if is_charged else None


class _Row(NamedTuple):
    id: int
    line_id: int
    since: datetime
    valid_until: datetime | None
    trial_ends_at: datetime | None
    next_charge_at: datetime | None
    ended_at: datetime | None
    paid_until: datetime | None
    service_id: int
    service_version: int


_COLUMNS = """
ss.id, ss.line_id, ss.since, ss.valid_until, ss.trial_ends_at, ss.next_charge_at, ss.ended_at, ss.paid_until,
s.id, s.xmin
"""

BY_LINE = Statement(
    f"""
select {_COLUMNS}
from service_subscription ss join service s on s.id = ss.service_id
where ss.line_id = any($1::bigint[]) and ss.ended_at is null and (ss.valid_until is null or ss.valid_until > now())
order by ss.line_id, ss.id
""",
    _Row,
)

BY_ID = Statement(
    f"""
select {_COLUMNS}
from service_subscription ss join service s on s.id = ss.service_id
where ss.id = any($1::bigint[])
""",
    _Row,
)


async def services_by_line_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, list[ServiceSubscription]]:
    rows = await scope.reads.fetch(BY_LINE, line_ids)
    return grouped(await _subscriptions(scope, rows), lambda subscription: subscription.line_id)


async def service_subscription_by_id(
    scope: ReadScope, subscription_ids: Sequence[int]
) -> Mapping[int, ServiceSubscription | None]:
    rows = await scope.reads.fetch(BY_ID, subscription_ids)
    return {subscription.id: subscription for subscription in await _subscriptions(scope, rows)}


async def _subscriptions(scope: ReadScope, rows: Sequence[_Row]) -> list[ServiceSubscription]:
    named = await services(scope, (Entry(row.service_id, row.service_version) for row in rows))
    return [
        ServiceSubscription(
            id=row.id,
            line_id=row.line_id,
            service=named[row.service_id],
            since=row.since,
            valid_until=row.valid_until,
            trial_ends_at=row.trial_ends_at,
            next_charge_at=row.next_charge_at,
            ended_at=row.ended_at,
            paid_until=row.paid_until,
        )
        for row in rows
        if row.service_id in named
    ]
