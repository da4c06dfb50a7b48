"""A link as it is made: consent, link, audit and notices in one transaction, one winner for each number (F040, E20)."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import link_code
from auth.link_code import Target
from domain.access import NOBODY, NOT_AT_ONCE, HouseholdRole, LinkKind, Scope, sees_links
from domain.household_refusals import OwnerAbsent
from domain.link_request import SETTLES_AFTER, in_quarantine, takes_part
from domain.link_request_refusals import (
    ContractChanged,
    LinkChoice,
    NotAMember,
    NumberAlreadyLinked,
    NumberLimitReached,
    QuestionChanged,
    SimChanged,
)
from domain.number_link import ConsentMethod
from domain.profile import Profile
from domain.refusals import Forbidden
from domain.sim import CooldownActive, cooldown
from domain.wording import Wording, language_of
from models import audit
from models.audit import About, Actor
from models.rights import rights_changed
from services import link_request_notice, link_revocation, link_row
from services.link_agreement import Agreement
from services.link_request import full


@dataclass(frozen=True, slots=True)
class LinkMade:
    """The household has the link, new or renewed."""

    link_id: int


Refused = (
    NotAMember
    | Forbidden
    | SimChanged
    | ContractChanged
    | CooldownActive
    | QuestionChanged
    | NumberAlreadyLinked
    | NumberLimitReached
    | OwnerAbsent
)


class Lost(Exception):
    """Somebody took the number between two statements: all is undone."""


# In this order everywhere: requester, household, line.
_REQUESTER = "select display_name, language, operator from app_user where id = $1 for no key update"
_MEMBER = """
select m.household_id, m.role, h.owner_absent_since is not null as owner_absent
from membership m join household h on h.id = m.household_id
where m.user_id = $1 and m.status = 'ACTIVE' and h.dissolved_at is null and h.operator = $3
  and ($2::bigint is null or m.household_id = $2)
order by m.role <> 'OWNER', m.joined_at, m.id limit 1
for no key update of h
"""
_FOUND_HOUSEHOLD = "insert into household (operator, name, created_at) values ($1, $2, now()) returning id"
_OWN_IT = """
insert into membership (household_id, user_id, role, status, joined_at) values ($1, $2, 'OWNER', 'ACTIVE', now())
"""
_LINE = "select id from line where id = $1 for no key update"
_ACCOUNT = "select id from personal_account where id = $1 for no key update"
_RIVALS = """
select id, household_id, kind, scopes, settles_at from number_link
where (line_id = $1 or ($1::bigint is null and account_id = $2)) and status in ('ACTIVE', 'SUSPENDED') order by id
for update
"""
# A child's number stays with its parents' household until the office says otherwise (E39).
_IS_CHILDS = """
select exists (
  select from membership where household_id = $1 and user_id = $2 and role = 'CHILD' and status = 'ACTIVE') as is_childs
"""
# It begins there too: with the household that it is a child of, or that of whoever signed its contract.
_IS_ANOTHERS_CHILDS = """
select exists (
    select from membership where user_id = $2 and role = 'CHILD' and status = 'ACTIVE'
      and household_id is distinct from $1::bigint)
  and not exists (
    select from personal_account a join contract c on c.id = a.contract_id
    join app_user u on u.person_id = c.holder_id
    join membership m on m.user_id = u.id and m.household_id = $1 and m.status = 'ACTIVE'
    where a.id = $3) as is_anothers
"""
_MAKE = """
insert into number_link
  (household_id, line_id, account_id, kind, status, scopes, sim_epoch, contract_epoch, primary_slot, account_slot,
   requester_id, requested_at, confirmed_at, reverify_by, settles_at)
values ($1, $2, $3, $4, 'ACTIVE', $5, $6, $7, $8, $9, $10, $11, now(), now() + make_interval(days => $12), $13)
on conflict do nothing returning id
"""
_RENEW = """
update number_link set kind = $2, scopes = $3, sim_epoch = $4, contract_epoch = $5, primary_slot = $6,
  account_slot = $7, status = 'ACTIVE', suspended_reason = null, requester_id = $8, confirmed_at = now(),
  reverify_by = now() + make_interval(days => $9), settles_at = $10
