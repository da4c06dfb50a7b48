"""The second half of an import: what the temporary tables hold becomes true, in statements over whole sets.

Rows are matched by natural keys. An `on conflict` that finds nothing new writes nothing, so that the same file
again changes no row. A field that a record leaves out keeps what is stored.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from services.bulk_connection import Connection, rows_changed
from services.household_import_ledger import SNAPSHOT, open_accounts
from services.household_import_lines import find_lines_again
from services.line_ending import ending

# Contracts, holders and users as they were: whoever gets a number new must not inherit links to it (E24, E26).
_REMEMBER = """
create temp table import_before on commit drop as
select l.id as line_id, a.id as account_id, c.id as contract_id, c.holder_id, l.user_id
from personal_account a join contract c on c.id = a.contract_id left join line l on l.account_id = a.id
where a.id in (
  select a.id from import_contract i
    join contract c on c.operator = i.operator and c.number = i.number
    join personal_account a on a.contract_id = c.id
  union select a.id from import_account i
    join personal_account a on a.operator = i.operator and a.number = i.number
  union select l.account_id from import_line i
    join known_line l on l.operator = i.operator and l.address = i.address
);
analyze import_before
"""

_PERSON = """
insert into person (operator, ref, name, birth_date)
select operator, ref, name, birth_date from import_person
on conflict (operator, ref) do update set
  name = excluded.name, birth_date = coalesce(excluded.birth_date, person.birth_date)
where (person.name, person.birth_date)
  is distinct from (excluded.name, coalesce(excluded.birth_date, person.birth_date))
"""

_USER = """
insert into app_user (operator, person_id, display_name, language, password_hash, must_change_password, created_at)
select i.operator, p.id, i.name, coalesce(i.language, i.first_language), i.password_hash, i.must_change, now()
from import_person i join person p on p.operator = i.operator and p.ref = i.ref
where i.has_cabinet
on conflict (person_id) do nothing
"""

# A new password comes with its own `must_change`; while the password stays, its owner's choice stays too.
_KNOWN_USER = """
update app_user u set
  display_name = i.name,
  language = coalesce(i.language, u.language),
  password_hash = coalesce(i.password_hash, u.password_hash),
  must_change_password = case
    when i.password_hash <> coalesce(u.password_hash, '') then i.must_change else u.must_change_password end
from import_person i join person p on p.operator = i.operator and p.ref = i.ref
where u.person_id = p.id and i.has_cabinet
  and (u.display_name, u.language, u.password_hash) is distinct from
      (i.name, coalesce(i.language, u.language), coalesce(i.password_hash, u.password_hash))
"""

_LOGIN = """
insert into login (user_id, operator, kind, value)
select distinct on (i.operator, i.kind, i.value) u.id, i.operator, i.kind, i.value
from import_login i
join person p on p.operator = i.operator and p.ref = i.person
join app_user u on u.person_id = p.id
on conflict (operator, kind, value) do update set user_id = excluded.user_id
where login.user_id <> excluded.user_id
"""

_CONTRACT = """
insert into contract (operator, number, holder_id, kind, status, epoch, signed_on, terminated_on)
select i.operator, i.number, p.id, i.kind, i.status, 1, i.signed_on, i.terminated_on
from import_contract i join person p on p.operator = i.operator and p.ref = i.holder
order by i.line_no
on conflict (operator, number) do update set
  holder_id = excluded.holder_id, kind = excluded.kind, status = excluded.status,
  epoch = contract.epoch + (contract.holder_id <> excluded.holder_id)::int,
  signed_on = coalesce(excluded.signed_on, contract.signed_on),
  terminated_on = coalesce(excluded.terminated_on, contract.terminated_on)
where (contract.holder_id, contract.kind, contract.status, contract.signed_on, contract.terminated_on)
  is distinct from (
    excluded.holder_id, excluded.kind, excluded.status,
    coalesce(excluded.signed_on, contract.signed_on), coalesce(excluded.terminated_on, contract.terminated_on))
"""

_ACCOUNT = """
insert into personal_account (operator, number, kind, contract_id, status, cash_payments_banned)
select i.operator, i.number, i.kind, c.id, i.status, i.cash_banned
from import_account i join contract c on c.operator = i.operator and c.number = i.contract
order by i.line_no
on conflict (operator, number) do update set
  kind = excluded.kind, contract_id = excluded.contract_id, status = excluded.status,
  cash_payments_banned = excluded.cash_payments_banned
where (personal_account.kind, personal_account.contract_id, personal_account.status,
    personal_account.cash_payments_banned)
  is distinct from (excluded.kind, excluded.contract_id, excluded.status, excluded.cash_payments_banned)
"""


def _line(address: str) -> str:
    """The lines that `address` names, which is msisdn or service_point: each has a unique index of its own."""
    return f"""
