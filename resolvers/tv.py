"""Television on a line (F129)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.access import Scope
from domain.catalogue import ServiceCategory
from domain.features import feature
from loaders.services_by_line_id import ServiceSubscription
from loaders.visible import Line
from resolvers import child_policy
from resolvers.context import Context


@dataclass(frozen=True, slots=True)
class TvState:
    """What a line has of television."""

    trial_available: bool
    trial_ends_at: datetime | None
    packages: Sequence[ServiceSubscription]
    age_rating_limit: int | None


async def state(context: Context, line: Line) -> TvState | None:
    """The television of a line; None where none is to be had on it, and where it is not the viewer's to see."""
    if not line.allows(Scope.VIEW):
        return None
    facts = await context.loaders.tv_by_line_id.load(line.id)
    services = await context.loaders.services_by_line_id.load(line.id)
    packages = [each for each in services if each.service.category is ServiceCategory.TV]
    if facts is None or not (facts.is_sold or packages):
        return None
    profile = context.profiles.get(line.operator, context.profile)
    trials = [each.trial_ends_at for each in packages if each.trial_ends_at and each.trial_ends_at > context.now]
    policy = await child_policy.policy(context, line)
    return TvState(
        trial_available=facts.is_sold and not facts.has_tried and feature(profile, "services.tv_trial").enabled,
        trial_ends_at=max(trials, default=None),
        packages=packages,
        age_rating_limit=None if policy is None else policy.max_age_rating,
    )
