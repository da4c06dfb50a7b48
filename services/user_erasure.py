"""A person is forgotten: the cabinet ends as if it had been closed, and what is left names nobody.

Money, contracts, consents and the log stay, since the law wants them, under the number of the cabinet alone. The
ledger names nobody as it is. What only grows is overwritten where it quotes the person, which the database lets
happen in an erasure only (migration 0032).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient

from auth import cabinet_end
from domain.msisdn import mask
from domain.profile import Profile
from domain.refusals import LastOwner, NotFound
from models import audit
from models.audit import TheUser
from models.database import tx

ERASED = "erased"

_SHORTEST_QUOTED = 4

_USER = """
select u.operator, u.display_name, u.closed_at is not null as closed, p.id as person_id, p.name, p.ref
from app_user u join person p on p.id = u.person_id where u.id = $1 for no key update of u
"""
_ADDRESSES = """
select value from login where user_id = $1 union select value from contact where user_id = $1
union select msisdn from line where user_id = $1 and msisdn is not null
union select title from social_account where user_id = $1
"""
_LINES = "select id from line where user_id = $1"
# Whoever moves money at this moment still needs to know whose it is.
_UNDER_WAY = """
select exists (select from payment where payer_id = $1 and check_at is not null) or exists (
  select from refund r join payment p on p.id = r.payment_id
  where p.payer_id = $1 and r.status in ('REQUESTED', 'PROCESSING')) as money
"""
_UNSENT = """
update outbox set done_at = now(), locked_until = null, body = '{}', delivery = 'FAILED', last_error = 'erased'
where done_at is null and operator = $1 and body ->> 'to' = any($2::text[])
"""

# $1 is the user.
_OF_THE_USER = (
    f"update app_user set display_name = '{ERASED}', last_signed_in_at = null where id = $1",
    f"""update person set name = '{ERASED}', ref = '{ERASED}:' || $1::bigint, birth_date = null
        where id = (select person_id from app_user where id = $1)""",
    "delete from session where user_id = $1",
    "delete from refresh_token where user_id = $1",
    "delete from challenge where user_id = $1",
    f"""update payment_method set reference = '{ERASED}:' || id, scheme = null, last_four = null,
          expires_year = null, expires_month = null, issuer_country = null, fingerprint = null, shared = false
        where user_id = $1""",
    f"""update payment set named = '{ERASED}', receipt_email = null, redirect_url = null, return_url = null,
          fingerprint = null where payer_id = $1""",
    f"""update refund set reason = '{ERASED}', answer = case when answer is not null then '{ERASED}' end
        where payment_id in (select id from payment where payer_id = $1)""",
    f"update autopay_rule set named = '{ERASED}' where user_id = $1",
    "update membership set birth_date = null where user_id = $1",
    f"""update household set name = '{ERASED}' where dissolved_at is not null
        and id in (select household_id from membership where user_id = $1 and role = 'OWNER')""",
    f"""update approval_request set subject = '{{}}', subject_key = '{ERASED}', title = '{ERASED}', comment = null
        where requested_by_id = $1 and status <> 'PENDING'""",
    "update approval_request set comment = null where resolved_by_id = $1",
    # Of what is asked for, only what the operator's own people need in their figures.
    """update ticket set comment = null, status = 'CLOSED', closed_at = coalesce(closed_at, now()),
         details = (select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(details)
           where key in ('mbps', 'bundle')) where user_id = $1""",
    f"update ticket_message set text = '{ERASED}' where ticket_id in (select id from ticket where user_id = $1)",
)
# $1 is the user, $2 the lines that were theirs.
_OF_THE_LINES = (
    f"""update link_request set target = '{ERASED}', text = '{ERASED}', initiator = '{ERASED}',
          status = case when status = 'PENDING' then 'EXPIRED' else status end,
          resolved_at = coalesce(resolved_at, now()) where requester_id = $1 or line_id = any($2::bigint[])""",
    """update guest_grant set revoked_at = coalesce(revoked_at, now())
       where created_by_id = $1 or line_id = any($2::bigint[])""",
    "delete from child_policy where set_by_id = $1 and line_id = any($2::bigint[])",
)
_OF_LINES_ALONE = (
    "update line set label = null where id = any($1::bigint[])",
    "update number_link set label = null where line_id = any($1::bigint[])",
    "delete from status_message where line_id = any($1::bigint[])",
    "delete from ringback_rule where line_id = any($1::bigint[])",
    "delete from internet_session where line_id = any($1::bigint[])",
)
# $1 is the operator, $2 the numbers and addresses.
_OF_ADDRESSES = (
    "delete from registration where operator = $1 and (email = any($2::text[]) or msisdn = any($2::text[]))",
    "delete from challenge where operator = $1 and target = any($2::text[])",
)
_COUNTERS = """
delete from counter where exists (select from unnest($1::text[]) a where position(a in key) > 0)
"""

# The record of a subscriber belongs to the contract, and lasts as long.
_PERSON = f"""
update person p set name = '{ERASED}', ref = '{ERASED}:person:' || p.id, birth_date = null
where id = $1 and not exists (select from contract where holder_id = p.id and status <> 'TERMINATED')
  and not exists (select from app_user where person_id = p.id) returning id
