"""Limits on what a line may use or spend: set, removed, and asked before anything is spent (F048, I14).

Rights are read in the transaction that depends on them. Locks are taken in one order: the limits of the line, then
its account's money.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import HouseholdRole, Scope, Standing, scopes
from domain.child_policy import LimitAnswer, Wish, is_minor, may_happen
from domain.line import ServiceKind
from domain.profile import Profile
from domain.refusals import Forbidden, InputRejected, NotFound
from domain.sim import CooldownActive, cooldown
from domain.usage import UsageUnit
from domain.usage_limit import LimitAction, LimitPeriod, read_limit, shown
from domain.usage_limit_refusals import LimitExceeded, OwnerToBeAsked
from models import audit
from models.audit import About
from models.child_policy import Child, child_of
from models.database import tx
from models.standing import standing_to
from services import limit_alert

Refused = InputRejected | NotFound | Forbidden | CooldownActive

NO_LINE = NotFound("There is no such line", ("lineId",))
_NO_LIMIT = NotFound("There is no such limit", ("limitId",))
_NOT_YOURS = Forbidden("The limits of this line are not yours to set", ("lineId",))
_NOBODY_TO_ASK = InputRejected("There is no owner to ask: the line is not a child's", ("onReach",))

_LINE = "select account_id, kind, sim_changed_at, user_id from line where id = $1 and operator = $2 for share"
# The same limit set again is nothing new.
_SET = """
insert into usage_limit (line_id, unit, per, amount, on_reach, set_by_id, set_at)
values ($1, $2, $3, $4, $5, $6, now())
on conflict (line_id, unit, per) do update
  set amount = excluded.amount, on_reach = excluded.on_reach, set_by_id = excluded.set_by_id, set_at = now()
  where (usage_limit.amount, usage_limit.on_reach) is distinct from (excluded.amount, excluded.on_reach)
returning id
"""
_LINE_OF = "select line_id from usage_limit where id = $1"
_REMOVE = "delete from usage_limit where id = $1 returning unit, per"


@dataclass(frozen=True, slots=True)
class LimitWanted:
    """A limit as somebody typed it; money in whole units of the operator's currency."""

    line_id: int
    unit: UsageUnit
    per: LimitPeriod
    amount: str
    on_reach: LimitAction


@dataclass(frozen=True, slots=True)
class LimitsChanged:
    """The limits of a line are as they were asked to be."""

    line_id: int


@dataclass(frozen=True, slots=True)
class Limited:
    """A line whose limits the viewer may set. `child` is who uses it, if that is one."""

    line_id: int
    kind: ServiceKind
    child: Child | None
    about: About


async def set_limit(profile: Profile, viewer: Viewer, wanted: LimitWanted) -> LimitsChanged | Refused:
    """Set the one limit of a unit and a period; it holds at once, for what was used already too (E35)."""

    async def work(connection: BaseDBAsyncClient) -> LimitsChanged | Refused:
        line = await limited(connection, profile, viewer, wanted.line_id)
        if not isinstance(line, Limited):
            return line
        amount = read_limit(wanted.amount, wanted.unit, line.kind, profile.operator.currency)
        if not isinstance(amount, int):
            return amount
        if wanted.on_reach is LimitAction.ASK_OWNER and line.child is None:
            return _NOBODY_TO_ASK
        told = [line.line_id, wanted.unit, wanted.per, amount, wanted.on_reach, viewer.user_id]
        rows = await connection.execute_query_dict(_SET, told)
        if rows:
            named = str(shown(amount, wanted.unit))
            details = {"unit": wanted.unit, "per": wanted.per, "limit": named, "on_reach": wanted.on_reach}
            await audit.record(connection, viewer, "USAGE_LIMIT_SET", line.about, **details)
            await limit_alert.is_set(connection, profile, line.line_id, rows[0]["id"])
        return LimitsChanged(line.line_id)

    return await tx(work)


async def remove_limit(profile: Profile, viewer: Viewer, limit_id: int) -> LimitsChanged | Refused:
    """Take a limit away; one that is not the viewer's to take away is not there."""

    async def work(connection: BaseDBAsyncClient) -> LimitsChanged | Refused:
        found = await connection.execute_query_dict(_LINE_OF, [limit_id])
        line = await limited(connection, profile, viewer, found[0]["line_id"]) if found else NO_LINE
        if isinstance(line, NotFound | Forbidden):
            return _NO_LIMIT
        if not isinstance(line, Limited):
            return line
        removed = await connection.execute_query_dict(_REMOVE, [limit_id])
        if not removed:
            return _NO_LIMIT
        await audit.record(connection, viewer, "USAGE_LIMIT_REMOVED", line.about, **removed[0])
        return LimitsChanged(line.line_id)

    return await tx(work)


async def limited(
    connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, line_id: int
) -> Limited | NotFound | Forbidden | CooldownActive:
    """The line, where the viewer has LIMITS over it now and its SIM is not too new (E13)."""
    rows = await connection.execute_query_dict(_LINE, [line_id, profile.operator.id])
    if not rows:
        return NO_LINE
    [line] = rows
    standing = await standing_to(
        connection, profile.operator.id, viewer.user_id, account_id=line["account_id"], line_id=line_id
    )
    today = limit_alert.local_day(profile)
    rights = scopes(standing, viewer.access_level, profile, today)
    if not rights:
        return NO_LINE
    if Scope.LIMITS not in rights:
        return _NOT_YOURS
    if too_new := cooldown(profile, line["sim_changed_at"], datetime.now(UTC)):
        return too_new
    child = await minor_of(connection, profile, line_id)
    about = About(
        line_id=line_id,
        household_id=child.household_id if child is not None else None,
        subject_id=line["user_id"],
        role=_role(standing),
    )
    return Limited(line_id, ServiceKind(line["kind"]), child, about)


async def minor_of(connection: BaseDBAsyncClient, profile: Profile, line_id: int) -> Child | None:
    """The child that uses a line, until the day of majority."""
    child = await child_of(connection, line_id)
    if child is None or not is_minor(child.birth_date, limit_alert.local_day(profile), profile):
        return None
    return child


async def may_spend(
    connection: BaseDBAsyncClient, profile: Profile, line_id: int, wish: Wish
) -> LimitExceeded | OwnerToBeAsked | None:
    """Whether something may happen on a line now, in the transaction of the charge or the toggle (I14).

    Whoever spends on the same line at the same time waits until this transaction is over. Afterwards say what was
    spent (`models/usage.py`) and let people be told (`services/limit_alert.py look`).
    """
    measured = await limit_alert.measure(connection, profile, line_id, locked=True)
    child = await minor_of(connection, profile, line_id)
    local = datetime.now(UTC).astimezone(profile.operator.zone)
    policy = child.policy if child is not None else None
    answer = may_happen(wish, policy, [each.counted for each in measured], local, profile.support.phones)
    if answer is LimitAnswer.ALLOWED:
        return None
    return OwnerToBeAsked() if answer is LimitAnswer.ASK_OWNER else LimitExceeded(answer)


def _role(standing: Standing) -> HouseholdRole | None:
    return next((grant.role for grant in standing.grants), None)
