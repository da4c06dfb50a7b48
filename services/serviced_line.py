"""A line whose services somebody is about to change, with their right to it, inside the transaction of the change.

The row is not locked: whoever charges a fee writes to it with the account's money in hand (`services/line_change.py`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import Scope, needs_approval, scopes
from domain.line import LineStatus, ServiceKind
from domain.line_block_refusals import LineBlocked
from domain.profile import Profile
from domain.refusals import Forbidden, NotFound
from domain.sim import CooldownActive, cooldown
from domain.usage_limit_refusals import OwnerToBeAsked
from models.audit import About
from models.child_policy import Child
from models.standing import standing_to
from services import limit_alert, usage_limit

Refused = NotFound | Forbidden | CooldownActive | LineBlocked | OwnerToBeAsked

_LINE = """
select id, account_id, kind, status, msisdn, sim_changed_at, user_id from line where id = $1 and operator = $2
"""
_SERVICES_ONLY = frozenset({Scope.SERVICES})


@dataclass(frozen=True, slots=True)
class Serviced:
    """The line. `asks` is the child that wants something and asks its owner before it is bought; `is_agreed`: whoever
    looks after the line agreed to it, by asking for it or by an answer.
    """

    line_id: int
    account_id: int
    kind: ServiceKind
    msisdn: str | None
    user_id: int | None
    about: About
    asks: Child | None = None
    is_agreed: bool = False


async def to_put_on(
    connection: BaseDBAsyncClient,
    profile: Profile,
    viewer: Viewer,
    line_id: int,
    *,
    needs: Collection[Scope] = _SERVICES_ONLY,
    field: str = "lineId",
) -> Serviced | Refused:
    """The line, where the viewer may put services on it now: it works, and its SIM is not too new (E13)."""
    found = await _found(connection, profile, viewer, line_id, needs, field)
    if not isinstance(found, tuple):
        return found
    line, row = found
    if too_new := cooldown(profile, row["sim_changed_at"], datetime.now(UTC)):
        return too_new
    return line if row["status"] == LineStatus.ACTIVE else _not_working(field)


async def to_take_off(
    connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, line_id: int
) -> Serviced | Refused:
    """The line, where the viewer may take services off it: whoever uses it always may, whatever its state (E51)."""
    found = await _found(connection, profile, viewer, line_id, _SERVICES_ONLY, "lineId")
    return found[0] if isinstance(found, tuple) else found


async def of_child(connection: BaseDBAsyncClient, profile: Profile, line_id: int, child_id: int) -> Serviced | Refused:
    """The line of a child whose question its owner answers with yes."""
    rows = await connection.execute_query_dict(_LINE, [line_id, profile.operator.id])
    if not rows or rows[0]["user_id"] != child_id:
        return Forbidden("The child does not use this line any more", ("approvalId",))
    [row] = rows
    if row["status"] != LineStatus.ACTIVE:
        return _not_working("approvalId")
    return Serviced(
        line_id=line_id,
        account_id=row["account_id"],
        kind=ServiceKind(row["kind"]),
        msisdn=row["msisdn"],
        user_id=child_id,
        about=About(line_id=line_id, subject_id=child_id),
        is_agreed=True,
    )


async def _found(
    connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, line_id: int, needs: Collection[Scope], field: str
) -> tuple[Serviced, Mapping[str, Any]] | NotFound | Forbidden | OwnerToBeAsked:
    operator = profile.operator.id
    rows = await connection.execute_query_dict(_LINE, [line_id, operator])
    nothing = NotFound("There is no such line", (field,))
    if not rows:
        return nothing
    [row] = rows
    standing = await standing_to(connection, operator, viewer.user_id, account_id=row["account_id"], line_id=line_id)
    rights = scopes(standing, viewer.access_level, profile, limit_alert.local_day(profile))
    if not rights:
        return nothing
    if not rights.issuperset(needs):
        return Forbidden("The services of this line are not yours to change", (field,))
    child = await usage_limit.minor_of(connection, profile, line_id)
    asks = any(needs_approval(standing, scope) for scope in needs)
    if asks and child is None:
        return OwnerToBeAsked("Only with the approval of the household's owner, and there is none", (field,))
    role = next((grant.role for grant in standing.grants), None)
    household_id = child.household_id if child is not None else None
    line = Serviced(
        line_id=line_id,
        account_id=row["account_id"],
        kind=ServiceKind(row["kind"]),
        msisdn=row["msisdn"],
        user_id=row["user_id"],
        about=About(line_id, household_id, row["user_id"] if row["user_id"] != viewer.user_id else None, role),
        asks=child if asks else None,
        is_agreed=child is not None and child.owner_id == viewer.user_id,
    )
    return line, row


def _not_working(field: str) -> LineBlocked:
    return LineBlocked("The line is blocked or suspended; nothing is put on it meanwhile", (field,))
