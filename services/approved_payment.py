"""What a child may give away of its balance: what the owner of its household agrees to (F053, F082)."""

from dataclasses import dataclass

from tortoise.backends.base.client import BaseDBAsyncClient

from auth.session import Viewer
from domain.access import Scope
from domain.balance_payment import BalanceTooLow
from domain.child_policy import UseKind, Wish
from domain.features import feature
from domain.money import Money
from domain.payment import PaymentKind, PaymentMethodKind
from domain.payment_refusals import PaymentRejected
from domain.payment_rules import check_payee
from domain.profile import Profile
from domain.quote import once
from domain.refusals import FeatureDisabled, Forbidden, InputRejected, RateLimited
from domain.usage_limit import Use
from domain.usage_limit_refusals import ApprovalRequired, LimitExceeded, OwnerToBeAsked
from models import audit
from models.audit import TheUser
from models.child_policy import Child
from models.database import tx
from services import approval, balance_payment, ledger, payment_entry, payment_payee, usage_limit
from services.approval import Agreed, Asked, Question, Stopped
from services.balance_payment import FromBalance
from services.payment_entry import NewPayment

ACTION = "PAY_FROM_BALANCE"

Refused = FeatureDisabled | InputRejected | Forbidden | PaymentRejected | BalanceTooLow | LimitExceeded | RateLimited

_HELD = "select id from line where id = $1 and user_id = $2 and account_id = $3 and kind = 'MOBILE'"
_SOURCE = "insert into balance_payment (payment_id, account_id, line_id) values ($1, $2, $3)"
_NOT_A_CHILD = Forbidden("Only a child asks, and only about its own number", ("fromLineId",))


@dataclass(frozen=True, slots=True)
class _Gift:
    """Money that is to go from a child's line into an account."""

    child_id: int
    line_id: int
    source_id: int
    target_id: int
    target_line_id: int | None
    named: str
    amount: Money


async def ask(profile: Profile, viewer: Viewer, wanted: FromBalance) -> ApprovalRequired | Refused:
    """Ask the owner for a payment from the child's own balance; nothing that cannot be paid is asked for."""
    flag = feature(profile, "payments.pay_from_balance")
    if not flag.enabled:
        return FeatureDisabled(flag.key, flag.reason or "")
    if wanted.source_id == wanted.target_id:
        return InputRejected("The money is on this account already", ("target",))

    async def work(connection: BaseDBAsyncClient) -> ApprovalRequired | Refused:
        child = await usage_limit.minor_of(connection, profile, wanted.line_id)
        if child is None or child.child_id != viewer.user_id:
            return _NOT_A_CHILD
        gift = _Gift(
            child_id=viewer.user_id,
            line_id=wanted.line_id,
            source_id=wanted.source_id,
            target_id=wanted.target_id,
            target_line_id=wanted.target_line_id,
            named=wanted.named,
            amount=wanted.amount,
        )
        if refused := await _impossible(connection, profile, gift):
            return refused
        asked = await approval.ask(connection, profile, child, _question(child, gift))
        return ApprovalRequired(asked.approval_id) if isinstance(asked, Asked) else asked

    return await tx(work)


async def give(connection: BaseDBAsyncClient, profile: Profile, agreed: Agreed) -> Stopped | None:
    """Move the money that the owner agreed to, in the owner's transaction."""
    assert agreed.price is not None, "money is asked for by how much it is"
    gift = _Gift(child_id=agreed.child_id, line_id=agreed.line_id, amount=agreed.price, **agreed.subject)
    refused = await _impossible(connection, profile, gift)
    if refused is not None:
        # It was possible when the child asked; the owner is told why it is not now.
        return refused if isinstance(refused, LimitExceeded) else Forbidden(refused.message, ("approvalId",))
    new = NewPayment(
        operator=profile.operator.id,
        payer_id=gift.child_id,
        key=f"approval:{agreed.approval_id}",
        asked=payment_entry.digest(ACTION, agreed.approval_id),
        kind=PaymentKind.FROM_BALANCE,
        account_id=gift.target_id,
        line_id=gift.target_line_id,
        named=gift.named,
        amount=gift.amount,
        method=PaymentMethodKind.MOBILE_BALANCE,
        source=balance_payment.SOURCE,
    )
    payment = await payment_entry.enter(connection, new)
    assert payment is not None, "a question is answered once"
    await connection.execute_query(_SOURCE, [payment.id, gift.source_id, gift.line_id])
    moved = await balance_payment.give(connection, profile, payment, gift.source_id, gift.line_id)
    assert moved, "the money is locked, and there is enough of it"
    payer = TheUser(profile.operator.id, gift.child_id)
    await audit.record(connection, payer, "PAID_FROM_BALANCE", amount=str(gift.amount), target=gift.named)
    return None


def _question(child: Child, gift: _Gift) -> Question:
    subject = {
        "source_id": gift.source_id,
        "target_id": gift.target_id,
        "target_line_id": gift.target_line_id,
        "named": gift.named,
    }
    return Question(
        line_id=child.line_id,
        scope=Scope.PAY,
        action=ACTION,
        title=f"{gift.amount} → {gift.named}",
        subject=subject,
        subject_key=payment_entry.digest(ACTION, gift.source_id, gift.target_id),
        price=gift.amount,
        quote=once(gift.named, gift.amount),
    )


async def _impossible(
    connection: BaseDBAsyncClient, profile: Profile, gift: _Gift
) -> InputRejected | Forbidden | PaymentRejected | LimitExceeded | BalanceTooLow | None:
    """What stands against it now, whatever the owner says."""
    if not await connection.execute_query_dict(_HELD, [gift.line_id, gift.child_id, gift.source_id]):
        return _NOT_A_CHILD
    target = await payment_payee.payee(connection, profile, gift.target_id, is_seen=False)
    if target is None:
        return InputRejected("There is no such account", ("target",))
    if refused := check_payee(target, profile):
        return refused
    wish = Wish(UseKind.PAYMENT, Use(price=gift.amount.minor), scope=Scope.PAY, approved=True)
    beyond = await usage_limit.may_spend(connection, profile, gift.line_id, wish)
    assert not isinstance(beyond, OwnerToBeAsked), "the owner is being asked"
    if beyond is not None:
        return beyond
    available = await ledger.own_money(connection, profile.operator.id, gift.source_id)
    return BalanceTooLow(Money(available, gift.amount.currency)) if available < gift.amount.minor else None


ACTIONS = {ACTION: give}
"""What an owner can agree to, by the name that questions have."""
