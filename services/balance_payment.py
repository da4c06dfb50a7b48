"""Paying from the balance of one's own number (F082): a code to that number, and the money moves in one transaction."""

from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import Scope
from domain.balance_payment import BalanceTooLow
from domain.child_policy import UseKind, Wish
from domain.features import feature
from domain.ledger import InsufficientFunds, Transfer, TransferKind, personal
from domain.money import Money
from domain.payment import PaymentKind, PaymentMethodKind, PaymentStatus
from domain.payment_refusals import PaymentRejected
from domain.payment_rules import CONFIRM_SECONDS, check_key, check_payee
from domain.profile import Profile
from domain.refusals import ErrorCode, FeatureDisabled, IdempotencyConflict, InputRejected, MethodDisabled, RateLimited
from domain.usage import ChargeType
from domain.usage_limit import Use
from domain.usage_limit_refusals import LimitExceeded, OwnerToBeAsked
from models import audit
from models.audit import TheUser
from models.database import tx
from models.notify import notify
from models.usage import spent
from services import fees, ledger, limit_alert, payment_entry, payment_payee, promised_payment, usage_limit
from services.payment_code import ask_for_code
from services.payment_entry import NewPayment
from services.payment_row import COLUMNS, PaymentRow, row_of

# Where a payment's bank stands in its row.
SOURCE = "balance"


@dataclass(frozen=True, slots=True)
class FromBalance:
    """What a payer asks for: `line_id` and `source_id` say which number's money, the rest is as in a top-up."""

    key: str
    asked: str
    line_id: int
    source_id: int
    target_id: int
    target_line_id: int | None
    named: str
    is_seen: bool
    amount: Money


Refused = (
    FeatureDisabled
    | InputRejected
    | IdempotencyConflict
    | PaymentRejected
    | BalanceTooLow
    | MethodDisabled
    | RateLimited
    | LimitExceeded
    | OwnerToBeAsked
)

# Whose number it is, read when the payment begins and again when it is confirmed: numbers change hands.
_NUMBER = "select msisdn from line where id = $1 and user_id = $2 and account_id = $3 and kind = 'MOBILE'"
_SOURCE = "insert into balance_payment (payment_id, account_id, line_id) values ($1, $2, $3)"
_SOURCE_OF = "select account_id, line_id from balance_payment where payment_id = $1"
_MOVED = f"""
update payment set status = 'COMPLETED', completed_at = now(), check_at = null where id = $1 returning {COLUMNS}
"""
_NOT_MOVED = f"""
update payment set status = 'DECLINED', check_at = null, failure = $2 where id = $1 returning {COLUMNS}
"""


async def pay(profile: Profile, secret: bytes, viewer: Viewer, wanted: FromBalance) -> PaymentRow | Refused:
    """Begin a payment from a balance, once for each key of the payer's; it moves when its code comes back.

    That the number is the payer's to spend from is the caller's to know. A refusal leaves no row.
    """
    flag = feature(profile, "payments.pay_from_balance")
    if not flag.enabled:
        return FeatureDisabled(flag.key, flag.reason or "")
    if refused := check_key(wanted.key):
        return refused
    if wanted.source_id == wanted.target_id:
        return InputRejected("The money is on this account already", ("target",))

    async def begin(connection: BaseDBAsyncClient) -> PaymentRow | Refused:
        begun = await payment_entry.find(connection, viewer.user_id, wanted.key)
        if begun is None:
            entered = await _enter(connection, profile, viewer, wanted)
            if not isinstance(entered, PaymentRow):
                return entered
            begun = entered
        if begun.asked != wanted.asked:
            return IdempotencyConflict()
        return await _ask(connection, profile, secret, viewer, begun)

    return await tx(begin)


async def go_on(
    profile: Profile, secret: bytes, viewer: Viewer, begun: PaymentRow
) -> PaymentRow | MethodDisabled | RateLimited:
    """What became of a payment that its payer asks for again; one that waits for its code waits for a new one."""
    return await tx(lambda connection: _ask(connection, profile, secret, viewer, begun))


async def _ask(
    connection: BaseDBAsyncClient, profile: Profile, secret: bytes, viewer: Viewer, begun: PaymentRow
) -> PaymentRow | MethodDisabled | RateLimited:
    if begun.status is not PaymentStatus.AWAITING_CONFIRMATION:
        return begun
    [source] = await connection.execute_query_dict(_SOURCE_OF, [begun.id])
    numbers = await connection.execute_query_dict(_NUMBER, [source["line_id"], viewer.user_id, source["account_id"]])
    if not numbers:
        return MethodDisabled("There is no number to send a code to", ("fromLineId",))
    return await ask_for_code(connection, profile, secret, viewer, begun, numbers[0]["msisdn"])