insert into line (operator, account_id, user_id, kind, {address}, label, locality, status, sim_epoch, activated_at)
select i.operator, a.id, u.id, i.kind, i.address, i.label, i.locality, i.status, 1, i.activated_at
from import_line i
join personal_account a on a.operator = i.operator and a.number = i.account
left join person p on p.operator = i.operator and p.ref = i.person
left join app_user u on u.person_id = p.id
where i.{address} is not null
order by i.line_no
on conflict (operator, {address}) do update set
  account_id = excluded.account_id, user_id = coalesce(excluded.user_id, line.user_id),
  kind = excluded.kind, label = coalesce(excluded.label, line.label),
  locality = coalesce(excluded.locality, line.locality), status = excluded.status,
  activated_at = coalesce(excluded.activated_at, line.activated_at)
where (line.account_id, line.user_id, line.kind, line.label, line.locality, line.status, line.activated_at)
  is distinct from (
    excluded.account_id, coalesce(excluded.user_id, line.user_id), excluded.kind,
    coalesce(excluded.label, line.label), coalesce(excluded.locality, line.locality), excluded.status,
    coalesce(excluded.activated_at, line.activated_at))
"""


# A line that passed to another contract or another person starts anew, and the links to it end for good.
_PASSED_ON = """
with passed_lines as (
  select b.line_id
  from import_before b
  join line l on l.id = b.line_id
  join personal_account a on a.id = l.account_id
  join contract c on c.id = a.contract_id
  where a.contract_id <> b.contract_id or c.holder_id <> b.holder_id or l.user_id <> b.user_id
),
passed_accounts as (
  select b.account_id
  from import_before b
  join personal_account a on a.id = b.account_id
  join contract c on c.id = a.contract_id
  where a.contract_id <> b.contract_id or c.holder_id <> b.holder_id
),
anew as (
  update line set sim_epoch = sim_epoch + 1, reissued_at = now() where id in (select line_id from passed_lines)
)
update number_link set status = 'TERMINATED', primary_slot = null, account_slot = null, suspended_reason = null,
  ended_at = now()
where status in ('PENDING', 'ACTIVE', 'SUSPENDED') and id in (
  select nl.id from passed_lines p join number_link nl on nl.line_id = p.line_id
  union all select nl.id from passed_accounts p join number_link nl on nl.account_id = p.account_id
)
"""

# What a line has of another contract, or of another holder's, does not pass on with it. Another user of the same
# contract has what that contract pays for.
_ENDED = ending(
    """
  select b.line_id
  from import_before b
  join line l on l.id = b.line_id
  join personal_account a on a.id = l.account_id
  join contract c on c.id = a.contract_id
  where a.contract_id <> b.contract_id or c.holder_id <> b.holder_id
"""
)

# A record without `tariff_since` arrives here as "since now", which is no news while the tariff stays the same. A line
# keeps the version of the tariff that it has; a newcomer gets the newest.
_TARIFF = """
insert into tariff_subscription (line_id, tariff_id, since, next_charge_at)
select l.id, t.id, coalesce(i.since, now()), i.next_charge_at
from import_line i
join known_line l on l.operator = i.operator and l.address = i.address
join lateral (
  select t.id from tariff t
  left join tariff_subscription own on own.line_id = l.id and own.tariff_id = t.id
  where t.operator = i.operator and t.code = i.tariff
  order by own.id, t.version desc limit 1
) t on true
on conflict (line_id) do update set
  tariff_id = excluded.tariff_id, next_charge_at = excluded.next_charge_at,
  configuration = case when excluded.tariff_id = tariff_subscription.tariff_id
    then tariff_subscription.configuration else '[]' end,
  options_fee = case when excluded.tariff_id = tariff_subscription.tariff_id
    then tariff_subscription.options_fee else 0 end,
  since = case when excluded.since = now() and excluded.tariff_id = tariff_subscription.tariff_id
    then tariff_subscription.since else excluded.since end
where (tariff_subscription.tariff_id, tariff_subscription.next_charge_at)
    is distinct from (excluded.tariff_id, excluded.next_charge_at)
  or (excluded.since <> now() and tariff_subscription.since <> excluded.since)
"""

_SERVICE = """
insert into service_subscription (line_id, service_id, since, valid_until, trial_ends_at, trial_step_at, next_charge_at)
select l.id, s.id, coalesce(i.since, now()), i.valid_until, i.trial_ends_at,
  case when i.trial_ends_at > now() then greatest(i.trial_ends_at - interval '3 days', now()) end, i.next_charge_at
