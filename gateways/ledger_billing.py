"""The shipped billing adapter: reads Hearth's own ledger and counters."""

from collections.abc import Sequence

from gateways.billing import Balance, PackageRemain, UsageItem, UsageKey
from models.reader import Reader, Statement

# What the ledger knows of accounts now; a condition on `a.account_id` is to follow. The next charge is the earliest
# of an account's lines' tariffs and services, with all that falls on the same moment. A tariff that waits begins then.
BALANCES_NOW = """
select a.account_id, a.currency, a.balance, nullif(a.credit_limit, 0), a.reserved, n.charge, n.at, now()
from ledger_account a
left join lateral (
  select sum(c.fee)::bigint as charge, c.at
  from (
    select t.fee + coalesce(ts.pending_options_fee, ts.options_fee) as fee, ts.next_charge_at as at
    from line l join tariff_subscription ts on ts.line_id = l.id
    join tariff t on t.id = coalesce(ts.pending_tariff_id, ts.tariff_id)
    where l.account_id = a.account_id and ts.next_charge_at > now()
    union all
    select s.fee, ss.next_charge_at
    from line l join service_subscription ss on ss.line_id = l.id join service s on s.id = ss.service_id
    where l.account_id = a.account_id and ss.next_charge_at > now()
  ) c
  group by c.at order by c.at limit 1
) n on true
where a.kind = 'PERSONAL'
"""

_BALANCES = Statement(
    f"{BALANCES_NOW} and a.account_id = any($1::bigint[])", lambda *told: Balance._make((*told, False))
)

REMAINS = Statement(
    """
select line_id, name, unit, source, trim_scale(total), trim_scale(remaining), unlimited, resets_at, as_of, $2::bool
from package_counter where line_id = any($1::bigint[]) order by line_id, resets_at nulls last, id
""",
    PackageRemain,
)

USAGE = Statement(
    """
select k.line_id, k.first, k.last, u.type, u.unit, trim_scale(sum(u.volume))
from unnest($1::bigint[], $2::date[], $3::date[]) as k (line_id, first, last)
join usage_day u on u.line_id = k.line_id and u.day between k.first and k.last
group by k.line_id, k.first, k.last, u.type, u.unit
order by u.type, u.unit
""",
    UsageItem,
)


class LedgerBilling:
    """Balances from the ledger, remains and usage from the counters, one statement for each."""

    remote = False

    async def balances(self, reads: Reader, account_ids: Sequence[int]) -> Sequence[Balance]:
        return await reads.fetch(_BALANCES, account_ids)

    async def remains(self, reads: Reader, line_ids: Sequence[int]) -> Sequence[PackageRemain]:
        return await reads.fetch(REMAINS, line_ids, False)

    async def usage(self, reads: Reader, keys: Sequence[UsageKey]) -> Sequence[UsageItem]:
        return await reads.fetch(USAGE, *columns(keys))


def columns(keys: Sequence[UsageKey]) -> tuple[list[int], list[object], list[object]]:
    """The keys as the three arrays that `USAGE` takes."""
    return [key.line_id for key in keys], [key.first for key in keys], [key.last for key in keys]
