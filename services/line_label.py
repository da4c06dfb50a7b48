"""What people call a line: its user for themselves, a household for its members (F161)."""

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.refusals import InputRejected, NotFound
from models.database import tx
from models.notify import notify

LONGEST = 64

_OWN = "update line set label = $3 where id = $1 and user_id = $2 returning id"
# A household's word for a number is for its adults to choose.
_LINKED = """
update number_link nl set label = $3
from membership m
where nl.line_id = $1 and nl.status = 'ACTIVE' and m.household_id = nl.household_id and m.user_id = $2
  and m.status = 'ACTIVE' and m.role in ('OWNER', 'ADULT')
returning nl.household_id
"""


async def rename(viewer: Viewer, line_id: int | None, label: str | None) -> InputRejected | NotFound | None:
    """Call a line `label`, 1 to 64 characters on one line; None takes the name away."""
    name = None if label is None else " ".join(label.split())
    if name is not None and not (1 <= len(name) <= LONGEST and name.isprintable()):
        return InputRejected(f"A name has 1 to {LONGEST} characters on one line", ("label",))

    async def write(connection: BaseDBAsyncClient) -> NotFound | None:
        if line_id is not None:
            if await connection.execute_query_dict(_OWN, [line_id, viewer.user_id, name]):
                return None
            if linked := await connection.execute_query_dict(_LINKED, [line_id, viewer.user_id, name]):
                await notify(connection, *(f"household:{row['household_id']}" for row in linked))
                return None
        return NotFound("There is no such line that you may name", ("lineId",))

    return await tx(write)
