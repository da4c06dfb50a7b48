"""Paying from the balance of one's own number (F082)."""

from dataclasses import astuple

from domain.balance_payment import BalanceTooLow
from domain.guest_grant import GuestGrantRejected
from domain.line import ServiceKind
from domain.money import Money
from domain.payment_refusals import PaymentRefusal
from domain.payment_rules import plain, read_amount
from domain.refusals import Forbidden, NotFound, Refusal
from domain.usage_limit_refusals import ApprovalRequired, LimitExceeded, OwnerToBeAsked
from resolvers import confined, node_id, payment_target
from resolvers.context import Context
from resolvers.payment_target import Target, Wanted
from services import approved_payment, balance_payment, payment, payment_entry
from services.balance_payment import FromBalance
from services.payment_row import PaymentRow

Refused = (
    Refusal | PaymentRefusal | BalanceTooLow | LimitExceeded | OwnerToBeAsked | ApprovalRequired | GuestGrantRejected
)


async def pay(
    context: Context, key: str, from_line_id: str, target: Wanted, amount: str, currency: str
) -> PaymentRow | Refused:
    """Begin a payment; it waits for the code that goes to the number that pays. For a child, the owner is asked."""
    viewer = context.require_viewer()
    if refused := confined.from_paying(viewer):
        return refused
    asked = payment_entry.digest(balance_payment.SOURCE, from_line_id, *astuple(target), plain(amount), currency)
    # A repetition is answered before anything is looked for that may be gone by now, such as the payee (E46).
    before = await context.change(payment.begun(viewer, key, asked))
    if isinstance(before, PaymentRow):
        return await context.change(balance_payment.go_on(context.profile, context.secret, viewer, before))
    if before is not None:
        return before
    named = node_id.decode(from_line_id)
    line_key = node_id.integer_key(named) if named is not None and named.type_name == "Line" else None
    line = None if line_key is None else await context.loaders.line_by_id.load(line_key)
    if line is None or line.operator != context.profile.operator.id:
        return NotFound("There is no such line", ("fromLineId",))
    if not (line.spends_balance or line.asks_to_spend) or line.kind is not ServiceKind.MOBILE:
        return Forbidden("Only the balance of a mobile number of one's own can be given away", ("fromLineId",))
    money = read_amount(amount, currency, context.profile)
    if not isinstance(money, Money):
        return money
    found = payment_target.without_guest(await payment_target.find(context, target))
    if not isinstance(found, Target):
        return found
    wanted = FromBalance(
        key=key,
        asked=asked,
        line_id=line.id,
        source_id=line.account_id,
        target_id=found.account_id,
        target_line_id=found.line_id,
        named=found.named,
        is_seen=found.is_seen,
        amount=money,
    )
    if line.asks_to_spend:
        return await context.change(approved_payment.ask(context.profile, viewer, wanted))
    return await context.change(balance_payment.pay(context.profile, context.secret, viewer, wanted))
