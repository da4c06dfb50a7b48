"""The tariff of a line now (F101)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loaders.catalogue import TARIFF_COLUMNS, Tariff, TariffRow, tariff
from loaders.scope import ReadScope
from models.reader import Statement


@dataclass(frozen=True, slots=True)
class TariffSubscription:
    """A line's tariff, since when, and when its fee is due next."""

    tariff: Tariff
    since: datetime
    next_charge_at: datetime | None


def _row(line_id: int, since: datetime, next_charge_at: datetime | None, *columns: Any) -> tuple[Any, ...]:
    return line_id, since, next_charge_at, TariffRow(*columns)


SUBSCRIPTIONS = Statement(
    f"""
select ts.line_id, ts.since, ts.next_charge_at, {TARIFF_COLUMNS}
from tariff_subscription ts join tariff t on t.id = ts.tariff_id
where ts.line_id = any($1::bigint[])
""",
    _row,
)


async def tariff_subscription_by_line_id(
    scope: ReadScope, line_ids: Sequence[int]
) -> Mapping[int, TariffSubscription | None]:
    rows = await scope.reads.fetch(SUBSCRIPTIONS, line_ids)
    return {
        line_id: TariffSubscription(tariff(scope, row), since, next_charge_at)
        for line_id, since, next_charge_at, row in rows
    }
