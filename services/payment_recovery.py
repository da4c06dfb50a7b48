"""Bringing payments to their end that nobody is waiting for any more: after a crash, a lost answer, a payer who left.

Every payment on its way has a `check_at`. Whoever takes it moves that on first, so two workers never take the same. A
payment is asked after where it was begun: another provider knows nothing of it, and would make it a second time.
"""

import asyncio
from collections.abc import Mapping
from uuid import UUID

import structlog
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.payment import DeclineReason, PaymentStatus
from domain.profile import Profile
from gateways.payments import Declined, Notification, NotKnown, ProviderFailed, RefundOutcome
from models.database import tx
from models.reader import SILENT
from services import payment_crediting, payment_settlement, refund_settlement
from services.payment_row import COLUMNS, NEXT_CHECK, Desk, PaymentRow, row_of

BATCH = 20
# A bank that hangs holds up a batch for as long as one answer takes, and not all of them together.
_AT_ONCE = 5

_log = structlog.get_logger()

# A payer who stays away is given up on time. What waits for a code or for the billing needs no bank any more, or not
# yet, so it does not matter which that was.
_TAKE = f"""
update payment set checks = checks + 1, check_at = least(
  {NEXT_CHECK}, case when status = 'AWAITING_CONFIRMATION' and confirm_by > now() then confirm_by end)
where id in (
  select id from payment
  where check_at <= now() and operator = any($3::text[])
    and (provider = $4 or settled_at is not null or (status = 'AWAITING_CONFIRMATION' and redirect_url is null))
  order by check_at limit $1 for update skip locked
)
returning {COLUMNS}, confirm_by <= now() as overdue
"""
# Only of what still waits: whoever confirmed in the last moment is not given up while the bank is asked.
_BY_KEY = f"select {COLUMNS} from payment where provider_key = $1 and provider = $2"


async def recover(desk: Desk, profiles: Mapping[str, Profile]) -> int:
    """Look after one batch of the payments whose time has come; gives how many there were."""
    taken = await tx(lambda connection: _take(connection, desk, list(profiles)))
    turns = asyncio.Semaphore(_AT_ONCE)

    async def look_after(payment: PaymentRow, *, overdue: bool) -> None:
        async with turns:
            await _look_after(desk, profiles[payment.operator], payment, overdue=overdue)

    outcomes = await asyncio.gather(
        *(look_after(payment, overdue=overdue) for payment, overdue in taken), return_exceptions=True
    )
    for (payment, _), outcome in zip(taken, outcomes, strict=True):
        if isinstance(outcome, ProviderFailed):
            _log.warning("a payment waits for the bank", payment=payment.id, error=str(outcome))
        elif isinstance(outcome, SILENT):
            _log.warning("a payment waits for the database", payment=payment.id, error=type(outcome).__name__)
        elif outcome is not None:
            _log.error("alarm: a payment cannot be looked after", payment=payment.id, exc_info=outcome)
    return len(taken)


async def hear(desk: Desk, profiles: Mapping[str, Profile], told: Notification) -> bool:
    """Settle what a provider told of its own accord; gives whether the payment or refund is one of ours."""
    if isinstance(told.outcome, RefundOutcome):
        return await refund_settlement.hear(desk, profiles, told, told.outcome)
    payment = await tx(lambda connection: _find(connection, desk, told.key))
    profile = profiles.get(payment.operator) if payment is not None else None
    if payment is None or profile is None:
        return False
    await payment_settlement.conclude(desk, profile, payment, told.outcome, notification=told.id)
    return True


async def _take(connection: BaseDBAsyncClient, desk: Desk, operators: list[str]) -> list[tuple[PaymentRow, bool]]:
    rows = await connection.execute_query_dict(_TAKE, [BATCH, desk.patience_seconds, operators, desk.provider.name])
    return [(row_of({name: row[name] for name in row if name != "overdue"}), bool(row["overdue"])) for row in rows]


async def _look_after(desk: Desk, profile: Profile, payment: PaymentRow, *, overdue: bool) -> None:
    if payment.settled_at is not None:
        await payment_crediting.hand_over(desk, profile, payment)
        return
    if payment.awaits_code:
        await payment_settlement.expire(payment.id)
        return
    if payment.status is PaymentStatus.AWAITING_CONFIRMATION:
        provider = desk.provider
        outcome = await (provider.cancel(payment.ref) if overdue else provider.query(payment.ref))
        if overdue and isinstance(outcome, NotKnown):
            outcome = Declined(DeclineReason.NOT_CONFIRMED)
        if overdue and isinstance(outcome, Declined) and outcome.reason is DeclineReason.CANCELLED:
            outcome = Declined(DeclineReason.NOT_CONFIRMED, outcome.provider_id)
        await payment_settlement.conclude(desk, profile, payment, outcome)
        return
    found = await desk.provider.query(payment.ref)
    if isinstance(found, NotKnown):
        # It never got there: sent again with the same key it is made once, whatever else is on its way.
        await payment_settlement.drive(desk, profile, payment)
    else:
        await payment_settlement.conclude(desk, profile, payment, found)


async def _find(connection: BaseDBAsyncClient, desk: Desk, key: str) -> PaymentRow | None:
    try:
        name = UUID(key)
    except ValueError:
        return None
    rows = await connection.execute_query_dict(_BY_KEY, [name, desk.provider.name])
    return row_of(rows[0]) if rows else None
