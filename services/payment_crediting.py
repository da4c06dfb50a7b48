"""The last phase where the ledger is not all there is: a billing system of the operator's hears of the money (E47).

The payment is settled by then, so nothing is lost while that system is away. It is told again by the recovery loop,
with the same key, until it takes the credit; then the payment is complete.
"""

import structlog
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.money import Money
from domain.payment import PaymentKind
from domain.profile import Profile
from gateways.crediting import Credit, CreditingUnavailable
from models.database import tx
from models.notify import notify
from services import autopay_outcome, payment_receipt
from services.payment_row import COLUMNS, Desk, PaymentRow, row_of

_log = structlog.get_logger()

_ACCOUNT = "select number from personal_account where id = $1"
_COMPLETE = f"""
update payment set status = 'COMPLETED', completed_at = now(), check_at = null
where id = $1 and settled_at is not null and completed_at is null
returning {COLUMNS}
"""
_AS_IT_IS = f"select {COLUMNS} from payment where id = $1"


async def hand_over(desk: Desk, profile: Profile, payment: PaymentRow) -> PaymentRow:
    """Tell the billing system of a settled payment, and complete it; where there is none, it is complete already."""
    if desk.crediting is None or payment.settled_at is None or payment.completed_at is not None:
        return payment
    number = await tx(lambda connection: _number(connection, payment.account_id))
    credit = Credit(str(payment.provider_key), payment.operator, number, Money(payment.amount, payment.currency))
    try:
        await desk.crediting.credit(credit)
    except CreditingUnavailable as error:
        _log.warning("a payment waits for the billing", payment=payment.id, error=str(error))
        return payment
    return await tx(lambda connection: _complete(connection, profile, payment.id))


async def _number(connection: BaseDBAsyncClient, account_id: int) -> str:
    [row] = await connection.execute_query_dict(_ACCOUNT, [account_id])
    number: str = row["number"]
    return number


async def _complete(connection: BaseDBAsyncClient, profile: Profile, payment_id: int) -> PaymentRow:
    done = await connection.execute_query_dict(_COMPLETE, [payment_id])
    if done:
        await notify(connection, f"payment:{payment_id}")
        payment = row_of(done[0])
        await payment_receipt.send(connection, profile, payment)
        if payment.kind is PaymentKind.AUTOPAY:
            await autopay_outcome.settled(connection, profile, payment)
        return payment
    # Somebody else was told first that the billing has it.
    [row] = await connection.execute_query_dict(_AS_IT_IS, [payment_id])
    return row_of(row)
