"""Paying from outside: the intent is committed, the bank is asked, the money is settled (DESIGN 2; F064–F075).

The bank is never asked inside a transaction. Whatever happens between the three phases, `services/payment_recovery.py`
and the bank's notifications bring every payment to its end, with our key of it at the bank.
"""

from dataclasses import dataclass, field
from uuid import UUID, uuid4

from tortoise.backends.base.client import BaseDBAsyncClient

from auth import challenge
from auth.challenge import CodeAccepted
from auth.session import Viewer
from domain.access import AccessLevel
from domain.email import normalize_email
from domain.guest_grant import GuestGrantRejected
from domain.money import Money
from domain.payment import BY_CARD, ConfirmationKind, PaymentKind, PaymentMethodKind, PaymentStatus
from domain.payment_refusals import CardTooFrequent, PaymentNotOpen, PaymentRefusal, PaymentRejected, PaymentUnavailable
from domain.payment_rules import (
    CONFIRM_SECONDS,
    check_card,
    check_key,
    check_kind,
    check_payee,
    check_token,
    fee,
    this_month,
)
from domain.profile import Profile
from domain.refusals import (
    CodeRejected,
    ErrorCode,
    FeatureDisabled,
    Forbidden,
    IdempotencyConflict,
    InputRejected,
    MethodDisabled,
    RateLimited,
)
from gateways.payments import (
    ProviderFailed,
    ProviderUnavailable,
    Token,
)
from models.challenge import ChallengePurpose
from models.database import tx
from models.notify import notify
from models.user import number_of
from services import (
    balance_payment,
    card_pause,
    child_policy,
    guest_grant,
    payment_code,
    payment_method,
    payment_payee,
    payment_settlement,
)
from services.payment_row import COLUMNS, Desk, PaymentRow, row_of


@dataclass(frozen=True, slots=True)
class TopUp:
    """What a payer asks for. `key` is the client's name of it; `method_id` a saved means, `token` one of the bank's.

    `asked` is a digest of the form: what a repetition has in common with the first, whatever became of its payee.
    """

    key: str
    asked: str
    account_id: int
    line_id: int | None
    named: str
    is_seen: bool
    amount: Money
    kind: PaymentMethodKind
    guest_id: int | None = None
    method_id: int | None = None
    token: str | None = field(default=None, repr=False)
    receipt_email: str | None = field(default=None, repr=False)
    accept_terms: bool = False
    save_method: bool = False
    return_url: str | None = field(default=None, repr=False)


Refused = (
    PaymentRefusal | InputRejected | FeatureDisabled | MethodDisabled | RateLimited | Forbidden | GuestGrantRejected
)

_FIND = f"select {COLUMNS} from payment where payer_id = $1 and key = $2"
_BEGIN = f"""
insert into payment
  (operator, payer_id, key, asked, kind, status, account_id, line_id, named, currency, amount, fee, refunded,
   method_kind, method_id, token, save_method, fingerprint, provider, provider_key, confirmation, return_url,
   receipt_email, hold, created_at, check_at, checks, confirm_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $25,
  now(), now() + make_interval(secs => $23), 0, now() + make_interval(secs => $24))
on conflict (payer_id, key) do nothing
returning {COLUMNS}
"""
_NUMBER = f"select {number_of('$1')} as msisdn"
_CONFIRMED = f"""
update payment set status = 'PROCESSING', check_at = now() + make_interval(secs => $2)
where id = $1 and payer_id = $3 and status = 'AWAITING_CONFIRMATION' and redirect_url is null and confirm_by > now()
returning {COLUMNS}
"""
_GIVE_UP = f"""
update payment set status = 'CANCELLED', check_at = null, token = null
where id = $1 and status = 'AWAITING_CONFIRMATION' and redirect_url is null
returning {COLUMNS}
"""
_TAKE_BACK = "update payment set status = 'CANCELLED', check_at = null, token = null where id = $1"
_UNDO = "delete from payment where id = $1"
_OWN = f"select {COLUMNS} from payment where id = $1 and payer_id = $2"


async def begun(viewer: Viewer, key: str, asked: str) -> PaymentRow | IdempotencyConflict | InputRejected | None:
    """The payment of this key, if there is one: looked for before anything else, since its payee may be gone (E46)."""
    if refused := check_key(key):
        return refused
    before = await tx(lambda connection: _find(connection, viewer.user_id, key))
    return IdempotencyConflict() if before is not None and before.asked != asked else before


