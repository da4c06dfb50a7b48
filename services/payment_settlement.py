"""Settling: what the bank says of a payment becomes true here, once, whichever door it comes by (DESIGN 2, I17).

The doors are the call that began it, the bank's notification, and the recovery loop. Each locks the payment's row,
so they come in one after the other, and the later ones find it done.
"""

from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum, auto

import structlog
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.ledger import Entry, LedgerAccountKind, LedgerAccountName, Transfer, TransferKind, clearing, personal
from domain.money import Money
from domain.payment import (
    OPEN,
    ConfirmationKind,
    DeclineReason,
    PaymentKind,
    PaymentStatus,
)
from domain.payment_refusals import CardTooFrequent, PaymentRejected
from domain.payment_rules import CONFIRM_SECONDS, check_card, this_month
from domain.profile import Profile
from domain.refusals import ErrorCode
from gateways.payments import (
    AwaitingPayer,
    Charge,
    Charged,
    ChosenThere,
    Declined,
    Held,
    PaymentOutcome,
    Pending,
    ProviderFailed,
    Saved,
    Token,
)
from models import audit
from models.audit import TheUser
from models.database import tx
from models.notify import notify
from services import (
    autopay_outcome,
    card_pause,
    fees,
    ledger,
    payment_crediting,
    payment_method,
    payment_receipt,
    promised_payment,
)
from services.payment_method import Means
from services.payment_row import COLUMNS, Desk, PaymentRow, row_of

_log = structlog.get_logger()


_LOCK = f"select {COLUMNS} from payment where id = $1 for no key update"
_HEARD = "insert into payment_notification (id, payment_id, at) values ($1, $2, now()) on conflict do nothing"
# With a billing system beside the ledger the payment is on its way until that has it, however the bank called it.
_SETTLED = f"""
update payment set status = case when $5 then 'PROCESSING' else 'COMPLETED' end, settled_at = now(),
  completed_at = case when not $5 then now() end, check_at = case when $5 then now() + make_interval(secs => $6) end,
  token = null, failure = null, failure_detail = null, provider_id = $2, method_id = coalesce($3, method_id),
  fingerprint = coalesce($4, fingerprint)
where id = $1 returning {COLUMNS}
"""
_END = f"""
update payment set status = $2, check_at = null, token = null, provider_id = coalesce($3, provider_id),
  failure = coalesce(failure, $4), failure_detail = $5
where id = $1 returning {COLUMNS}
"""
_AWAIT = f"""
update payment set status = 'AWAITING_CONFIRMATION', provider_id = $2, redirect_url = $3,
  confirm_by = now() + make_interval(secs => $4)
where id = $1 returning {COLUMNS}
"""
_WAIT = f"update payment set status = 'PROCESSING', provider_id = $2 where id = $1 returning {COLUMNS}"
_EXPIRE = f"""
update payment set status = 'EXPIRED', check_at = null, token = null, failure_detail = $2
where id = $1 and status = 'AWAITING_CONFIRMATION' and redirect_url is null and confirm_by <= now()
returning {COLUMNS}
"""
_REFERENCE = "select reference from payment_method where id = $1"
_JUDGED = "update payment set fingerprint = coalesce($2, fingerprint), failure = $3 where id = $1"


async def drive(desk: Desk, profile: Profile, payment: PaymentRow) -> PaymentRow:
    """Ask the bank to make a payment that is PROCESSING, and settle what it says.

    Where the bank does not answer, the payment stays as it is: it is never declined on a guess.
    """
    if payment.provider != desk.provider.name:
        # It may have been made there.
        _log.error("alarm: a payment was begun at another provider", payment=payment.id, provider=payment.provider)
        return payment
    try:
        charge = await _charge(profile, payment)
        return await conclude(desk, profile, payment, await desk.provider.charge(charge))
    except ProviderFailed as error:
        _log.warning("a payment waits for the bank", payment=payment.id, error=str(error))
        return payment


