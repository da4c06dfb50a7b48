"""Blocking lines, unblocking them, and trusting a new SIM."""

from datetime import datetime

from auth.sim_trust import SimTrusted, trust
from domain.line import BlockReason
from domain.line_block_refusals import LineBlockRefusal
from domain.refusals import Refusal
from loaders.visible import Line
from resolvers import confined, node_id
from resolvers.context import Context
from resolvers.sign_in import caller_of
from services import line_block
from services.line_block import LineChanged

Outcome = Line | Refusal | LineBlockRefusal | None


async def block_line(context: Context, global_id: str, reason: BlockReason, until: datetime | None) -> Outcome:
    """Block a line; the line as it is then, null where the block took the viewer's sight of it."""
    viewer, key = context.require_viewer(), _key(global_id)
    outcome = await context.change(line_block.block(context.profile, viewer, key, reason, until))
    return await _line(context, key) if isinstance(outcome, LineChanged) else outcome


async def unblock_line(context: Context, global_id: str) -> Outcome:
    """Let a line work again."""
    viewer, key = context.require_viewer(), _key(global_id)
    outcome = await context.change(line_block.unblock(context.profile, viewer, key))
    return await _line(context, key) if isinstance(outcome, LineChanged) else outcome


async def trust_sim(context: Context, global_id: str, password: str) -> Outcome:
    """Take a new SIM for the viewer's own."""
    viewer, key = context.require_viewer(), _key(global_id)
    if refused := confined.from_keys(viewer):
        return refused
    outcome = await context.change(trust(context.profile, viewer, key, password, caller_of(context)))
    return await _line(context, key) if isinstance(outcome, SimTrusted) else outcome


async def _line(context: Context, key: int) -> Line | None:
    return await context.loaders.line_by_id.load(key)


def _key(global_id: str) -> int:
    """The key of a line's global id; 0, which nothing has, for one that is none."""
    wanted = node_id.decode(global_id)
    key = node_id.integer_key(wanted) if wanted is not None and wanted.type_name == "Line" else None
    return key or 0