async def top_up(desk: Desk, profile: Profile, secret: bytes, viewer: Viewer, wanted: TopUp) -> PaymentRow | Refused:
    """Pay into an account, once for each key of the payer's; a refusal leaves no row."""
    first = await _begin(desk, profile, secret, viewer, wanted)
    if not isinstance(first, PaymentRow):
        return first
    if first.asked != wanted.asked:
        return IdempotencyConflict()
    return await go_on(desk, profile, secret, viewer, first)


async def go_on(
    desk: Desk, profile: Profile, secret: bytes, viewer: Viewer, payment: PaymentRow
) -> PaymentRow | RateLimited | MethodDisabled:
    """What a payment needs next: a code for its payer, or an answer of the bank. Whoever repeats it helps it on."""
    if payment.status is PaymentStatus.PROCESSING:
        return await payment_settlement.drive(desk, profile, payment)
    if payment.awaits_code:
        return await tx(lambda connection: _ask_for_code(connection, profile, secret, viewer, payment))
    return payment


async def confirm(
    desk: Desk, profile: Profile, secret: bytes, viewer: Viewer, challenge_id: UUID, code: str
) -> PaymentRow | CodeRejected | PaymentNotOpen:
    """Confirm a payment by the code that was sent (F073, F082); a bank is asked after that, and not before."""

    async def prove(connection: BaseDBAsyncClient) -> PaymentRow | CodeRejected | PaymentNotOpen:
        outcome = await challenge.confirm(
            connection,
            profile,
            secret,
            ChallengePurpose.PAYMENT,
            challenge_id,
            code,
            initiator=viewer.initiator,
        )
        if not isinstance(outcome, CodeAccepted):
            return outcome
        rows = await connection.execute_query_dict(_CONFIRMED, [outcome.subject, desk.patience_seconds, viewer.user_id])
        if not rows:
            return PaymentNotOpen("The payment is over; begin another one", ("challengeId",))
        payment = row_of(rows[0])
        if payment.kind is PaymentKind.FROM_BALANCE:
            return await balance_payment.move(connection, profile, payment)
        await notify(connection, f"payment:{payment.id}")
        # Whoever was paid for may have gone since, and strangers are not told why (E44).
        target = await payment_payee.payee(connection, profile, payment.account_id, is_seen=False)
        if target is None or check_payee(target, profile) is not None:
            await connection.execute_query(_TAKE_BACK, [payment.id])
            return PaymentNotOpen("This account takes no payments any more; nothing was charged")
        # Whoever kept the card may have taken it back since.
        method, provider = payment.method_id, desk.provider.name
        if method is not None and await payment_method.usable(connection, viewer, provider, method) is None:
            await connection.execute_query(_TAKE_BACK, [payment.id])
            return PaymentNotOpen("The saved method is not there any more; begin another payment")
        return payment

    outcome = await tx(prove)
    if not isinstance(outcome, PaymentRow) or outcome.status is not PaymentStatus.PROCESSING:
        return outcome
    return await payment_settlement.drive(desk, profile, outcome)


def is_own(viewer: Viewer, payment: PaymentRow) -> bool:
    """Whether it is the viewer's, and this session may know of it: one that the network opened follows what it pays,
    and nothing that was before it (F029).
    """
    is_partial = viewer.access_level is AccessLevel.PARTIAL
    return payment.payer_id == viewer.user_id and (not is_partial or payment.created_at >= viewer.session_created_at)


async def cancel(
    desk: Desk, profile: Profile, viewer: Viewer, payment_id: int | None
) -> PaymentRow | PaymentNotOpen | PaymentUnavailable:
    """Give up a payment that waits for its payer. Where the bank has it, the bank decides whether it is too late."""

    async def look(connection: BaseDBAsyncClient) -> PaymentRow | None:
        gone = await connection.execute_query_dict(_OWN, [payment_id or 0, viewer.user_id])
        if not gone or not is_own(viewer, row_of(gone[0])):
            return None
        given_up = await connection.execute_query_dict(_GIVE_UP, [gone[0]["id"]])
        if given_up:
            await notify(connection, f"payment:{given_up[0]['id']}")
        return row_of((given_up or gone)[0])

    payment = await tx(look)
    if payment is None:
        return PaymentNotOpen("There is no such payment of yours")
    if payment.status is PaymentStatus.CANCELLED:
        return payment
    if payment.status is not PaymentStatus.AWAITING_CONFIRMATION:
        return PaymentNotOpen("The payment does not wait for you any more")
    try:
        if payment.provider != desk.provider.name:
            raise ProviderUnavailable("the payment was begun at another provider")
        outcome = await desk.provider.cancel(payment.ref)
        return await payment_settlement.conclude(desk, profile, payment, outcome)
    except ProviderFailed:
        return PaymentUnavailable("The bank does not answer; the payment still waits for you", ("paymentId",))


