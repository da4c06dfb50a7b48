"""A number passes to another person: nothing of the old holder's goes with it (N3, E24, E25).

The line of the old holder ends and gives up its number: what was paid, used and agreed stays with it, and with those
who may look back on it. The number gets a line of its own, with an account and a contract whose holder is not known
yet, until the operator's records say who it is; the contract's epoch is the next one.
"""

from uuid import uuid4

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import number_loss
from domain.msisdn import mask
from domain.profile import Profile
from models import autopay
from models.rights import rights_changed
from services import line_ending, line_row, link_rest, number_codes
from services.line_row import LineHeld

_CONTRACT = "select epoch from contract where id = $1 for no key update"
# What the number was called stays with what is left of it, so that its holder knows it again.
_GIVE_UP = """
update line set status = 'TERMINATED', msisdn = null, service_point = $2, block_reason = null, blocked_at = null,
  blocked_by_id = null, blocked_until = null
where id = $1
"""
_ACCOUNT_ENDS = """
update personal_account a set status = 'TERMINATED' where a.id = $1 and not exists (
  select from line l where l.account_id = a.id and l.status not in ('TERMINATED', 'PORTED_OUT'))
returning a.id
"""
_CONTRACT_ENDS = """
update contract c set status = 'TERMINATED', terminated_on = coalesce(terminated_on, current_date), epoch = epoch + 1
where c.id = $1 and not exists (
  select from personal_account a where a.contract_id = c.id and a.status not in ('TERMINATED', 'PORTED_OUT'))
"""
_END_GRANTS = (
    "update guest_grant set revoked_at = now() where line_id = $1 and revoked_at is null",
    "update approval_request set status = 'CANCELLED', resolved_at = now() where line_id = $1 and status = 'PENDING'",
    "update session set revoked_at = now() where line_id = $1 and revoked_at is null",
)
_PERSON = "insert into person (operator, ref, name) values ($1, $2, $3) returning id"
_NEW_CONTRACT = """
insert into contract (operator, number, holder_id, kind, status, epoch, signed_on)
values ($1, $2, $3, 'CONSUMER', 'ACTIVE', $4, current_date) returning id
"""
_NEW_ACCOUNT = """
insert into personal_account (operator, number, kind, contract_id, status, cash_payments_banned)
values ($1, $2, 'MOBILE', $3, 'ACTIVE', false) returning id
"""
_NEW_LINE = """
insert into line (operator, account_id, kind, msisdn, status, sim_epoch, reissued_at, activated_at)
values ($1, $2, 'MOBILE', $3, 'ACTIVE', $4, now(), now()) returning id
"""
_KNOWN = "insert into sim_check (line_id, known_since) values ($1, now())"


async def reassigned(connection: BaseDBAsyncClient, profile: Profile, line_id: int) -> int | None:
    """Part the number from its old holder, in the caller's transaction; gives the new line's id.

    None for a line that has no number any more: it was done before.
    """
    line = await line_row.hold(connection, line_id)
    if line is None or line.msisdn is None:
        return None
    [contract] = await connection.execute_query_dict(_CONTRACT, [line.contract_id])
    epoch = contract["epoch"]
    await number_codes.void(connection, line.operator, line.msisdn)
    await link_rest.terminate(connection, profile, "NUMBER_REASSIGNED", lines=[line.id])
    for statement in _END_GRANTS:
        await connection.execute_query(statement, [line.id])
    await line_ending.end(connection, line.id)
    await connection.execute_query(_GIVE_UP, [line.id, f"{line.msisdn}-{epoch}"])
    if await connection.execute_query_dict(_ACCOUNT_ENDS, [line.account_id]):
        await autopay.stop_for(connection, account_id=line.account_id, because="NUMBER_REASSIGNED")
        await link_rest.terminate(connection, profile, "NUMBER_REASSIGNED", accounts=[line.account_id])
        await connection.execute_query(_CONTRACT_ENDS, [line.contract_id])
    await number_loss.detach(connection, profile, line.msisdn, line.user_id)
    await rights_changed(connection, lines=[line.id])
    return await _begin(connection, line, line.msisdn, epoch + 1)


async def _begin(connection: BaseDBAsyncClient, old: LineHeld, msisdn: str, epoch: int) -> int:
    """The number's new line: of nobody yet."""
    operator, number = old.operator, f"{msisdn}-{epoch}"
    [person] = await connection.execute_query_dict(_PERSON, [operator, f"reissued:{uuid4()}", mask(msisdn)])
    [contract] = await connection.execute_query_dict(_NEW_CONTRACT, [operator, number, person["id"], epoch])
    [account] = await connection.execute_query_dict(_NEW_ACCOUNT, [operator, number, contract["id"]])
    [line] = await connection.execute_query_dict(_NEW_LINE, [operator, account["id"], msisdn, old.sim_epoch + 1])
    await connection.execute_query(_KNOWN, [line["id"]])
    line_id: int = line["id"]
    return line_id
