"""Links as those whom they concern see them: who uses the number, and the adults of the household (SPEC 4.5, N1).

Which links are whose is SQL here; who of a household may see its links is `domain/access.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.access import NOBODY, HouseholdRole, LinkKind, Scope, sees_links
from domain.msisdn import mask
from domain.number_link import ConsentMethod, LinkStatus, SuspensionReason
from loaders.batch import grouped
from loaders.scope import ReadScope
from models.number_link import IS_MINE
from models.reader import Statement


@dataclass(frozen=True, slots=True)
class Consent:
    """What the holder agreed to, and how."""

    method: ConsentMethod
    text: str
    scopes: list[Scope]
    given_at: datetime
    receipt_id: UUID


@dataclass(frozen=True, slots=True)
class NumberLink:
    """A link. `role` is the viewer's in its household, None for outsiders; `is_mine`: the viewer uses the number."""

    id: int
    household_id: int
    line_id: int | None
    account_id: int | None
    kind: LinkKind
    status: LinkStatus
    scopes: list[Scope]
    target_masked: str
    granted_to: str
    requested_at: datetime
    confirmed_at: datetime | None
    reverify_by: datetime | None
    ended_at: datetime | None
    suspended_reason: SuspensionReason | None
    consent: Consent | None
    is_mine: bool
    role: HouseholdRole | None


# The newest consent is the one that counts.
_LINKS = f"""
select nl.id, nl.household_id, nl.line_id, nl.account_id, nl.kind, nl.status, nl.scopes,
  coalesce(l.msisdn, l.service_point, a.number),
  u.display_name || coalesce(' (…' || right((
    select g.value from login g where g.user_id = u.id and g.kind = 'MSISDN' order by g.id limit 1), 2) || ')', ''),
  nl.requested_at, nl.confirmed_at, nl.reverify_by, nl.ended_at, nl.suspended_reason,
  (select jsonb_build_array(k.method, k.text, k.scopes, k.given_at, k.receipt_id)
   from consent k where k.link_id = nl.id order by k.id desc limit 1),
  {IS_MINE.format(user="$1")},
  mine.role
from number_link nl
left join line l on l.id = nl.line_id
join personal_account a on a.id = coalesce(nl.account_id, l.account_id)
join contract c on c.id = a.contract_id
left join membership mine on mine.household_id = nl.household_id and mine.user_id = $1 and mine.status = 'ACTIVE'
left join app_user u on u.id = coalesce(nl.requester_id, (
  select m.user_id from membership m
  where m.household_id = nl.household_id and m.role = 'OWNER' and m.status = 'ACTIVE'))
where nl.confirmed_at is not null and nl.status <> 'PENDING'
"""


def _link(
    id_: int,
    household_id: int,
    line_id: int | None,
    account_id: int | None,
    kind: str,
    status: str,
    scopes: list[str],
    target: str,
    granted_to: str | None,
    requested_at: datetime,
    confirmed_at: datetime | None,
    reverify_by: datetime | None,
    ended_at: datetime | None,
    suspended_reason: str | None,
    consent: list[Any] | None,
    is_mine: bool | None,
    role: str | None,
) -> NumberLink:
    return NumberLink(
        id=id_,
        household_id=household_id,
        line_id=line_id,
        account_id=account_id,
        kind=LinkKind(kind),
        status=LinkStatus(status),
        scopes=_in_order(scopes),
        target_masked=mask(target),
        granted_to=granted_to or "",
        requested_at=requested_at,
        confirmed_at=confirmed_at,
        reverify_by=reverify_by,
        ended_at=ended_at,
        suspended_reason=SuspensionReason(suspended_reason) if suspended_reason else None,
        consent=_consent(*consent) if consent else None,
        is_mine=bool(is_mine),
        role=HouseholdRole(role) if role else None,
    )


def _consent(method: str, text: str, scopes: list[str], given_at: str, receipt_id: str) -> Consent:
    return Consent(ConsentMethod(method), text, _in_order(scopes), datetime.fromisoformat(given_at), UUID(receipt_id))


def _in_order(scopes: Sequence[str]) -> list[Scope]:
    return [scope for scope in Scope if scope in scopes]


BY_ID = Statement(_LINKS + "and nl.id = any($2::bigint[])", _link)
BY_HOUSEHOLD = Statement(_LINKS + "and nl.household_id = any($2::bigint[]) order by nl.id", _link)
# The links of the viewer's households to these lines; the primary one first, should there be several.
BY_LINE = Statement(
    _LINKS
    + """
and nl.line_id = any($2::bigint[]) and nl.status in ('ACTIVE', 'SUSPENDED') and mine.role is not null
order by nl.kind, nl.id
""",
    _link,
)
# What can be revoked, whoever has it; what has ended is told by the log.
TO_NUMBERS_OF = Statement(
    _LINKS
    + """
and nl.status in ('ACTIVE', 'SUSPENDED') and (
  nl.line_id in (
    select id from line where user_id = $1
    union select cl.id from membership o
      join membership cm on cm.household_id = o.household_id and cm.role = 'CHILD' and cm.status = 'ACTIVE'
      join line cl on cl.user_id = cm.user_id
      where o.user_id = $1 and o.role = 'OWNER' and o.status = 'ACTIVE')
  or a.contract_id in (select c.id from contract c join app_user me on me.person_id = c.holder_id where me.id = $1))
order by nl.id
""",
    _link,
)


async def number_link_by_id(scope: ReadScope, link_ids: Sequence[int]) -> Mapping[int, NumberLink | None]:
    """Links by their ids, those that concern the viewer."""
    links = await scope.reads.fetch(BY_ID, viewer_id(scope), link_ids)
    return {link.id: link for link in links if concerns(link)}


async def number_links_by_household_id(
    scope: ReadScope, household_ids: Sequence[int]
) -> Mapping[int, list[NumberLink]]:
    """The links of households, for those of their members who may see them; the oldest first."""
    links = await scope.reads.fetch(BY_HOUSEHOLD, viewer_id(scope), household_ids)
    return grouped((link for link in links if sees_links(link.role)), lambda link: link.household_id)


async def number_link_by_line_id(scope: ReadScope, line_ids: Sequence[int]) -> Mapping[int, NumberLink | None]:
    """The link by which a household of the viewer's looks after a line."""
    links = await scope.reads.fetch(BY_LINE, viewer_id(scope), line_ids)
    return {link.line_id: link for link in reversed(links) if link.line_id is not None and sees_links(link.role)}


async def links_to_numbers_of(scope: ReadScope, user_id: int) -> list[NumberLink]:
    """Who may do something with the numbers and accounts of a user (F051)."""
    return [link for link in await scope.reads.fetch(TO_NUMBERS_OF, user_id) if link.is_mine]


def concerns(link: NumberLink) -> bool:
    """Whether the viewer may know of the link."""
    return link.is_mine or sees_links(link.role)


def viewer_id(scope: ReadScope) -> int:
    """Whose view it is; nobody's shows nothing."""
    return scope.viewer.user_id if scope.viewer else NOBODY