from import_service i
join known_line l on l.operator = i.operator and l.address = i.address
join service s on s.operator = i.operator and s.code = i.code
order by i.line_no, i.n
on conflict (line_id, service_id) do update set
  since = case when excluded.since = now() then service_subscription.since else excluded.since end,
  valid_until = excluded.valid_until, trial_ends_at = excluded.trial_ends_at,
  trial_step_at = excluded.trial_step_at, next_charge_at = excluded.next_charge_at, ended_at = null, paid_until = null
where (service_subscription.valid_until, service_subscription.trial_ends_at, service_subscription.next_charge_at)
    is distinct from (excluded.valid_until, excluded.trial_ends_at, excluded.next_charge_at)
  or service_subscription.ended_at is not null
  or (excluded.since <> now() and service_subscription.since <> excluded.since)
"""

# Packages of a tariff are what the file says they are, and no others: those of a tariff that was changed here go.
_OTHER_PACKAGES = """
delete from package_counter p using known_line l
where l.id = p.line_id and p.source = 'TARIFF'
  and exists (select from import_package i
    where i.operator = l.operator and i.address = l.address and i.source = 'TARIFF')
  and not exists (select from import_package i
    where i.operator = l.operator and i.address = l.address and i.code = p.code)
"""

_PACKAGE = """
insert into package_counter
  (line_id, code, name, unit, source, total, remaining, unlimited, resets_at, expires_at, as_of)
select l.id, i.code, i.name, i.unit, i.source, i.total, i.remaining, i.unlimited, i.resets_at,
  case when i.source <> 'TARIFF' then i.resets_at end, now()
from import_package i
join known_line l on l.operator = i.operator and l.address = i.address
on conflict (line_id, code) do update set
  name = excluded.name, unit = excluded.unit, source = excluded.source, total = excluded.total,
  remaining = excluded.remaining, unlimited = excluded.unlimited, resets_at = excluded.resets_at,
  expires_at = excluded.expires_at, scope = null, as_of = excluded.as_of
where (package_counter.name, package_counter.unit, package_counter.source, package_counter.total,
    package_counter.remaining, package_counter.unlimited, package_counter.resets_at)
  is distinct from (excluded.name, excluded.unit, excluded.source, excluded.total,
    excluded.remaining, excluded.unlimited, excluded.resets_at)
"""

_USAGE = """
insert into usage_day (line_id, day, type, unit, volume, sum)
select l.id, i.day, i.type, i.unit, i.volume, i.sum
from import_usage i
join known_line l on l.operator = i.operator and l.address = i.address
on conflict (line_id, day, type, unit) do update set volume = excluded.volume, sum = excluded.sum
where (usage_day.volume, usage_day.sum) is distinct from (excluded.volume, excluded.sum)
"""

# A session that lasted when it was told of grows, and ends.
_INTERNET_SESSION = """
insert into internet_session (line_id, started_at, ended_at, ip, received, sent, cost)
select l.id, i.started_at, i.ended_at, i.ip, i.received, i.sent, i.cost
from import_internet_session i
join known_line l on l.operator = i.operator and l.address = i.address
on conflict (line_id, started_at) do update set ended_at = coalesce(excluded.ended_at, internet_session.ended_at),
  ip = coalesce(excluded.ip, internet_session.ip), received = excluded.received, sent = excluded.sent,
  cost = excluded.cost
where (internet_session.ended_at, internet_session.ip, internet_session.received, internet_session.sent,
    internet_session.cost)
  is distinct from (coalesce(excluded.ended_at, internet_session.ended_at),
    coalesce(excluded.ip, internet_session.ip), excluded.received, excluded.sent, excluded.cost)
"""

_HOUSEHOLD = """
insert into household (operator, ref, name, created_at)
select operator, ref, name, now() from import_household
on conflict (operator, ref) do update set name = excluded.name where household.name <> excluded.name
"""

# Roles are rights, so they are not changed here: an ownership handed over in the cabinet stays handed over.
_MEMBERSHIP = """
insert into membership (household_id, user_id, role, status, birth_date, joined_at)
select h.id, u.id, i.role, 'ACTIVE',
  coalesce(i.birth_date, case i.role when 'CHILD' then p.birth_date end), now()
from import_member i
join household h on h.operator = i.operator and h.ref = i.household
join person p on p.operator = i.person_operator and p.ref = i.person
join app_user u on u.person_id = p.id
order by i.line_no, i.n
on conflict (household_id, user_id) do update set birth_date = excluded.birth_date
where excluded.birth_date is not null and membership.birth_date is distinct from excluded.birth_date
"""

# A household that has, or had, a link to the same thing gets none: what people revoked stays revoked.
_NEW_LINKS = """
create temp table import_new_link on commit drop as
select nextval('number_link_id_seq') as id, h.id as household_id, l.id as line_id, a.id as account_id,
  coalesce(l.sim_epoch, 1) as sim_epoch, c.epoch as contract_epoch, i.kind, i.scopes, i.label, i.method,
  i.consent, i.confirmed_at, i.reverify_by
