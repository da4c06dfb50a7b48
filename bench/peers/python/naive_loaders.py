"""What the naive server loads: models of Tortoise, by the lines that they belong to."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tortoise.expressions import Q
from tortoise.functions import Sum

from bench.peers.python.peer import SETUP
from domain.usage import PackageSource
from models.catalogue import ServiceSubscription as Connected
from models.catalogue import TariffSubscription as Subscribed
from models.usage import PackageCounter, UsageDay

_ZONE = ZoneInfo(SETUP["zone"])
_NEVER = datetime.max.replace(tzinfo=UTC)


async def packages(keys: list[int]) -> list[list[PackageCounter]]:
    still = Q(expires_at__isnull=True) | Q(expires_at__gt=datetime.now(UTC))
    groups = defaultdict(list)
    for counter in await PackageCounter.filter(still, line_id__in=keys):
        groups[counter.line_id].append(counter)  # type: ignore[attr-defined]
    return [sorted(groups[key], key=_place) for key in keys]


async def usage(keys: list[int]) -> list[list[dict[str, Any]]]:
    today = datetime.now(_ZONE).date()
    rows = (
        await UsageDay.filter(line_id__in=keys, day__gte=today.replace(day=1), day__lte=today)
        .annotate(used=Sum("volume"))
        .group_by("line_id", "type", "unit")
        .order_by("type", "unit")
        .values("line_id", "type", "unit", "used")
    )
    groups = defaultdict(list)
    for row in rows:
        groups[row["line_id"]].append(row)
    return [groups[key] for key in keys]


async def tariffs(keys: list[int]) -> list[Subscribed | None]:
    rows = await Subscribed.filter(line_id__in=keys).select_related("tariff")
    found = {row.line_id: row for row in rows}  # type: ignore[attr-defined]
    return [found.get(key) for key in keys]


async def services(keys: list[int]) -> list[list[Connected]]:
    lasts = Q(valid_until__isnull=True) | Q(valid_until__gt=datetime.now(UTC))
    rows = await Connected.filter(lasts, line_id__in=keys, ended_at=None).order_by("id").select_related("service")
    groups = defaultdict(list)
    for row in rows:
        groups[row.line_id].append(row)  # type: ignore[attr-defined]
    return [groups[key] for key in keys]


def _place(counter: PackageCounter) -> tuple[bool, datetime, int]:
    ends = min(counter.resets_at or _NEVER, counter.expires_at or _NEVER)
    order = ["GIFT", "CARRY_OVER", "BONUS", "SERVICE", "TARIFF", "POOL"]
    return not counter.unlimited, ends, order.index(PackageSource(counter.source))
