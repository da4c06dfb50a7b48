"""Households: founding, naming, leaving and dissolving them, their members and their successor (F049, F050, F052)."""

from collections.abc import AsyncGenerator, Mapping, Sequence

from domain.access import HouseholdRole, Scope
from domain.household_refusals import HouseholdRefusal
from domain.refusals import NotFound, Refusal
from domain.sim import CooldownActive
from execution.batched import Load
from loaders.households_by_user_id import Household, Member
from loaders.visible import in_order
from resolvers import confined, node_id, viewer
from resolvers.context import Context
from resolvers.live import follow
from services import household, membership, succession
from services.household import HouseholdChanged, HouseholdDissolved
from services.household_row import NO_HOUSEHOLD
from services.membership import HouseholdLeft

Refused = Refusal | HouseholdRefusal | CooldownActive


def key_of(global_id: str, type_name: str) -> int | None:
    """The key in a global id of that type; None for any other text, which names nothing of the viewer's."""
    named = node_id.decode(global_id)
    return node_id.integer_key(named) if named is not None and named.type_name == type_name else None


async def by_id(context: Context, household_id: int) -> Household | None:
    """A household of the viewer's."""
    if context.viewer is None:
        return None
    found = await viewer.households(context, context.viewer)
    return next((each for each in found if each.id == household_id), None)


async def member_by_id(context: Context, household_id: int, member_id: int) -> Member | None:
    """A member of a household of the viewer's."""
    found = await by_id(context, household_id)
    return None if found is None else next((each for each in found.members if each.id == member_id), None)


async def create(context: Context, name: str) -> Household | Refused:
    """Found a household."""
    caller = context.require_viewer()
    if refused := confined.from_keys(caller):
        return refused
    return await changed(context, await context.change(household.create(context.profile, caller, name)))


async def update(context: Context, household_id: str, name: str | None, adults_invite: bool | None) -> object:
    """Change what it is called, and who may invite."""
    caller = context.require_viewer()
    if refused := confined.from_keys(caller):
        return refused
    key = key_of(household_id, "Household")
    work = household.update(context.profile, caller, key, name, adults_invite)
    return await changed(context, await context.change(work))


async def change_role(context: Context, member_id: str, role: HouseholdRole) -> Household | Refused:
    """Give a member another role."""
    caller = context.require_viewer()
    if refused := confined.from_keys(caller):
        return refused
    work = membership.change_role(context.profile, caller, key_of(member_id, "HouseholdMember"), role)
    return await changed(context, await context.change(work))


async def remove_member(context: Context, member_id: str) -> Household | Refused:
    """Remove a member."""
    caller = context.require_viewer()
    if refused := confined.from_keys(caller):
        return refused
    work = membership.remove(context.profile, caller, key_of(member_id, "HouseholdMember"))
    return await changed(context, await context.change(work))


async def leave(context: Context, household_id: str, *, silent: bool) -> Refused | None:
    """Leave a household."""
    caller = context.require_viewer()
    if refused := confined.from_keys(caller):
        return refused
    work = membership.leave(context.profile, caller, key_of(household_id, "Household"), silent=silent)
    outcome = await context.change(work)
    return None if isinstance(outcome, HouseholdLeft) else outcome


async def dissolve(context: Context, household_id: str) -> Refused | None:
    """Dissolve a household."""
    caller = context.require_viewer()
    if refused := confined.from_keys(caller):
        return refused
    outcome = await context.change(household.dissolve(context.profile, caller, key_of(household_id, "Household")))
    return None if isinstance(outcome, HouseholdDissolved) else outcome


async def nominate_successor(context: Context, household_id: str, member_id: str | None) -> Household | Refused:
    """Name a successor, or nobody."""
    caller = context.require_viewer()
    if refused := confined.from_keys(caller):
        return refused
    member = None if member_id is None else key_of(member_id, "HouseholdMember")
    key = key_of(household_id, "Household")
    work = succession.nominate(context.profile, caller, key, member, nobody=member_id is None)
    return await changed(context, await context.change(work))


async def claim(context: Context, household_id: str) -> Household | Refused:
    """Take over a household whose owner is absent."""
    caller = context.require_viewer()
    if refused := confined.from_keys(caller):
        return refused
    work = succession.claim(context.profile, caller, key_of(household_id, "Household"))
    return await changed(context, await context.change(work))


async def changed(context: Context, outcome: HouseholdChanged | Refused) -> Household | Refused:
    """The household that was changed, as the viewer sees it now."""
    if not isinstance(outcome, HouseholdChanged):
        return outcome
    found: Household | NotFound | None = await by_id(context, outcome.household_id)
    return NO_HOUSEHOLD if found is None else found


def member_scopes(context: Context, member: Member) -> Load[Sequence[Scope]]:
    """What the viewer may do with some number of a member's."""
    return Load(
        context.loaders.lines_by_user_id,
        member.user_id,
        lambda lines: in_order(frozenset().union(*(line.rights for line in lines))),
    )


def household_changed(context: Context) -> AsyncGenerator[Household, None]:
    """The viewer's households, each at once and whenever somebody changes something in it."""

    async def watched(context: Context) -> Mapping[int, str]:
        mine = await viewer.households(context, context.require_viewer())
        return {each.id: f"household:{each.id}" for each in mine}

    return follow(context, watched, by_id)
