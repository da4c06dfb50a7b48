"""Who connected a service, and as what (E51); the operator itself where nobody is known to have."""

from collections.abc import Mapping, Sequence

from domain.access import HouseholdRole
from loaders.actor import AuditActor
from loaders.scope import ReadScope
from models.reader import Statement

# The event says in which role, and whether an employee did it for them.
_CONNECTORS = Statement(
    """
select ss.id, l.operator, u.id, u.display_name, e.actor_role, e.staff
from service_subscription ss join line l on l.id = ss.line_id
left join app_user u on u.id = ss.connected_by_id
left join lateral (
  select actor_role, staff from service_event
  where line_id = ss.line_id and service_id = ss.service_id and action in ('CONNECT', 'TRIAL_START')
  order by id desc limit 1) e on u.id is not null
where ss.id = any($1::bigint[])
""",
    lambda *columns: columns,
)


async def connector_by_subscription_id(scope: ReadScope, subscription_ids: Sequence[int]) -> Mapping[int, AuditActor]:
    found = {}
    for subscription_id, operator, user_id, name, role, staff in await scope.reads.fetch(_CONNECTORS, subscription_ids):
        found[subscription_id] = actor(scope, operator, user_id, name, role, staff)
    return found


def actor(
    scope: ReadScope, operator: str, user_id: int | None, name: str | None, role: str | None, staff: str | None
) -> AuditActor:
    """Whoever a row of a history names; what happened by itself the operator did."""
    profile = scope.profile_of(operator) or scope.profile
    is_viewer = user_id is not None and scope.viewer is not None and scope.viewer.user_id == user_id
    household_role = HouseholdRole(role) if role is not None else None
    return AuditActor(name or profile.operator.name, household_role, is_viewer, is_operator_staff=staff is not None)
