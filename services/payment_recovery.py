"""Bringing payments to their end that nobody is waiting for any more: after a crash, a lost answer, a payer who left.

Every payment on its way has a `check_at`. Whoever takes it moves that on first, so two workers never take the same.
"""

from collections.abc import Mapping
from uuid import UUID

import structlog
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.payment import ConfirmationKind, DeclineReason, PaymentStatus
from domain.profile import Profile
from gateways.payments import Declined, Notification, NotKnown, PaymentOutcome, ProviderFailed, RefundOutcome
from models.database import tx
from models.notify import notify
from models.reader import SILENT
from services import payment_settlement
from services.payment_settlement import COLUMNS, Desk, PaymentRow, row_of

BATCH = 20

_log = structlog.get_logger()

# The first looks come at the pace of the provider's patience ($2); a bank that stays away is asked ever less often, and
# a payer who stays away is given up on time.
_TAKE = f"""
update payment set checks = checks + 1, check_at = least(
  now() + make_interval(secs => least($2 * 2 ^ least(greatest(checks - 9, 0), 32), 86400)),
  case when status = 'AWAITING_CONFIRMATION' and confirm_by > now() then confirm_by end)
where id in (
  select id from payment where check_at <= now() and operator = any($3::text[])
  order by check_at limit $1 for update skip locked
)
returning {COLUMNS}, confirm_by <= now() as overdue
"""
# Only of what still waits: whoever confirmed in the last moment is not given up while the bank is asked.
_EXPIRE = """
update payment set status = 'EXPIRED', check_at = null, token = null
where id = $1 and status = 'AWAITING_CONFIRMATION' and confirm_by <= now() returning id
"""
_BY_KEY = f"select {COLUMNS} from payment where provider_key = $1 and provider = $2"


async def recover(desk: Desk, profiles: Mapping[str, Profile]) -> int:
    """Look after one batch of the payments whose time has come; gives how many there were."""
    taken = await tx(lambda connection: _take(connection, desk, list(profiles)))
    for payment, overdue in taken:
        try:
            await _look_after(desk, profiles[payment.operator], payment, overdue=overdue)
        except ProviderFailed as error:
            _log.warning("a payment waits for the bank", payment=payment.id, error=str(error))
        except SILENT:
            raise
        except Exception:  # whatever one of them suffers from, the others are looked after
            _log.exception("alarm: a payment cannot be looked after", payment=payment.id)
    return len(taken)


async def hear(desk: Desk, profiles: Mapping[str, Profile], told: Notification) -> bool:
    """Settle what a provider told of its own accord; gives whether the payment is one of ours."""
    payment = await tx(lambda connection: _find(connection, desk, told.key))
    profile = profiles.get(payment.operator) if payment is not None else None
    if payment is None or profile is None:
        return False
    if not isinstance(told.outcome, RefundOutcome):
        await payment_settlement.conclude(desk, profile, payment, told.outcome, notification=told.id)
    return True


async def _take(connection: BaseDBAsyncClient, desk: Desk, operators: list[str]) -> list[tuple[PaymentRow, bool]]:
    rows = await connection.execute_query_dict(_TAKE, [BATCH, desk.patience_seconds, operators])
    return [(row_of({name: row[name] for name in row if name != "overdue"}), bool(row["overdue"])) for row in rows]


async def _look_after(desk: Desk, profile: Profile, payment: PaymentRow, *, overdue: bool) -> None:
    if payment.status is PaymentStatus.AWAITING_CONFIRMATION:
        outcome: PaymentOutcome = NotKnown()
        if payment.confirmation is ConfirmationKind.BANK_REDIRECT:
            provider = desk.provider
            outcome = await (provider.cancel(payment.ref) if overdue else provider.query(payment.ref))
        if isinstance(outcome, NotKnown) and overdue:
            await tx(lambda connection: _expire(connection, payment.id))
            return
        if isinstance(outcome, Declined) and overdue and outcome.reason is DeclineReason.CANCELLED:
            outcome = Declined(DeclineReason.NOT_CONFIRMED, outcome.provider_id)
        await payment_settlement.conclude(desk, profile, payment, outcome)
        return
    found = await desk.provider.query(payment.ref)
    if isinstance(found, NotKnown):
        # It never got there: sent again with the same key it is made once, whatever else is on its way.
        await payment_settlement.drive(desk, profile, payment)
    else:
        await payment_settlement.conclude(desk, profile, payment, found)


async def _expire(connection: BaseDBAsyncClient, payment_id: int) -> None:
    if await connection.execute_query_dict(_EXPIRE, [payment_id]):
        await notify(connection, f"payment:{payment_id}")


async def _find(connection: BaseDBAsyncClient, desk: Desk, key: str) -> PaymentRow | None:
    try:
        name = UUID(key)
    except ValueError:
        return None
    rows = await connection.execute_query_dict(_BY_KEY, [name, desk.provider.name])
    return row_of(rows[0]) if rows else None
