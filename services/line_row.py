"""A line as a transaction that changes what it is holds it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.line import BlockReason, LineStatus

# Others may add rows that point to the line meanwhile; nobody else changes it.
_HOLD = """
select l.id, l.operator, l.account_id, a.contract_id, l.user_id, l.msisdn, l.status, l.sim_epoch, l.sim_changed_at,
  greatest(l.reissued_at, l.activated_at) as new_since, l.block_reason, l.blocked_by_id
from line l join personal_account a on a.id = l.account_id where l.id = $1 for no key update of l
"""


@dataclass(frozen=True, slots=True)
class LineHeld:
    """The line; `new_since` is when its number came to its contract, where that is known."""

    id: int
    operator: str
    account_id: int
    contract_id: int
    user_id: int | None
    msisdn: str | None
    status: LineStatus
    sim_epoch: int
    sim_changed_at: datetime | None
    new_since: datetime | None
    block_reason: BlockReason | None
    blocked_by_id: int | None

    @property
    def has_ended(self) -> bool:
        return self.status in (LineStatus.TERMINATED, LineStatus.PORTED_OUT)


async def hold(connection: BaseDBAsyncClient, line_id: int) -> LineHeld | None:
    """The line of that id, locked until the transaction ends; None when there is none."""
    rows = await connection.execute_query_dict(_HOLD, [line_id])
    return _held(**rows[0]) if rows else None


def _held(status: str, block_reason: str | None, **same: Any) -> LineHeld:
    reason = BlockReason(block_reason) if block_reason is not None else None
    return LineHeld(status=LineStatus(status), block_reason=reason, **same)
