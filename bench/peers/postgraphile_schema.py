"""The views and functions that PostGraphile serves, in a schema of their own over Hearth's tables.

That is how its users have it: what may be seen is decided in the database, so that PostGraphile can ask for a whole
dashboard in a few statements.
"""

from domain.access import Scope
from domain.profile import Profile
from gateways.ledger_billing import BALANCES_NOW, REMAINS
from models.visible import VISIBLE_ACCOUNTS, VISIBLE_LINES

_SCOPES = [scope.value for scope in Scope]
_OWN = _SCOPES[:10]
_HOLDER = ["PAY", "TARIFF", "BLOCK", "DOCUMENTS", "CLOSE"]
_LOOKING_BACK = ["VIEW", "USAGE", "DETAILS", "DOCUMENTS"]
_BY_ADULT = ["VIEW", "USAGE", "AUTOPAY", "SERVICES", "TARIFF", "BLOCK"]
_BY_ADULT_OF_CHILD = ["VIEW", "USAGE", "AUTOPAY", "SERVICES", "BLOCK", "LIMITS"]


def statements(profile: Profile) -> list[str]:
    """What makes the schema `cabinet` anew, with the rules of an operator."""
    zone, currency = profile.operator.timezone, profile.operator.currency
    return [
        "drop schema if exists cabinet cascade",
        "create schema cabinet",
        _bits_function(),
        _rights_function(profile),
        _names_function(),
        f"""
create view cabinet.balance (account_id, currency, available, credit, reserved, next_charge, next_charge_at, as_of) as
{BALANCES_NOW}
""",
        "comment on view cabinet.balance is E'@primaryKey account_id'",
        f"""
create view cabinet.remain as
select line_id, name, unit, total::text as total, remaining::text as "left", unlimited, resets_at,
  row_number() over (partition by line_id order by not unlimited, source = 'POOL',
    least(resets_at, expires_at) nulls last,
    array_position(array['GIFT', 'CARRY_OVER', 'BONUS', 'SERVICE', 'TARIFF', 'POOL'], source::text)) as place
from ({REMAINS.sql.replace("= any($1::bigint[])", "is not null").replace("$2::bool", "false")}) as r
  (line_id, name, unit, source, total, remaining, unlimited, resets_at, as_of, stale, expires_at)
""",
        "comment on view cabinet.remain is E'@primaryKey line_id,place'",
        f"""
create view cabinet.use as
select line_id, unit, trim_scale(sum(volume))::text as used, type as direction
from usage_day
where day between date_trunc('month', now() at time zone '{zone}')::date and (now() at time zone '{zone}')::date
group by line_id, type, unit
""",
        "comment on view cabinet.use is E'@primaryKey line_id,direction,unit'",
        f"""
create view cabinet.tariff as
select ts.line_id, ts.since, ts.next_charge_at, t.name, t.fee, '{currency}' as currency, t.fee_period
from tariff_subscription ts join tariff t on t.id = ts.tariff_id
""",
        "comment on view cabinet.tariff is E'@primaryKey line_id'",
        f"""
create view cabinet.service as
select ss.id as subscription_id, ss.line_id, ss.since, s.name, s.fee, '{currency}' as currency, s.fee_period
from service_subscription ss join service s on s.id = ss.service_id
where ss.ended_at is null and (ss.valid_until is null or ss.valid_until > now())
""",
        "comment on view cabinet.service is E'@primaryKey subscription_id'",
        """
create view cabinet.household as
select distinct on (mine.user_id) mine.user_id, h.id as household_id, h.name, mine.role as my_role
from membership mine join household h on h.id = mine.household_id
where mine.status = 'ACTIVE' and h.dissolved_at is null
order by mine.user_id, mine.role <> 'OWNER', mine.joined_at, mine.id
""",
        "comment on view cabinet.household is E'@primaryKey user_id'",
        """
create view cabinet.member as
select m.household_id, u.display_name, m.role, m.role <> 'OWNER' as is_other, m.joined_at, m.id as member_id
from membership m join app_user u on u.id = m.user_id where m.status = 'ACTIVE'
""",
        "comment on view cabinet.member is E'@primaryKey member_id'",
        # `seen_…` and `used_…` are null where the viewer may not look at it, and so is what is joined by them.
        """
create type cabinet.phone_line as (
  line_id bigint, msisdn text, label text, kind text, status text, is_own boolean, my_scopes text[],
  seen_account_id bigint, seen_line_id bigint, used_line_id bigint, account_number text, account_kind text
)
""",
        f"""
create function cabinet.linked_numbers(viewer bigint, operator text, any_operator boolean, level text, most integer)
returns setof cabinet.phone_line language sql stable as $$
with lines as materialized (
  {VISIBLE_LINES}
  select v.*, cabinet.rights(holds_it, holds_contract, is_child, has_ended, grants, $4) as may
  from visible v where kind = 'MOBILE' order by case when is_own then 0 else 1 end, id limit $5
),
accounts as materialized (
  {VISIBLE_ACCOUNTS}
  select id, number, kind, cabinet.rights(holds_it, holds_contract, is_child, has_ended, grants, $4) as may
  from visible
)
select l.id, l.msisdn::text, l.label::text, l.kind::text, l.status::text, l.is_own, cabinet.scope_names(l.may),
  case when l.may & 1 <> 0 then l.account_id end, case when l.may & 1 <> 0 then l.id end,
  case when l.may & 2 <> 0 then l.id end, a.number::text, a.kind::text
from lines l left join accounts a on a.id = l.account_id and a.may <> 0
where l.may <> 0
order by case when l.is_own then 0 else 1 end, l.id
$$
""",
        """
create type cabinet.account as (
  account_id bigint, number text, kind text, status text, seen_account_id bigint
)
""",
        f"""
create function cabinet.personal_accounts(viewer bigint, operator text, any_operator boolean, level text, most integer)
returns setof cabinet.account language sql stable as $$
select a.id, a.number::text, a.kind::text, a.status::text, case when a.may & 1 <> 0 then a.id end
from (
  {VISIBLE_ACCOUNTS}
  select id, number, kind, status, cabinet.rights(holds_it, holds_contract, is_child, has_ended, grants, $4) as may
  from visible order by id limit $5
) a
where a.may <> 0 order by a.id
$$
""",
    ]