where id = $1
"""
_CONSENT = """
insert into consent (link_id, method, text, scopes, given_at, given_by_id, challenge_id, address)
values ($1, $2, $3, $4, now(), $5, $6, $7)
"""

_FAMILY = Wording("Family of {name}")


async def make(connection: BaseDBAsyncClient, profile: Profile, actor: Actor, agreed: Agreement) -> LinkMade | Refused:
    """Make the link that was agreed to, or renew the household's own; nothing is written where it is refused.

    Raises `Lost` where somebody else took the number in spite of the locks.
    """
    [requester] = await connection.execute_query_dict(_REQUESTER, [agreed.requester_id])
    member = await _member(connection, profile, agreed)
    if isinstance(member, NotAMember | OwnerAbsent):
        return member
    household_id, role = member
    found = await link_code.find(connection, profile, agreed.target, is_account=agreed.is_account)
    if found is not None:
        held = (_LINE, found.line_id) if found.line_id is not None else (_ACCOUNT, found.account_id)
        await connection.execute_query(held[0], [held[1]])
        # Looked at again, now that nobody changes it.
        found = await link_code.find(connection, profile, agreed.target, is_account=agreed.is_account)
    now = datetime.now(UTC)
    if found is None:
        return QuestionChanged()
    if refused := _state_refuses(profile, agreed, found, now):
        return refused
    on_account = found.account_id if found.line_id is None else None
    rivals = await connection.execute_query_dict(_RIVALS, [found.line_id, on_account])
    own = next((row for row in rivals if row["household_id"] == household_id), None)
    if own is not None and own["kind"] == LinkKind.PRIMARY:
        agreed = replace(agreed, kind=LinkKind.PRIMARY)
    others = [row for row in rivals if row is not own]
    refusal = await full(connection, profile, household_id, found.line_id, on_account) or await _crowded(
        connection, profile, household_id, agreed, found, others
    )
    if refusal is not None:
        return refusal
    if agreed.kind is LinkKind.PRIMARY:
        await _make_room(connection, profile, actor, others)
    if household_id is None:
        household_id, role = await _found(connection, profile, actor, agreed, requester), HouseholdRole.OWNER
    link_id = await _write(connection, profile, household_id, agreed, found, own, now)
    proof = [agreed.given_by, agreed.challenge_id, agreed.address]
    await connection.execute_query(_CONSENT, [link_id, agreed.method, agreed.text, list(agreed.scopes), *proof])
    about = About(line_id=found.line_id, household_id=household_id, subject_id=agreed.requester_id, role=role)
    told = {"number": agreed.target[-4:], "scopes": " ".join(agreed.scopes), "method": agreed.method}
    await audit.record(connection, actor, "LINK_CONFIRMED", about, **told)
    await link_request_notice.made(connection, profile, agreed, found, link_id, is_new=own is None)
    lines = [found.line_id] if found.line_id is not None else []
    await rights_changed(connection, households=[household_id], lines=lines, accounts=[found.account_id])
    return LinkMade(link_id)


async def _member(
    connection: BaseDBAsyncClient, profile: Profile, agreed: Agreement
) -> tuple[int | None, HouseholdRole | None] | NotAMember | OwnerAbsent:
    told = [agreed.requester_id, agreed.household_id, profile.operator.id]
    rows = await connection.execute_query_dict(_MEMBER, told)
    if not rows:
        return (None, None) if agreed.household_id is None else NotAMember()
    role = HouseholdRole(rows[0]["role"])
    if not sees_links(role):
        return NotAMember()
    return OwnerAbsent(field=None) if rows[0]["owner_absent"] else (rows[0]["household_id"], role)


def _state_refuses(
    profile: Profile, agreed: Agreement, found: Target, now: datetime
) -> SimChanged | ContractChanged | CooldownActive | QuestionChanged | Forbidden | None:
    if agreed.sim_epoch != found.sim_epoch:
        return SimChanged()
    if agreed.contract_epoch != found.contract_epoch:
        return ContractChanged()
    if found.is_of(agreed.requester_id) or not takes_part(found.state) or in_quarantine(profile, found.state, now):
        return QuestionChanged()
    return cooldown(profile, found.state.sim_changed_at, now)


async def _crowded(
    connection: BaseDBAsyncClient,
    profile: Profile,
    household_id: int | None,
    agreed: Agreement,
    found: Target,
    others: list[dict[str, Any]],
) -> NumberAlreadyLinked | Forbidden | None:
    """Whether other households leave room for the link (I3, E39)."""
    most = profile.linking.max_secondary_links_per_number
    beside = [row for row in others if row["kind"] == LinkKind.SECONDARY]
    if agreed.kind is LinkKind.SECONDARY:
        if len(beside) < most:
            return None
        return NumberAlreadyLinked((), "As many households look and pay for this number as may")
    primary = next((row for row in others if row["kind"] == LinkKind.PRIMARY), None)
    if primary is None:
        told = [household_id, found.user_id or NOBODY, found.account_id]
        [row] = await connection.execute_query_dict(_IS_ANOTHERS_CHILDS, told)
        return Forbidden("A child's number is its own family's; others look and pay") if row["is_anothers"] else None
    if not agreed.moves:
        secondary = (LinkChoice.SECONDARY,) if len(beside) < most else ()
        return NumberAlreadyLinked((*secondary, LinkChoice.MOVE))
    told = [primary["household_id"], found.user_id or NOBODY]
    [row] = await connection.execute_query_dict(_IS_CHILDS, told)
    return Forbidden("A child's number passes to another household at the office only") if row["is_childs"] else None


async def _make_room(
    connection: BaseDBAsyncClient, profile: Profile, actor: Actor, others: list[dict[str, Any]]
) -> None:
    """End the link that is moved from: its household is told (E1)."""
    for row in others:
        if row["kind"] == LinkKind.PRIMARY:
            link = await link_row.hold(connection, row["id"], actor.user_id)
            if link is not None:
                await link_revocation.end(connection, profile, link, actor, because="MOVED")


async def _found(
    connection: BaseDBAsyncClient, profile: Profile, actor: Actor, agreed: Agreement, requester: dict[str, Any]
) -> int:
    """A household for whoever has none; its founder owns it (I1)."""
    name = _FAMILY.text(language_of(profile, requester["language"]), name=requester["display_name"])[:100]
    [row] = await connection.execute_query_dict(_FOUND_HOUSEHOLD, [profile.operator.id, name])
    household_id: int = row["id"]
    await connection.execute_query(_OWN_IT, [household_id, agreed.requester_id])
    about = About(household_id=household_id, subject_id=agreed.requester_id)
    await audit.record(connection, actor, "HOUSEHOLD_CREATED", about)
    return household_id


async def _write(
    connection: BaseDBAsyncClient,
    profile: Profile,
    household_id: int,
    agreed: Agreement,
    found: Target,
    own: dict[str, Any] | None,
    now: datetime,
) -> int:
    is_primary = agreed.kind is LinkKind.PRIMARY
    on_account = found.account_id if found.line_id is None else None
    epochs = [found.sim_epoch if found.sim_epoch is not None else 1, found.contract_epoch]
    slots = [found.line_id if is_primary else None, on_account if is_primary else None]
    again, settles_at = profile.linking.reverify_days, _settles_at(agreed, own, now)
    scopes = list(agreed.scopes)
    if own is not None:
        asked = [agreed.requester_id, again, settles_at]
        await connection.execute_query(_RENEW, [own["id"], agreed.kind, scopes, *epochs, *slots, *asked])
        renewed: int = own["id"]
        return renewed
    named = [household_id, found.line_id, on_account, agreed.kind, scopes, *epochs, *slots]
    rows = await connection.execute_query_dict(
        _MAKE, [*named, agreed.requester_id, agreed.requested_at, again, settles_at]
    )
    if not rows:
        raise Lost
    made: int = rows[0]["id"]
    return made


def _settles_at(agreed: Agreement, own: dict[str, Any] | None, now: datetime) -> datetime | None:
    """From when on the link gives all of its scopes; what it gave before it goes on to give (E15)."""
    if agreed.method is not ConsentMethod.SMS_CODE:
        return None
    if own is not None and NOT_AT_ONCE.intersection(agreed.scopes) <= {Scope(scope) for scope in own["scopes"]}:
        before: datetime | None = own["settles_at"]
        return before
    return now + SETTLES_AFTER