async def conclude(
    desk: Desk, profile: Profile, payment: PaymentRow, outcome: PaymentOutcome, *, notification: str | None = None
) -> PaymentRow:
    """Settle what the bank says. Money that is only held is taken if the rules let this card pay, or let go.

    A page to confirm on is of no use to a payment that nobody attends: it is given up there, and has failed. Raises
    ProviderFailed where the bank did not do its part: it is asked again.
    """
    if isinstance(outcome, AwaitingPayer) and payment.kind is PaymentKind.AUTOPAY:
        outcome = await desk.provider.cancel(replace(payment.ref, provider_id=outcome.provider_id))
        if isinstance(outcome, Declined) and outcome.reason is DeclineReason.CANCELLED:
            outcome = Declined(DeclineReason.NOT_CONFIRMED, outcome.provider_id)
    if isinstance(outcome, Held):
        held = outcome
        verdict = await tx(lambda connection: _judge(connection, profile, payment.id, held))
        ref = replace(payment.ref, provider_id=held.provider_id)
        match verdict:
            case Verdict.TAKE:
                outcome = await desk.provider.capture(ref, held.amount)
            case Verdict.LET_GO:
                outcome = await desk.provider.cancel(ref)
            case Verdict.LATE:
                outcome = await desk.provider.query(ref)
    settled = await settle(desk, profile, payment.id, outcome, notification=notification)
    return await payment_crediting.hand_over(desk, profile, settled)


async def expire(payment_id: int) -> None:
    """Give up a payment whose code was not given in time. Nothing is said of one that was confirmed meanwhile."""

    async def effect(connection: BaseDBAsyncClient) -> None:
        if await connection.execute_query_dict(_EXPIRE, [payment_id, DeclineReason.NOT_CONFIRMED]):
            await notify(connection, f"payment:{payment_id}")

    await tx(effect)


async def settle(
    desk: Desk, profile: Profile, payment_id: int, outcome: PaymentOutcome, *, notification: str | None = None
) -> PaymentRow:
    """Make what the bank says true: once, under the lock of the payment's row, in one transaction."""

    async def effect(connection: BaseDBAsyncClient) -> PaymentRow:
        [found] = await connection.execute_query_dict(_LOCK, [payment_id])
        payment = row_of(found)
        after = await _effect(connection, desk, profile, payment, outcome)
        if after.status is not payment.status and after.kind is PaymentKind.AUTOPAY:
            await autopay_outcome.settled(connection, profile, after)
        if notification is not None:
            await connection.execute_query(_HEARD, [notification, payment_id])
        if after is not payment:
            await notify(connection, f"payment:{payment_id}")
        return after

    return await tx(effect)


async def _effect(
    connection: BaseDBAsyncClient, desk: Desk, profile: Profile, payment: PaymentRow, outcome: PaymentOutcome
) -> PaymentRow:
    if payment.settled_at is not None:
        return payment
    match outcome:
        case Charged():
            return await _complete(connection, desk, profile, payment, outcome)
        case Declined(reason, provider_id) if payment.status in OPEN:
            status = _ended_by(payment, reason)
            failure = ErrorCode.PAYMENT_DECLINED if status is PaymentStatus.DECLINED else None
            rows = await connection.execute_query_dict(_END, [payment.id, status, provider_id, failure, reason])
            return row_of(rows[0])
        case AwaitingPayer(provider_id, url) if payment.status in OPEN and payment.redirect_url != url:
            # The bank tells of the end; the recovery loop asks now and then in case it does not.
            rows = await connection.execute_query_dict(_AWAIT, [payment.id, provider_id, url, CONFIRM_SECONDS])
            return row_of(rows[0])
        case Pending() | Held() if payment.status in OPEN and _is_news(payment, outcome.provider_id):
            rows = await connection.execute_query_dict(_WAIT, [payment.id, outcome.provider_id])
            return row_of(rows[0])
    return payment


def _is_news(payment: PaymentRow, provider_id: str) -> bool:
    return payment.provider_id != provider_id or payment.status is not PaymentStatus.PROCESSING


def _ended_by(payment: PaymentRow, reason: DeclineReason) -> PaymentStatus:
    """Given up by its payer, given up by the clock, or declined: by the bank, the payer on its page, or our rules."""
    if payment.failure is None and reason is DeclineReason.CANCELLED:
        return PaymentStatus.CANCELLED
    overdue = payment.confirm_by is not None and payment.confirm_by <= datetime.now(UTC)
    if payment.failure is None and reason is DeclineReason.NOT_CONFIRMED and overdue:
        return PaymentStatus.EXPIRED
    return PaymentStatus.DECLINED


