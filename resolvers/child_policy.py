"""What a child's line may do: who sees it, and saying it (F048)."""

from domain.child_policy import Policy
from loaders.visible import Line
from resolvers import confined, usage_limit
from resolvers.context import Context
from services import child_policy
from services.child_policy import PolicyWanted
from services.usage_limit import Refused


async def policy(context: Context, line: Line) -> Policy | None:
    """The policy of a child's line; None for other lines, and where it is not the viewer's to see."""
    if not usage_limit.sees(line):
        return None
    child = await context.loaders.child_by_line_id.load(line.id)
    return child.policy if child is not None else None


async def set_policy(context: Context, wanted: PolicyWanted) -> Line | Refused:
    """Change the policy of a line; answers the line as it is afterwards."""
    viewer = context.require_viewer()
    if refused := confined.from_keys(viewer):
        return refused
    setting = child_policy.set_policy(context.profile, viewer, wanted)
    return await usage_limit.changed(context, await context.change(setting))