"""
_CONTRACTS = "select number from contract where holder_id = $1 and status <> 'TERMINATED' order by number"

_LET_OVERWRITE = "select set_config('hearth.erasing', $1, true)"
_CONSENTS = """
select c.id, c.text from consent c join number_link nl on nl.id = c.link_id
where c.given_by_id = $1 or nl.requester_id = $1 or nl.line_id = any($2::bigint[]) for update of c
"""
_OVERWRITE_CONSENT = """
update consent set text = $2, address = case when given_by_id = $3 then null else address end where id = $1
"""
_EVENTS = """
select id, user_id, details from audit_event
where user_id = $1 or subject_id = $1 or line_id = any($2::bigint[])
  or household_id in (select household_id from membership where user_id = $1) for update
"""
_OVERWRITE_EVENT = "update audit_event set details = $2::jsonb where id = $1"
# What an event of one's own may go on telling: words of ours and figures. Any other word may be the person's.
_KEPT = frozenset(
    {
        *("amount", "charge", "fee", "cap", "gigabytes", "whole", "unit", "per", "on_reach"),
        *("service", "tariff", "payment", "ticket", "subject", "method", "channels", "provider", "trigger"),
        *("role", "scopes", "status", "level", "allowed", "active", "before", "after", "because"),
        *("what", "until", "at"),
        *("by", "staff", "staff_ticket"),
    }
)


@dataclass(frozen=True, slots=True)
class Erased:
    """Nothing but the cabinet's number tells of the person, save what was `kept`: sentences for people."""

    user_id: int
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ErasedBefore:
    """There was nothing left to erase."""

    user_id: int


@dataclass(frozen=True, slots=True)
class MoneyUnderWay:
    """A payment or a refund of the person's has not come to its end: until then it has to be known whose it is."""

    message: str = "A payment or a refund is under way: try again when it has ended"


class _User(NamedTuple):
    operator: str
    display_name: str
    closed: bool
    person_id: int
    name: str
    ref: str


async def erase(
    profiles: Mapping[str, Profile], user_id: int, by: str
) -> Erased | ErasedBefore | NotFound | LastOwner | MoneyUnderWay:
    """Erase a user, all of it or nothing; `by` is who decided, for the log. Erasing again changes nothing."""

    async def work(connection: BaseDBAsyncClient) -> Erased | ErasedBefore | NotFound | LastOwner | MoneyUnderWay:
        # Households come before users, as wherever somebody leaves.
        places = await cabinet_end.places(connection, user_id)
        found = await connection.execute_query_dict(_USER, [user_id])
        if not found or found[0]["operator"] not in profiles:
            return NotFound("There is no such user", None)
        user = _User(**found[0])
        if user.ref == f"{ERASED}:{user_id}":
            return ErasedBefore(user_id)
        if any(place.owns_others_home for place in places):
            return LastOwner("Others are in a household of theirs: it has to be handed over or dissolved first")
        [under_way] = await connection.execute_query_dict(_UNDER_WAY, [user_id])
        if under_way["money"]:
            return MoneyUnderWay()
        return await _erase(connection, profiles[user.operator], user_id, user, by)

    return await tx(work)


