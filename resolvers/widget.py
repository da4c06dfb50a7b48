"""What a home-screen widget shows, and the token that it asks with (F060, N13)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from auth import widget
from auth.session import Widget
from auth.widget import WidgetTokenCreated
from domain.access import Scope
from domain.money import Money
from domain.refusals import NotFound, Refusal
from gateways.billing import PackageRemain
from loaders.line_by_id import LINES
from loaders.visible import Line, widget_line
from resolvers import confined, node_id, viewer
from resolvers.context import Context
from resolvers.errors import session_expired


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One line in short, all of it true at `as_of` or later; without a line to show, nothing."""

    line: Line | None
    balance: Money | None
    remains: Sequence[PackageRemain]
    as_of: datetime


async def snapshot(context: Context) -> Snapshot:
    """The widget's line; for whoever signed in themselves, their first number."""
    caller = context.caller
    line = await _shown(context, caller) if isinstance(caller, Widget) else await _first(context)
    if line is None:
        return Snapshot(None, None, [], context.now)
    loaders = context.loaders
    balance, remains = await asyncio.gather(
        loaders.balance_by_account_id.load(line.account_id), loaders.remains_by_line_id.load(line.id)
    )
    moments = [remain.as_of for remain in remains] + ([balance.as_of] if balance else [])
    return Snapshot(line, balance.available if balance else None, remains, min(moments, default=context.now))


async def create_token(context: Context, line_id: str) -> WidgetTokenCreated | Refusal:
    """A token that looks at one of the viewer's lines."""
    caller = context.require_viewer()
    if refused := confined.from_keys(caller):
        return refused
    wanted = node_id.decode(line_id)
    key = node_id.integer_key(wanted) if wanted is not None and wanted.type_name == "Line" else None
    line = await context.loaders.line_by_id.load(key) if key is not None else None
    if line is None or not line.allows(Scope.VIEW):
        return NotFound("There is no such line that you may look at", ("lineId",))
    return await context.change(widget.create(context.profile, caller, line.id, context.device))


async def _shown(context: Context, caller: Widget) -> Line | None:
    """The line of a widget. When its owner may not look at it any more, that was the widget's end."""
    scope = context.loaders.scope
    row = await context.reads.fetch_one(LINES, *scope.visibility_of(caller.owner_id), [caller.line_id])
    line = widget_line(scope, row) if row is not None else None
    if line is None:
        await context.reads.release()
        await widget.end(caller)
        raise session_expired()
    return line


async def _first(context: Context) -> Line | None:
    context.require_viewer()
    page = await viewer.linked_numbers(context, None, None, viewer.LineFilter())
    return next((edge.node for edge in page.edges if edge.node.allows(Scope.VIEW)), None)
