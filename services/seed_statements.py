"""The SQL of `services/seed.py`: inventing a batch in temporary tables, and storing it.

`seed_batch` has one row: whose households are made, from which number to which, and the few words that come
from the profile. Everything else follows from the household's number `n` and a place `slot` in it: 1 is the
owner, 2 the other adult, 3 the child, 4 the grandparent, 5 and 6 the lines of the home. Amounts are minor units.
"""

TEMPORARY = """
create temp table seed_batch (
  operator text, first bigint, last bigint, kinds text[], prefix text, digits int, currency text, language text,
  reverify interval, managed text[], cared text[], consent_managed text, consent_cared text
) on commit delete rows;
create temp table seed_household (
  n bigint, id bigint, ref text, name text, transfer_id bigint, own_contract_id bigint, old_contract_id bigint
) on commit delete rows;
create temp table seed_person (
  n bigint, slot int, person_id bigint, user_id bigint, name text, born date, role text
) on commit delete rows;
create temp table seed_line (
  n bigint, slot int, kind text, line_id bigint, account_id bigint, ledger_id bigint, link_id bigint,
  msisdn text, service_point text, balance bigint, charge_at timestamptz
) on commit delete rows;
create temp table seed_tariff (kind text, place int, of int, id bigint, fee bigint) on commit delete rows;
create temp table seed_service (kind text, place int, of int, id bigint) on commit delete rows;
"""

BATCH = """
insert into seed_batch values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""

_CATALOGUE = (
    """
insert into seed_tariff
select kind, row_number() over (partition by kind order by id) - 1, count(*) over (partition by kind), id, fee
from tariff where operator = (select operator from seed_batch) and not archived
""",
    """
insert into seed_service
select kind, row_number() over (partition by kind order by id) - 1, count(*) over (partition by kind), id
from service where operator = (select operator from seed_batch) and not archived and artist is null
""",
)

# Every second household has a second contract: the grandparent's own.
_HOUSEHOLDS = """
insert into seed_household
select n, nextval('household_id_seq'), 'seed-' || lpad(n::text, 9, '0'),
  (array['Ивановы', 'Смирновы', 'Кузнецовы', 'Поповы', 'Лебедевы', 'Козловы', 'Новиковы', 'Морозовы', 'Волковы',
    'Зайцевы', 'Павловы'])[1 + n % 11],
  nextval('ledger_transfer_id_seq'), nextval('contract_id_seq'),
  case when n % 2 = 0 then nextval('contract_id_seq') end
from seed_batch b cross join generate_series(b.first, b.last) n
"""

_PEOPLE = """
insert into seed_person
select h.n, s.slot, nextval('person_id_seq'), nextval('app_user_id_seq'),
  (case s.slot
    when 1 then (array['Анна', 'Ирина', 'Елена', 'Ольга', 'Наталья', 'Светлана', 'Юлия'])[1 + h.n % 7]
    when 2 then (array['Алексей', 'Дмитрий', 'Сергей', 'Павел', 'Андрей'])[1 + h.n % 5]
    when 3 then (array['Мария', 'Софья', 'Дарья', 'Полина', 'Алиса', 'Вера'])[1 + h.n % 6]
    else (array['Галина', 'Валентина', 'Нина', 'Тамара'])[1 + h.n % 4]
  end) || ' ' || case s.slot when 2 then regexp_replace(h.name, 'ы$', '') else regexp_replace(h.name, 'ы$', 'а') end,
  (current_date - make_interval(
    years => case s.slot when 3 then 8 + (h.n % 6)::int when 4 then 62 + (h.n % 20)::int else 27 + (h.n % 25)::int end,
    days => (h.n * 37 % 365)::int))::date,
  (array['OWNER', 'ADULT', 'CHILD', 'VIEWER'])[s.slot]
from seed_household h cross join generate_series(1, 4) as s (slot)
"""

_LINES = """
insert into seed_line
select h.n, s.slot, s.kind, nextval('line_id_seq'), nextval('personal_account_id_seq'),
  nextval('ledger_account_id_seq'), nextval('number_link_id_seq'),
  case when s.slot <= 4 then b.prefix || lpad((h.n * 4 + s.slot - 5)::text, b.digits, '0') end,
  case when s.slot > 4 then format('SEED-%s-%s', s.kind, h.n) end,
  500 + (h.n * 7919 + s.slot * 104729) % 150000,
  date_trunc('day', now()) + make_interval(days => 1 + ((h.n + s.slot) % 28)::int, hours => 3)
from seed_batch b
cross join seed_household h
cross join lateral unnest(b.kinds) with ordinality as s (kind, slot)
"""

INVENT = (*_CATALOGUE, _HOUSEHOLDS, _PEOPLE, _LINES)

_STORE_PEOPLE = (
    """
insert into person (id, operator, ref, name, birth_date)
select p.person_id, b.operator, format('seed-%s-%s', p.n, p.slot), p.name, p.born
from seed_batch b cross join seed_person p
""",
    """
insert into app_user (id, operator, person_id, display_name, language, password_hash, must_change_password,
  created_at)
select p.user_id, b.operator, p.person_id, p.name, b.language, null, false, now()
from seed_batch b cross join seed_person p
""",
    """
insert into login (user_id, operator, kind, value)
select p.user_id, b.operator, 'MSISDN', l.msisdn
from seed_batch b cross join seed_person p join seed_line l using (n, slot)
""",
    """
insert into household (id, operator, ref, name, created_at)
select h.id, b.operator, h.ref, h.name, now() from seed_batch b cross join seed_household h
""",
    """
