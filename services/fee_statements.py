"""What charging fees asks of PostgreSQL: the same of the subscriptions of tariffs and of those of services."""

from collections.abc import Mapping

from domain.fees import Sold

# Of the accounts that are looked at again in one run.
_MOST_COVERED = 500

# Packages of a tariff are new in the next period (F056). What is left over is lost with its own, but where the tariff
# says that it carries over: then it is there for one more, if that follows at once.
_REFILLED = """, due as materialized (
  select p.* from package_counter p
  where p.line_id = $4 and p.source = 'TARIFF' and $8::timestamptz is not null
    and ($9::boolean or p.resets_at is null or p.resets_at <= $10::timestamptz)
  order by p.id for no key update
), refilled as (
  update package_counter p set remaining = p.total, resets_at = $8::timestamptz, as_of = now()
  from due where p.id = due.id returning p.id
), carried as (
  insert into package_counter
    (line_id, code, name, unit, source, scope, total, remaining, unlimited, expires_at, as_of)
  select d.line_id, left('carry:' || d.code, 64), d.name, d.unit, 'CARRY_OVER', d.scope, d.remaining, d.remaining,
    false, $8::timestamptz, now()
  from due d
  where not d.unlimited and d.remaining > 0
    and d.resets_at between $10::timestamptz - interval '1 day' and $10::timestamptz + interval '1 day'
    and exists (
      select from tariff_subscription cs join tariff ct on ct.id = cs.tariff_id,
        jsonb_array_elements(ct.included) as i
      where cs.line_id = d.line_id and i->>'unit' = d.unit and i->>'scope' is not distinct from d.scope
        and (i->>'carries_over')::boolean)
  on conflict (line_id, code) do update set
    name = excluded.name, unit = excluded.unit, scope = excluded.scope, total = excluded.total,
    remaining = excluded.remaining, expires_at = excluded.expires_at, as_of = excluded.as_of
)"""
# A service is asked about where there is something that may stand against it.
_LIMITED = """(
    e.fee > 0 and exists (select from usage_limit u where u.line_id = l.id and u.unit = 'MONEY')
    or exists (select from child_policy p where p.line_id = l.id
      and (e.category = any(p.blocked_categories) or e.age_rating > p.max_age_rating)))"""
NEVER_CHARGED = "s.next_charge_at is null and e.fee_period in ('DAY', 'MONTH')"


def _statements(sold: Sold) -> Mapping[str, str]:
    """The same statements on the subscriptions of tariffs and on those of services."""
    table, entry = f"{sold.lower()}_subscription", sold.lower()
    ends = "s.valid_until, s.trial_ends_at, 0 as changes, null as changes_at"
    limited, what = _LIMITED, "e.category, e.age_rating"
    fee, since = "e.fee", "s.since"
    if sold is Sold.TARIFF:
        ends = "null as valid_until, null as trial_ends_at, s.changes, s.pending_at as changes_at"
        limited, what = "false", "null as category, null as age_rating"
        fee, since = "e.fee + s.options_fee", "coalesce(s.months_from, s.since)"
    found = f"""
select s.id, s.next_charge_at as at, s.charge_day, {since} as since, s.unpaid_since is not null as unpaid,
  now() as now, e.id as sold_id, e.name, {fee} as fee, e.fee_period as every, e.included <> '[]' as fills, {ends},
  {what}, {limited} as limited, l.id as line_id, l.status as line_status, l.account_id, l.operator,
  k.status = 'TERMINATED' as contract_ended
from s join {entry} e on e.id = s.{entry}_id join line l on l.id = s.line_id
join personal_account a on a.id = l.account_id join contract k on k.id = a.contract_id
"""
    # A tariff that was suspended before fees were charged here has no moment to charge it at; it begins anew.
    # A service that was switched off has nothing to charge.
    is_on = "and s.ended_at is null" if sold is Sold.SERVICE else ""
    waits, refilled, stands = "s.unpaid_since is not null", "", "false"
    if sold is Sold.TARIFF:
        refilled, stands = _REFILLED, "exists (select from package_counter where line_id = $4 and source = 'TARIFF')"
        waits = f"({waits} or (l.status = 'SUSPENDED_NONPAYMENT' and {NEVER_CHARGED}))"
    return {
        # What this run has looked at is passed over.
        "moment": f"""
select s.next_charge_at as at from {table} s where s.next_charge_at <= now() and (s.next_charge_at, s.id) > ($1, $2)
  and (select l.operator from line l where l.id = s.line_id) = any($3::text[])
order by s.next_charge_at, s.id limit 1
""",
        # And so are rows that another worker has.
        "next": f"""
with s as materialized (
  select s.* from {table} s where s.next_charge_at = $1 and s.id > $2
    and (select l.operator from line l where l.id = s.line_id) = any($3::text[])
  order by s.id limit $4 for no key update of s skip locked
){found} order by s.id
""",
        "still": f"""
with s as materialized (
  select * from {table} where id = $1 and next_charge_at = $2 for no key update skip locked
){found}""",
        "one": f"""
with s as materialized (select * from {table} where id = $1 for no key update){found} where l.operator = $2 {is_on}
""",
        "waiting": f"""
select s.id from {table} s join {entry} e on e.id = s.{entry}_id join line l on l.id = s.line_id
where l.account_id = $1 and l.operator = $2 and {waits} {is_on} order by s.id
""",
        # A service of a line that does not work waits for its tariff, whatever the account holds.
        "covered": f"""
select distinct l.operator, l.account_id from {table} s join {entry} e on e.id = s.{entry}_id
join line l on l.id = s.line_id
join ledger_account m on m.account_id = l.account_id and m.kind = 'PERSONAL'
where s.unpaid_since is not null and l.operator = any($1::text[]) {is_on}
  and (m.floor is null or m.balance - m.reserved - ({fee}) >= m.floor)
  {"and l.status <> 'SUSPENDED_NONPAYMENT'" if sold is Sold.SERVICE else ""}
limit {_MOST_COVERED}
""",
        "move": f"update {table} set next_charge_at = $2, charge_day = $3, unpaid_since = null where id = $1",
        # A fee of nothing is not spent, and one that was charged before is not spent again.
        "paid": f"""
with moved as (
  update {table} set next_charge_at = $2, charge_day = $3, unpaid_since = null where id = $1
), used as (
  insert into usage_day (line_id, day, type, unit, volume, sum)
  select $4::bigint, $5::date, $6::text, 'MONEY', $7::bigint, $7::bigint where $7 > 0
  on conflict (line_id, day, type, unit) do update
    set volume = usage_day.volume + excluded.volume, sum = usage_day.sum + excluded.sum
){refilled}
select {"exists (select from refilled)" if refilled else "false"} as refilled, {stands} as stands
""",
        "stop": f"""
update {table} set next_charge_at = null, unpaid_since = coalesce(unpaid_since, now()) where id = $1
""",
    }


BY_SOLD = {sold: _statements(sold) for sold in Sold}
