"""What the bank makes of refunds (E43): asked with our key, settled once by whichever door its word comes.

The doors are the call that approved it, the bank's notification and the recovery loop. Each locks the payment's row
first and the refund's second.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.ledger import Entry, LedgerAccountKind, LedgerAccountName, Transfer, TransferKind, clearing, personal
from domain.money import Money
from domain.profile import Profile
from domain.refund import RefundStatus
from gateways import payments as port
from gateways.payments import Notification, ProviderFailed, RefundDeclined, Refunded, RefundOutcome, RefundPending
from models import audit
from models.audit import TheUser
from models.database import tx
from models.notify import notify
from services import ledger, promised_payment, refund_notice
from services.payment_row import COLUMNS as PAYMENT_COLUMNS
from services.payment_row import NEXT_CHECK, Desk, PaymentRow, row_of

COLUMNS = """
id, operator, payment_id, status, reason, asked_amount, amount, fee, key, provider_id, created_at, decided_at, answer,
checks
"""
BATCH = 20

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RefundRow:
    """A refund as it is stored; amounts in minor units of its payment's currency."""

    id: int
    operator: str
    payment_id: int
    status: RefundStatus
    reason: str
    asked_amount: int | None
    amount: int
    fee: int
    key: UUID
    provider_id: str | None
    created_at: datetime
    decided_at: datetime | None
    answer: str | None
    checks: int


def refund_of(columns: Mapping[str, Any]) -> RefundRow:
    """A row of `COLUMNS`."""
    return RefundRow(**{**columns, "status": RefundStatus(columns["status"])})


_LOCK_PAYMENT = f"select {PAYMENT_COLUMNS} from payment where id = $1 for no key update"
_LOCK = f"select {COLUMNS} from refund where id = $1 for no key update"
_HEARD = "insert into payment_notification (id, payment_id, at) values ($1, $2, now()) on conflict do nothing"
_DONE = f"""
update refund set status = 'COMPLETED', ended_at = now(), check_at = null, provider_id = $2 where id = $1
returning {COLUMNS}
"""
_FAILED = f"""
update refund set status = 'FAILED', ended_at = now(), check_at = null, provider_id = coalesce($2, provider_id),
  answer = $3
where id = $1 returning {COLUMNS}
"""
_WAITS = f"update refund set provider_id = $2 where id = $1 returning {COLUMNS}"
_GIVEN_BACK = """
update payment set refunded = refunded + $2,
  status = case when refunded + $2 >= amount + fee then 'REFUNDED' else status end
where id = $1
"""
# Another provider knows nothing of the payment, and would decline what the first has given back.
_TAKE = f"""
update refund set checks = checks + 1, check_at = {NEXT_CHECK}
where id in (
  select id from refund where check_at <= now() and operator = any($3::text[])
    and (select provider from payment p where p.id = payment_id) = $4
  order by check_at limit $1 for update skip locked
)
returning {COLUMNS}
"""
_BY_KEY = f"""
select {COLUMNS} from refund where key = $1 and (select provider from payment p where p.id = payment_id) = $2
"""
_PAYMENT = f"select {PAYMENT_COLUMNS} from payment where id = $1"


async def drive(desk: Desk, profile: Profile, refund: RefundRow, payment: PaymentRow) -> RefundRow:
    """Ask the bank to give money back, and settle what it says; without an answer the refund stays as it is."""
    assert refund.decided_at is not None, "only what was approved is asked for"
    asked = port.Refund(
        key=str(refund.key),
        payment=payment.ref,
        amount=_total(refund, payment),
        created_at=refund.decided_at,
        description=f"{profile.operator.name}: {payment.named}",
    )
    try:
        outcome = await desk.provider.refund(asked)
    except ProviderFailed as error:
        _log.warning("a refund waits for the bank", refund=refund.id, error=str(error))
        return refund
    return await settle(profile, refund, outcome)


async def settle(
    profile: Profile, refund: RefundRow, outcome: RefundOutcome, *, notification: str | None = None
) -> RefundRow:
    """Make what the bank says of a refund true: once, in one transaction."""

    async def effect(connection: BaseDBAsyncClient) -> RefundRow:
        [found] = await connection.execute_query_dict(_LOCK_PAYMENT, [refund.payment_id])
        payment = row_of(found)
        [row] = await connection.execute_query_dict(_LOCK, [refund.id])
        before = refund_of(row)
        after = await _effect(connection, profile, before, payment, outcome)
        if notification is not None:
            await connection.execute_query(_HEARD, [notification, payment.id])
        if after is not before:
            await notify(connection, f"payment:{payment.id}")
        return after

    return await tx(effect)


