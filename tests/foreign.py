"""People who each have one of everything that has an id, for tests of whom is told of it."""

import asyncpg

from auth.invitation_target import target_hmac
from domain.receipt import name_of
from models.challenge import ChallengePurpose
from resolvers.node_id import encode
from tests import family
from tests.linking import FRED, OPERATOR, VILLAGE

OTHER_OPERATOR = "letai"
OLGA, PETRA = 10, 11
ZOE, YURI, XENIA = range(3)

# Eve's house is as large as Ann's, and so is one at another operator. Whom nobody asks for is what is linked to them.
PEOPLE = [
    *(record for record in VILLAGE if record.get("ref") != "eves"),
    *(family.person(OPERATOR, name) for name in ("olga", "petra")),
    *family.mobile(OPERATOR, "olga", OLGA, "olga"),
    *family.mobile(OPERATOR, "petra", PETRA, "petra"),
    family.household(OPERATOR, "eves", eve="OWNER", ivan="ADULT"),
    family.link(OPERATOR, "eves", family.number(OPERATOR, OLGA), "VIEW", confirmed_at="-40d"),
    family.link(OPERATOR, "smiths", family.number(OPERATOR, PETRA), "VIEW", confirmed_at="-40d"),
    *(family.person(OTHER_OPERATOR, name) for name in ("zoe", "yuri", "xenia")),
    *family.mobile(OTHER_OPERATOR, "zoe", ZOE, "zoe"),
    *family.mobile(OTHER_OPERATOR, "yuri", YURI, "yuri"),
    *family.mobile(OTHER_OPERATOR, "xenia", XENIA, "xenia"),
    family.household(OTHER_OPERATOR, "zoes", zoe="OWNER", yuri="ADULT"),
    family.link(OTHER_OPERATOR, "zoes", family.number(OTHER_OPERATOR, XENIA), "VIEW", confirmed_at="-40d"),
]

