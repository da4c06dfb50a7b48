"""A number moves to another operator: its links rest while it does, and end when it has (E23)."""

from collections.abc import Awaitable, Callable

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.number_link import SuspensionReason
from domain.profile import Profile
from models import audit, autopay
from models.audit import About, TheUser
from models.database import tx
from models.rights import rights_changed
from services import line_row, link_rest, number_codes
from services.line_row import LineHeld

Move = Callable[[BaseDBAsyncClient, Profile, int], Awaitable[bool]]

_NAMED = "select id from line where operator = $1 and msisdn = $2"
_LEAVES = """
update line set status = 'PORTING_OUT' where id = $1 and status not in ('PORTING_OUT', 'PORTED_OUT', 'TERMINATED')
returning id
"""
_HAS_LEFT = """
update line set status = 'PORTED_OUT', block_reason = null, blocked_at = null, blocked_by_id = null,
  blocked_until = null
where id = $1 and status not in ('PORTED_OUT', 'TERMINATED') returning id
"""
_END_GRANTS = "update guest_grant set revoked_at = now() where line_id = $1 and revoked_at is null"
_IS_LAST = """
select not exists (
  select from line where account_id = $1 and status not in ('PORTED_OUT', 'TERMINATED')) as is_last
"""


async def of_number(profile: Profile, msisdn: str, move: Move | None) -> bool:
    """Do a `move`, `begun` or `done`, with the line of a number; without one only say whether there is such a line."""

    async def work(connection: BaseDBAsyncClient) -> bool:
        found = await connection.execute_query_dict(_NAMED, [profile.operator.id, msisdn])
        return bool(found) and (move is None or await move(connection, profile, found[0]["id"]))

    return await tx(work)


async def begun(connection: BaseDBAsyncClient, profile: Profile, line_id: int) -> bool:
    """The number is on its way out, in the caller's transaction; False where it is, or has ended."""
    line = await line_row.hold(connection, line_id)
    if line is None or line.msisdn is None or not await connection.execute_query_dict(_LEAVES, [line.id]):
        return False
    await number_codes.void(connection, line.operator, line.msisdn)
    await link_rest.rest(connection, profile, SuspensionReason.PORTING_OUT, lines=[line.id])
    await _tell(connection, profile, line, "PORTING_OUT")
    return True


async def done(connection: BaseDBAsyncClient, profile: Profile, line_id: int) -> bool:
    """The number has left, in the caller's transaction; False where it had, or has ended."""
    line = await line_row.hold(connection, line_id)
    if line is None or line.msisdn is None or not await connection.execute_query_dict(_HAS_LEFT, [line.id]):
        return False
    await number_codes.void(connection, line.operator, line.msisdn)
    await link_rest.terminate(connection, profile, "PORTED_OUT", lines=[line.id])
    await connection.execute_query(_END_GRANTS, [line.id])
    [account] = await connection.execute_query_dict(_IS_LAST, [line.account_id])
    if account["is_last"]:
        await autopay.stop_for(connection, account_id=line.account_id, because="PORTED_OUT")
    await _tell(connection, profile, line, "PORTED_OUT")
    return True


async def _tell(connection: BaseDBAsyncClient, profile: Profile, line: LineHeld, action: str) -> None:
    if line.user_id is not None:
        user = TheUser(profile.operator.id, line.user_id)
        await audit.record(connection, user, action, About(line_id=line.id), number=(line.msisdn or "")[-4:])
    await rights_changed(connection, lines=[line.id])