async def recover(desk: Desk, profiles: Mapping[str, Profile]) -> int:
    """Ask again for one batch of the refunds whose time has come; gives how many there were."""

    async def take(connection: BaseDBAsyncClient) -> list[tuple[RefundRow, PaymentRow]]:
        rows = await connection.execute_query_dict(
            _TAKE, [BATCH, desk.patience_seconds, list(profiles), desk.provider.name]
        )
        taken = []
        for row in rows:
            refund = refund_of(row)
            [payment] = await connection.execute_query_dict(_PAYMENT, [refund.payment_id])
            taken.append((refund, row_of(payment)))
        return taken

    taken = await tx(take)
    for refund, payment in taken:
        # The same key again: the bank gives back once, and tells what became of it each time.
        await drive(desk, profiles[refund.operator], refund, payment)
    return len(taken)


async def hear(desk: Desk, profiles: Mapping[str, Profile], told: Notification, outcome: RefundOutcome) -> bool:
    """Settle what a provider told of a refund; gives whether it is one of ours."""

    async def find(connection: BaseDBAsyncClient) -> RefundRow | None:
        try:
            key = UUID(told.key)
        except ValueError:
            return None
        rows = await connection.execute_query_dict(_BY_KEY, [key, desk.provider.name])
        return refund_of(rows[0]) if rows else None

    refund = await tx(find)
    profile = profiles.get(refund.operator) if refund is not None else None
    if refund is None or profile is None:
        return False
    await settle(profile, refund, outcome, notification=told.id)
    return True


def transfer(refund: RefundRow, payment: PaymentRow, *, back: bool = False) -> Transfer:
    """From the account, and the fee from the operator, to what the bank holds for us; `back` undoes that."""
    sign, currency = (-1 if back else 1), payment.currency
    entries = [
        Entry(personal(payment.account_id), Money(-sign * refund.amount, currency)),
        Entry(clearing(payment.provider), Money(sign * (refund.amount + refund.fee), currency)),
    ]
    if refund.fee:
        entries.append(Entry(LedgerAccountName(LedgerAccountKind.FEES), Money(-sign * refund.fee, currency)))
    key = f"refund:{refund.id}:back" if back else f"refund:{refund.id}"
    return Transfer(payment.operator, TransferKind.REFUND, key, tuple(entries))


async def _effect(
    connection: BaseDBAsyncClient, profile: Profile, refund: RefundRow, payment: PaymentRow, outcome: RefundOutcome
) -> RefundRow:
    total, waits = _total(refund, payment), refund.status is RefundStatus.PROCESSING
    payer = TheUser(payment.operator, payment.payer_id)
    match outcome:
        case Refunded(provider_id, amount) if waits and amount == total:
            [row] = await connection.execute_query_dict(_DONE, [refund.id, provider_id])
            await connection.execute_query(_GIVEN_BACK, [payment.id, total.minor])
            await audit.record(connection, payer, "REFUNDED", payment=payment.id, amount=str(total))
            await refund_notice.given_back(connection, profile, payment, total)
            return refund_of(row)
        case Refunded(_, amount) if refund.status is not RefundStatus.COMPLETED:
            # Neither sum is the right one, or the bank took its word back: somebody has to look.
            _log.error("alarm: the bank gave back what was not asked for", refund=refund.id, given=str(amount))
        case RefundDeclined(reason, provider_id) if waits:
            [row] = await connection.execute_query_dict(_FAILED, [refund.id, provider_id, reason])
            await ledger.post(connection, transfer(refund, payment, back=True))
            await promised_payment.repay(connection, payment.account_id)
            await audit.record(connection, payer, "REFUND_FAILED", payment=payment.id, reason=reason)
            await refund_notice.failed(connection, profile, payment, total)
            return refund_of(row)
        case RefundPending(provider_id) if waits and refund.provider_id is None:
            [row] = await connection.execute_query_dict(_WAITS, [refund.id, provider_id])
            return refund_of(row)
    return refund


def _total(refund: RefundRow, payment: PaymentRow) -> Money:
    return Money(refund.amount + refund.fee, payment.currency)