from import_link i
join household h on h.operator = i.operator and h.ref = i.household
left join known_line k on k.operator = i.target and k.address = i.address
left join line l on l.id = k.id
left join personal_account a on a.operator = i.target and a.number = i.account
join personal_account ca on ca.id = coalesce(l.account_id, a.id)
join contract c on c.id = ca.contract_id
where not exists (select from number_link nl where nl.household_id = h.id and nl.line_id = l.id)
  and not exists (select from number_link nl where nl.household_id = h.id and nl.account_id = a.id);
analyze import_new_link
"""

_LINK = """
insert into number_link
  (id, household_id, line_id, account_id, kind, status, scopes, label, sim_epoch, contract_epoch, primary_slot,
   account_slot, requested_at, confirmed_at, reverify_by)
select id, household_id, line_id, account_id, kind, 'ACTIVE', scopes, label, sim_epoch, contract_epoch,
  case when kind = 'PRIMARY' then line_id end, case when kind = 'PRIMARY' then account_id end,
  confirmed_at, confirmed_at, reverify_by
from import_new_link
"""

# The text names who asked as the SMS of SPEC 4.5 does: the owner, and two digits of the owner's number.
_CONSENT = """
with requester as (
  select m.household_id, u.display_name || coalesce(' (номер …' || right(min(n.value), 2) || ')', '') as words
  from membership m
  join app_user u on u.id = m.user_id
  left join login n on n.user_id = u.id and n.kind = 'MSISDN'
  where m.role = 'OWNER' and m.status = 'ACTIVE'
    and m.household_id in (select household_id from import_new_link)
  group by m.household_id, u.display_name
)
insert into consent (link_id, method, text, scopes, given_at)
select i.id, i.method, replace(i.consent, '{requester}', coalesce(r.words, '')), i.scopes, i.confirmed_at
from import_new_link i left join requester r on r.household_id = i.household_id
"""

_LABEL = """
update number_link nl set label = i.label
from import_link i
join household h on h.operator = i.operator and h.ref = i.household
left join known_line l on l.operator = i.target and l.address = i.address
left join personal_account a on a.operator = i.target and a.number = i.account
cross join lateral (
  select id from number_link where line_id = l.id
  union all select id from number_link where account_id = a.id
) same
where nl.id = same.id and nl.household_id = h.id and nl.status in ('ACTIVE', 'SUSPENDED')
  and i.label is not null and nl.label is distinct from i.label
"""

# Each with what its changes are reported as. Later statements see what earlier ones made. Rows are made in the
# order of the file, which is the order that lists show them in.
_LINES_AND_OWNERS = (
    ("people", _PERSON),
    ("cabinets", _KNOWN_USER),
    ("cabinets", _USER),
    ("logins", _LOGIN),
    ("contracts", _CONTRACT),
    ("accounts", _ACCOUNT),
    ("lines", _line("msisdn")),
    ("lines", _line("service_point")),
    ("links", _PASSED_ON),
    ("services", _ENDED),
)
_WHAT_LINES_HAVE = (
    ("tariffs", _TARIFF),
    ("services", _SERVICE),
    ("packages", _OTHER_PACKAGES),
    ("packages", _PACKAGE),
    ("usage", _USAGE),
    ("sessions", _INTERNET_SESSION),
    ("households", _HOUSEHOLD),
    ("members", _MEMBERSHIP),
    ("links", _LABEL),
)
_LINKS = (("links", _LINK), ("consents", _CONSENT))

# What the planner has to know of when a file brought much: it has never looked into a table that was empty.
_ANALYZE_LINES = "analyze person, app_user, login, contract, personal_account, line"
_ANALYZE_REST = "analyze tariff_subscription, service_subscription, household, membership, number_link"
_MUCH = 1_000


async def merge(connection: Connection) -> Mapping[str, int]:
    """Carry everything over; gives how many rows changed, by what they are, without what did not change."""
    await connection.execute(_REMEMBER)
    changed = await _run(connection, _LINES_AND_OWNERS)
    much = changed.total() >= _MUCH
    if much:
        await connection.execute(_ANALYZE_LINES)
    await find_lines_again(connection)
    changed += await _run(connection, _WHAT_LINES_HAVE)
    if much:
        await connection.execute(_ANALYZE_REST)
    await connection.execute(_NEW_LINKS)
    changed += await _run(connection, _LINKS)
    changed += await open_accounts(connection)
    changed["snapshots"] += rows_changed(await connection.execute(SNAPSHOT))
    return {what: count for what, count in changed.items() if count}


async def _run(connection: Connection, steps: Iterable[tuple[str, str]]) -> Counter[str]:
    changed: Counter[str] = Counter()
    for what, statement in steps:
        changed[what] += rows_changed(await connection.execute(statement))
    return changed
