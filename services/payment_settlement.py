"""Settling: what the bank says of a payment becomes true here, once, whichever door it comes by (DESIGN 2, I17).

The doors are the call that began it, the bank's notification, and the recovery loop. Each locks the payment's row,
so they come in one after the other, and the later ones find it done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from tortoise.backends.base.client import BaseDBAsyncClient

from domain.ledger import Entry, LedgerAccountKind, LedgerAccountName, Transfer, TransferKind, clearing, personal
from domain.money import CurrencyCode, Money
from domain.payment import (
    OPEN,
    ConfirmationKind,
    DeclineReason,
    PaymentKind,
    PaymentMethodKind,
    PaymentStatus,
)
from domain.payment_rules import check_card, check_interval, this_month
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
    PaymentProvider,
    PaymentRef,
    Pending,
    ProviderFailed,
    Saved,
    Token,
)
from models import audit
from models.audit import TheUser
from models.database import tx
from models.notify import notify
from services import fees, ledger, payment_method, payment_receipt
from services.payment_method import Means

COLUMNS = """
id, operator, payer_id, key, asked, kind, status, account_id, line_id, named, currency, amount, fee, refunded,
method_kind, method_id, token, save_method, fingerprint, provider, provider_key, provider_id, confirmation,
challenge_id, redirect_url, return_url, confirm_by, receipt_email, failure, failure_detail, created_at, completed_at,
check_at, checks
"""

_log = structlog.get_logger()
# The first checks come at the pace of the provider's patience; a bank that stays away is asked ever less often.
_STEADY_CHECKS = 10
_LONGEST_PAUSE_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Desk:
    """Where payments are made: a provider, and how long its own answers are waited for before anybody asks again."""

    provider: PaymentProvider
    patience_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment as it is stored; amounts in minor units of `currency`."""

    id: int
    operator: str
    payer_id: int
    key: str
    asked: str
    kind: PaymentKind
    status: PaymentStatus
    account_id: int
    line_id: int | None
    named: str
    currency: CurrencyCode
    amount: int
    fee: int
    refunded: int
    method_kind: PaymentMethodKind
    method_id: int | None
    token: str | None = field(repr=False)
    save_method: bool
    fingerprint: str | None = field(repr=False)
    provider: str
    provider_key: UUID
    provider_id: str | None
    confirmation: ConfirmationKind
    challenge_id: UUID | None
    redirect_url: str | None = field(repr=False)
    return_url: str | None = field(repr=False)
    confirm_by: datetime | None
    receipt_email: str | None = field(repr=False)
    failure: ErrorCode | None
    failure_detail: str | None
    created_at: datetime
    completed_at: datetime | None
    check_at: datetime | None
    checks: int

    @property
    def total(self) -> Money:
        """What the payer pays: the amount and the fee."""
        return Money(self.amount + self.fee, self.currency)

    @property
    def ref(self) -> PaymentRef:
        """The payment as the provider knows it."""
        return PaymentRef(str(self.provider_key), self.created_at, self.provider_id)


def row_of(columns: Mapping[str, Any]) -> PaymentRow:
    """A row of `COLUMNS`."""
    told = dict(columns)
    for name, kind in _ENUMS.items():
        if told[name] is not None:
            told[name] = kind(told[name])
    return PaymentRow(**told)


_ENUMS: dict[str, type[Any]] = {
    "kind": PaymentKind,
    "status": PaymentStatus,
    "currency": CurrencyCode,
    "method_kind": PaymentMethodKind,
    "confirmation": ConfirmationKind,
    "failure": ErrorCode,
}

_LOCK = f"select {COLUMNS} from payment where id = $1 for no key update"
_HEARD = "insert into payment_notification (id, payment_id, at) values ($1, $2, now()) on conflict do nothing"
_COMPLETE = f"""
update payment set status = 'COMPLETED', completed_at = now(), check_at = null, token = null, failure = null,
  failure_detail = null, provider_id = $2, method_id = coalesce($3, method_id), fingerprint = coalesce($4, fingerprint)
where id = $1 returning {COLUMNS}
"""
_END = f"""
update payment set status = $2, check_at = null, token = null, provider_id = coalesce($3, provider_id),
  failure = coalesce(failure, $4), failure_detail = $5
where id = $1 returning {COLUMNS}
"""
_AWAIT = f"""
update payment set status = 'AWAITING_CONFIRMATION', provider_id = $2, redirect_url = $3,
  check_at = least(confirm_by, now() + make_interval(secs => $4))
where id = $1 returning {COLUMNS}
"""
_WAIT = f"update payment set provider_id = $2 where id = $1 returning {COLUMNS}"
_REFERENCE = "select reference from payment_method where id = $1"
_LOCK_CARD = "select pg_advisory_xact_lock(hashtextextended($1, 0))"
_LAST_OF_CARD = """
select created_at from payment
where operator = $1 and fingerprint = $2 and id <> $3 and status not in ('DECLINED', 'EXPIRED', 'CANCELLED')
order by created_at desc limit 1
"""
_JUDGED = "update payment set fingerprint = coalesce($2, fingerprint), failure = $3 where id = $1"


async def drive(desk: Desk, profile: Profile, payment: PaymentRow) -> PaymentRow:
    """Ask the bank to make a payment that is PROCESSING, and settle what it says.

    Where the bank does not answer, the payment stays as it is: it is never declined on a guess.
    """
    try:
        charge = await _charge(profile, payment)
        outcome: PaymentOutcome = await desk.provider.charge(charge)
    except ProviderFailed as error:
        _log.warning("a payment waits for the bank", payment=payment.id, error=str(error))
        return payment
    return await conclude(desk, profile, payment, outcome)


