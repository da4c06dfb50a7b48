"""What is known of an account that is to be paid into, read under lock."""

from tortoise.backends.base.client import BaseDBAsyncClient

from domain.line import LineStatus
from domain.payment_rules import Payee
from domain.profile import Profile

_PAYEE = """
select a.status, a.cash_payments_banned as cash_banned, c.status = 'TERMINATED' as contract_ended
from personal_account a join contract c on c.id = a.contract_id where a.id = $1 and a.operator = $2 for share of a
"""


async def payee(connection: BaseDBAsyncClient, profile: Profile, account_id: int, *, is_seen: bool) -> Payee | None:
    """The account as the rules want to know it; None where the operator has no such account."""
    rows = await connection.execute_query_dict(_PAYEE, [account_id, profile.operator.id])
    if not rows:
        return None
    [row] = rows
    return Payee(account_id, LineStatus(row["status"]), row["contract_ended"], row["cash_banned"], is_seen)
