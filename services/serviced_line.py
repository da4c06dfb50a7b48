"""A line whose services somebody is about to change, with their right to it, inside the transaction of the change."""

from collections.abc import Collection
from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import AccessLevel, Scope, needs_approval
from domain.line_block_refusals import LineBlocked
from domain.profile import Profile
from domain.refusals import Forbidden, NotFound
from domain.sim import CooldownActive, cooldown
from domain.usage_limit_refusals import OwnerToBeAsked
from models.audit import About
from models.child_policy import Child
from services import service_row
from services.service_row import LineOf

Refused = NotFound | Forbidden | CooldownActive | LineBlocked | OwnerToBeAsked

_SERVICES_ONLY = frozenset({Scope.SERVICES})


@dataclass(frozen=True, slots=True)
class Serviced:
    """The line, `of` as its services are changed. `asks` is the child that wants something and asks its owner before it
    is bought; `is_agreed`: whoever looks after the line agreed to it, by asking for it or by an answer.
    """

    of: LineOf
    about: About
    asks: Child | None = None
    is_agreed: bool = False

    @property
    def line_id(self) -> int:
        return self.of.id


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
    line = await _found(connection, profile, viewer, line_id, needs, field)
    if not isinstance(line, Serviced):
        return line
    if too_new := cooldown(profile, line.of.sim_changed_at, line.of.now):
        return too_new
    return line if line.of.works else _not_working(field)


async def to_take_off(
    connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, line_id: int
) -> Serviced | Refused:
    """The line, where the viewer may take services off it: whoever uses it always may, whatever its state (E51)."""
    return await _found(connection, profile, viewer, line_id, _SERVICES_ONLY, "lineId")


async def of_child(connection: BaseDBAsyncClient, profile: Profile, line_id: int, child_id: int) -> Serviced | Refused:
    """The line of a child whose question its owner answers with yes."""
    line = await service_row.line_of(connection, profile, child_id, line_id, AccessLevel.FULL)
    if line is None or line.user_id != child_id:
        return Forbidden("The child does not use this line any more", ("approvalId",))
    if not line.works:
        return _not_working("approvalId")
    return Serviced(line, About(line_id=line_id, subject_id=child_id), is_agreed=True)


async def _found(
    connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, line_id: int, needs: Collection[Scope], field: str
) -> Serviced | NotFound | Forbidden | OwnerToBeAsked:
    line = await service_row.line_of(connection, profile, viewer.user_id, line_id, viewer.access_level)
    if line is None or not line.rights:
        return NotFound("There is no such line", (field,))
    if not line.rights.issuperset(needs):
        return Forbidden("The services of this line are not yours to change", (field,))
    asks = any(needs_approval(line.standing, scope) for scope in needs)
    if asks and line.child is None:
        return OwnerToBeAsked("Only with the approval of the household's owner, and there is none", (field,))
    household_id = line.child.household_id if line.child is not None else None
    subject_id = line.user_id if line.user_id != viewer.user_id else None
    return Serviced(
        of=line,
        about=About(line_id, household_id, subject_id, next((grant.role for grant in line.standing.grants), None)),
        asks=line.child if asks else None,
        is_agreed=line.child is not None and line.child.owner_id == viewer.user_id,
    )


def _not_working(field: str) -> LineBlocked:
    return LineBlocked("The line is blocked or suspended; nothing is put on it meanwhile", (field,))