insert into membership (household_id, user_id, role, status, birth_date, joined_at)
select h.id, p.user_id, p.role, 'ACTIVE', case p.role when 'CHILD' then p.born end, now()
from seed_household h join seed_person p using (n)
""",
)

_STORE_LINES = (
    """
insert into contract (id, operator, number, holder_id, kind, status, epoch, signed_on)
select c.id, b.operator, format('SEED-%s-%s', h.n, c.slot), p.person_id, 'CONSUMER', 'ACTIVE', 1,
  current_date - (h.n % 3000)::int
from seed_batch b
cross join seed_household h
cross join lateral (values (1, h.own_contract_id), (4, h.old_contract_id)) as c (slot, id)
join seed_person p on p.n = h.n and p.slot = c.slot
where c.id is not null
""",
    """
insert into personal_account (id, operator, number, kind, contract_id, status, cash_payments_banned)
select l.account_id, b.operator, format('99%s%s', lpad(l.n::text, 9, '0'), l.slot), l.kind,
  case when l.slot = 4 then coalesce(h.old_contract_id, h.own_contract_id) else h.own_contract_id end,
  'ACTIVE', false
from seed_batch b cross join seed_line l join seed_household h using (n)
""",
    """
insert into line (id, operator, account_id, user_id, kind, msisdn, service_point, label, status, sim_epoch,
  activated_at)
select l.line_id, b.operator, l.account_id, p.user_id, l.kind, l.msisdn, l.service_point, null, 'ACTIVE', 1,
  now() - make_interval(days => (l.n % 2000)::int)
from seed_batch b cross join seed_line l left join seed_person p using (n, slot)
""",
    """
insert into tariff_subscription (line_id, tariff_id, since, next_charge_at)
select l.line_id, t.id, now() - make_interval(days => (l.n % 400)::int), l.charge_at
from seed_line l join seed_tariff t on t.kind = l.kind and t.place = (l.n + l.slot) % t.of
""",
    # One service a line, and every fourth line another; their fees fall on the day after the tariff's.
    """
insert into service_subscription (line_id, service_id, since, next_charge_at)
select l.line_id, s.id, now() - make_interval(days => (l.n % 300)::int), l.charge_at + interval '1 day'
from seed_line l
join seed_service s on s.kind = l.kind
  and (s.place = l.n % s.of or (s.place = (l.n + 1) % s.of and (l.n + l.slot) % 4 = 0))
""",
    """
insert into package_counter
  (line_id, code, name, unit, source, total, remaining, unlimited, resets_at, as_of)
select l.line_id, p.code, p.name, p.unit, 'TARIFF', p.total, p.total * ((l.n * 31 + l.slot * 7) % 101) / 101,
  false, l.charge_at, now()
from seed_line l
cross join (values
  ('gb', 'Интернет', 'BYTE', 20 * 1024::numeric ^ 3), ('min', 'Минуты', 'MINUTE', 505), ('sms', 'SMS', 'SMS', 101)
) as p (code, name, unit, total)
where l.kind = 'MOBILE'
""",
)

_STORE_LINKS = (
    """
insert into number_link
  (id, household_id, line_id, kind, status, scopes, sim_epoch, contract_epoch, primary_slot, requested_at,
   confirmed_at, reverify_by)
select l.link_id, h.id, l.line_id, 'PRIMARY', 'ACTIVE', case when l.slot in (2, 4) then b.cared else b.managed end,
  1, 1, l.line_id, now(), now(), now() + b.reverify
from seed_batch b cross join seed_line l join seed_household h using (n)
""",
    """
insert into consent (link_id, method, text, scopes, given_at)
select l.link_id, case when l.by_sms then 'SMS_CODE' else 'CONTRACT_HOLDER' end,
  replace(case when l.by_sms then b.consent_cared else b.consent_managed end, '{requester}', p.name),
  case when l.by_sms then b.cared else b.managed end, now()
from seed_batch b
cross join (select *, slot in (2, 4) as by_sms from seed_line) l
join seed_person p on p.n = l.n and p.slot = 1
""",
)

# One opening transfer a household: an entry for each account, which moves its balance, and one against all of them.
_STORE_MONEY = (
    """
insert into ledger_account (id, operator, kind, account_id, currency, balance, reserved, credit_limit, floor)
select l.ledger_id, b.operator, 'PERSONAL', l.account_id, b.currency, 0, 0, 0, 0
from seed_batch b cross join seed_line l
""",
    """
insert into ledger_transfer (id, operator, kind, key, at)
select h.transfer_id, b.operator, 'OPENING', format('seed:%s:OPENING:%s', b.operator, h.n), now()
from seed_batch b cross join seed_household h
""",
    """
insert into ledger_entry (transfer_id, account_id, amount)
select h.transfer_id, l.ledger_id, l.balance from seed_line l join seed_household h using (n)
union all
select h.transfer_id, o.id, -sum(l.balance)
from seed_batch b
join ledger_account o on o.operator = b.operator and o.currency = b.currency and o.kind = 'OPENING'
  and o.account_id is null
cross join seed_household h join seed_line l using (n)
group by h.transfer_id, o.id
""",
    """
insert into balance_snapshot
  (account_id, currency, available, credit, reserved, next_charge, next_charge_at, as_of)
select l.account_id, b.currency, l.balance, null, 0, t.fee, l.charge_at, now()
from seed_batch b cross join seed_line l
join seed_tariff t on t.kind = l.kind and t.place = (l.n + l.slot) % t.of
""",
)

STORE = (*_STORE_PEOPLE, *_STORE_LINES, *_STORE_LINKS, *_STORE_MONEY)
