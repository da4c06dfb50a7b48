"""A link as a transaction that changes it holds it."""

from dataclasses import dataclass
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.access import HouseholdRole, LinkKind, Scope
from domain.number_link import LinkStatus
from models.number_link import IS_MINE

# The link's row is held until the transaction ends; its household's and its line's are only looked at.
_HOLD = f"""
select nl.id, nl.household_id, nl.line_id, nl.account_id, a.id as paid_by, nl.kind, nl.status, nl.scopes,
  nl.requester_id, coalesce(l.msisdn, l.service_point, a.number) as target, l.msisdn, l.user_id as number_user_id,
  {IS_MINE.format(user="$2")} as is_mine,
  (select m.role from membership m
   where m.household_id = nl.household_id and m.user_id = $2 and m.status = 'ACTIVE') as role,
  (select m.user_id from membership m
   where m.household_id = nl.household_id and m.role = 'OWNER' and m.status = 'ACTIVE') as owner_id,
  (select k.scopes from consent k where k.link_id = nl.id order by k.id desc limit 1) as consented
from number_link nl
left join line l on l.id = nl.line_id
join personal_account a on a.id = coalesce(nl.account_id, l.account_id)
join contract c on c.id = a.contract_id
where nl.id = $1 and nl.confirmed_at is not null
for update of nl
"""


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link and how a user stands to it. `paid_by` is the account behind it, `target` what people call it by."""

    id: int
    household_id: int
    line_id: int | None
    account_id: int | None
    paid_by: int
    kind: LinkKind
    status: LinkStatus
    scopes: frozenset[Scope]
    consented: frozenset[Scope]
    requester_id: int | None
    owner_id: int
    number_user_id: int | None
    target: str
    msisdn: str | None
    is_mine: bool
    role: HouseholdRole | None

    @property
    def counts_or_rests(self) -> bool:
        """Whether it has not ended for good."""
        return self.status in (LinkStatus.ACTIVE, LinkStatus.SUSPENDED)


async def hold(connection: BaseDBAsyncClient, link_id: int, user_id: int) -> LinkRow | None:
    """The link of that id, locked, as `user_id` stands to it; None when there is none."""
    rows = await connection.execute_query_dict(_HOLD, [link_id, user_id])
    return _row(**rows[0]) if rows else None


def _row(
    kind: str, status: str, scopes: list[str], consented: list[str] | None, role: str | None, **same: Any
) -> LinkRow:
    return LinkRow(
        kind=LinkKind(kind),
        status=LinkStatus(status),
        scopes=_set(scopes),
        consented=_set(consented or []),
        role=HouseholdRole(role) if role else None,
        **same | {"is_mine": bool(same["is_mine"])},
    )


def _set(scopes: list[str]) -> frozenset[Scope]:
    return frozenset(Scope(scope) for scope in scopes)
