"""Links to numbers and accounts, as those whom they concern see and end them (F044, F051, F161)."""

from collections.abc import Collection

from domain.access import Scope
from domain.number_link import LinkStatus
from domain.number_link_refusals import ConsentRequired, LinkEnded
from domain.refusals import Refusal
from loaders.number_links import NumberLink, links_to_numbers_of
from loaders.visible import Line
from resolvers import confined, node_id
from resolvers.context import Context
from services import line_label, link_revocation, link_scopes
from services.link_revocation import LinkRevoked
from services.link_scopes import ScopesChanged

LinkRefusal = ConsentRequired | LinkEnded


async def by_id(context: Context, link_id: int) -> NumberLink | None:
    """A link that concerns the viewer."""
    return None if context.viewer is None else await context.loaders.number_link_by_id.load(link_id)


async def links_to_my_numbers(context: Context) -> list[NumberLink]:
    """Who may do something with the viewer's numbers and accounts."""
    return await links_to_numbers_of(context.loaders.scope, context.require_viewer().user_id)


async def links_of(context: Context, household_id: int, status: LinkStatus | None) -> list[NumberLink]:
    """A household's links; those that have ended only where they are asked for."""
    links = await context.loaders.number_links_by_household_id.load(household_id)
    if status is None:
        return [link for link in links if link.status in (LinkStatus.ACTIVE, LinkStatus.SUSPENDED)]
    return [link for link in links if link.status is status]


async def revoke(context: Context, global_id: str, *, silent: bool) -> Refusal | None:
    """End a link."""
    viewer = context.require_viewer()
    key = _key(global_id)
    outcome = await context.change(
        link_revocation.revoke(context.profile, viewer, viewer.access_level, key, silent=silent)
    )
    return None if isinstance(outcome, LinkRevoked) else outcome


async def update_scopes(
    context: Context, global_id: str, scopes: Collection[Scope]
) -> NumberLink | Refusal | LinkRefusal | None:
    """Let a link do more or less; the link as it is then."""
    viewer = context.require_viewer()
    wanted = link_scopes.update(context.profile, viewer, _key(global_id), frozenset(scopes))
    outcome = await context.change(wanted)
    return await by_id(context, outcome.link_id) if isinstance(outcome, ScopesChanged) else outcome


async def rename_line(context: Context, global_id: str, label: str | None) -> Line | Refusal | None:
    """Call a line something; the line as it is then."""
    viewer = context.require_viewer()
    if refused := confined.from_settings(viewer):
        return refused
    wanted = node_id.decode(global_id)
    key = node_id.integer_key(wanted) if wanted is not None and wanted.type_name == "Line" else None
    outcome = await context.change(line_label.rename(viewer, key, label))
    return outcome or (await context.loaders.line_by_id.load(key) if key is not None else None)


def _key(global_id: str) -> int | None:
    wanted = node_id.decode(global_id)
    return node_id.integer_key(wanted) if wanted is not None and wanted.type_name == "NumberLink" else None