async def _erase(connection: BaseDBAsyncClient, profile: Profile, user_id: int, user: _User, by: str) -> Erased:
    actor = TheUser(user.operator, user_id)
    addresses = [row["value"] for row in await connection.execute_query_dict(_ADDRESSES, [user_id])]
    lines = [row["id"] for row in await connection.execute_query_dict(_LINES, [user_id])]
    await connection.execute_query(_UNSENT, [user.operator, addresses])
    if not user.closed:
        await cabinet_end.end(connection, profile, actor, "CABINET_CLOSED")
    await connection.execute_query(_LET_OVERWRITE, ["on"])
    for statement in _OF_THE_USER:
        await connection.execute_query(statement, [user_id])
    for statement in _OF_THE_LINES:
        await connection.execute_query(statement, [user_id, lines])
    for statement in _OF_LINES_ALONE:
        await connection.execute_query(statement, [lines])
    for statement in _OF_ADDRESSES:
        await connection.execute_query(statement, [user.operator, addresses])
    await connection.execute_query(_COUNTERS, [addresses])
    words = _words([user.display_name, user.name, *addresses])
    await _overwrite_consents(connection, user_id, lines, words)
    await _overwrite_events(connection, user_id, lines, words)
    await connection.execute_query(_LET_OVERWRITE, ["off"])
    await audit.record(connection, actor, "DATA_ERASED", by=by)
    if user.closed or await connection.execute_query_dict(_PERSON, [user.person_id]):
        return Erased(user_id)
    contracts = await connection.execute_query_dict(_CONTRACTS, [user.person_id])
    return Erased(user_id, tuple(_kept(row["number"]) for row in contracts))


def _kept(contract: str) -> str:
    return f"Contract {contract} is in force: its number, its lines and the record of its subscriber are kept with it"


def _words(told: Iterable[str]) -> list[str]:
    """What names the person, the longest first; a number also as it is masked, and by its last digits."""
    words = {each for each in told if len(each) >= _SHORTEST_QUOTED}
    words |= {mask(each) for each in words if each.isdecimal()}
    return sorted(words, key=lambda each: (-len(each), each))


def _without(text: str, words: Iterable[str]) -> str:
    for word in words:
        text = text.replace(word, ERASED)
    return text


async def _overwrite_consents(connection: BaseDBAsyncClient, user_id: int, lines: list[int], words: list[str]) -> None:
    for row in await connection.execute_query_dict(_CONSENTS, [user_id, lines]):
        await connection.execute_query(_OVERWRITE_CONSENT, [row["id"], _without(row["text"], words), user_id])


async def _overwrite_events(connection: BaseDBAsyncClient, user_id: int, lines: list[int], words: list[str]) -> None:
    endings = {word[-4:] for word in words if word.isdecimal()}
    for row in await connection.execute_query_dict(_EVENTS, [user_id, lines]):
        told: dict[str, Any] = orjson.loads(row["details"])
        own = row["user_id"] == user_id
        kept = {key: _told(key, value, own, words, endings) for key, value in told.items()}
        if kept != told:
            await connection.execute_query(_OVERWRITE_EVENT, [row["id"], orjson.dumps(kept).decode()])


def _told(key: str, value: Any, own: bool, words: Iterable[str], endings: Iterable[str]) -> Any:
    if not isinstance(value, str):
        return value
    if (own and key not in _KEPT) or value in endings:
        return ERASED
    return _without(value, words)
