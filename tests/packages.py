"""Packages of lines for tests, beside the people of `tests.till`."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from domain.profile import Profile
from domain.usage import ChargeType, UsageUnit
from services import usage_intake
from services.usage_intake import Refused, UsageEvent, Used, UsedBefore
from tests import family
from tests.till import Till

GB = 2**30
_PACKAGE = """
insert into package_counter
  (line_id, code, name, unit, source, scope, total, remaining, unlimited, resets_at, expires_at, as_of)
select id, $2, $2, $3, $4, $5, $6, $6, $7, $8, $9, now() from line where msisdn = $1
"""
_TARIFF = """
insert into tariff (operator, code, name, kind, fee, fee_period, connection_fee, included, terms, family_shareable,
  archived) values ('beeline', $1, $1, 'MOBILE', 0, 'MONTH', 0, '[]', '', true, false)
on conflict (operator, code, version) do nothing
"""
_SUBSCRIBED = """
insert into tariff_subscription (line_id, tariff_id, since)
select l.id, t.id, now() from line l join tariff t using (operator) where l.msisdn = $1 and t.code = $2
"""


def days(count: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=count)


async def put(
    till: Till,
    index: int,
    code: str,
    volume: int,
    source: str = "TARIFF",
    unit: str = "BYTE",
    *,
    scope: str | None = None,
    unlimited: bool = False,
    until: datetime | None = None,
) -> None:
    """A full package of the index-th number; of a tariff it is filled again then, others are gone."""
    until = until or days(20)
    resets, expires = (until, None) if source == "TARIFF" else (None, until)
    await till.rows(
        _PACKAGE,
        family.number("beeline", index),
        code,
        unit,
        source,
        scope,
        Decimal(volume),
        unlimited,
        resets,
        expires,
    )


async def left(till: Till, index: int) -> dict[str, int]:
    """What is left in the packages of the index-th number."""
    sql = "select p.code, p.remaining from package_counter p join line l on l.id = p.line_id where l.msisdn = $1"
    return {code: int(remaining) for code, remaining in await till.rows(sql, family.number("beeline", index))}


async def subscribed(till: Till, index: int, code: str = "test-family") -> None:
    """A family tariff for the index-th number."""
    await till.rows(_TARIFF, code)
    await till.rows(_SUBSCRIBED, family.number("beeline", index), code)


async def use(
    till: Till, index: int, volume: int, key: str = "e1", kind: ChargeType = ChargeType.INTERNET, **more: Any
) -> Used | UsedBefore | Refused:
    """The network tells that the index-th number used something."""
    unit = {ChargeType.INTERNET: UsageUnit.BYTE, ChargeType.CALL: UsageUnit.MINUTE}[kind]
    at = more.pop("at", None) or datetime.now(UTC).replace(microsecond=0)
    event = UsageEvent(key, at, kind, unit, Decimal(volume), **more)
    return await usage_intake.use(till.profiles["beeline"], family.number("beeline", index), event)


def giving(till: Till, **more: int | bool) -> None:
    """Let the till's operator offer gifts of gigabytes: 30 a month, for 7 days."""
    profile = till.profiles["beeline"]
    offered = {"data_sharing": True, "data_sharing_max_gb_month": 30, "data_sharing_ttl_days": 7, **more}
    services = profile.services.model_copy(update=offered)
    served = cast(dict[str, Profile], till.profiles)
    served["beeline"] = profile.model_copy(update={"services": services})