async def _complete(
    connection: BaseDBAsyncClient, desk: Desk, profile: Profile, payment: PaymentRow, charged: Charged
) -> PaymentRow:
    """Credit the account. A payment that we had given up is credited too: its money did move."""
    if charged.amount != payment.total:
        # Neither sum is the right one: somebody has to look, and until then the money is the bank's.
        _log.error("alarm: the bank charged another amount", payment=payment.id, charged=str(charged.amount))
        return payment
    await ledger.post(connection, _transfer(payment))
    await promised_payment.repay(connection, payment.account_id)
    await fees.resume(connection, profile, payment.account_id)
    kept = None
    if payment.save_method and charged.saved is not None and charged.method is not None:
        kept = await payment_method.keep(
            connection, payment.operator, payment.provider, payment.payer_id, charged.saved, charged.method
        )
    fingerprint = Means.of(charged.method).fingerprint if charged.method is not None else None
    elsewhere = desk.crediting is not None
    rows = await connection.execute_query_dict(
        _SETTLED, [payment.id, charged.provider_id, kept, fingerprint, elsewhere, desk.patience_seconds]
    )
    if not elsewhere:
        await payment_receipt.send(connection, profile, payment)
    payer, amount = TheUser(payment.operator, payment.payer_id), str(Money(payment.amount, payment.currency))
    await audit.record(connection, payer, "PAID", amount=amount, target=payment.named)
    return row_of(rows[0])


def _transfer(payment: PaymentRow) -> Transfer:
    """From the money that the bank holds for us to the account, and the fee to the operator."""
    entries = [
        Entry(clearing(payment.provider), Money(-payment.total.minor, payment.currency)),
        Entry(personal(payment.account_id), Money(payment.amount, payment.currency)),
    ]
    if payment.fee:
        entries.append(Entry(LedgerAccountName(LedgerAccountKind.FEES), Money(payment.fee, payment.currency)))
    return Transfer(payment.operator, TransferKind.TOP_UP, f"payment:{payment.id}", tuple(entries))


async def _charge(profile: Profile, payment: PaymentRow) -> Charge:
    """What the bank is asked; a repetition asks the very same."""
    redirect = payment.confirmation is ConfirmationKind.BANK_REDIRECT
    method: Token | Saved | ChosenThere = ChosenThere(payment.method_kind)
    if payment.token is not None:
        method = Token(payment.token)
    elif payment.method_id is not None:
        method = Saved(await tx(lambda connection: _reference(connection, payment.method_id)))
    return Charge(
        key=str(payment.provider_key),
        amount=payment.total,
        method=method,
        created_at=payment.created_at,
        description=f"{profile.operator.name}: {payment.named}",
        return_url=payment.return_url,
        always_confirm=redirect,
        hold=payment.hold,
        save_method=payment.save_method,
    )


async def _reference(connection: BaseDBAsyncClient, method_id: int | None) -> str:
    [row] = await connection.execute_query_dict(_REFERENCE, [method_id])
    reference: str = row["reference"]
    return reference


class Verdict(Enum):
    """What becomes of money that is set aside."""

    TAKE = auto()
    LET_GO = auto()
    LATE = auto()  # it was taken or let go before, and somebody tells of earlier times


async def _judge(connection: BaseDBAsyncClient, profile: Profile, payment_id: int, held: Held) -> Verdict:
    """What the rules say of the card that the payer has shown to the bank; nothing is taken of a payment given up."""
    [found] = await connection.execute_query_dict(_LOCK, [payment_id])
    payment = row_of(found)
    if payment.settled_at is not None:
        return Verdict.LATE
    if payment.status not in OPEN or payment.failure is not None:
        return Verdict.LET_GO
    if held.amount != payment.total:
        _log.error("alarm: the bank holds another amount", payment=payment.id, held=str(held.amount))
        await connection.execute_query(_JUDGED, [payment.id, None, ErrorCode.PAYMENT_DECLINED])
        return Verdict.LET_GO
    if held.method is None:
        return Verdict.TAKE
    means = Means.of(held.method)
    refused: PaymentRejected | CardTooFrequent | None = None
    if means.card is not None:
        refused = check_card(means.card, this_month(profile), profile)
    if refused is None:
        refused = await card_pause.too_soon(connection, profile, means.fingerprint, besides=payment.id)
    failure = refused.code if refused is not None else None
    await connection.execute_query(_JUDGED, [payment.id, means.fingerprint, failure])
    return Verdict.TAKE if failure is None else Verdict.LET_GO