# One of everything for whoever uses a line; of a household's for its owner.
_WORLD = (
    """
insert into session (user_id, operator, token_hash, access_level, created_at, last_seen_at, expires_at)
select id, operator, 'other:' || id, 'FULL', now(), now(), now() + interval '1 day' from app_user
""",
    """
insert into social_account (user_id, operator, provider, subject, title, linked_at)
select id, operator, 'VK', id::text, display_name, now() from app_user
""",
    """
insert into payment_method (user_id, operator, provider, reference, kind, last_four, shared, created_at)
select id, operator, 'none', 'card:' || id, 'CARD', '4242', false, now() from app_user
""",
    """
insert into payment (operator, payer_id, key, asked, kind, status, account_id, line_id, named, currency, amount, fee,
  refunded, method_kind, method_id, save_method, provider, provider_key, confirmation, created_at, settled_at,
  completed_at, checks)
select l.operator, l.user_id, 'paid', '', 'TOP_UP', 'COMPLETED', l.account_id, l.id, '***', 'RUB', 10000, 0, 0, 'CARD',
  m.id, false, 'none', gen_random_uuid(), 'NONE', now(), now(), now(), 0
from line l join payment_method m on m.user_id = l.user_id
""",
    """
insert into autopay_rule (operator, user_id, account_id, line_id, named, trigger, currency, amount, threshold,
  method_id, active, armed, round, failures, created_at)
select l.operator, l.user_id, l.account_id, l.id, '***', 'BALANCE_BELOW', 'RUB', 10000, 5000, m.id, false, true, 1, 0,
  now()
from line l join payment_method m on m.user_id = l.user_id
""",
    """
insert into link_request (operator, requester_id, initiator, target, line_id, kind, scopes, text, sim_epoch,
  contract_epoch, status, created_at, expires_at)
select l.operator, a.id, 'session:0', l.msisdn, l.id, 'SECONDARY', '{VIEW}', 'May I look?', l.sim_epoch, c.epoch,
  'PENDING', now(), now() + interval '1 hour'
from line l join personal_account p on p.id = l.account_id join contract c on c.id = p.contract_id
join app_user a on a.operator = l.operator and a.display_name in ('Fred', 'Xenia') and a.id <> l.user_id
""",
    """
insert into ownership_transfer (household_id, from_member_id, to_member_id, requested_at, expires_at)
select f.household_id, f.id, t.id, now(), now() + interval '1 hour' from membership f
join membership t on t.household_id = f.household_id and t.role = 'ADULT' where f.role = 'OWNER'
""",
    """
insert into usage_limit (line_id, unit, per, amount, on_reach, set_by_id, set_at)
select id, 'SMS', 'DAY', 100, 'NOTIFY', user_id, now() from line where user_id is not null
""",
    """
insert into approval_request (household_id, line_id, requested_by_id, scope, action, title, subject, subject_key,
  status, created_at, expires_at)
select m.household_id, l.id, l.user_id, 'PAY', 'X', 'x', '{}', 'x', 'PENDING', now(), now() + interval '1 hour'
from line l join membership m on m.user_id = l.user_id and m.status = 'ACTIVE'
""",
    """
insert into guest_grant (line_id, created_by_id, scopes, token_hash, sim_epoch, contract_epoch, created_at, expires_at)
select l.id, l.user_id, '{VIEW}', sha256(l.msisdn::bytea), l.sim_epoch, c.epoch, now(), now() + interval '1 day'
from line l join personal_account p on p.id = l.account_id join contract c on c.id = p.contract_id
where l.user_id is not null
""",
    """
insert into audit_event (operator, user_id, line_id, household_id, action, details, at)
select l.operator, l.user_id, l.id, m.household_id, 'LINE_RENAMED', '{}', now()
from line l join membership m on m.user_id = l.user_id and m.status = 'ACTIVE'
""",
    """
insert into service_subscription (line_id, service_id, since)
select l.id, (select min(s.id) from service s where s.operator = l.operator), now() from line l
""",
    """
insert into service_event (line_id, action, service_id, charge, actor_id, at)
select l.line_id, 'CONNECT', l.service_id, 0, null, now() from service_subscription l
""",
    """
insert into tariff_event (line_id, action, tariff_id, configuration, charge, at)
select l.id, 'CHANGE', (select min(t.id) from tariff t where t.operator = l.operator), '[]', 0, now() from line l
""",
    """
insert into ringback_rule (line_id, tone_id, set_at)
select l.line_id, l.service_id, now() from service_subscription l
""",
    """
insert into internet_session (line_id, started_at, ended_at, received, sent, cost)
select id, now() - interval '1 hour', now(), 1, 1, 0 from line
""",
    """
insert into ticket (operator, user_id, line_id, category, subject, details, status, created_at, answer_due_at)
select operator, user_id, id, 'TECHNICAL', 'SPEED_INCREASE', '{"mbps": 300}', 'NEW', now(), now() from line
where user_id is not null
""",
    """
insert into ticket_message (ticket_id, text, at) select id, 'Please', now() from ticket
""",
)
_INVITATION = """
insert into invitation (operator, household_id, invited_by_id, role, target_hmac, target_masked, token_hash, status,
  created_at, expires_at)
select h.operator, h.id, m.user_id, 'VIEWER', $2, '***', sha256(h.name::bytea), 'PENDING', now(),
  now() + interval '1 day'
from household h join membership m on m.household_id = h.id and m.role = 'OWNER' where h.operator = $1
"""
# The id of somebody's, by their number: $1 is its user.
_KEYS = {
    "Line": "select id from line where user_id = $1",
    "PersonalAccount": "select account_id from line where user_id = $1",
    "Contract": "select c.id from contract c join app_user u on u.person_id = c.holder_id where u.id = $1",
    "ServiceSubscription": "select s.id from service_subscription s join line l on l.id = s.line_id and user_id = $1",
    "ServiceEvent": "select e.id from service_event e join line l on l.id = e.line_id and user_id = $1",
    "TariffHistoryEntry": "select e.id from tariff_event e join line l on l.id = e.line_id and user_id = $1",
    "RingbackRule": "select r.id from ringback_rule r join line l on l.id = r.line_id and user_id = $1",
    "InternetSession": "select s.id from internet_session s join line l on l.id = s.line_id and user_id = $1",
    "Ticket": "select id from ticket where user_id = $1",
    "TicketMessage": "select m.id from ticket_message m join ticket t on t.id = m.ticket_id where t.user_id = $1",
    "Viewer": "select $1::bigint",
    "User": "select $1::bigint",
    "Session": "select id from session where token_hash = 'other:' || $1::bigint",
    "AuditEvent": "select id from audit_event where user_id = $1",
    "SocialAccount": "select id from social_account where user_id = $1",
    "PaymentMethod": "select id from payment_method where user_id = $1",
    "Payment": "select id from payment where payer_id = $1",
    "AutopayRule": "select id from autopay_rule where user_id = $1",
    "LinkRequest": "select r.id from link_request r join line l on l.id = r.line_id and l.user_id = $1",
    "Household": "select household_id from membership where user_id = $1",
    "NumberLink": "select id from number_link where household_id = (select household_id from membership "
    "where user_id = $1)",
    "HouseholdMember": "select id from membership where role = 'ADULT' and household_id = (select household_id "
    "from membership where user_id = $1)",
    "HouseholdInvitation": "select id from invitation where household_id = (select household_id from membership "
    "where user_id = $1)",
    "OwnershipTransfer": "select id from ownership_transfer where household_id = (select household_id from membership "
    "where user_id = $1)",
    "UsageLimit": "select g.id from usage_limit g join line l on l.id = g.line_id and l.user_id = $1",
    "ApprovalRequest": "select id from approval_request where requested_by_id = $1",
    "GuestGrant": "select id from guest_grant where created_by_id = $1",
}
_CHALLENGES = """
insert into challenge (id, operator, purpose, channel, target, user_id, subject, initiator, sent, tag, code_hmac,
  attempts, max_attempts, created_at, expires_at)
select gen_random_uuid(), g.operator, p, 'SMS', g.value, g.user_id,
  case p when 'PAYMENT' then (select id from payment where payer_id = g.user_id) end,
  coalesce('transfer:' || (select t.id from ownership_transfer t join membership m on m.id = t.to_member_id
                           where m.user_id = g.user_id and p = 'TRANSFER_OWNERSHIP'),
           'session:' || (select max(s.id) from session s where s.user_id = g.user_id)),
  true, 'AB', '', 0, 5, now(), now() + interval '1 hour'
from login g, unnest($3::text[]) p where g.operator = $1 and g.value = $2 returning purpose, id
"""