async def begin_unattended(
    connection: BaseDBAsyncClient, desk: Desk, profile: Profile, payer_id: int, wanted: TopUp
) -> PaymentRow | PaymentRejected | InputRejected | FeatureDisabled | CardTooFrequent:
    """Write the intent of a payment that nobody confirms, by a means of the payer's own, in the caller's transaction.

    Whoever began it asks the bank after the commit (`payment_settlement.drive`), and the recovery loop if they cannot.
    """
    operator, method_id = profile.operator.id, wanted.method_id or 0
    means = await payment_method.own(connection, operator, payer_id, desk.provider.name, method_id)
    if means is None or means.card is None:
        return PaymentRejected(ErrorCode.CARD_NOT_ACCEPTED, "The card is not kept any more", ("paymentMethodId",))
    if refused := check_kind(wanted.kind, profile) or check_card(means.card, this_month(profile), profile):
        return refused
    kind, confirmation = PaymentKind.AUTOPAY, ConfirmationKind.NONE
    return await _intend(connection, desk, profile, payer_id, wanted, means, kind, confirmation)


async def _find(connection: BaseDBAsyncClient, payer_id: int, key: str) -> PaymentRow | None:
    rows = await connection.execute_query_dict(_FIND, [payer_id, key])
    return row_of(rows[0]) if rows else None


async def _begin(desk: Desk, profile: Profile, secret: bytes, viewer: Viewer, wanted: TopUp) -> PaymentRow | Refused:
    """The first phase: whatever can be said against the payment is said now, and else its intent is committed."""
    if refused := _incomplete(profile, wanted):
        return refused
    given = await _given(desk, wanted)
    if isinstance(given, PaymentUnavailable):
        return given
    kind, confirmation = PaymentKind.TOP_UP, profile.payments.confirmation

    async def write(connection: BaseDBAsyncClient) -> PaymentRow | Refused:
        means = given
        if wanted.method_id is not None:
            kept = await payment_method.usable(connection, viewer, desk.provider.name, wanted.method_id)
            if kept is None:
                return InputRejected("There is no such method of yours", ("paymentMethodId",))
            means = kept
        if means.card is not None and means.card.kind is not wanted.kind:
            # Or else a wallet would pass for a card, which other rules hold for.
            return InputRejected(f"What is given is not {wanted.kind} but {means.card.kind}", ("method",))
        if means.card is not None and (refused := check_card(means.card, this_month(profile), profile)):
            return refused
        if forbidden := await child_policy.top_up_refused(connection, profile, viewer.user_id, wanted.account_id):
            return forbidden
        payment = await _intend(connection, desk, profile, viewer.user_id, wanted, means, kind, confirmation)
        if not isinstance(payment, PaymentRow) or not payment.awaits_code or payment.challenge_id is not None:
            return payment
        asked = await _ask_for_code(connection, profile, secret, viewer, payment)
        if not isinstance(asked, PaymentRow):
            await connection.execute_query(_UNDO, [payment.id])
        return asked

    if wanted.guest_id is None:
        return await tx(write)
    link, payer, key, asked = wanted.guest_id, viewer.user_id, wanted.key, wanted.asked
    return await tx(lambda connection: guest_grant.pay_through(connection, link, payer, key, asked, write))