async def conclude(
    desk: Desk, profile: Profile, payment: PaymentRow, outcome: PaymentOutcome, *, notification: str | None = None
) -> PaymentRow:
    """Settle what the bank says. Money that is only held is taken if the rules let this card pay, or let go."""
    if isinstance(outcome, Held):
        held = outcome
        refused = await tx(lambda connection: _judge(connection, profile, payment.id, held))
        try:
            if refused is None:
                outcome = await desk.provider.capture(payment.ref, held.amount)
            else:
                outcome = await desk.provider.cancel(payment.ref)
        except ProviderFailed as error:
            _log.warning("a held payment waits for the bank", payment=payment.id, error=str(error))
            return payment
    return await settle(profile, payment.id, outcome, notification=notification)


async def settle(
    profile: Profile, payment_id: int, outcome: PaymentOutcome, *, notification: str | None = None
) -> PaymentRow:
    """Make what the bank says true: once, under the lock of the payment's row, in one transaction."""

    async def effect(connection: BaseDBAsyncClient) -> PaymentRow:
        [found] = await connection.execute_query_dict(_LOCK, [payment_id])
        payment = row_of(found)
        after = await _effect(connection, profile, payment, outcome)
        if notification is not None:
            await connection.execute_query(_HEARD, [notification, payment_id])
        if after is not payment:
            await notify(connection, f"payment:{payment_id}")
        return after

    return await tx(effect)


def pause(desk: Desk, checks: int) -> float:
    """How long until a payment is looked at again, in seconds."""
    return min(desk.patience_seconds * 2.0 ** max(0, checks - _STEADY_CHECKS), _LONGEST_PAUSE_SECONDS)


async def _effect(
    connection: BaseDBAsyncClient, profile: Profile, payment: PaymentRow, outcome: PaymentOutcome
) -> PaymentRow:
    match outcome:
        case Charged() if payment.status not in (PaymentStatus.COMPLETED, PaymentStatus.REFUNDED):
            return await _complete(connection, profile, payment, outcome)
        case Declined(reason, provider_id) if payment.status in OPEN:
            status = _ENDED_BY.get(reason, PaymentStatus.DECLINED)
            failure = ErrorCode.PAYMENT_DECLINED if status is PaymentStatus.DECLINED else None
            rows = await connection.execute_query_dict(_END, [payment.id, status, provider_id, failure, reason])
            return row_of(rows[0])
        case AwaitingPayer(provider_id, url) if payment.status in OPEN and payment.redirect_url != url:
            # The bank tells of the end; somebody asks now and then in case it does not.
            rows = await connection.execute_query_dict(_AWAIT, [payment.id, provider_id, url, _AWAIT_CHECK_SECONDS])
            return row_of(rows[0])
        case Pending() | Held() if payment.provider_id is None and payment.status in OPEN:
            rows = await connection.execute_query_dict(_WAIT, [payment.id, outcome.provider_id])
            return row_of(rows[0])
    return payment


_AWAIT_CHECK_SECONDS = 60.0
_ENDED_BY = {DeclineReason.CANCELLED: PaymentStatus.CANCELLED, DeclineReason.NOT_CONFIRMED: PaymentStatus.EXPIRED}


async def _complete(
    connection: BaseDBAsyncClient, profile: Profile, payment: PaymentRow, charged: Charged
) -> PaymentRow:
    """Credit the account. A payment that we had given up is credited too: its money did move."""
    if charged.amount != payment.total:
        # Neither sum is the right one: somebody has to look, and until then the money is the bank's.
        _log.error("alarm: the bank charged another amount", payment=payment.id, charged=str(charged.amount))
        return payment
    await ledger.post(connection, _transfer(payment))
    await fees.resume(connection, profile, payment.account_id)
    kept = None
    if payment.save_method and charged.saved is not None and charged.method is not None:
        kept = await payment_method.keep(
            connection, payment.operator, payment.provider, payment.payer_id, charged.saved, charged.method
        )
    fingerprint = charged.method.fingerprint if charged.method is not None else None
    rows = await connection.execute_query_dict(_COMPLETE, [payment.id, charged.provider_id, kept, fingerprint])
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
        # A card that is named on the bank's page only is looked at while its money is held.
        hold=payment.fingerprint is None and payment.method_kind is PaymentMethodKind.CARD,
        save_method=payment.save_method,
    )


async def _reference(connection: BaseDBAsyncClient, method_id: int | None) -> str:
    [row] = await connection.execute_query_dict(_REFERENCE, [method_id])
    reference: str = row["reference"]
    return reference


async def _judge(connection: BaseDBAsyncClient, profile: Profile, payment_id: int, held: Held) -> ErrorCode | None:
    """What the rules hold against the card that the payer has shown to the bank; None when it may pay."""
    [found] = await connection.execute_query_dict(_LOCK, [payment_id])
    payment = row_of(found)
    if payment.failure is not None or held.method is None:
        return payment.failure
    means = Means.of(held.method)
    refused = check_card(means.card, this_month(profile), profile) if means.card is not None else None
    failure = refused.code if refused is not None else None
    if failure is None and means.fingerprint is not None and profile.payments.card_interval_seconds:
        await connection.execute_query(_LOCK_CARD, [f"card:{payment.operator}:{means.fingerprint}"])
        last = await connection.execute_query_dict(_LAST_OF_CARD, [payment.operator, means.fingerprint, payment.id])
        if last and check_interval(last[0]["created_at"], datetime.now(UTC), profile) is not None:
            failure = ErrorCode.CARD_TOO_FREQUENT
    await connection.execute_query(_JUDGED, [payment.id, means.fingerprint, failure])
    return failure