async def move(connection: BaseDBAsyncClient, profile: Profile, payment: PaymentRow) -> PaymentRow:
    """Move the money of a payment that its payer has just confirmed; where it cannot move, the payment is declined."""
    [source] = await connection.execute_query_dict(_SOURCE_OF, [payment.id])
    amount, operator = Money(payment.amount, payment.currency), payment.operator
    mine = await connection.execute_query_dict(_NUMBER, [source["line_id"], payment.payer_id, source["account_id"]])
    target = await payment_payee.payee(connection, profile, payment.account_id, is_seen=False)
    if not mine or target is None or check_payee(target, profile) is not None:
        return await _decline(connection, payment, ErrorCode.PAYMENT_RESTRICTED)
    wish = Wish(UseKind.PAYMENT, Use(price=amount.minor), scope=Scope.PAY)
    if await usage_limit.may_spend(connection, profile, source["line_id"], wish):
        return await _decline(connection, payment, ErrorCode.LIMIT_EXCEEDED)
    if await ledger.own_money(connection, operator, source["account_id"]) < amount.minor:
        return await _decline(connection, payment, ErrorCode.INSUFFICIENT_FUNDS)
    if not await give(connection, profile, payment, source["account_id"], source["line_id"]):
        return await _decline(connection, payment, ErrorCode.INSUFFICIENT_FUNDS)
    await fees.resume(connection, profile, payment.account_id)
    [row] = await connection.execute_query_dict(_MOVED, [payment.id])
    payer = TheUser(operator, payment.payer_id)
    await audit.record(connection, payer, "PAID_FROM_BALANCE", amount=str(amount), target=payment.named)
    await notify(connection, f"payment:{payment.id}")
    return row_of(row)


async def give(
    connection: BaseDBAsyncClient, profile: Profile, payment: PaymentRow, account_id: int, line_id: int
) -> bool:
    """Move the money of a payment out of an account, and count it as spent by the line; False where it is short."""
    amount = Money(payment.amount, payment.currency)
    transfer = Transfer.between(
        payment.operator,
        TransferKind.BETWEEN,
        f"payment:{payment.id}",
        personal(account_id),
        personal(payment.account_id),
        amount,
    )
    if isinstance(await ledger.post(connection, transfer), InsufficientFunds):
        return False
    await promised_payment.repay(connection, payment.account_id)
    await spent(connection, line_id, limit_alert.local_day(profile), ChargeType.OTHER, amount.minor)
    await limit_alert.look(connection, profile, line_id)
    return True


async def _enter(
    connection: BaseDBAsyncClient, profile: Profile, viewer: Viewer, wanted: FromBalance
) -> PaymentRow | Refused:
    target = await payment_payee.payee(connection, profile, wanted.target_id, is_seen=wanted.is_seen)
    if target is None:
        return InputRejected("There is no such account", ("target",))
    if refused := check_payee(target, profile):
        return refused
    wish = Wish(UseKind.PAYMENT, Use(price=wanted.amount.minor), scope=Scope.PAY)
    if beyond := await usage_limit.may_spend(connection, profile, wanted.line_id, wish):
        return beyond
    available = await ledger.own_money(connection, profile.operator.id, wanted.source_id)
    if available < wanted.amount.minor:
        return BalanceTooLow(Money(available, wanted.amount.currency))
    new = NewPayment(
        operator=profile.operator.id,
        payer_id=viewer.user_id,
        key=wanted.key,
        asked=wanted.asked,
        kind=PaymentKind.FROM_BALANCE,
        account_id=wanted.target_id,
        line_id=wanted.target_line_id,
        named=wanted.named,
        amount=wanted.amount,
        method=PaymentMethodKind.MOBILE_BALANCE,
        source=SOURCE,
        confirm_seconds=CONFIRM_SECONDS,
    )
    entered = await payment_entry.enter(connection, new)
    if entered is None:
        # Somebody was quicker with the same key: theirs is the payment.
        first = await payment_entry.find(connection, viewer.user_id, wanted.key)
        assert first is not None
        return first
    await connection.execute_query(_SOURCE, [entered.id, wanted.source_id, wanted.line_id])
    return entered


async def _decline(connection: BaseDBAsyncClient, payment: PaymentRow, failure: ErrorCode) -> PaymentRow:
    [row] = await connection.execute_query_dict(_NOT_MOVED, [payment.id, failure])
    await notify(connection, f"payment:{payment.id}")
    return row_of(row)
