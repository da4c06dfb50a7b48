"""Writing down what happens to services of lines, for the people of the line (F116, E51)."""

from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.access import HouseholdRole
from domain.catalogue import ServiceAction
from models.audit import Actor

_LONGEST_NAME = 64

_NOTE = """
insert into service_event (line_id, service_id, action, charge, actor_id, actor_role, staff, at)
values ($1, $2, $3, $4, $5, $6, $7, now()) returning id
"""


@dataclass(frozen=True, slots=True)
class By:
    """Who did it, and as what."""

    actor: Actor
    role: HouseholdRole | None


async def note(
    connection: BaseDBAsyncClient,
    line_id: int,
    service_id: int,
    action: ServiceAction,
    *,
    charge: int = 0,
    by: By | None = None,
) -> int:
    """Add an event to a line's history, in the transaction of what it tells; gives its id.

    `charge` is what was charged with it, in minor units. Without `by` it happened by itself.
    """
    staff = None if by is None or by.actor.staff is None else by.actor.staff.name[:_LONGEST_NAME]
    told = [None if by is None else by.actor.user_id, None if by is None else by.role, staff]
    [row] = await connection.execute_query_dict(_NOTE, [line_id, service_id, action, charge, *told])
    event_id: int = row["id"]
    return event_id