def _bits(names: list[str]) -> int:
    return sum(1 << _SCOPES.index(name) for name in names)


def _bits_function() -> str:
    return f"""
create function cabinet.scope_bits(names jsonb) returns integer language sql immutable as $$
select coalesce(bit_or(1 << array_position(array{_SCOPES}, name) - 1), 0) from jsonb_array_elements_text(names) name
$$
"""


def _names_function() -> str:
    return f"""
create function cabinet.scope_names(bits integer) returns text[] language sql immutable as $$
select array_agg(name order by place) from unnest(array{_SCOPES}) with ordinality as s (name, place)
where bits & (1 << place::int - 1) <> 0
$$
"""


def _rights_function(profile: Profile) -> str:
    """The rules of `domain/access.py`, on sets of bits."""
    own, details = _bits(_OWN), _bits(["DETAILS"])
    pay, look = _bits(["PAY"]), _bits(["VIEW", "USAGE"])
    look_and_pay = _bits(["VIEW", "PAY"])
    return f"""
create function cabinet.rights(
  holds_it boolean, holds_contract boolean, is_child boolean, has_ended boolean, grants jsonb, level text
) returns integer language plpgsql stable as $$
declare
  found integer := 0;
  given jsonb;
  linked integer;
  one integer;
  years integer;
  of_child boolean;
  grown_up boolean;
begin
  if holds_it then found := case when is_child then {own & ~_bits(["AUTOPAY", "LIMITS"])} else {own} end; end if;
  if holds_contract and not is_child then found := found | {_bits(_HOLDER)}; end if;
  if has_ended then
    found := found & {_bits(_LOOKING_BACK)};
  elsif grants is not null then
    for given in select jsonb_array_elements(grants) loop
      linked := cabinet.scope_bits(given -> 2);
      if (given ->> 5)::boolean then linked := linked & ~{_bits(["AUTOPAY", "DETAILS"])}; end if;
      years := extract(year from age((now() at time zone '{profile.operator.timezone}')::date, (given ->> 4)::date));
      of_child := coalesce(given ->> 3 = 'CHILD', false);
      grown_up := coalesce(years >= {profile.household.age_of_majority}, false);
      if of_child and not grown_up then
        one := case given ->> 0
          when 'OWNER' then {own & ~details} | (linked & {details})
          when 'ADULT' then {pay} | (linked & {_bits(_BY_ADULT_OF_CHILD)})
          when 'VIEWER' then {pay} | (linked & {look})
          else 0 end;
        if given ->> 0 = 'OWNER' and years < {profile.household.own_consent_age} then one := one | {details}; end if;
      else
        one := case given ->> 0
          when 'OWNER' then {pay} | (linked & {own})
          when 'ADULT' then {pay} | (linked & {_bits(_BY_ADULT)})
          when 'VIEWER' then {pay} | (linked & {look})
          else 0 end;
        if of_child then
          one := one & {look_and_pay};
          if given ->> 0 = 'OWNER' then one := one | {look_and_pay}; end if;
        elsif not {profile.household.details_scope_for_adults} then
          one := one & ~{details};
        end if;
      end if;
      if (given ->> 6)::boolean then one := one & {look_and_pay}; end if;
      if given ->> 1 = 'SECONDARY' then one := one & {pay | look}; end if;
      found := found | one;
    end loop;
  end if;
  if {profile.blocking.contract_holder_only} and not holds_contract then found := found & ~{_bits(["BLOCK"])}; end if;
  if level = 'PARTIAL' then
    found := found & case when holds_it then {_bits(list(profile.access.partial_scopes))} else {pay} end;
  end if;
  return found;
end
$$
"""
