"""The statements of the peers' dashboards.

The lookup of the session and of what the viewer may see is Hearth's own, word for word, so that nobody is let in for
less. What is shown then is read by the same joins and conditions, but only the columns of the dashboard: a peer need
not know the rest of the schema.
"""

from auth import session
from gateways.ledger_billing import BALANCES_NOW, REMAINS
from models.visible import VISIBLE_ACCOUNTS, VISIBLE_LINES

_LINE = """
v.id, v.msisdn, v.label, v.kind, v.status, v.is_own, v.account_id, v.holds_it, v.holds_contract, v.is_child,
v.has_ended, v.grants
"""
_ACCOUNT = "select id, number, kind, status, holds_it, holds_contract, is_child, has_ended, grants from visible"

STATEMENTS = {
    # $1 hash of the token, $2 operator, $3 idle limit in seconds. Columns by their position: some share a name.
    "session": session._SESSION.sql,
    # Of both: $1 user, $2 operator, $3 whether other operators' belong in it, $4 how many.
    "lines": VISIBLE_LINES
    + f"""
select {_LINE} from visible v
where v.kind = 'MOBILE' order by case when v.is_own then 0 else 1 end, v.id limit $4
""",
    "accounts": f"{VISIBLE_ACCOUNTS} {_ACCOUNT} order by id limit $4",
    # The same, and $4 the ids.
    "accounts_by_id": f"{VISIBLE_ACCOUNTS} {_ACCOUNT} where id = any($4::bigint[])",
    # The endpoint's, of all accounts: what they hold with them.
    "accounts_with_balances": f"""{VISIBLE_ACCOUNTS}
select v.id, v.number, v.kind, v.status, v.holds_it, v.holds_contract, v.is_child, v.has_ended, v.grants,
  b.currency, b.balance, b.reserved, b.charge, b.at, b.now
from visible v left join ({BALANCES_NOW}) as b (account_id, currency, balance, credit, reserved, charge, at, now)
  on b.account_id = v.id
order by v.id
""",
    # The endpoint's: what lines pay and used with them. $5 the operator's time zone.
    "lines_with_tariffs": f"""{VISIBLE_LINES}
select {_LINE}, ts.since, ts.next_charge_at, t.name, t.fee, t.fee_period,
  (select jsonb_agg(jsonb_build_object('unit', u.unit, 'used', u.used::text, 'direction', u.type)
     order by u.type, u.unit)
   from (
     select type, unit, trim_scale(sum(volume)) as used from usage_day
     where line_id = v.id
       and day between date_trunc('month', now() at time zone $5)::date and (now() at time zone $5)::date
     group by type, unit) u) as usage
from visible v left join tariff_subscription ts on ts.line_id = v.id left join tariff t on t.id = ts.tariff_id
where v.kind = 'MOBILE' order by case when v.is_own then 0 else 1 end, v.id limit $4
""",
    # $1 users.
    "households": """
select mine.user_id, h.name, mine.role as my_role,
  (select jsonb_agg(jsonb_build_object('displayName', u.display_name, 'role', m.role)
     order by m.role <> 'OWNER', m.joined_at, m.id)
   from membership m join app_user u on u.id = m.user_id
   where m.household_id = h.id and m.status = 'ACTIVE') as members
from membership mine join household h on h.id = mine.household_id
where mine.user_id = any($1::bigint[]) and mine.status = 'ACTIVE' and h.dissolved_at is null
order by mine.role <> 'OWNER', mine.joined_at, mine.id
""",
    # $1 accounts; the columns are account_id, currency, balance, nullif, reserved, charge, at, now.
    "balances": f"{BALANCES_NOW} and a.account_id = any($1::bigint[])",
    # Of those below $1 lines. $2 whether what is told is stale: false.
    "remains": f"""
select line_id, name, unit, total::text as total, remaining::text as "left", unlimited, resets_at
from ({REMAINS.sql}) as r
  (line_id, name, unit, source, total, remaining, unlimited, resets_at, as_of, stale, expires_at)
order by not unlimited, source = 'POOL', least(resets_at, expires_at) nulls last,
  array_position(array['GIFT', 'CARRY_OVER', 'BONUS', 'SERVICE', 'TARIFF', 'POOL'], source::text)
""",
    # $2 the operator's time zone.
    "usage": """
select line_id, unit, trim_scale(sum(volume))::text as used, type as direction
from usage_day
where line_id = any($1::bigint[])
  and day between date_trunc('month', now() at time zone $2)::date and (now() at time zone $2)::date
group by line_id, type, unit order by type, unit
""",
    "tariffs": """
select ts.line_id, ts.since, ts.next_charge_at, t.name, t.fee, t.fee_period
from tariff_subscription ts join tariff t on t.id = ts.tariff_id
where ts.line_id = any($1::bigint[])
""",
    "services": """
select ss.line_id, ss.since, s.name, s.fee, s.fee_period
from service_subscription ss join service s on s.id = ss.service_id
where ss.line_id = any($1::bigint[]) and ss.ended_at is null and (ss.valid_until is null or ss.valid_until > now())
order by ss.line_id, ss.id
""",
}
"""By name; each takes what its comment says."""
