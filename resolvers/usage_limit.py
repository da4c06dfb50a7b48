"""Limits of lines: who sees them, setting and removing them (F048)."""

from dataclasses import dataclass

from domain.access import Scope
from domain.usage import UsageUnit
from domain.usage_limit import LimitAction, LimitPeriod
from loaders.actor import AuditActor
from loaders.limits_by_line_id import UsageLimit
from loaders.visible import Line
from models.reader import Statement
from resolvers import confined, node_id
from resolvers.context import Context
from services import usage_limit
from services.usage_limit import LimitsChanged, LimitWanted, Refused

_LINE_OF: Statement[int | None] = Statement("select line_id from usage_limit where id = $1", int)


@dataclass(frozen=True, slots=True)
class Form:
    """What somebody filled in."""

    line_id: str
    unit: UsageUnit
    per: LimitPeriod
    amount: str
    on_reach: LimitAction


def sees(line: Line) -> bool:
    """Whether the viewer sees what is limited on a line: who sees its use, and who sets the limits."""
    return line.allows(Scope.USAGE) or line.allows(Scope.LIMITS)


async def limits(context: Context, line: Line) -> list[UsageLimit] | None:
    """The limits of a line; None where they are not the viewer's to see."""
    return await context.loaders.limits_by_line_id.load(line.id) if sees(line) else None


async def by_id(context: Context, limit_id: int) -> UsageLimit | None:
    """A limit that the viewer may see."""
    line_id = await context.reads.fetch_one(_LINE_OF, limit_id)
    line = None if line_id is None else await context.loaders.line_by_id.load(line_id)
    found = await limits(context, line) if line is not None else None
    return next((each for each in found or () if each.id == limit_id), None)


def set_by(context: Context, limit: UsageLimit) -> AuditActor | None:
    """Who set it; None where their cabinet is gone. Employees set no limits."""
    if limit.set_by_name is None:
        return None
    is_viewer = limit.set_by_id == context.require_viewer().user_id
    return AuditActor(limit.set_by_name, limit.set_by_role, is_viewer, is_operator_staff=False)


async def set_limit(context: Context, form: Form) -> Line | Refused:
    """Set a limit; answers the line as it is afterwards."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    wanted = LimitWanted(key(form.line_id, "Line"), form.unit, form.per, form.amount, form.on_reach)
    return await changed(context, await context.change(usage_limit.set_limit(context.profile, viewer, wanted)))


async def remove_limit(context: Context, limit_id: str) -> Line | Refused:
    """Remove a limit; answers its line as it is afterwards."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    removing = usage_limit.remove_limit(context.profile, viewer, key(limit_id, "UsageLimit"))
    return await changed(context, await context.change(removing))


async def changed(context: Context, outcome: LimitsChanged | Refused) -> Line | Refused:
    """The line whose limits were changed, as the viewer sees it now."""
    if not isinstance(outcome, LimitsChanged):
        return outcome
    line = await context.loaders.line_by_id.load(outcome.line_id)
    return usage_limit.NO_LINE if line is None else line


def key(global_id: str, type_name: str) -> int:
    """The key of a global id; 0, which nothing has, for one that is no such thing."""
    named = node_id.decode(global_id)
    found = node_id.integer_key(named) if named is not None and named.type_name == type_name else None
    return found or 0
