"""Redeeming vouchers (F159)."""

from dataclasses import astuple

from domain.guest_grant import GuestGrantRejected
from domain.payment_refusals import PaymentRefusal
from domain.refusals import Refusal
from domain.voucher import VoucherRejected
from resolvers import confined, payment_target
from resolvers.context import Context
from resolvers.payment_target import Target, Wanted
from services import payment, voucher
from services.payment_row import PaymentRow
from services.voucher import Redemption

Refused = Refusal | PaymentRefusal | VoucherRejected | GuestGrantRejected


async def redeem(context: Context, key: str, target: Wanted, code: str) -> PaymentRow | Refused:
    """Credit an account with a voucher."""
    viewer = context.require_viewer()
    if refused := confined.from_paying(viewer):
        return refused
    operator = context.profile.operator.id
    asked = voucher.asked_for(context.secret, operator, astuple(target), code)
    # A repetition is answered before the payee is looked for, who may be gone by now (E46).
    if (before := await context.change(payment.begun(viewer, key, asked))) is not None:
        return before
    found = payment_target.without_guest(await payment_target.find(context, target))
    if not isinstance(found, Target):
        return found
    wanted = Redemption(
        key=key,
        asked=asked,
        account_id=found.account_id,
        line_id=found.line_id,
        named=found.named,
        is_seen=found.is_seen,
        code=code,
        address=context.address,
    )
    return await context.change(voucher.redeem(context.profile, context.secret, viewer, wanted))