async def _intend(
    connection: BaseDBAsyncClient,
    desk: Desk,
    profile: Profile,
    payer_id: int,
    wanted: TopUp,
    means: payment_method.Means,
    kind: PaymentKind,
    confirmation: ConfirmationKind,
) -> PaymentRow | PaymentRejected | InputRejected | CardTooFrequent:
    """Write the intent in the caller's transaction, unless the payee or the card's pause stands against it."""
    operator = profile.operator.id
    by_code = confirmation is ConfirmationKind.SMS_CODE
    status = PaymentStatus.AWAITING_CONFIRMATION if by_code else PaymentStatus.PROCESSING
    target = await payment_payee.payee(connection, profile, wanted.account_id, is_seen=wanted.is_seen)
    if target is None:
        return InputRejected("There is no such account", ("target",))
    if refused := check_payee(target, profile):
        return refused
    soon = await card_pause.too_soon(connection, profile, means.fingerprint)
    # A repetition that came meanwhile is the payment itself, and no second one.
    if soon is not None and await _find(connection, payer_id, wanted.key) is None:
        return soon
    begun = await connection.execute_query_dict(
        _BEGIN,
        [
            operator,
            payer_id,
            wanted.key,
            wanted.asked,
            kind,
            status,
            wanted.account_id,
            wanted.line_id,
            wanted.named,
            wanted.amount.currency,
            wanted.amount.minor,
            fee(wanted.amount, profile).minor,
            wanted.kind,
            wanted.method_id,
            wanted.token,
            # What is kept is kept: to keep it again under the payer's name would take it from whoever shares it.
            wanted.save_method and wanted.method_id is None,
            means.fingerprint,
            desk.provider.name,
            uuid4(),
            confirmation,
            wanted.return_url,
            wanted.receipt_email,
            CONFIRM_SECONDS if by_code else desk.patience_seconds,
            CONFIRM_SECONDS,
            # A card that is named on the bank's page only is looked at while its money is held.
            means.card is None and wanted.kind is PaymentMethodKind.CARD,
        ],
    )
    if begun:
        return row_of(begun[0])
    # Somebody was quicker with the same key: theirs is the payment.
    first = await _find(connection, payer_id, wanted.key)
    assert first is not None
    return first


async def _ask_for_code(
    connection: BaseDBAsyncClient, profile: Profile, secret: bytes, viewer: Viewer, begun: PaymentRow
) -> PaymentRow | RateLimited | MethodDisabled:
    [user] = await connection.execute_query_dict(_NUMBER, [viewer.user_id])
    if user["msisdn"] is None:
        return MethodDisabled("There is no number to send a code to")
    return await payment_code.ask_for_code(connection, profile, secret, viewer, begun, user["msisdn"])


def _incomplete(profile: Profile, wanted: TopUp) -> Refused | None:
    """What a form lacks (F075)."""
    rules = profile.payments
    if refused := check_kind(wanted.kind, profile):
        return refused
    if rules.terms_acceptance_required and not wanted.accept_terms:
        return PaymentRejected(ErrorCode.TERMS_NOT_ACCEPTED, "The terms have to be accepted", ("acceptTerms",))
    if wanted.receipt_email is None and rules.receipt_email_required:
        return InputRejected("Give an e-mail address for the receipt", ("receiptEmail",))
    if wanted.receipt_email is not None and normalize_email(wanted.receipt_email) is None:
        return InputRejected("Give an e-mail address such as anna@example.org", ("receiptEmail",))
    if wanted.token is not None and (no_token := check_token(wanted.token)):
        return no_token
    if wanted.method_id is not None and wanted.token is not None:
        return InputRejected("Pay with a saved method or with a token, not with both", ("token",))
    on_our_page = wanted.kind in BY_CARD and rules.confirmation is not ConfirmationKind.BANK_REDIRECT
    if on_our_page and wanted.token is None and wanted.method_id is None:
        return InputRejected("Give the token that the bank's form made of the card", ("token",))
    if wanted.kind is PaymentMethodKind.E_WALLET and rules.wallet_must_be_bound and wanted.method_id is None:
        return InputRejected("Bind the wallet first, with addPaymentMethod", ("paymentMethodId",))
    return None


async def _given(desk: Desk, wanted: TopUp) -> payment_method.Means | PaymentUnavailable:
    """What the bank tells of a token; a kept means is looked up when the payment is written."""
    if wanted.token is None:
        return payment_method.Means.unknown()
    try:
        details = await desk.provider.method_details(Token(wanted.token))
    except ProviderFailed:
        return PaymentUnavailable()
    return payment_method.Means.of(details) if details is not None else payment_method.Means.unknown()