async def furnish(url: str, secret: bytes) -> None:
    """Give everybody of `PEOPLE` one of everything."""
    connection = await asyncpg.connect(url)
    try:
        for statement in _WORLD:
            await connection.execute(statement)
        for operator, index in ((OPERATOR, FRED), (OTHER_OPERATOR, XENIA)):
            hmac = target_hmac(secret, operator, family.number(operator, index))
            await connection.execute(_INVITATION, operator, hmac)
    finally:
        await connection.close()


async def belongings(url: str, operator: str, index: int) -> dict[str, str]:
    """The global ids of what the user of the index-th number has, by type; some have no household."""
    connection = await asyncpg.connect(url)
    try:
        login = "select user_id from login where operator = $1 and value = $2"
        user = await connection.fetchval(login, operator, family.number(operator, index))
        found = {name: await connection.fetchval(sql, user) for name, sql in _KEYS.items()}
        found["Document"] = name_of(found["Payment"])
        return {name: encode(name, key) for name, key in found.items() if key is not None}
    finally:
        await connection.close()


async def challenges(url: str, operator: str, index: int) -> dict[str, str]:
    """A code of each purpose that the user of the index-th number has asked for in their newest session: their ids.

    That for the handover of a household counts in all sessions; nobody knows the codes.
    """
    connection = await asyncpg.connect(url)
    try:
        purposes = [str(each) for each in ChallengePurpose]
        rows = await connection.fetch(_CHALLENGES, operator, family.number(operator, index), purposes)
        return {row["purpose"]: str(row["id"]) for row in rows}
    finally:
        await connection.close()
