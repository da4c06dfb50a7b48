"""The shipped billing adapter: reads Hearth's own ledger and counters."""

from collections.abc import Sequence

from gateways.billing import Balance, PackageRemain, UsageItem, UsageKey
from models.pool import POOLED, TAKERS
from models.reader import Reader, Statement

# What the ledger knows of accounts now; a condition on `a.account_id` is to follow. The next charge is the earliest
# of an account's lines' tariffs and services, with all that falls on the same moment: of a tariff the one that the
# line has by then, with its options, and nothing of what ends or costs nothing.
BALANCES_NOW = """
select a.account_id, a.currency, a.balance, nullif(a.credit_limit, 0), a.reserved, n.charge, n.at, now()
from ledger_account a
left join lateral (
  select sum(c.fee)::bigint as charge, c.at
  from (
    select case when ts.pending_at <= ts.next_charge_at then pt.fee + ts.pending_options_fee
      else t.fee + ts.options_fee end as fee, ts.next_charge_at as at
    from line l join tariff_subscription ts on ts.line_id = l.id join tariff t on t.id = ts.tariff_id
    left join tariff pt on pt.id = ts.pending_tariff_id
    where l.account_id = a.account_id and ts.next_charge_at > now() and l.status not in ('TERMINATED', 'PORTED_OUT')
    union all
    select s.fee, ss.next_charge_at
    from line l join service_subscription ss on ss.line_id = l.id join service s on s.id = ss.service_id
    where l.account_id = a.account_id and ss.next_charge_at > now() and l.status not in ('TERMINATED', 'PORTED_OUT')
      and ss.ended_at is null and (ss.valid_until is null or ss.valid_until > ss.next_charge_at)
  ) c
  where c.fee > 0
  group by c.at order by c.at limit 1
) n on true
where a.kind = 'PERSONAL'
"""

_BALANCES = Statement(
    f"{BALANCES_NOW} and a.account_id = any($1::bigint[])", lambda *told: Balance._make((*told, False))
)

# What a line may take of its household's pool stands among its packages as one more (F156).
REMAINS = Statement(
    f"""
select line_id, name, unit, source, trim_scale(total), trim_scale(remaining), unlimited,
  coalesce(resets_at, expires_at), as_of, $2::bool, expires_at
from package_counter where line_id = any($1::bigint[]) and (expires_at is null or expires_at > now())
union all
select s.line_id, h.name, 'BYTE', 'POOL', least(o.total, coalesce(s.cap, o.total)),
  least(o.remaining, coalesce(s.cap - case when s.counted_until is not distinct from o.resets_at then s.used else 0 end,
    o.remaining)), false, o.resets_at, o.as_of, $2::bool, null
from pool_share s join household h on h.id = s.household_id
join lateral (
  select trim_scale(sum(total)) as total, trim_scale(sum(remaining)) as remaining, min(resets_at) as resets_at,
    max(as_of) as as_of
  from ({POOLED}) p where p.household_id = s.household_id
) o on o.total is not null
where s.line_id = any($1::bigint[])
  and exists (select from ({TAKERS}) t where t.line_id = s.line_id and t.household_id = s.household_id)
order by 1
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
